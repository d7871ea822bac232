"""Figures of a benchmark record, as plotly's JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from keraudit.audits.cost.figure import FRAME_HEIGHT, ROW_HEIGHT
from keraudit.output.palette import BLUE, VERMILION
from keraudit.output.plotly_figure import as_record, frame, new_figure


def times_figure(counters: Mapping[str, Mapping[str, float]], *, title: str) -> dict[str, Any]:
    """Draw the wall clock of each counter as horizontal bars, ours first."""
    names = list(counters)
    seconds = [counters[name]["wall_s"] for name in names]
    figure = new_figure(
        frame(
            title,
            height=FRAME_HEIGHT + ROW_HEIGHT * len(names),
            left=10,
            right=50,
            top=50,
            bottom=50,
            legend=None,
            xaxis={"title": {"text": "seconds"}, "rangemode": "tozero"},
            yaxis={"autorange": "reversed", "automargin": True},
        )
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
    return as_record(figure)


def growth_figure(rows: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """Draw CPU time over the number of layers, both axes logarithmic."""
    figure = new_figure(
        frame(
            "keraudit flops: CPU time over depth",
            height=340,
            left=60,
            top=50,
            bottom=50,
            legend=None,
            xaxis={"type": "log", "title": {"text": "layers"}, "dtick": 1},
            yaxis={"type": "log", "title": {"text": "CPU seconds"}, "dtick": 1},
        )
    )
    figure.add_scatter(
        x=[row["layers"] for row in rows],
        y=[row["cpu_s"] for row in rows],
        mode="lines+markers",
        line={"color": BLUE},
        hovertemplate="%{x:,} layers<br>%{y:.3f} s<extra></extra>",
    )
    return as_record(figure)
