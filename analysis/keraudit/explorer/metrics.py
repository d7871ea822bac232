"""Facts that several pages state: totals, the cost of a part, tables of layers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from keraudit.audits.cost.count import Cost
from keraudit.audits.cost.receptive_field import Field
from keraudit.audits.cost.report import CostReport, report_grid
from keraudit.explorer import ui
from keraudit.explorer.address import UNITS, View, parsed
from keraudit.explorer.cache import Audited
from keraudit.explorer.tables import table
from keraudit.model.block import Block
from keraudit.model.bounds import Bound
from keraudit.model.graph import Shape
from keraudit.output import numbers
from keraudit.output.numbers import extent, inputs_text, percent, short, short_bytes, sizes
from keraudit.output.table import Column, bound_notes


def counted(cost: Cost, view: View) -> int:
    """A cost in the unit that is asked for."""
    return cost.macs if view.unit == "macs" else cost.flops


def unit_bound(cost: Cost, view: View) -> Bound:
    """What a cost in the unit that is asked for is."""
    return cost.bounds.macs if view.unit == "macs" else cost.bounds.flops


def metrics(report: CostReport, view: View) -> None:
    """The totals of a model, in a row."""
    total = report.total
    bounds = total.bounds
    unit = unit_bound(total, view).sign
    shapes = inputs_text(report.input_shapes)
    facts = {
        "Input": (f"{shapes}", f"batch {report.batch}"),
        UNITS[view.unit]: (unit + short(counted(total, view)), f"{unit}{counted(total, view):,}"),
        "Parameters": (
            bounds.params.sign + short(total.params),
            f"{bounds.params.sign}{total.params:,}",
        ),
        "Weights": (
            bounds.params.sign + short_bytes(total.param_bytes),
            f"{bounds.params.sign}{total.param_bytes:,} bytes",
        ),
        "Peak activations": (
            bounds.activations.sign + short_bytes(report.costs.peak_activation_bytes),
            f"reached at {report.costs.peak_at}",
        ),
        "Layers": (f"{len(report.layers):,}", f"in {numbers.counted(len(report.blocks), 'block')}"),
    }
    row(facts)
    if report.bound is not Bound.EXACT:
        notes = bound_notes(report.bound, report.costs.unsupported)
        st.warning(ui.plain(" ".join(" ".join(notes).split())))


def row(facts: dict[str, tuple[str, str]]) -> None:
    """Labels with a value and a line under it."""
    with st.grid(len(facts), min_column_width=118):
        for label, (value, under) in facts.items():
            st.metric(label, value, help=ui.plain(under))


def cost_of(cost: Cost, report: CostReport, view: View, shape: Shape, field: Field | None) -> None:
    """The cost of a part of the model, in a row."""
    total = counted(report.total, view)
    share = counted(cost, view) / total if total else 0.0
    sides = field.receptive_field if field else ()
    unit, params = unit_bound(cost, view).sign, cost.bounds.params.sign
    whole = unit_bound(report.total, view)
    part = "" if whole is Bound.EXACT else Bound.ESTIMATE.sign
    row(
        {
            UNITS[view.unit]: (
                unit + short(counted(cost, view)),
                f"{unit}{counted(cost, view):,}",
            ),
            "Share of the model": (
                part + percent(share),
                f"of {whole.sign}{total:,} {UNITS[view.unit]}",
            ),
            "Parameters": (params + short(cost.params), f"{params}{cost.params:,}"),
            "Activations": (
                cost.bounds.activations.sign + short_bytes(cost.activation_bytes),
                "memory of all outputs of its layers",
            ),
            "Output": (sizes(shape), "without the batch"),
            "Receptive field": (extent(sides) or "-", "pixels of the input"),
        }
    )


def layer_table(view: View, found: Audited, block: Block) -> None:
    """The layers of a block; a row that is clicked is looked at."""
    names = [found.report.layers[i].name for i in block.nodes]
    grid = report_grid(found.report, by="layer")
    columns = (
        Column("name", "layer"),
        Column("kind", "kind"),
        Column("output_shape", "output", "shape"),
        Column(view.unit, UNITS[view.unit], "exact", bounded=True),
        Column("params", "parameters", "exact", bounded=True),
        Column("receptive_field", "receptive field", "extent"),
    )
    key = f"layers-of-{view.model}-{block.name}"
    table(
        grid._replace(columns=columns, lines=tuple(grid.lines[i] for i in block.nodes)),
        bound=found.report.bound,
        key=key,
        height=min(38 + 35 * len(names), 380),
        selection_mode="single-row",
        on_select=lambda: _chosen_row(names, key),
    )


def _chosen_row(names: list[str], key: str) -> None:
    """A row was clicked; the second click on one takes its mark away, and means it all the same."""
    state: Any = st.session_state[key] or {}
    rows = state.get("selection", {}).get("rows") or st.session_state.get(f"{key}-before", [])
    st.session_state[f"{key}-before"] = rows
    if rows and rows[0] < len(names):
        view = parsed(ui.address()).view
        ui.go(replace(view, layer=names[rows[0]], block="", spot=None))


def about(amount: float) -> str:
    """A time in round numbers.

    >>> about(7), about(48), about(100), about(400)
    ('10 s', '50 s', '2 min', '7 min')
    """
    if amount < 55:
        return f"{max(10, round(amount, -1)):.0f} s"
    return f"{max(1, round(amount / 60))} min"
