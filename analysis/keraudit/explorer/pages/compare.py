"""Compare: two to four models; cost, memory, structure, accuracy where it is recorded, block by block."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from keraudit.audits.cost.compare import compare, comparison_grid
from keraudit.audits.cost.report import report_grid
from keraudit.audits.structure.claim import HOLDS
from keraudit.audits.structure.report import structure_of
from keraudit.errors import KerauditError
from keraudit.explorer import ui
from keraudit.explorer.address import GIVEN, MOST_MODELS, UNITS, View
from keraudit.explorer.cache import AS_IS, Audited, Subject, audited, command
from keraudit.explorer.metrics import bound_cells, cell, counted
from keraudit.explorer.pages.map import subject_or_stop
from keraudit.explorer.pages.what_if import paired_bars
from keraudit.explorer.records import recorded_errors
from keraudit.explorer.sidebar import called, names, subject_of
from keraudit.output.numbers import inputs_text, short_bytes

STATUS = {"removed": "only in {0}", "added": "only in {1}"}


def page(view: View, subject: Subject | None) -> None:
    """The model on the left, and those beside it."""
    subject = subject_or_stop(subject)
    st.subheader("Side by side", anchor=False)
    options = [name for name in names() if name != view.model]
    options += [name for name in view.beside if name not in options and name != view.model]
    beside = [name for name in view.beside if name != view.model]
    st.multiselect(
        f"Beside {ui.plain(subject.title)}",
        options,
        format_func={key: called(key) for key in options}.__getitem__,
        max_selections=MOST_MODELS - 1,
        placeholder="up to three models",
        **ui.tied(view, "beside", beside),
    )
    found: list[tuple[Subject, Audited]] = []
    with st.skeleton(height=300):
        for key in (view.model, *beside):
            try:
                one = subject_of(key)
                found.append((one, audited(one, view.size, view.batch)))
            except KerauditError as error:
                ui.failed(f"{key}: {error}")
    if not found:
        return
    totals(found, view)
    if len(found) < 2:
        st.info("Choose a second model above, and the two are matched block by block.")
        grids = [report_grid(one.report) for _, one in found]
        line = command("flops", subject, view.size, view.batch)
        ui.twin(grids, found[0][1].report.to_dict(), line, stem=f"{subject.title}-cost")
        return
    matched(found, view)


def totals(found: list[tuple[Subject, Audited]], view: View) -> None:
    """One row a model."""
    errors = recorded_errors()
    unit = UNITS[view.unit]
    rows = []
    worst = max(one.report.bound for _, one in found)
    for subject, one in found:
        report = one.report
        claims = structure_of(one.graph)
        checks = [check for check in claims.checks if check.family in claims.families]
        holds = sum(check.verdict == HOLDS for check in checks)
        kinds = [block.kind for block in report.blocks]
        rows.append(
            {
                "model": subject.title,
                "input": inputs_text(report.input_shapes),
                "test error": errors.get(subject.title, ""),
                unit: cell(counted(report.total, view)),
                "parameters": cell(report.total.params),
                "weights": short_bytes(report.total.param_bytes),
                "peak activations": short_bytes(report.costs.peak_activation_bytes),
                "layers": len(report.layers),
                "fork-join blocks": kinds.count("fork-join"),
                "claims that hold": f"{holds} of {len(checks)}" if checks else "",
                **bound_cells(worst, report.total),
            }
        )
    number = st.column_config.NumberColumn(format="localized")
    st.dataframe(rows, hide_index=True, column_config={unit: number, "parameters": number})
    st.caption(
        "Claims are those of keraudit structure. Test errors are of training runs on this machine:"
        " mean, deviation over seeds, and how many; empty where there are none."
    )


def matched(found: list[tuple[Subject, Audited]], view: View) -> None:
    """The first model and one of the others, block by block."""
    others = {address_of(subject): (subject, one) for subject, one in found[1:]}
    chosen = view.matched if view.matched in others else next(iter(others))
    if len(others) > 1:
        labels = {key: ui.plain(subject.title) for key, (subject, _) in others.items()}
        shown = replace(view, matched=chosen)
        ui.segments(shown, "matched", "Matched block by block with", labels)
    a, b = found[0], others[chosen]
    line = pair_line(a[0], b[0], view)
    comparison = compare(a[1].report, b[1].report, command=line)
    unit = UNITS[view.unit]
    names_of = (a[0].title, b[0].title)
    rows: list[dict[str, Any]] = []
    worst = max(a[1].report.bound, b[1].report.bound)
    for pair in comparison.blocks:
        old = counted(pair.a, view) if pair.a else None
        new = counted(pair.b, view) if pair.b else None
        rows.append(
            {
                "block": pair.name,
                "status": STATUS.get(pair.status, pair.status).format(*names_of),
                "before": None if old is None else cell(old),
                "after": None if new is None else cell(new),
                "times": new / old if old and new is not None else None,
                **bound_cells(worst, *filter(None, (pair.a, pair.b))),
            }
        )
    paired_bars(rows, names_of, unit, key="compare-chart")
    number = st.column_config.NumberColumn
    st.dataframe(
        rows,
        hide_index=True,
        column_config={
            "before": number(f"{unit} of {names_of[0]}", format="localized"),
            "after": number(f"{unit} of {names_of[1]}", format="localized"),
            "times": number(format="%.3g"),
        },
    )
    ui.twin(
        [comparison_grid(comparison)],
        comparison.to_dict(),
        line,
        stem=f"{names_of[0]}-and-{names_of[1]}",
    )


def address_of(subject: Subject) -> str:
    """How an address calls a model."""
    return GIVEN if subject.key.startswith(f"{GIVEN}:") else subject.key


def pair_line(a: Subject, b: Subject, view: View) -> str:
    import shlex

    plain = command("flops", a, view.size, view.batch, AS_IS)
    head = f"keraudit flops {shlex.quote(a.typed)}"
    return f"keraudit compare {shlex.quote(a.typed)} {shlex.quote(b.typed)}" + plain[len(head) :]
