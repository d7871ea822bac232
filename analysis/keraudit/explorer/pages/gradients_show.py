"""A record of gradients on a page: the profiles as a figure, the verdicts as a table, both as files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from keraudit.audits.gradients.figure import norm_by_depth, norm_over_training
from keraudit.explorer import ui
from keraudit.explorer.tables import table
from keraudit.output.table import Column, Grid, Line


def profiles(found: Mapping[str, Any]) -> None:
    """Norm against depth, and what the audit says of it."""
    st.plotly_chart(norm_by_depth(ui.safe(found), title=" "), key="profiles")
    columns = (
        Column("label", "network"),
        Column("growth_per_block", "growth per block", "{:.4f}"),
        Column("ends", "95 % interval"),
        Column("across", "factor over all blocks", "real"),
        Column("verdict", "verdict"),
    )
    lines = (Line({**one, "ends": interval(one["interval"])}) for one in found["verdicts"])
    table(Grid("", "", columns, tuple(lines)))
    seeds = len(found["seeds"])
    st.caption(
        ui.plain(
            f"{found['model']} at {_size(found)}, batch {found['batch']}, {found['data']} data, {seeds}"
            f" seed{'s' * (seeds > 1)}. Growth is the factor by which the gradient norm changes from a block"
            " to the one before it."
            f" {found.get('hardware', '')}"
        )
    )


def _size(found: Mapping[str, Any]) -> str:
    return "x".join(map(str, found.get("input_shape") or ())) or "its recorded input size"


def interval(ends: Sequence[float] | None) -> str:
    return f"{ends[0]:.4g} to {ends[1]:.4g}" if ends else "none (1 seed)"


def _profile_grid(found: Mapping[str, Any]) -> Grid:
    """All profiles of a record as one table."""
    entries = found.get("profiles") or found["steps"]
    columns = ("label", "seed", "step", "name", "depth", "grad_norm", "grad_rms", "activation_std")
    lines = tuple(
        Line(cells={**{k: entry.get(k) for k in ("label", "seed", "step")}, **block})
        for entry in entries
        for block in entry["blocks"]
    )
    return Grid(
        title=str(found["model"]),
        heading="",
        columns=tuple(Column(key=key, label=key) for key in columns),
        lines=lines,
    )


def twin(found: Mapping[str, Any], stem: str) -> None:
    """The record, and its profiles as one table."""
    draw = norm_by_depth if "profiles" in found else norm_over_training
    ui.twin(
        lambda: [_profile_grid(found)],
        lambda: {key: value for key, value in found.items() if key != "subject"},
        str(found["command"]),
        stem=f"gradients-{stem}",
        figures=lambda: (draw(ui.safe(found)),),
    )
