"""Gradient norm across depth, as plotly's JSON: one line a network, a band over its seeds."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import ceil, exp, floor, log, log10
from typing import Any

from keraudit.output.palette import LINES, colour_of

DASHES = ("solid", "dash", "dot", "dashdot")
LEGEND_COLUMNS, LEGEND_ROW = 2, 22  # entries beside each other at least; pixels a row
MOST_TICKS = 8
MAP_HEIGHT = 640  # pixels at most; plotly then names every second or third block
SKIPS = "without-skips"
GAP = 0.1  # between panels, as a part of the figure

Report = Mapping[str, Any]
Rows = Sequence[Mapping[str, Any]]


def shown(label: str) -> str:
    """A label as people read it.

    >>> shown("without-skips+without-norm+he")
    'no skips, no norm, he'
    """
    return label.replace("without-", "no ").replace("+", ", ")


def norm_by_depth(report: Report, *, title: str = "") -> dict[str, Any]:
    """Draw the norm at each block's output against depth, on a logarithmic axis.

    Where several networks stand with their skips and without, each gets a panel with both lines.

    Args:
        report: a gradients record (``keraudit.gradients/1``).
        title: default: the model's name.

    Returns:
        A figure in plotly's JSON. The line is the geometric mean over seeds, the band their range.
    """
    import plotly.graph_objects as go

    lines = {
        verdict["label"]: over_seeds(
            [p for p in report["profiles"] if p["label"] == verdict["label"]]
        )
        for verdict in report["verdicts"]
    }
    lines = {label: rows for label, rows in lines.items() if rows}
    title = title or f"{report['model']}: gradient norm across depth"
    panels = paired(lines)
    if panels:
        figure = go.Figure(layout=panel_layout(title, panels, lines))
        for number, pair in enumerate(panels.values(), 1):
            for label, name, colour in zip(pair, ("with skips", "without"), LINES, strict=False):
                add_line(figure, lines[label], name, colour, axis=number, legend=number == 1)
    else:
        figure = go.Figure(layout=single_layout(title, lines))
        for number, (label, rows) in enumerate(lines.items()):
            colour = LINES[number % len(LINES)] if number else colour_of(report["model"])
            dash = DASHES[number // len(LINES) % len(DASHES)]
            add_line(figure, rows, shown(label), colour, dash=dash)
    drawn: dict[str, Any] = json.loads(figure.to_json())
    return drawn


def paired(labels: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """By what they share: a network with its skips and the same without, if all come so in pairs."""
    pairs: dict[str, dict[bool, str]] = {}
    for label in labels:
        words = [word for word in label.split("+") if word != SKIPS]
        pairs.setdefault("+".join(words), {})[SKIPS in label] = label
    if len(pairs) < 2 or any(len(pair) < 2 for pair in pairs.values()):
        return {}
    return {shared: (pair[False], pair[True]) for shared, pair in pairs.items()}


def add_line(
    figure: Any,
    rows: Rows,
    name: str,
    colour: str,
    *,
    dash: str = "solid",
    axis: int = 1,
    legend: bool = True,
) -> None:
    """The mean of a network and, behind it, the band of its seeds."""
    suffix = "" if axis == 1 else str(axis)
    axes = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
    depths = [row["depth"] for row in rows]
    if any(row["low"] != row["high"] for row in rows):
        figure.add_scatter(
            x=[*depths, *reversed(depths)],
            y=[*(row["high"] for row in rows), *(row["low"] for row in reversed(rows))],
            fill="toself",
            fillcolor=colour,
            opacity=0.25,
            line={"width": 0},
            hoverinfo="skip",
            showlegend=False,
            **axes,
        )
    figure.add_scatter(
        name=name,
        legendgroup=name,
        showlegend=legend,
        x=depths,
        y=[row["mean"] for row in rows],
        mode="lines+markers",
        line={"color": colour, "dash": dash},
        marker={"size": 5},
        customdata=[[row["name"]] for row in rows],
        hovertemplate="<b>%{customdata[0]}</b><br>%{y:.3g}<extra>" + name + "</extra>",
        **axes,
    )


def frame(title: str, *, height: int, top: int) -> dict[str, Any]:
    return {
        "template": "none",
        "title": {"text": title, "x": 0, "y": 0.98, "yanchor": "top", "font": {"size": 16}},
        "height": height,
        "margin": {"l": 70, "r": 20, "t": top, "b": 60},
        "legend": {"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom"},
    }


def single_layout(title: str, lines: Mapping[str, Rows]) -> dict[str, Any]:
    legend = LEGEND_ROW * ceil(len(lines) / LEGEND_COLUMNS)
    return {
        **frame(title, height=400 + legend, top=48 + legend),
        "xaxis": {"title": {"text": "block, from the input to the output", "font": {"size": 13}}},
        "yaxis": {
            "title": {"text": "norm of the loss's gradient", "font": {"size": 13}},
            **decades(list(lines.values())),
        },
    }


def panel_layout(
    title: str, panels: Mapping[str, tuple[str, str]], lines: Mapping[str, Rows]
) -> dict[str, Any]:
    """Two panels a row; those of a row share their decades, so that they can be compared."""
    names = list(panels)
    count = ceil(len(names) / 2)
    high = (1 - GAP * (count - 1)) / count
    layout = frame(title, height=110 + 260 * count, top=90)
    layout["legend"]["y"] = 1.0 + 22 / (260 * count)
    layout["annotations"] = []
    for number, name in enumerate(names, 1):
        row, column = divmod(number - 1, 2)
        beside = [label for n in names[2 * row : 2 * row + 2] for label in panels[n]]
        suffix = "" if number == 1 else str(number)
        left, top = 0.54 * column, 1 - row * (high + GAP)
        layout[f"xaxis{suffix}"] = {
            "domain": [left, left + 0.46],
            "anchor": f"y{suffix}",
            "title": {"text": "block" if row == count - 1 else "", "font": {"size": 13}},
        }
        layout[f"yaxis{suffix}"] = {
            "domain": [max(0.0, top - high), top],
            "anchor": f"x{suffix}",
            **decades([lines[label] for label in beside]),
        }
        layout["annotations"].append(
            {
                "text": f"<b>{shown(name) or 'as it is'}</b>",
                "x": left,
                "y": top,
                "xref": "paper",
                "yref": "paper",
                "xanchor": "left",
                "yanchor": "bottom",
                "showarrow": False,
            }
        )
    return layout


def decades(lines: Sequence[Rows]) -> dict[str, Any]:
    """A logarithmic axis that spans whole decades, with a tick at a few of them and none between."""
    low = floor(log10(min(row["low"] for rows in lines for row in rows)))
    high = max(ceil(log10(max(row["high"] for rows in lines for row in rows))), low + 1)
    return {
        "type": "log",
        "range": [low - 0.05, high + 0.05],
        "dtick": ceil((high - low) / MOST_TICKS),
        "tick0": low,
        "exponentformat": "power",
        "showgrid": True,
    }


def over_seeds(profiles: Sequence[Report]) -> list[dict[str, Any]]:
    """For each block the geometric mean and the range of the norm; blocks without one are left out."""
    result = []
    for blocks in zip(*(profile["blocks"] for profile in profiles), strict=True):
        norms = [block["grad_norm"] for block in blocks if block["grad_norm"]]
        if len(norms) == len(blocks):
            result.append(
                {
                    "name": blocks[0]["name"],
                    "depth": blocks[0]["depth"],
                    "is_output": blocks[0].get("is_output", False),
                    "mean": exp(sum(map(log, norms)) / len(norms)),
                    "low": min(norms),
                    "high": max(norms),
                }
            )
    return result


def norm_over_training(record: Report, *, title: str = "") -> dict[str, Any]:
    """Draw depth against step as a heat map of the norm's decimal logarithm.

    Args:
        record: of ``GradientAudit`` (``keraudit.gradients-over-training/1``).
        title: default: the model's name.
    """
    import plotly.graph_objects as go

    steps = record["steps"]
    names = [block["name"] for block in steps[0]["blocks"]]
    norms = [
        [log10(norm) if (norm := entry["blocks"][at]["grad_norm"]) else None for entry in steps]
        for at in range(len(names))
    ]
    title = title or f"{record['model']}: gradient norm over training"
    figure = go.Figure(
        layout={
            "template": "none",
            "title": {"text": title, "x": 0, "font": {"size": 16}},
            "height": 120 + min(22 * len(names), MAP_HEIGHT),
            "margin": {"l": 10, "r": 20, "t": 60, "b": 60},
            "xaxis": {"title": {"text": "training step", "font": {"size": 13}}, "showgrid": False},
            "yaxis": {"automargin": True, "autorange": "reversed", "type": "category"},
            "meta": {"rows": "block"},
        }
    )
    figure.add_heatmap(
        x=[entry["step"] for entry in steps],
        y=names,
        z=norms,
        colorscale="Cividis",  # told apart with every kind of colour vision
        colorbar={"title": {"text": "log10 of<br>the norm"}},
    )
    drawn: dict[str, Any] = json.loads(figure.to_json())
    return drawn
