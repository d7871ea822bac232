"""What the model pages show of a cost record: totals, a figure, the blocks, the layers."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator, Mapping
from typing import Any

from keraudit.render.figure import macs_per_block, size_text
from keraudit.site.markdown import code, folded, numbers, table
from keraudit.site.records import record

Record = Mapping[str, Any]


def summary(*names: str) -> str:
    """The totals of several models, a row each."""
    head = [
        ("model", "left"),
        ("input", "left"),
        ("MACs", "right"),
        ("FLOPs", "right"),
        ("parameters", "right"),
        ("receptive field", "right"),
    ]
    return numbers(table(head, [summary_row(record(name)) for name in names]))


def summary_row(report: Record) -> list[str]:
    totals = report["totals"]
    return [
        f"[{report['model']}](models/{report['model'].lower()}.md)",
        input_text(report),
        f"{totals['macs']:,}",
        f"{totals['flops']:,}",
        f"{totals['params']:,}",
        pair_text(last_field(report)),
    ]


def totals(name: str) -> str:
    """The totals of a model, its input and its convention, and where to get the same by command."""
    report = record(name)
    sums = report["totals"]
    rows = [
        ("input", f"{input_text(report)}, batch {report['batch']}"),
        ("MACs", f"{sums['macs']:,}"),
        ("FLOPs", f"{sums['flops']:,}"),
        ("MACs of a training step", f"{sums['training_macs']:,}"),
        ("parameters", f"{sums['params']:,}"),
        ("of these trainable", f"{sums['trainable_params']:,}"),
        ("size of the parameters", bytes_text(sums["param_bytes"])),
        ("most activations held at once", bytes_text(sums["peak_activation_bytes"])),
        ("receptive field", f"{pair_text(last_field(report))} pixels"),
        ("calls of layers", f"{len(report['layers']):,}"),
    ]
    bound = "\n\nThe totals are lower bounds: some layers are not counted." * report["lower_bound"]
    return (
        table([(code(report["model"]), "left"), ("value", "right")], rows)
        + bound
        + f"\n\n{report['convention']}\n{{ .ka-note }}\n\n"
        + f"The same in a terminal: `keraudit flops {report['model']}`. "
        + f"The same as data: [{report['model'].lower()}.json]({report['model'].lower()}.json)."
    )


def figure(report: Record, script: str, plotly: str) -> str:
    """The figure of the MACs of each block, as data; ``script`` draws it with ``plotly``."""
    drawn = macs_per_block(report)
    data = json.dumps(drawn, separators=(",", ":")).replace("</", r"<\/")
    label = html.escape(f"Bar chart of the MACs of each block of {report['model']}", quote=True)
    return (
        f'<figure class="ka-figure">'
        f'<div class="ka-plot" role="img" aria-label="{label}" aria-describedby="blocks">'
        f'<script type="application/json">{data}</script></div>'
        f"<figcaption>Point at a bar for its parameters and output size; the table of blocks holds"
        f" the same numbers.</figcaption></figure>\n\n"
        f'<script src="{script}" data-plotly="{plotly}" defer></script>'
    )


def blocks(name: str) -> str:
    """The blocks of a model in network order, with the part of the whole that each costs."""
    report = record(name)
    head = [
        ("block", "left"),
        ("kind", "left"),
        ("output", "left"),
        ("MACs", "right"),
        ("share", "right"),
        ("FLOPs", "right"),
        ("parameters", "right"),
        ("receptive field", "right"),
    ]
    return numbers(table(head, [*block_rows(report), sum_row(report)]))


def block_rows(report: Record) -> Iterator[list[str]]:
    total = report["totals"]["macs"]
    for block in report["blocks"]:
        yield [
            code(block["name"]),
            block["kind"],
            size_text(block["output_shape"]),
            f"{block['macs']:,}",
            share_text(block["macs"], total),
            f"{block['flops']:,}",
            f"{block['params']:,}",
            pair_text(block["receptive_field"]),
        ]


def sum_row(report: Record) -> list[str]:
    sums = report["totals"]
    macs, flops, params = (f"**{sums[key]:,}**" for key in ("macs", "flops", "params"))
    return ["**all**", "", "", macs, "", flops, params, ""]


def layers(name: str) -> str:
    """Every layer of a model, folded away."""
    report = record(name)
    head = [
        ("layer", "left"),
        ("kind", "left"),
        ("output", "left"),
        ("MACs", "right"),
        ("FLOPs", "right"),
        ("parameters", "right"),
        ("receptive field", "right"),
        ("stride", "right"),
    ]
    rows = [
        [
            code(layer["name"]),
            layer["kind"],
            size_text(layer["output_shape"]),
            f"{layer['macs']:,}",
            f"{layer['flops']:,}",
            f"{layer['params']:,}",
            pair_text(layer["receptive_field"]),
            pair_text(layer["effective_stride"]),
        ]
        for layer in report["layers"]
    ]
    return numbers(folded(f"All {len(rows)} layers", table(head, rows)))


def last_field(report: Record) -> Any:
    """The receptive field of the last feature map: of the last layer whose positions are apart."""
    layers = reversed(report["layers"])
    return next((layer["receptive_field"] for layer in layers if layer["effective_stride"]), None)


def input_text(report: Record) -> str:
    """The input shapes as people write them."""
    shapes = report["input_shapes"].values()
    return ", ".join(" x ".join(str(size) for size in shape) for shape in shapes)


def pair_text(pair: Any) -> str:
    """Height by width, one number when they are equal, a dash when there is none.

    >>> pair_text([483, 483]), pair_text([3, 7]), pair_text(None)
    ('483', '3 x 7', '-')
    """
    if not pair:
        return "-"
    return str(pair[0]) if len(set(pair)) == 1 else " x ".join(str(size) for size in pair)


def share_text(part: int, whole: int) -> str:
    """A part of the whole, to a tenth of a percent.

    >>> share_text(1, 8), share_text(1, 5000), share_text(0, 8)
    ('12.5%', '<0.1%', '0.0%')
    """
    share = part / whole if whole else 0.0
    return "<0.1%" if 0 < share < 0.001 else f"{share:.1%}"


def bytes_text(size: int) -> str:
    """Bytes, and MiB beside them.

    >>> bytes_text(8028160)
    '8,028,160 bytes (7.7 MiB)'
    """
    return f"{size:,} bytes ({size / 2**20:.1f} MiB)"
