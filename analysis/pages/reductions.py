"""What the pages show of 1x1 reductions: savings, derivations, and GoogLeNet beside its paper."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from keraudit.audits.cost.figure import with_and_without
from keraudit.audits.reductions.report import Reductions, reductions_grid, saving_line
from keraudit.output.table import Column, Line, bare_grid
from pages.figures import COUNTED, counted, drawn_by_script
from pages.markdown import folded, note, numbers

COLUMNS = (
    Column("name", "block", "code"),
    Column("removed", "1x1 removed", "number"),
    Column("macs_with", "MACs with", "exact"),
    Column("macs_without", "MACs without", "exact"),
    Column("factor", "factor", "{:.2f}"),
    Column("params_with", "parameters with", "exact"),
    Column("params_without", "without", "exact"),
)


@cache
def report(name: str) -> Reductions:
    """The reductions report of a model, made once per build."""
    import keraudit

    command = f"keraudit reductions {name} --format json"
    return keraudit.reductions(keraudit.read(name), command=command)


@cache
def record(name: str) -> Mapping[str, Any]:
    """The same as plain data."""
    return report(name).to_dict()


def savings(name: str, *, folded_as: str = "") -> str:
    """Every block of a model with its reductions and without.

    Args:
        name: of the model.
        folded_as: the title of a fold around the table; none: it stands open.
    """
    found = report(name)
    grid = reductions_grid(found)
    lines = (
        line if line.cells["saving"] else line._replace(cells=line.cells | {"factor": None})
        for line in grid.lines
    )
    total = Line(saving_line(found.total).cells | {"name": "all"})
    grid = grid._replace(columns=COLUMNS, lines=tuple(lines), total=total)
    text = f"Made by `keraudit reductions {name}`; `--derive BLOCK` writes out any block."
    return numbers(grid, folded_as=folded_as) if folded_as else f"{numbers(grid)}\n\n{note(text)}"


def figure(name: str) -> str:
    """The figure of each block with its reductions and without."""
    return drawn_by_script(
        with_and_without(record(name), name=name),
        label=f"Bar chart of the MACs of each block of {name} with and without its 1x1 reductions",
        caption="Hatched: the cost of the block if its spatial convolutions read the wide input.",
        made=counted(f"keraudit reductions {name}"),
        badges=COUNTED,
    )


def derived(name: str, block: str = "", *, folded_as: str = "") -> str:
    """Every product of a block (of all blocks, if none is named), as on the board.

    Args:
        name: of the model.
        block: of it.
        folded_as: the title of a fold around it; none: it stands open.
    """
    report = record(name)
    found = [b for b in report["blocks"] if b["name"] == block or (not block and b["macs_with"])]
    parts: list[str] = []
    for entry in found:
        sides = {"without": "without 1x1 reductions", "with": "with 1x1 reductions"}
        if not entry["saving"]:
            sides = {"with": "layer"}
        parts.extend(_products(entry, side, title) for side, title in sides.items())
        if entry["saving"]:
            parts.append(
                f"{entry['macs_without']:,} / {entry['macs_with']:,} = **{entry['factor']:.2f}×** as many without the"
                " reductions."
            )
    command = f"keraudit reductions {name} --derive {block or 'all'}"
    text = "\n\n".join([*parts, note(f"Made by `{command}`.")])
    return folded(folded_as, text) if folded_as else text


def _products(entry: Mapping[str, Any], side: str, title: str) -> str:
    """The products of a block, with its reductions or without, and their sum."""
    grid = bare_grid(
        {title: "code", "product": "text", "MACs": "exact"},
        [
            (p["layer"], p["text"].replace(" x ", " × "), p["macs"])
            for p in entry["derivation"][side]
        ],
        total=("sum", None, entry[f"macs_{side}"]),
    )
    return numbers(grid)


def lecture_corrected() -> str:
    """The lines of the slide of CS231n 2017 on the module with reductions, added up, beside the total that it reports."""
    from keraudit.zoo.paper_tables import CS231N_REDUCED_MEGA, M

    naive, reduced = (record(f"inception-{kind}:cs231n")["blocks"] for kind in ("naive", "reduced"))
    lines = [line for block in reduced for line in block["derivation"]["with"]]
    total = sum(line["macs"] for line in lines)
    twice = next(line["macs"] for line in lines if line["layer"] == "inception_3x3")
    without = sum(block["macs_with"] for block in naive)
    grid = bare_grid(
        {"line of the slide": "text", "product": "text", "multiplications": "exact"},
        [
            (_as_on_the_slide(line), line["text"].replace(" x ", " × "), line["macs"])
            for line in lines
        ],
        total=("sum", None, total),
    )
    return (
        f"The slide reports {CS231N_REDUCED_MEGA}M ops. Its own six lines add up to **{total / M:.0f} million**. The"
        f" difference is the 3×3, which seems to have been counted twice: {total:,} + {twice:,} ="
        f" {total + twice:,}.\n\n{numbers(grid)}\n\n"
        f"With the right total the reductions save more than the slide says: {without:,} multiplications of the naive"
        f" module against {total:,} is a factor of **{without / total:.2f}**, not"
        f" {without / (CS231N_REDUCED_MEGA * M):.2f}."
    )


def _as_on_the_slide(line: Mapping[str, Any]) -> str:
    """A convolution by its kernel and its filters.

    >>> _as_on_the_slide({"factors": {"kernel height": 3, "kernel width": 3, "filters": 192}})
    '3×3 conv, 192'
    """
    sizes = line["factors"]
    return (
        f"{sizes.get('kernel height', 1)}×{sizes.get('kernel width', 1)} conv, {sizes['filters']}"
    )


def compared_with_paper() -> str:
    """GoogLeNet module by module beside the paper's Table 1, and what explains the differences."""
    import keraudit
    from keraudit.zoo.paper_tables import DIFFERENCES, GOOGLENET, K, M

    layers = keraudit.audit("GoogLeNet").layers
    columns = {
        "row of Table 1": "text",
        "output": "input",
        "ops, reported": "{} M",
        "MACs, counted": "{:.1f} M",
        "params, reported": "{:g} K",
        "weights, counted": "{:.1f} K",
        "biases, counted": "exact",
    }
    rows = []
    for printed in GOOGLENET:
        ours = [
            x for x in layers if x.name == printed.prefix or x.name.startswith(printed.prefix + "_")
        ]
        macs = sum(x.cost.macs for x in ours)
        biases = sum(
            dict(t.factors)["elements"] // _positions(x)
            for x in ours
            for t in x.terms
            if t.what == "bias"
        )
        weights = sum(x.cost.params for x in ours) - biases
        rows.append(
            (
                printed.row,
                printed.output,
                printed.ops,
                macs / M or None,
                printed.params,
                weights / K or None,
                biases or None,
            )
        )
    why = "\n".join(f"- **{row}**: {text}." for row, text in DIFFERENCES.items())
    units = note("K is 1,024 and leaves biases out, as in the paper; M is a million.")
    return f"{numbers(bare_grid(columns, rows))}\n\n{units}\n\n{folded('Where they differ', why)}"


def _positions(layer: Any) -> int:
    """The positions of a layer's output, batch included: a bias is added once at each."""
    total = 1
    for size in layer.output_shapes[0][:-1]:
        total *= size
    return total
