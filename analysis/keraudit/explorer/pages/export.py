"""Export: tables of a model that no other page shows whole, seen as they will be in the file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from keraudit.audits.cost.compare import compare, comparison_grid
from keraudit.audits.cost.report import report_grid
from keraudit.audits.reductions.report import reductions, reductions_grid
from keraudit.audits.structure.report import structure_grid, structure_of
from keraudit.errors import KerauditError
from keraudit.explorer import ui
from keraudit.explorer.address import WHAT, View
from keraudit.explorer.cache import Audited, ShownModel, audited, command
from keraudit.explorer.finished_runs import runs
from keraudit.explorer.pages.layer import costliest
from keraudit.explorer.pages.layer import record_of as layer_record
from keraudit.explorer.pages.map import bars, model_or_stop, with_known_names
from keraudit.explorer.pages.runs import record_of as runs_record
from keraudit.explorer.pages.what_if import two_lines
from keraudit.output.html import STYLE, body
from keraudit.output.table import Grid

Exported = tuple[list[Grid], Any, str]
ON_THE_PAGE = """.keraudit{--ink:inherit;--soft:inherit;color:inherit;font-size:12.5px}
.keraudit th,.keraudit td{padding:.25em .3em}"""


def page(view: View, subject: ShownModel | None) -> None:
    """Choose what is exported, look at it, take it."""
    subject = model_or_stop(subject)
    with st.skeleton(height=300):
        found = audited(subject, view.size, view.batch)
    st.subheader("Export", anchor=False)
    ui.segments(view, "what", "Table", WHAT)
    grids, data, line = PARTS[view.what](view, subject, found)
    stem = "runs" if view.what == "runs" else f"{subject.title}-{view.what}"
    ui.twin(
        lambda: grids,
        lambda: data,
        line,
        stem=stem,
        figures=lambda: bars(found) if view.what == "cost" else (),
    )
    st.caption("Each file records the command, the model and the versions.")
    st.markdown("**Preview**")
    st.html("".join(map(shown, grids)))


def shown(grid: Grid) -> str:
    """A table as the HTML file has it, in the colours of the page and set closer; its names are escaped."""
    return f"<style>{STYLE}{ON_THE_PAGE}</style>{body(grid)}"


def cost(view: View, subject: ShownModel, found: Audited) -> Exported:
    line = command("flops", subject, view.size, view.batch)
    return [report_grid(found.report)], found.report.to_dict(), line


def layers(view: View, subject: ShownModel, found: Audited) -> Exported:
    line = command("flops", subject, view.size, view.batch, more=("--by", "layer"))
    grid = report_grid(found.report, by="layer")._replace(command=line)
    return [grid], found.report.to_dict() | {"command": line}, line


def _one_layer(view: View, subject: ShownModel, found: Audited) -> Exported:
    view = costliest(with_known_names(view, found), found)
    layer = next(layer for layer in found.report.layers if layer.name == view.layer)
    grid, data, line = layer_record(layer, view, subject, found)
    return [grid], data, line


def trained(view: View, subject: ShownModel, found: Audited) -> Exported:
    known = runs().found
    if not known:
        raise KerauditError(
            "there are no finished training runs here: train one with keraudit train, or start the"
            " explorer with --runs FOLDER"
        )
    grid, data, line = runs_record(known)
    return [grid], data, line


def _what_if(view: View, subject: ShownModel, found: Audited) -> Exported:
    line = two_lines(view, subject)
    after = audited(subject, view.to or view.size, view.batch, view.rewriting)
    made = compare(found.report, after.report, command=line)
    return [comparison_grid(made)], made.to_dict(), line


def without(view: View, subject: ShownModel, found: Audited) -> Exported:
    line = command("reductions", subject, view.size, view.batch)
    made = reductions(found.graph, command=line)
    return [reductions_grid(made)], made.to_dict(), line


def claims(view: View, subject: ShownModel, found: Audited) -> Exported:
    line = command("structure", subject, view.size, view.batch)
    made = structure_of(found.graph, command=line)
    return [structure_grid(made)], made.to_dict(), line


PARTS: Mapping[str, Callable[[View, ShownModel, Audited], Exported]] = {
    "cost": cost,
    "layers": layers,
    "layer": _one_layer,
    "what-if": _what_if,
    "reductions": without,
    "structure": claims,
    "runs": trained,
}
