"""Gradient norm across depth, as plotly's JSON: one line a network, a band over its seeds."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import exp, log, log10
from typing import Any

# Okabe and Ito 2008, those that stand out from white and from a dark page.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8A8A8A", "#B8860B")
LEGEND_COLUMNS, LEGEND_ROW = 2, 22  # entries beside each other at least; pixels a row
DASHES = ("solid", "dash", "dot", "dashdot")


def norm_by_depth(report: Mapping[str, Any], *, title: str = "") -> dict[str, Any]:
    """Draw the norm at each block's output against depth, on a logarithmic axis.

    Args:
        report: a gradients record (``keraudit.gradients/1``).
        title: default: the model's name.

    Returns:
        A figure in plotly's JSON. The line is the geometric mean over seeds, the band their range.
    """
    import plotly.graph_objects as go

    legend_rows = -(-len(report["verdicts"]) // LEGEND_COLUMNS)
    figure = go.Figure(
        layout={
            "template": "none",
            "title": {
                "text": title or f"{report['model']}: gradient norm across depth",
                "x": 0,
                "y": 0.98,
                "yanchor": "top",
            },
            "height": 460,
            "margin": {"l": 70, "r": 20, "t": 48 + LEGEND_ROW * legend_rows, "b": 60},
            "xaxis": {"title": {"text": "block, from the input to the output"}},
            "yaxis": {
                "title": {"text": "norm of the loss's gradient"},
                "type": "log",
                "exponentformat": "power",
            },
            "legend": {"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom"},
        }
    )
    for number, verdict in enumerate(report["verdicts"]):
        label = verdict["label"]
        profiles = [p for p in report["profiles"] if p["label"] == label]
        rows = over_seeds(profiles)
        if not rows:
            continue
        colour = COLOURS[number % len(COLOURS)]
        depths = [row["depth"] for row in rows]
        if len(profiles) > 1:
            figure.add_scatter(
                x=[*depths, *reversed(depths)],
                y=[*(row["high"] for row in rows), *(row["low"] for row in reversed(rows))],
                fill="toself",
                fillcolor=colour,
                opacity=0.15,
                line={"width": 0},
                hoverinfo="skip",
                showlegend=False,
            )
        figure.add_scatter(
            name=label,
            x=depths,
            y=[row["mean"] for row in rows],
            mode="lines+markers",
            line={"color": colour, "dash": DASHES[number // len(COLOURS) % len(DASHES)]},
            marker={"size": 5},
            customdata=[[row["name"]] for row in rows],
            hovertemplate="<b>%{customdata[0]}</b><br>%{y:.3g}<extra>" + label + "</extra>",
        )
    drawn: dict[str, Any] = json.loads(figure.to_json())
    return drawn


def over_seeds(profiles: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """For each block the geometric mean and the range of the norm; blocks without one are left out."""
    result = []
    for blocks in zip(*(profile["blocks"] for profile in profiles), strict=True):
        norms = [block["grad_norm"] for block in blocks if block["grad_norm"]]
        if len(norms) == len(blocks):
            result.append(
                {
                    "name": blocks[0]["name"],
                    "depth": blocks[0]["depth"],
                    "mean": exp(sum(map(log, norms)) / len(norms)),
                    "low": min(norms),
                    "high": max(norms),
                }
            )
    return result


def norm_over_training(record: Mapping[str, Any]) -> dict[str, Any]:
    """Draw depth against step as a heat map of the norm's decimal logarithm.

    Args:
        record: of ``GradientAudit`` (``keraudit.gradients-over-training/1``).
    """
    import plotly.graph_objects as go

    steps = record["steps"]
    names = [block["name"] for block in steps[0]["blocks"]]
    norms = [
        [log10(norm) if (norm := entry["blocks"][at]["grad_norm"]) else None for entry in steps]
        for at in range(len(names))
    ]
    figure = go.Figure(
        layout={
            "template": "none",
            "title": {"text": f"{record['model']}: gradient norm over training", "x": 0},
            "height": 120 + 22 * len(names),
            "margin": {"l": 10, "r": 20, "t": 60, "b": 60},
            "xaxis": {"title": {"text": "training step"}},
            "yaxis": {"automargin": True, "autorange": "reversed", "type": "category"},
        }
    )
    figure.add_heatmap(
        x=[entry["step"] for entry in steps],
        y=names,
        z=norms,
        colorscale="Cividis",  # told apart with every kind of colour vision
        colorbar={"title": {"text": "log10 of the norm"}},
    )
    drawn: dict[str, Any] = json.loads(figure.to_json())
    return drawn
