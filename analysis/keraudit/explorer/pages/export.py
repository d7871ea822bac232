"""Export: the current view as one HTML file, as Markdown, as JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from keraudit.audits.compare import compare
from keraudit.audits.reductions import reductions
from keraudit.audits.structure import structure_of
from keraudit.errors import KerauditError
from keraudit.explorer import ui
from keraudit.explorer.pages.layer import costliest
from keraudit.explorer.pages.layer import record_of as layer_record
from keraudit.explorer.pages.map import subject_or_stop, with_known_names
from keraudit.explorer.pages.runs import record_of as runs_record
from keraudit.explorer.pages.what_if import two_lines
from keraudit.explorer.records import runs
from keraudit.explorer.store import Audited, Subject, audited, command
from keraudit.explorer.view import WHAT, View
from keraudit.render.comparison import comparison_grid
from keraudit.render.grid import Grid, report_grid
from keraudit.render.html import body
from keraudit.render.html import page as html_page
from keraudit.render.json_text import json_text
from keraudit.render.plain import markdown_text
from keraudit.render.reductions import reductions_grid
from keraudit.render.structure import structure_grid

Exported = tuple[list[Grid], Any, str]


def page(view: View, subject: Subject | None) -> None:
    """Choose what is exported, look at it, take it."""
    subject = subject_or_stop(subject)
    with st.skeleton(height=300):
        found = audited(subject, view.size, view.batch)
    st.subheader("Export", anchor=False)
    ui.segments(view, "what", "What", WHAT)
    grids, data, line = PARTS[view.what](view, subject, found)
    stem = "runs" if view.what == "runs" else f"{subject.title}-{view.what}"
    st.caption("Each file says which command, model and versions made it.")
    files: Mapping[str, tuple[str, Callable[[], str]]] = {
        "html": ("HTML, one file", lambda: html_page(grids, figure=figure(found, view))),
        "md": ("Markdown", lambda: "\n".join(map(markdown_text, grids))),
        "json": ("JSON", lambda: json_text(data)),
    }
    kinds = {"html": "text/html", "md": "text/markdown", "json": "application/json"}
    for column, (ending, (label, make)) in zip(st.columns(3), files.items(), strict=True):
        column.download_button(
            label,
            make,
            f"{stem}.{ending}",
            kinds[ending],
            on_click="ignore",
            width="stretch",
            icon=":material/download:",
            key=f"as-{ending}",
        )
    st.markdown("**What is in it**")
    st.html("".join(map(shown, grids)))
    ui.twin(grids, data, line, stem=stem)


def shown(grid: Grid) -> str:
    """A table as the HTML file has it, in the colours of the page; its names are escaped."""
    from keraudit.render.html import STYLE

    return (
        f"<style>{STYLE}.keraudit{{--ink:inherit;--soft:inherit;color:inherit}}</style>{body(grid)}"
    )


def figure(found: Audited, view: View) -> str:
    """The MACs of each block as bars, with all that draws them; only the cost has one."""
    if view.what != "cost":
        return ""
    import plotly.io

    from keraudit.render.figure import macs_per_block

    drawn = macs_per_block(ui.safe(found.report.to_dict()))
    made: str = plotly.io.to_html(drawn, include_plotlyjs=True, full_html=False)
    return made


def cost(view: View, subject: Subject, found: Audited) -> Exported:
    line = command("flops", subject, view.size, view.batch)
    return [report_grid(found.report)], found.report.to_dict(), line


def layers(view: View, subject: Subject, found: Audited) -> Exported:
    line = command("flops", subject, view.size, view.batch, more=("--by", "layer"))
    grid = report_grid(found.report, by="layer")._replace(command=line)
    return [grid], found.report.to_dict() | {"command": line}, line


def one_layer(view: View, subject: Subject, found: Audited) -> Exported:
    view = costliest(with_known_names(view, found), found)
    layer = next(layer for layer in found.report.layers if layer.name == view.layer)
    grid, data, line = layer_record(layer, view, subject, found)
    return [grid], data, line


def trained(view: View, subject: Subject, found: Audited) -> Exported:
    known = runs().found
    if not known:
        raise KerauditError("there are no finished training runs here")
    grid, data, line = runs_record(known)
    return [grid], data, line


def what_if(view: View, subject: Subject, found: Audited) -> Exported:
    line = two_lines(view, subject)
    after = audited(subject, view.to or view.size, view.batch, view.rewriting)
    made = compare(found.report, after.report, command=line)
    return [comparison_grid(made)], made.to_dict(), line


def without(view: View, subject: Subject, found: Audited) -> Exported:
    line = command("reductions", subject, view.size, view.batch)
    made = reductions(found.graph, command=line)
    return [reductions_grid(made)], made.to_dict(), line


def claims(view: View, subject: Subject, found: Audited) -> Exported:
    line = command("structure", subject, view.size, view.batch)
    made = structure_of(found.graph, command=line)
    return [structure_grid(made)], made.to_dict(), line


PARTS: Mapping[str, Callable[[View, Subject, Audited], Exported]] = {
    "cost": cost,
    "layers": layers,
    "layer": one_layer,
    "what-if": what_if,
    "reductions": without,
    "structure": claims,
    "runs": trained,
}
