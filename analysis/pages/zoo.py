"""The zoo: all Keras Applications in one table and one figure, and a page for each, from a record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keraudit.audits.cost.figure import macs_per_block
from keraudit.output.csv_markdown import code, pipe_table
from keraudit.output.numbers import exact, short_bytes
from keraudit.output.palette import family
from keraudit.output.table import Column, Grid, Line, bare_grid
from pages.audited import MODELS
from pages.figures import COUNTED, drawn_by_script
from pages.models import BLOCKS_CAPTION, blocks_table, input_text
from pages.published import RESULTS, missing, published
from pages.rendering import part
from pages.zoo_figure import AXES, scatter
from records.applications import COMMAND, PATH, SCHEMA

ACCURACY = RESULTS / "imagenet-accuracy.json"
ACCURACY_SCHEMA = "keraudit.accuracy/1"
COLUMNS = (
    Column("name", "model"),
    Column("macs", "MACs", "count"),
    Column("params", "parameters", "count"),
    Column("top1", "top-1, %", "{:.1f}"),
    Column("param_bytes", "weights", "bytes"),
    Column("peak_activation_bytes", "activations", "bytes"),
    Column("layers", "layers", "number"),
    Column("input", "input", "input"),
)
# Between the head that mkdocs reads and the template that all share.
PAGE = """---
hide:
  - toc
title: {name}
---

{{% set name = "{name}" %}}
{{% include "zoo-model.md" %}}
"""


def record() -> Mapping[str, Any] | None:
    """The record of all applications; ``None`` if it is not there."""
    return published(PATH, SCHEMA)


def rows() -> list[dict[str, Any]]:
    """One row for each model, with its accuracy where the source states one."""
    found = record()
    accuracy = published(ACCURACY, ACCURACY_SCHEMA) or {"models": {}}
    return [
        {
            "name": name,
            "layers": model["layers"],
            "input": next(iter(model["input_shapes"].values())),
            "top1": accuracy["models"].get(name, {}).get("top1"),
            **model["totals"],
        }
        for name, model in (found["models"].items() if found else ())
    ]


def provenance() -> str:
    """What made the record, and where the accuracies are from."""
    found, accuracy = record(), published(ACCURACY, ACCURACY_SCHEMA)
    if found is None:
        return missing(PATH, COMMAND)
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    text = f"Counted by `{found['command']}` with {versions}, {found['date']}, batch 1."
    if accuracy:
        text += (
            f" Accuracy: {accuracy['source']}, {accuracy['url']}, read {accuracy['read']}."
            f" {accuracy['note']}"
        )
    return text


def figure() -> str:
    """The figure of all models."""
    if record() is None:
        return missing(PATH, COMMAND)
    return drawn_by_script(
        scatter(rows()),
        label="Scatter plot of Keras Applications: top-1 accuracy against MACs, a point for each model",
        caption="Area: parameters. Click a point to open its model.",
        made=provenance(),
        badges=(*COUNTED, "published accuracy"),
    )


def axes() -> str:
    """What the figure's axes show, to be chosen; hidden until the script takes it over."""
    return part("zoo-axes.html", axes=AXES)


def listing() -> str:
    """The table of all models; the script makes its heads into buttons and shows the filters."""
    if record() is None:
        return missing(PATH, COMMAND)
    return part("zoo-table.html", grid=Grid("", "", COLUMNS, tuple(map(Line, rows()))))


def pages() -> dict[str, str]:
    """The Markdown of each model's page, by file; those written by hand are left out."""
    found = record()
    names = [name for name in (found["models"] if found else ()) if name not in MODELS]
    return {f"models/{name.lower()}.md": PAGE.format(name=name) for name in names}


def _entry(name: str) -> dict[str, Any]:
    """The record of one model, as the parts of a model page expect it."""
    found = record()
    model = found["models"][name] if found else {}
    return {"model": name, "batch": 1, **model}


def family_of(name: str) -> str:
    return family(name) or "this"


def totals_table(name: str) -> str:
    """The totals of a model in a table."""
    model = _entry(name)
    sums = model["totals"]
    row = next(row for row in rows() if row["name"] == name)
    lines = [
        ("input", input_text(model)),
        ("MACs", exact(sums["macs"])),
        ("FLOPs", exact(sums["flops"])),
        ("parameters", exact(sums["params"])),
        ("size of the parameters", short_bytes(sums["param_bytes"])),
        ("most activations held at once", short_bytes(sums["peak_activation_bytes"])),
        ("calls of layers", exact(model["layers"])),
    ]
    if row["top1"] is not None:
        lines.append(("top-1 accuracy on ImageNet", f"{row['top1']:.1f} %"))
    return pipe_table(bare_grid({code(name): "markdown", "value": "number"}, lines))


def block_figure(name: str) -> str:
    """The figure of a model's blocks."""
    return drawn_by_script(
        macs_per_block(_entry(name), name=name),
        label=f"Bar chart of the MACs of each block of {name}",
        caption=BLOCKS_CAPTION,
        made=f"Made by `keraudit flops {name}`. {provenance()}",
        badges=COUNTED,
    )


def blocks(name: str) -> str:
    """The table of a model's blocks."""
    return blocks_table(_entry(name))
