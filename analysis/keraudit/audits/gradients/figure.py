"""Gradient norm across depth, as plotly's JSON: one line a network, a band over its seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, exp, floor, log, log10
from statistics import fmean
from typing import Any

from keraudit.audits.gradients.growth import EXPLODING, HEALTHY, VANISHING
from keraudit.audits.gradients.variants import BASELINE
from keraudit.output.numbers import times
from keraudit.output.palette import LINES, color_of
from keraudit.output.plotly_figure import (
    add_band,
    as_record,
    axis,
    frame,
    new_figure,
    panel_heading,
    suffix_of,
)

DASHES = ("solid", "dash", "dot", "dashdot")
LEGEND_COLUMNS, LEGEND_ROW = 2, 22  # entries beside each other at least; pixels a row
MOST_TICKS = 8
MAP_HEIGHT = 640  # pixels at most; plotly then names every second or third block
SKIPS, NORM = "without-skips", "without-norm"
# What the lines of one network and of its twin are called where they are the only ones.
WITH_AND_WITHOUT: Mapping[str, str] = {BASELINE: "with skips", SKIPS: "without skips"}
# What a line is said to do, from the input's side.
WORDS: Mapping[str, str] = {VANISHING: "vanishes", HEALTHY: "steady", EXPLODING: "explodes"}
SIDES = {"left": 70, "bottom": 60}  # margins, in pixels
GAP = 0.1  # between panels, as a part of the figure

Report = Mapping[str, Any]
Rows = Sequence[Mapping[str, Any]]


NAMES = {
    "norm": "batch norm",
    SKIPS: "no skips",
    NORM: "no batch norm",
    "he": "He",
    "glorot": "Glorot",
}


def shown(label: str) -> str:
    """A label as people read it.

    >>> shown("without-skips+without-norm+he")
    'no skips, no batch norm, He'
    """
    words = (NAMES.get(word, word) for word in label.split("+"))
    return ", ".join(words).replace("without-", "no ")


def norm_by_depth(report: Report, *, title: str = "") -> dict[str, Any]:
    """Draw the norm at each block's output against depth, on a logarithmic axis.

    Where several networks stand with their skips and without, each gets a panel with both lines.

    Args:
        report: a gradients record (``keraudit.gradients/1``).
        title: default: the model's name.

    Returns:
        A figure in plotly's JSON. The line is the geometric mean over seeds, the band their range.
    """
    lines = {
        verdict["label"]: over_seeds(
            [p for p in report["profiles"] if p["label"] == verdict["label"]]
        )
        for verdict in report["verdicts"]
    }
    lines = {label: rows for label, rows in lines.items() if rows}
    title = title or f"{report['model']}: gradient norm across depth"
    panels = _paired(lines)
    if panels:
        figure = new_figure(_panel_layout(title, panels, lines))
        verdicts = {verdict["label"]: verdict for verdict in report["verdicts"]}
        for number, pair in enumerate(panels.values()):
            for label in pair:
                _say(figure, lines[label], verdicts[label], panel=number)
            for label, name, color in zip(pair, ("with skips", "without"), LINES, strict=False):
                _add_line(figure, lines[label], name, color, panel=number, legend=not number)
    else:
        figure = new_figure(_single_layout(title, lines))
        names = WITH_AND_WITHOUT if set(lines) == set(WITH_AND_WITHOUT) else {}
        for number, (label, rows) in enumerate(lines.items()):
            color = LINES[number % len(LINES)] if number else color_of(report["model"])
            dash = DASHES[number // len(LINES) % len(DASHES)]
            _add_line(figure, rows, names.get(label, shown(label)), color, dash=dash)
    return as_record(figure)


def _paired(labels: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """By what they share: a network with its skips and the same without, if all come so in pairs."""
    pairs: dict[str, dict[bool, str]] = {}
    for label in labels:
        words = [word for word in label.split("+") if word != SKIPS]
        pairs.setdefault("+".join(words), {})[SKIPS in label] = label
    if len(pairs) < 2 or any(len(pair) < 2 for pair in pairs.values()):
        return {}
    return {shared: (pair[False], pair[True]) for shared, pair in pairs.items()}


def _add_line(
    figure: Any,
    rows: Rows,
    name: str,
    color: str,
    *,
    dash: str = "solid",
    panel: int = 0,
    legend: bool = True,
) -> None:
    """The mean of a network and, behind it, the band of its seeds."""
    suffix = suffix_of(panel)
    axes = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
    depths = [row["depth"] for row in rows]
    if any(row["low"] != row["high"] for row in rows):
        low, high = ([row[end] for row in rows] for end in ("low", "high"))
        add_band(figure, depths, low, high, fillcolor=color, opacity=0.25, **axes)
    figure.add_scatter(
        name=name,
        legendgroup=name,
        showlegend=legend,
        x=depths,
        y=[row["mean"] for row in rows],
        mode="lines+markers",
        line={"color": color, "dash": dash},
        marker={"size": 5},
        customdata=[[row["name"]] for row in rows],
        hovertemplate="<b>%{customdata[0]}</b><br>%{y:.3g}<extra>" + name + "</extra>",
        **axes,
    )


def _say(figure: Any, rows: Rows, verdict: Mapping[str, Any], *, panel: int) -> None:
    """Write beside a line what it does, and by what factor: on the side that it leaves free."""
    word, across = WORDS.get(verdict.get("verdict", "")), verdict.get("across")
    if not word or not across:
        return
    at = rows[len(rows) // 5]
    suffix = suffix_of(panel)
    figure.add_annotation(
        text=f"{word}, {times(across)}×",
        x=at["depth"],
        y=log10(at["mean"]),
        xref=f"x{suffix}",
        yref=f"y{suffix}",
        xanchor="left",
        showarrow=False,
        yshift=12 if across >= 1 else -12,
    )


def _single_layout(title: str, lines: Mapping[str, Rows]) -> dict[str, Any]:
    legend = LEGEND_ROW * ceil(len(lines) / LEGEND_COLUMNS)
    return frame(
        _at_the_top(title),
        height=400 + legend,
        top=48 + legend,
        **SIDES,
        xaxis=axis("block, from the input to the output"),
        yaxis=axis("norm of the loss's gradient", **_decades(list(lines.values()))),
    )


def _at_the_top(title: str) -> dict[str, Any]:
    """A title that stays above the legend however many rows that has."""
    return {"text": title, "x": 0, "y": 0.98, "yanchor": "top", "font": {"size": 16}}


def _panel_layout(
    title: str, panels: Mapping[str, tuple[str, str]], lines: Mapping[str, Rows]
) -> dict[str, Any]:
    """Two panels a row; those of a row share their decades, so that they can be compared."""
    names = list(panels)
    count = ceil(len(names) / 2)
    high = (1 - GAP * (count - 1)) / count
    legend = 1.0 + 22 / (260 * count)
    layout = frame(
        _at_the_top(title),
        height=110 + 260 * count,
        top=90,
        **SIDES,
        legend=legend,
        annotations=[],
    )
    for number, name in enumerate(names, 1):
        row, column = divmod(number - 1, 2)
        labels = [label for n in names[2 * row : 2 * row + 2] for label in panels[n]]
        suffix = suffix_of(number - 1)
        left, top = 0.54 * column, 1 - row * (high + GAP)
        layout[f"xaxis{suffix}"] = axis(
            "block" if row == count - 1 else "", domain=[left, left + 0.46], anchor=f"y{suffix}"
        )
        layout[f"yaxis{suffix}"] = {
            "domain": [max(0.0, top - high), top],
            "anchor": f"x{suffix}",
            **_decades([lines[label] for label in labels]),
        }
        layout["annotations"].append(panel_heading(_heading(name, names), left, top))
    return layout


def _heading(name: str, names: Sequence[str]) -> str:
    """A panel's name; where some are without normalisation, it says so of the others too.

    >>> _heading("he", ["he", "without-norm+he"]), _heading("", ["", "he"])
    ('batch norm, He', 'baseline')
    """
    has_norm = NORM not in name and any(NORM in other for other in names)
    return ", ".join(filter(None, (NAMES["norm"] * has_norm, shown(name)))) or "baseline"


def _decades(lines: Sequence[Rows]) -> dict[str, Any]:
    """A logarithmic axis that spans whole decades, with a tick at a few of them and none between."""
    rows = [row for line in lines for row in line]  # none where nothing is finite
    low = floor(log10(min((row["low"] for row in rows), default=1)))
    high = max(ceil(log10(max((row["high"] for row in rows), default=1))), low + 1)
    return {
        "type": "log",
        "range": [low - 0.05, high + 0.05],
        "dtick": ceil((high - low) / MOST_TICKS),
        "tick0": low,
        "exponentformat": "power",
        "showgrid": True,
    }


def over_seeds(profiles: Sequence[Report]) -> list[dict[str, Any]]:
    """The geometric mean and the range of the norm of each block; blocks without one are left out."""
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


def cosine_by_depth(report: Report) -> dict[str, Any]:
    """Draw the mean cosine between the gradients of two inputs against depth: shattering (Balduzzi et al. 2017).

    Args:
        report: a gradients record (``keraudit.gradients/1``) whose draws were compared.

    Returns:
        A figure in plotly's JSON. The line is the mean over seeds, the band their range.
    """
    labels = [verdict["label"] for verdict in report["verdicts"]]
    figure = new_figure(
        frame(
            f"{report['model']}: cosine between the gradients of two inputs",
            height=320,
            **SIDES,
            xaxis=axis("block, from the input to the output"),
            yaxis=axis("cosine", range=[-0.08, 1.08], showgrid=True),
        )
    )
    for number, label in enumerate(labels):
        profiles = [profile for profile in report["profiles"] if profile["label"] == label]
        seeds = zip(*(profile["blocks"] for profile in profiles), strict=True)
        blocks = [rows for rows in seeds if all(row["cosine"] is not None for row in rows)]
        found = [[row["cosine"] for row in rows] for rows in blocks]
        depths = [rows[0]["depth"] for rows in blocks]
        name = WITH_AND_WITHOUT.get(label, shown(label))
        color = LINES[number % len(LINES)]
        low, high = [*map(min, found)], [*map(max, found)]
        add_band(figure, depths, low, high, fillcolor=color, opacity=0.25)
        figure.add_scatter(
            name=name,
            x=depths,
            y=[fmean(values) for values in found],
            mode="lines+markers",
            line={"color": color},
            marker={"size": 5},
            customdata=[[rows[0]["name"]] for rows in blocks],
            hovertemplate="<b>%{customdata[0]}</b><br>%{y:.3f}<extra>" + name + "</extra>",
        )
    return as_record(figure)


def norm_over_training(record: Report, *, title: str = "") -> dict[str, Any]:
    """Draw depth against step as a heat map of the norm's decimal logarithm.

    Args:
        record: of ``GradientAudit`` (``keraudit.gradients-over-training/1``).
        title: default: the model's name.
    """
    steps = record["steps"]
    names = [block["name"] for block in steps[0]["blocks"]]
    norms = [
        [log10(norm) if (norm := entry["blocks"][at]["grad_norm"]) else None for entry in steps]
        for at in range(len(names))
    ]
    title = title or f"{record['model']}: gradient norm over training"
    figure = new_figure(
        frame(
            {"text": title, "x": 0, "font": {"size": 16}},
            height=120 + min(22 * len(names), MAP_HEIGHT),
            left=10,
            top=60,
            bottom=60,
            legend=None,
            xaxis=axis("training step", showgrid=False),
            yaxis={"automargin": True, "autorange": "reversed", "type": "category"},
            meta={"rows": "block"},
        )
    )
    figure.add_heatmap(
        x=[entry["step"] for entry in steps],
        y=names,
        z=norms,
        colorscale="Cividis",  # told apart with every kind of colour vision
        colorbar={"title": {"text": "log10 of<br>the norm"}},
    )
    return as_record(figure)
