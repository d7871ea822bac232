"""A figure as plotly's JSON: its frame, and the record that a page draws.

Figures have no theme of their own, so that the page's may apply.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from keraudit.errors import KerauditError

PANEL = 300  # pixels of a panel's height


def new_figure(layout: Mapping[str, Any]) -> Any:
    """An empty ``plotly.graph_objects.Figure``; imports plotly."""
    return _figure_class()(layout=layout)


def of_record(record: Mapping[str, Any]) -> Any:
    """The ``plotly.graph_objects.Figure`` of plotly's JSON, with a white page of its own.

    Raises:
        KerauditError: plotly is not installed.
    """
    figure = _figure_class()(record)
    # Without a theme nothing says the colours, and notebooks put their own behind: text stays legible.
    return figure.update_layout(paper_bgcolor="white", plot_bgcolor="white", font_color="#1b1f24")


def _figure_class() -> Any:
    try:
        import plotly.graph_objects as go
    except ImportError:
        raise KerauditError("figures need plotly: pip install 'keraudit[plot]'") from None
    return go.Figure


def as_record(figure: Any) -> dict[str, Any]:
    """The figure as plain data: ``{"data": [...], "layout": {...}}``."""
    drawn: dict[str, Any] = json.loads(figure.to_json())
    return drawn


def frame(
    title: Mapping[str, Any] | str,
    *,
    height: int,
    left: int = 64,
    right: int = 20,
    top: int = 76,
    bottom: int = 56,
    legend: float | None = 1.0,
    **more: Any,
) -> dict[str, Any]:
    """The layout that figures share: title, height, margins in pixels, and a legend above the plot.

    Args:
        title: its text, or plotly's record of it.
        height: in pixels.
        left: margin; likewise ``right``, ``top`` and ``bottom``.
        legend: the legend's lower edge, as a part of the plot's height; ``None`` for no legend.
        more: what else the layout holds.
    """
    shown = (
        {"showlegend": False}
        if legend is None
        else {"legend": {"orientation": "h", "x": 0, "y": legend, "yanchor": "bottom"}}
    )
    return {
        "template": "none",
        "title": {"text": title} if isinstance(title, str) else title,
        "height": height,
        "margin": {"l": left, "r": right, "t": top, "b": bottom},
        **shown,
        **more,
    }


def axis(title: str, **more: Any) -> dict[str, Any]:
    """An axis with its title in the size that all have."""
    return {"title": {"text": title, "font": {"size": 13}}, **more}


def panel_heading(name: str, left: float, top: float = 1.0) -> dict[str, Any]:
    """A panel's name above its upper left corner, as an annotation."""
    return {
        "text": f"<b>{name}</b>",
        "x": left,
        "y": top,
        "xref": "paper",
        "yref": "paper",
        "xanchor": "left",
        "yanchor": "bottom",
        "showarrow": False,
    }


def suffix_of(panel: int) -> str:
    """What the names of a panel's axes end with, counted from 0.

    >>> suffix_of(0), suffix_of(1)
    ('', '2')
    """
    return str(panel + 1) if panel else ""


def panelled(
    names: Sequence[str],
    *,
    title: str,
    x: str,
    y: str,
    scale: Mapping[str, Any],
    gap: float = 0.1,
) -> dict[str, Any]:
    """The layout of panels side by side, each with its name above it if there are several.

    Args:
        names: of the panels.
        title: above all.
        x: the title of each horizontal axis.
        y: that of the first vertical one.
        scale: what else the vertical axes have in common.
        gap: between two panels, as a part of the figure's width.
    """
    several = len(names) > 1
    layout = frame(
        title,
        height=PANEL + (190 if several else 150),
        left=62,
        top=130 if several else 80,
        legend=1.09 if several else 1.0,
        annotations=[],
    )
    wide = (1 - gap * (len(names) - 1)) / len(names)
    for number, name in enumerate(names):
        suffix, left = suffix_of(number), number * (wide + gap)
        layout[f"xaxis{suffix}"] = axis(x, domain=[left, left + wide], anchor=f"y{suffix}")
        layout[f"yaxis{suffix}"] = axis(
            "" if number else y,
            **{"anchor": f"x{suffix}", "showgrid": True, "type": "linear", **scale},
        )
        if several:
            layout["annotations"].append(panel_heading(name, left))
    return layout


def add_band(figure: Any, x: list[Any], low: list[float], high: list[float], **more: Any) -> None:
    """A filled band between two lines, behind what is drawn next; in no legend."""
    figure.add_scatter(
        x=[*x, *reversed(x)],
        y=[*high, *reversed(low)],
        fill="toself",
        line={"width": 0},
        hoverinfo="skip",
        showlegend=False,
        **more,
    )
