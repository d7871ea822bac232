"""What the model pages show of a cost record: totals, a figure, the blocks, the layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from keraudit.audits.cost.figure import macs_per_block
from keraudit.model.bounds import Bound
from keraudit.output.csv_markdown import code, pipe_table
from keraudit.output.numbers import extent, short_bytes, sizes
from keraudit.output.table import Column, Grid, Line, bare_grid
from pages.audited import record
from pages.figures import COUNTED, counted, drawn_by_script
from pages.markdown import note, numbers

Record = Mapping[str, Any]
COSTS = (
    Column("flops", "FLOPs", "exact"),
    Column("params", "parameters", "exact"),
    Column("receptive_field", "receptive field", "extent"),
)
BLOCKS = (
    Column("name", "block", "code"),
    Column("kind", "kind"),
    Column("output_shape", "output", "shape"),
    Column("macs", "MACs", "exact"),
    Column("share", "share", "share"),
    *COSTS,
)
LAYERS = (
    Column("name", "layer", "code"),
    *BLOCKS[1:4],
    *COSTS,
    Column("effective_stride", "stride", "extent"),
)
BLOCKS_CAPTION = (
    "Coloured: blocks whose parallel paths join at their end. Grey: the segments between them."
)


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
        ("receptive field", f"{extent(_last_field(report))} pixels"),
        ("calls of layers", f"{len(report['layers']):,}"),
    ]
    return (
        f"{pipe_table(bare_grid({code(name): 'markdown', 'value': 'number'}, rows))}\n\n{note(report['convention'])}\n\n"
        f"The same in a terminal: `keraudit flops {name}`."
        f" The same as data: [{name.lower()}.json]({name.lower()}.json)."
    )


def figure(name: str) -> str:
    """The figure of the MACs of each block."""
    return drawn_by_script(
        macs_per_block(record(name), name=name),
        label=f"Bar chart of the MACs of each block of {name}",
        caption=BLOCKS_CAPTION,
        made=counted(f"keraudit flops {name}"),
        badges=COUNTED,
    )


def blocks(name: str) -> str:
    """The blocks of a model in network order, with the part of the whole that each costs."""
    return blocks_table(record(name))


def blocks_table(report: Record) -> str:
    """The same of any cost record."""
    sums = report["totals"]
    lines = (Line({**one, "share": one["macs"] / sums["macs"]}) for one in report["blocks"])
    total = {"name": "all", **{key: sums[key] for key in ("macs", "flops", "params")}}
    return numbers(Grid("", "", BLOCKS, tuple(lines), total=Line(total)))


def layers(name: str) -> str:
    """Every layer of a model, folded away."""
    lines = tuple(map(Line, record(name)["layers"]))
    return numbers(Grid("", "", LAYERS, lines), folded_as=f"All {len(lines)} layers")


def _last_field(report: Record) -> Sequence[int]:
    """The receptive field of the last feature map: of the last layer whose positions are apart."""
    layers = reversed(report["layers"])
    fields = (layer["receptive_field"] for layer in layers if layer["effective_stride"])
    found: Sequence[int] = next(fields, ())
    return found


def input_text(report: Record) -> str:
    """The input shapes as people write them."""
    shapes = report["input_shapes"].values()
    return ", ".join(sizes(shape, batch=False) for shape in shapes)
