"""Facts that several pages state: totals, the cost of a part, tables of layers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from keraudit.audits.cost import Cost
from keraudit.audits.receptive import Field
from keraudit.blocks import Block
from keraudit.explorer import ui
from keraudit.explorer.store import Audited
from keraudit.explorer.view import UNITS, View, parsed
from keraudit.graph import Shape
from keraudit.render.numbers import extent, percent, short, short_bytes, sizes
from keraudit.report import CostReport


def counted(cost: Cost, view: View) -> int:
    """A cost in the unit that is asked for."""
    return cost.macs if view.unit == "macs" else cost.flops


def cell(value: int) -> int | float:
    """A count as a table takes it: whole, unless it has more than 63 bits.

    >>> cell(5), cell(2**70)
    (5, 1.1805916207174113e+21)
    """
    return value if abs(value) < 2**63 else float(value)


def metrics(report: CostReport, view: View) -> None:
    """The totals of a model, in a row."""
    total = report.total
    bound = "at least " if report.lower_bound else ""
    shapes = ", ".join(sizes(shape, batch=False) for shape in report.input_shapes.values())
    facts = {
        "Input": (f"{shapes}", f"batch {report.batch}"),
        UNITS[view.unit]: (bound + short(counted(total, view)), f"{counted(total, view):,}"),
        "Parameters": (short(total.params), f"{total.params:,}"),
        "Weights": (short_bytes(total.param_bytes), f"{total.param_bytes:,} bytes"),
        "Peak activations": (
            short_bytes(report.costs.peak_activation_bytes),
            f"at {report.costs.peak_at}",
        ),
        "Layers": (f"{len(report.layers):,}", f"in {len(report.blocks)} blocks"),
    }
    row(facts)
    if report.lower_bound:
        found = report.costs.unsupported
        st.warning(
            ui.plain(
                f"Lower bound: {len(found)} layers are not counted in full, e.g. {found[0].name}"
                f" ({found[0].kind}): {found[0].reason}"
            )
        )


def row(facts: dict[str, tuple[str, str]]) -> None:
    """Labels with a value and a line under it."""
    with st.grid(len(facts), min_column_width=118):
        for label, (value, under) in facts.items():
            st.metric(label, value, help=ui.plain(under))


def cost_of(cost: Cost, report: CostReport, view: View, shape: Shape, field: Field | None) -> None:
    """The cost of a part of the model, in a row."""
    total = counted(report.total, view)
    share = counted(cost, view) / total if total else 0.0
    seen = field.receptive_field if field else ()
    row(
        {
            UNITS[view.unit]: (short(counted(cost, view)), f"{counted(cost, view):,}"),
            "Of the model": (percent(share), f"of {total:,}"),
            "Parameters": (short(cost.params), f"{cost.params:,}"),
            "Activations": (short_bytes(cost.activation_bytes), "written by its layers"),
            "Output": (sizes(shape), "without the batch"),
            "Sees": (extent(seen) or "-", "receptive field, in pixels of the input a side"),
        }
    )


def layer_table(view: View, found: Audited, block: Block) -> None:
    """The layers of a block; a row that is clicked is looked at."""
    layers = [found.report.layers[i] for i in block.nodes]
    names = [layer.name for layer in layers]
    key = f"layers-of-{view.model}-{block.name}"
    st.dataframe(
        [
            {
                "layer": layer.name,
                "kind": layer.kind,
                "output": sizes(layer.output_shapes[0]) if layer.output_shapes else "",
                UNITS[view.unit]: cell(counted(layer.cost, view)),
                "parameters": cell(layer.cost.params),
                "sees": extent(layer.field.receptive_field) if layer.field else "",
            }
            for layer in layers
        ],
        hide_index=True,
        key=key,
        height=min(38 + 35 * len(layers), 380),
        selection_mode="single-row",
        on_select=lambda: chosen_row(names, key),
        column_config={
            UNITS[view.unit]: st.column_config.NumberColumn(format="localized"),
            "parameters": st.column_config.NumberColumn(format="localized"),
        },
    )


def chosen_row(names: list[str], key: str) -> None:
    """A row was clicked; the second click on one takes its mark away, and means it all the same."""
    state: Any = st.session_state[key] or {}
    rows = state.get("selection", {}).get("rows") or st.session_state.get(f"{key}-before", [])
    st.session_state[f"{key}-before"] = rows
    if rows and rows[0] < len(names):
        view = parsed(ui.address()).view
        ui.go(replace(view, layer=names[rows[0]], block="", spot=None))
