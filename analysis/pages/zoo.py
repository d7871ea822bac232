"""The zoo: all Keras Applications in one table and one figure, and a page for each, from a record."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

from keraudit.audits.cost.figure import macs_per_block
from keraudit.output.numbers import short, short_bytes, sizes
from keraudit.output.palette import family
from pages.audited import MODELS
from pages.figures import drawn_by_script
from pages.markdown import code, numbers, table
from pages.models import BLOCKS_CAPTION, blocks_table, input_text
from pages.published import RESULTS, missing, published
from pages.zoo_figure import AXES, scatter
from records.applications import COMMAND, PATH, SCHEMA

ACCURACY = RESULTS / "imagenet-accuracy.json"
ACCURACY_SCHEMA = "keraudit.accuracy/1"
COLUMNS = (
    ("model", "text"),
    ("MACs", "number"),
    ("parameters", "number"),
    ("top-1, %", "number"),
    ("weights", "number"),
    ("activations", "number"),
    ("layers", "number"),
    ("input", "number"),
)


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
            "input": sizes(next(iter(model["input_shapes"].values())), batch=False),
            "top1": accuracy["models"].get(name, {}).get("top1"),
            **model["totals"],
        }
        for name, model in (found["models"].items() if found else ())
    ]


def made() -> str:
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


def figure(_: str = "") -> str:
    """The figure of all models."""
    if record() is None:
        return missing(PATH, COMMAND)
    return drawn_by_script(
        scatter(rows()),
        label="Scatter plot of Keras Applications: top-1 accuracy against MACs, a point for each model",
        caption="Up is more accurate, left is cheaper. The area of a point is its number of parameters;"
        " point at one for its name.",
        made=made(),
    )


def axes() -> str:
    """What the figure's axes show, to be chosen; hidden until the script takes it over."""
    chosen = {"x": "macs", "y": "top1"}
    fields = "".join(
        f'<label class="ka-field"><span>{title}</span><select name="{name}">{options(chosen[name])}'
        "</select></label>"
        for name, title in (("y", "up"), ("x", "across"))
    )
    return f'<form class="ka-axes" hidden aria-label="Axes of the figure"><div class="ka-fields">{fields}</div></form>'


def options(chosen: str) -> str:
    return "".join(
        f'<option value="{at}" data-log="{str(log).lower()}"{" selected" if key == chosen else ""}>'
        f"{title}</option>"
        for at, (key, (title, _, log)) in enumerate(AXES.items(), 1)
    )


def listing() -> str:
    """The table of all models; the script makes its heads into buttons and shows the filters."""
    if record() is None:
        return missing(PATH, COMMAND)
    heads = "".join(f'<th scope="col" data-sort="{kind}">{title}</th>' for title, kind in COLUMNS)
    body = "".join(map(row_of, rows()))
    filters = (
        '<label class="ka-field"><span>name contains</span><input name="name" type="search"'
        ' autocomplete="off"></label>'
        '<label class="ka-field"><span>at most, million parameters</span><input name="params"'
        ' type="number" min="0" step="any"></label>'
        '<label class="ka-field"><span>at most, billion MACs</span><input name="macs" type="number"'
        ' min="0" step="any"></label>'
    )
    return (
        '<div class="ka-zoo" data-search-exclude><form hidden aria-label="Filter the table">'
        f'<div class="ka-fields">{filters}</div></form>'
        '<p class="ka-found ka-note" role="status"></p>'
        '<div class="ka-scroll ka-wide" tabindex="0" role="region" aria-label="Table of all models">'
        f'<table class="ka-table"><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div></div>'
    )


def row_of(row: Mapping[str, Any]) -> str:
    name = row["name"]
    cells = (
        (short(row["macs"]), row["macs"]),
        (short(row["params"]), row["params"]),
        ("" if row["top1"] is None else f"{row['top1']:.1f}", row["top1"] or ""),
        (short_bytes(row["param_bytes"]), row["param_bytes"]),
        (short_bytes(row["peak_activation_bytes"]), row["peak_activation_bytes"]),
        (str(row["layers"]), row["layers"]),
        (row["input"], row["input"].split("x")[0]),
    )
    return (
        f'<tr data-macs="{row["macs"]}" data-params="{row["params"]}"><th scope="row"'
        f' data-value="{name.lower()}"><a href="models/{name.lower()}.html">{name}</a></th>'
        + "".join(f'<td data-value="{value}">{text}</td>' for text, value in cells)
        + "</tr>"
    )


def pages() -> dict[str, str]:
    """The Markdown of each model's page, by file; those written by hand are left out."""
    found = record()
    names = [name for name in (found["models"] if found else ()) if name not in MODELS]
    return {f"models/{name.lower()}.md": page(name) for name in names}


def page(name: str) -> str:
    return (
        f"---\nhide:\n  - toc\ntitle: {name}\n---\n\n# {name}\n\n"
        f"<!-- keraudit: zoo-facts {name} -->\n\n## MACs per block\n\n"
        f"<!-- keraudit: figure zoo-blocks {name} -->\n\n## Blocks\n\n"
        "[What a block is](../conventions.md#blocks).\n\n"
        f"<!-- keraudit: zoo-blocks {name} -->\n"
    )


def entry(name: str) -> dict[str, Any]:
    """The record of one model, as the parts of a model page expect it."""
    found = record()
    model = found["models"][name] if found else {}
    return {"model": name, "batch": 1, **model}


def facts(name: str) -> str:
    """The totals of a model in a table, and how to get them."""
    model = entry(name)
    sums = model["totals"]
    row = next(row for row in rows() if row["name"] == name)
    lines = [
        ("input", input_text(model)),
        ("MACs", f"{sums['macs']:,}"),
        ("FLOPs", f"{sums['flops']:,}"),
        ("parameters", f"{sums['params']:,}"),
        ("size of the parameters", short_bytes(sums["param_bytes"])),
        ("most activations held at once", short_bytes(sums["peak_activation_bytes"])),
        ("calls of layers", f"{model['layers']:,}"),
    ]
    if row["top1"] is not None:
        lines.append(("top-1 accuracy on ImageNet", f"{row['top1']:.1f} %"))
    told = html.escape(family(name)) or "this"
    return numbers(
        f"One of the [{told} family and all other Keras Applications](../zoo.md), counted from its"
        f" graph.\n\n{table([(code(name), 'left'), ('value', 'right')], lines)}\n\n"
        f"Every layer: `keraudit flops {name} --by layer`.\n\n{made()}\n{{ .ka-note }}"
    )


def block_figure(name: str) -> str:
    """The figure of a model's blocks."""
    return drawn_by_script(
        macs_per_block(entry(name), name=name),
        label=f"Bar chart of the MACs of each block of {name}",
        caption=BLOCKS_CAPTION,
        made=f"Made by `keraudit flops {name}`.",
    )


def blocks(name: str) -> str:
    """The table of a model's blocks."""
    return blocks_table(entry(name))
