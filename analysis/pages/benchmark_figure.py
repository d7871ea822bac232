"""Figures of a benchmark record, as plotly's JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from keraudit.audits.cost.figure import FRAME_HEIGHT, ROW_HEIGHT
from keraudit.output.palette import BLUE, VERMILION


def times_figure(counters: Mapping[str, Mapping[str, float]], *, title: str) -> dict[str, Any]:
    """Draw the wall clock of each counter as horizontal bars, ours first."""
    import plotly.graph_objects as go

    names = list(counters)
    seconds = [counters[name]["wall_s"] for name in names]
    figure = go.Figure(
        layout={
            "template": "none",
            "title": {"text": title},
            "height": FRAME_HEIGHT + ROW_HEIGHT * len(names),
            "margin": {"l": 10, "r": 50, "t": 50, "b": 50},
            "showlegend": False,
            "xaxis": {"title": {"text": "seconds"}, "rangemode": "tozero"},
            "yaxis": {"autorange": "reversed", "automargin": True},
        }
    )
    figure.add_bar(
        orientation="h",
        y=names,
        x=seconds,
        text=[f"{value:.3g} s" for value in seconds],
        textposition="outside",
        cliponaxis=False,
        marker={
            "color": [VERMILION if name == "keraudit" else BLUE for name in names],
            "line": {"width": 0},
        },
        hovertemplate="<b>%{y}</b><br>%{text}<extra></extra>",
    )
    drawn: dict[str, Any] = json.loads(figure.to_json())
    return drawn


def growth_figure(rows: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """Draw CPU time over the number of layers, both axes logarithmic."""
    import plotly.graph_objects as go

    figure = go.Figure(
        layout={
            "template": "none",
            "title": {"text": "keraudit flops: CPU time over depth"},
            "height": 340,
            "margin": {"l": 60, "r": 20, "t": 50, "b": 50},
            "showlegend": False,
            "xaxis": {"type": "log", "title": {"text": "layers"}, "dtick": 1},
            "yaxis": {"type": "log", "title": {"text": "CPU seconds"}, "dtick": 1},
        }
    )
    figure.add_scatter(
        x=[row["layers"] for row in rows],
        y=[row["cpu_s"] for row in rows],
        mode="lines+markers",
        line={"color": BLUE},
        hovertemplate="%{x:,} layers<br>%{y:.3f} s<extra></extra>",
    )
    drawn: dict[str, Any] = json.loads(figure.to_json())
    return drawn
