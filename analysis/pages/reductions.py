"""What the pages show of 1x1 reductions: savings, derivations, and GoogLeNet beside its paper."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from keraudit.audits.cost.figure import with_and_without
from keraudit.output.numbers import sizes
from pages.figures import counted, drawn_by_script
from pages.markdown import code, folded, numbers, table


@cache
def record(name: str) -> Mapping[str, Any]:
    """The reductions record of a model."""
    import keraudit

    command = f"keraudit reductions {name} --format json"
    return keraudit.reductions(keraudit.read(name), command=command).to_dict()


def savings(name: str) -> str:
    """Every block of a model with its reductions and without."""
    report = record(name)
    head = [
        ("block", "left"),
        ("1x1 removed", "right"),
        ("MACs with", "right"),
        ("MACs without", "right"),
        ("factor", "right"),
        ("parameters with", "right"),
        ("without", "right"),
    ]
    rows = [saving_row(block) for block in report["blocks"]]
    total = saving_row(report["totals"])
    bold = [f"**{text}**" if text else "" for text in ["all", *total[1:]]]
    made = f"Made by `keraudit reductions {name}`; `--derive BLOCK` writes out any block."
    return numbers(table(head, [*rows, bold])) + f"\n\n{made}\n{{ .ka-note }}"


def saving_row(block: Mapping[str, Any]) -> list[str]:
    removed = len(block["removed"])
    return [
        code(block["name"]),
        str(removed or ""),
        f"{block['macs_with']:,}",
        f"{block['macs_without']:,}",
        f"{block['factor']:.2f}" if block["saving"] else "",
        f"{block['params_with']:,}",
        f"{block['params_without']:,}",
    ]


def figure(name: str) -> str:
    """The figure of each block with its reductions and without."""
    return drawn_by_script(
        with_and_without(record(name), name=name),
        label=f"Bar chart of the MACs of each block of {name} with and without its 1x1 reductions",
        caption="Hatched, what the block would take if its spatial convolutions saw the wide input.",
        made=counted(f"keraudit reductions {name}"),
    )


def derived(name: str, block: str = "") -> str:
    """Every product of a block (of all blocks, if none is named), as on the board."""
    report = record(name)
    found = [b for b in report["blocks"] if b["name"] == block or (not block and b["macs_with"])]
    parts: list[str] = []
    for entry in found:
        sides = {"without": "without 1x1 reductions", "with": "with 1x1 reductions"}
        if not entry["saving"]:
            sides = {"with": "layer"}
        parts.extend(products(entry, side, title) for side, title in sides.items())
        if entry["saving"]:
            parts.append(
                f"{entry['macs_without']:,} / {entry['macs_with']:,} = **{entry['factor']:.2f}** times"
                " the multiplications without the reductions."
            )
    command = f"keraudit reductions {name} --derive {block or 'all'}"
    return "\n\n".join([*parts, f"Made by `{command}`.\n{{ .ka-note }}"])


def products(entry: Mapping[str, Any], side: str, title: str) -> str:
    """The products of a block, with its reductions or without, and their sum."""
    rows = [
        [code(p["layer"]), p["text"].replace(" x ", " × "), f"{p['macs']:,}"]
        for p in entry["derivation"][side]
    ]
    rows.append(["sum", "", f"**{entry[f'macs_{side}']:,}**"])
    return numbers(table([(title, "left"), ("product", "left"), ("MACs", "right")], rows))


def beside_the_paper() -> str:
    """GoogLeNet module by module beside the paper's Table 1, and what explains the differences."""
    import keraudit
    from keraudit.zoo.paper_tables import DIFFERENCES, GOOGLENET, K, M

    layers = keraudit.audit("GoogLeNet").layers
    head = [
        ("row of Table 1", "left"),
        ("output", "left"),
        ("ops, printed", "right"),
        ("MACs, counted", "right"),
        ("params, printed", "right"),
        ("weights, counted", "right"),
        ("biases, counted", "right"),
    ]
    rows = []
    for printed in GOOGLENET:
        ours = [
            x for x in layers if x.name == printed.prefix or x.name.startswith(printed.prefix + "_")
        ]
        macs = sum(x.cost.macs for x in ours)
        biases = sum(
            dict(t.factors)["elements"] // positions(x)
            for x in ours
            for t in x.terms
            if t.what == "bias"
        )
        weights = sum(x.cost.params for x in ours) - biases
        rows.append(
            [
                printed.row,
                sizes(printed.output, batch=False),
                "" if printed.ops is None else f"{printed.ops} M",
                f"{macs / M:.1f} M" if macs else "",
                "" if printed.params is None else f"{printed.params:g} K",
                f"{weights / K:.1f} K" if weights else "",
                f"{biases:,}" if biases else "",
            ]
        )
    why = "\n".join(f"- **{row}**: {text}." for row, text in DIFFERENCES.items())
    note = "K is 1,024 and leaves biases out, as in the paper; M is a million."
    return f"{numbers(table(head, rows))}\n\n{note}\n{{ .ka-note }}\n\n{folded('Where they differ', why)}"


def positions(layer: Any) -> int:
    """The positions of a layer's output, batch included: a bias is added once at each."""
    total = 1
    for size in layer.output_shapes[0][:-1]:
        total *= size
    return total
