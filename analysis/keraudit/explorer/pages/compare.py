"""Compare: two to four models; cost, memory, structure, accuracy where it is recorded, block by block."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from keraudit.audits.cost.compare import compare, comparison_grid
from keraudit.audits.cost.report import cost_bounds, cost_cells, report_grid
from keraudit.audits.structure.claim import HOLDS
from keraudit.audits.structure.report import structure_of
from keraudit.errors import KerauditError
from keraudit.explorer import ui
from keraudit.explorer.address import MOST_MODELS, NAMED, UNITS, View
from keraudit.explorer.cache import AS_IS, Audited, ShownModel, audited, cached_by_model, command
from keraudit.explorer.finished_runs import recorded_errors
from keraudit.explorer.pages.changes import CHANGED, drawn_changes, stated
from keraudit.explorer.pages.map import model_or_stop
from keraudit.explorer.pages.what_if import paired_bars
from keraudit.explorer.sidebar import labels_of, names, shown_model
from keraudit.explorer.start import imported
from keraudit.explorer.tables import table
from keraudit.model.graph import Graph, Shape
from keraudit.output.numbers import inputs_text
from keraudit.output.table import Column, Grid, Line


def page(view: View, subject: ShownModel | None) -> None:
    """The model on the left, and those that it is compared with."""
    subject = model_or_stop(subject)
    st.subheader("Side by side", anchor=False)
    options = [name for name in names() if name != view.model]
    options += [name for name in view.compared if name not in options and name != view.model]
    compared = [name for name in view.compared if name != view.model]
    st.multiselect(
        f"Compare with {ui.plain(subject.title)}",
        options,
        format_func=labels_of(options).__getitem__,
        max_selections=MOST_MODELS - 1,
        placeholder="up to three models",
        **ui.tied(view, "compared", compared),
    )
    found: list[tuple[ShownModel, Audited]] = []
    with st.skeleton(height=300):
        for key in (view.model, *compared):
            try:
                one = shown_model(key)
                found.append((one, audited(one, view.size, view.batch)))
            except KerauditError as error:
                ui.failed(f"{key}: {error}")
    # the others are compared with the first: without it nothing is
    if not found or found[0][0].key != subject.key:
        return
    totals(found, view)
    if len(found) < 2:
        st.info("Choose a second model above, and the two are matched block by block.")
        line = command("flops", subject, view.size, view.batch)
        ui.twin(
            lambda: [report_grid(one.report) for _, one in found],
            found[0][1].report.to_dict,
            line,
            stem=f"{subject.title}-cost",
        )
        return
    matched(found, view)


def totals(found: list[tuple[ShownModel, Audited]], view: View) -> None:
    """One row a model."""
    errors = recorded_errors()
    lines = []
    for subject, one in found:
        report = one.report
        holds, checks = _claims(subject.key, view.size, view.batch, one.graph)
        cells = cost_cells(report.total) | {
            "model": subject.title,
            "input": inputs_text(report.input_shapes),
            "errors": errors.get(subject.title, ""),
            "layers": len(report.layers),
            "peak": report.costs.peak_activation_bytes,
            "forks": [block.kind for block in report.blocks].count("fork-join"),
            "claims": f"{holds} of {checks}" if checks else "",
        }
        lines.append(Line(cells, bounds=cost_bounds(report.total.bounds)))
    columns = (
        Column("model", "model"),
        Column("input", "input"),
        Column("errors", "test error"),
        Column(view.unit, UNITS[view.unit], "exact", bounded=True),
        Column("params", "parameters", "exact", bounded=True),
        Column("param_bytes", "weights", "bytes"),
        Column("peak", "peak activations", "bytes"),
        Column("layers", "layers", "number"),
        Column("forks", "fork-join blocks", "number"),
        Column("claims", "structure checks passed"),
    )
    worst = max(one.report.bound for _, one in found)
    table(Grid("", "", columns, tuple(lines)), bound=worst)
    st.caption(
        "Structure checks are those of `keraudit structure`. Test error: mean ± standard deviation over"
        " the seeds of recorded runs, with their number and recipe; empty without runs."
    )


@cached_by_model
def _claims(key: str, size: Shape | None, batch: int, _graph: Graph) -> tuple[int, int]:
    """How many claims of its family hold of a network, and how many there are."""
    claims = structure_of(_graph)
    checks = [check for check in claims.checks if check.family in claims.families]
    return sum(check.verdict == HOLDS for check in checks), len(checks)


def matched(found: list[tuple[ShownModel, Audited]], view: View) -> None:
    """The first model and one of the others, block by block."""
    others = {_address_of(subject): (subject, one) for subject, one in found[1:]}
    chosen = view.matched if view.matched in others else next(iter(others))
    if len(others) > 1:
        labels = {key: ui.plain(subject.title) for key, (subject, _) in others.items()}
        shown = replace(view, matched=chosen)
        ui.segments(shown, "matched", "Matched block by block with", labels)
    a, b = found[0], others[chosen]
    line = _pair_line(a[0], b[0], view)
    comparison = compare(a[1].report, b[1].report, command=line)
    names_of = (a[0].title, b[0].title)
    grid = comparison_grid(comparison)
    words = only_in(*names_of)
    lines = tuple(stated(line, words) for line in grid.lines)
    sides = {"before": (*a, AS_IS), "after": (*b, AS_IS)}
    drawn_changes(view, sides, comparison, dict(zip(sides, names_of, strict=True)), words)
    paired_bars(lines, names_of, view, key="compare-chart")
    unit = UNITS[view.unit]
    columns = (
        Column("name", "block"),
        Column("status", "status"),
        Column(f"{view.unit}_a", f"{unit} of {names_of[0]}", "exact", bounded=True),
        Column(f"{view.unit}_b", f"{unit} of {names_of[1]}", "exact", bounded=True),
        Column(f"{view.unit}_factor", "B / A", "real"),
    )
    worst = max(a[1].report.bound, b[1].report.bound)
    table(grid._replace(columns=columns, lines=lines), bound=worst)
    ui.twin(
        lambda: [grid],
        comparison.to_dict,
        line,
        stem=f"{names_of[0]}-and-{names_of[1]}",
    )


def only_in(first: str, second: str) -> dict[str, str]:
    """What the status of a layer or block is called between two models: neither was made of the other."""
    return {**CHANGED, "removed": f"only in {first}", "added": f"only in {second}"}


def _address_of(subject: ShownModel) -> str:
    """How an address calls a model."""
    return NAMED if subject.key.startswith(f"{NAMED}:") else subject.key


def _pair_line(a: ShownModel, b: ShownModel, view: View) -> str:
    import shlex

    plain = command("flops", a, view.size, view.batch, AS_IS)
    head = f"keraudit flops {shlex.quote(a.typed)}"
    rest = plain[len(head) :]
    if b.key.startswith(NAMED) and not a.key.startswith(NAMED):
        rest = "".join(f" --import {shlex.quote(package)}" for package in imported()) + rest
    return f"keraudit compare {shlex.quote(a.typed)} {shlex.quote(b.typed)}{rest}"
