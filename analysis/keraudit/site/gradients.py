"""What the pages show of gradients: records from ``site/results/gradients``, measured beforehand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError

from keraudit.render.gradient_figure import norm_by_depth, over_seeds
from keraudit.render.numbers import factor, sizes
from keraudit.site.markdown import code, numbers, table
from keraudit.site.models import drawn_by_script

FOLDER = Path("site/results/gradients")
SCHEMA = "keraudit.gradients/1"


@cache
def record(name: str) -> Mapping[str, Any] | None:
    """A record by its file's name; ``None`` if it is not there.

    Raises:
        PluginError: it is damaged: a strict build stops.
    """
    path = FOLDER / f"{name}.json"
    if not path.is_file():
        return None
    try:
        found: Mapping[str, Any] = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise PluginError(f"{path} is damaged: {error}") from None
    if found.get("schema") != SCHEMA:
        raise PluginError(f"{path} is no record of {SCHEMA}")
    return found


def missing(name: str) -> str:
    return (
        f"*The record `{FOLDER / name}.json` is not here: `keraudit gradients` with `--output` makes"
        " it.*"
    )


def figure(name: str) -> str:
    """The norm at each block across depth, a line for each network of a record."""
    report = record(name)
    if report is None:
        return missing(name)
    shapes = ", ".join(sizes(s, batch=False) for s in report["input_shapes"].values())
    return drawn_by_script(
        norm_by_depth(report, title=f"{report['model']} at {shapes}: gradient norm across depth"),
        label=f"Line chart of the gradient's norm at each block of {report['model']}, log axis",
        caption="Geometric mean over seeds, the band from the lowest to the highest. The axis is"
        " logarithmic. The table below holds both ends and the growth between them.",
    )


def growths(name: str) -> str:
    """The verdicts of a record, both ends of each line, and what made it."""
    report = record(name)
    if report is None:
        return missing(name)
    head = [
        ("network", "left"),
        ("first block", "right"),
        ("last block", "right"),
        ("growth a block, towards the input", "right"),
        ("95 % interval over seeds", "right"),
        ("across", "right"),
        ("verdict", "left"),
    ]
    rows = []
    for verdict in report["verdicts"]:
        profiles = [p for p in report["profiles"] if p["label"] == verdict["label"]]
        ends = over_seeds(profiles)
        low, high = verdict["interval"] or (None, None)
        rows.append(
            [
                code(verdict["label"]),
                f"{ends[0]['mean']:.3g}" if ends else "",
                f"{ends[-1]['mean']:.3g}" if ends else "",
                "" if verdict["growth_per_block"] is None else f"{verdict['growth_per_block']:.3g}",
                "" if low is None else f"{low:.3g} to {high:.3g}",
                "" if verdict["across"] is None else factor(verdict["across"]),
                verdict["verdict"],
            ]
        )
    return f"{numbers(table(head, rows))}\n\n{provenance(report)}"


def cosines(name: str) -> str:
    """The mean cosine between gradients of two inputs, at the first, middle and last blocks."""
    report = record(name)
    if report is None:
        return missing(name)
    labels = [verdict["label"] for verdict in report["verdicts"]]
    profiles = {label: [p for p in report["profiles"] if p["label"] == label] for label in labels}
    blocks = profiles[labels[0]][0]["blocks"]
    chosen = sorted({0, len(blocks) // 4, len(blocks) // 2, 3 * len(blocks) // 4, len(blocks) - 2})
    head = [("block", "left"), *((label, "right") for label in labels)]
    rows = [
        [code(blocks[at]["name"]), *(mean_cosine(profiles[label], at) for label in labels)]
        for at in chosen
    ]
    return f"{numbers(table(head, rows))}\n\n{provenance(report)}"


def mean_cosine(profiles: list[Mapping[str, Any]], at: int) -> str:
    found = [p["blocks"][at]["cosine"] for p in profiles if p["blocks"][at]["cosine"] is not None]
    return f"{sum(found) / len(found):.3f}" if found else ""


def provenance(report: Mapping[str, Any]) -> str:
    """Where the numbers of a record come from, in one line."""
    versions = ", ".join(f"{name} {value}" for name, value in report["versions"].items())
    return (
        f"Made by `{report['command']}`: {report['data']} inputs, batch {report['batch']},"
        f" {len(report['seeds'])} seeds, {report['weights']} weights; {report['hardware']};"
        f" {versions}; {report['date']}.\n{{ .ka-note }}"
    )
