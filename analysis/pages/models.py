"""What the model pages show of a cost record: totals, a figure, the blocks, the layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from keraudit.audits.cost.figure import macs_per_block
from keraudit.model.bounds import Bound
from keraudit.output.numbers import extent, percent, short_bytes, sizes
from pages.audited import record
from pages.figures import counted, drawn_by_script
from pages.markdown import code, folded, numbers, table

Record = Mapping[str, Any]
BLOCKS_CAPTION = (
    "Coloured: blocks with parallel paths that join at their end. Grey: what lies between them. Point at a"
    " bar for its parameters and output size."
)


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
    return numbers(table(head, [summary_row(name) for name in names]))


def summary_row(name: str) -> list[str]:
    report = record(name)
    totals = report["totals"]
    return [
        f"[{name}](models/{name.lower()}.md)",
        input_text(report),
        f"{totals['macs']:,}",
        f"{totals['flops']:,}",
        f"{totals['params']:,}",
        extent(last_field(report)),
    ]


def totals(name: str) -> str:
    """The totals of a model, its input and its convention, and where to get the same by command."""
    report = record(name)
    sums = report["totals"]
    sign = {key: Bound[word.upper()].sign for key, word in sums["bounds"].items()}
    rows = [
        ("input", f"{input_text(report)}, batch {report['batch']}"),
        ("MACs", f"{sign['macs']}{sums['macs']:,}"),
        ("FLOPs", f"{sign['flops']}{sums['flops']:,}"),
        ("MACs of a training step", f"{sign['training_macs']}{sums['training_macs']:,}"),
        ("parameters", f"{sign['params']}{sums['params']:,}"),
        ("of these trainable", f"{sign['trainable_params']}{sums['trainable_params']:,}"),
        ("size of the parameters", sign["params"] + short_bytes(sums["param_bytes"])),
        (
            "most activations held at once",
            sign["activations"] + short_bytes(sums["peak_activation_bytes"]),
        ),
        ("receptive field", f"{extent(last_field(report))} pixels"),
        ("calls of layers", f"{len(report['layers']):,}"),
    ]
    return (
        table([(code(name), "left"), ("value", "right")], rows)
        + f"\n\n{report['convention']}\n{{ .ka-note }}\n\n"
        + f"The same in a terminal: `keraudit flops {name}`. "
        + f"The same as data: [{name.lower()}.json]({name.lower()}.json)."
    )


def figure(name: str) -> str:
    """The figure of the MACs of each block."""
    return drawn_by_script(
        macs_per_block(record(name), name=name),
        label=f"Bar chart of the MACs of each block of {name}",
        caption=BLOCKS_CAPTION,
        made=counted(f"keraudit flops {name}"),
    )


def blocks(name: str) -> str:
    """The blocks of a model in network order, with the part of the whole that each costs."""
    return blocks_table(record(name))


def blocks_table(report: Record) -> str:
    """The same of any cost record."""
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
            sizes(block["output_shape"]),
            f"{block['macs']:,}",
            percent(block["macs"] / total),
            f"{block['flops']:,}",
            f"{block['params']:,}",
            extent(block["receptive_field"] or ()),
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
            sizes(layer["output_shape"]),
            f"{layer['macs']:,}",
            f"{layer['flops']:,}",
            f"{layer['params']:,}",
            extent(layer["receptive_field"] or ()),
            extent(layer["effective_stride"] or ()),
        ]
        for layer in report["layers"]
    ]
    return numbers(folded(f"All {len(rows)} layers", table(head, rows)))


def last_field(report: Record) -> Sequence[int]:
    """The receptive field of the last feature map: of the last layer whose positions are apart."""
    layers = reversed(report["layers"])
    fields = (layer["receptive_field"] for layer in layers if layer["effective_stride"])
    found: Sequence[int] = next(fields, ())
    return found


def input_text(report: Record) -> str:
    """The input shapes as people write them."""
    shapes = report["input_shapes"].values()
    return ", ".join(sizes(shape, batch=False) for shape in shapes)
