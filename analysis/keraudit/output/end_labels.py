"""Names at the ends of a figure's lines, pushed apart where they would lie on one another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isfinite, log10
from typing import Any, NamedTuple

APART = 15  # pixels between two names at least
SHIFT = 8  # pixels from a line's end to its name
# By this name a script tells them from the headings of panels: on a narrow page a legend replaces them.
KIND = "end"
TOP, RIGHT = 40, 120  # pixels of the margins of a figure whose lines are named at their ends


class End(NamedTuple):
    """The last point of a line, and the name to write there."""

    name: str
    x: float | str
    y: float


class Frame(NamedTuple):
    """The panel: its axes' suffix, the range of the vertical one, its height in pixels."""

    span: Sequence[float]
    height: float
    suffix: str = ""
    log: bool = False


def end_labels(ends: Iterable[End], frame: Frame) -> list[dict[str, Any]]:
    """The names as plotly's annotations.

    >>> ends = (End("a", 9, 50), End("b", 9, 51))
    >>> [(one["text"], one["yshift"]) for one in end_labels(ends, Frame((0, 100), 100))]
    [('b', 7), ('a', -7)]
    """
    low, high = (log10(end) for end in frame.span) if frame.log else frame.span
    drawn = [end for end in ends if isfinite(end.y) and (end.y > 0 or not frame.log)]
    values = [(end, log10(end.y) if frame.log else end.y) for end in drawn]
    values.sort(key=lambda pair: -pair[1])  # from the top
    wanted = [frame.height * (high - value) / ((high - low) or 1) for _, value in values]
    return [
        {
            "text": end.name,
            "name": KIND,
            "x": end.x,
            "y": value,
            "xref": f"x{frame.suffix}",
            "yref": f"y{frame.suffix}",
            "xanchor": "left",
            "xshift": SHIFT,
            "yshift": round(at - place),
            "showarrow": False,
        }
        for (end, value), at, place in zip(values, wanted, spread(wanted), strict=True)
    ]


def name_ends(figure: Any, span: Sequence[float] | None = None) -> None:
    """Name each line of a single pair of axes at its end, in place of a legend; each name once.

    Args:
        figure: plotly's.
        span: of the vertical axis, in data; default: what the lines span.
    """
    drawn = [trace for trace in figure.data if len(trace.x) and trace.hoverinfo != "skip"]
    lines = [trace for trace in drawn if trace.showlegend is not False]
    heights = [float(value) for trace in drawn for value in trace.y]
    log = figure.layout.yaxis.type == "log"
    if log:
        low, high = span or (min(heights) / 1.1, max(heights) * 1.1)
    else:
        low, high = span or (min(0, *heights, 0), 1.05 * max(heights, default=1))
    height = figure.layout.height - TOP - figure.layout.margin.b
    places = [x for trace in drawn for x in trace.x]
    pad = 0.03 * (max(places) - min(places)) if places else 0
    figure.update_traces(cliponaxis=False)  # a marker on the edge stays whole
    figure.update_layout(
        showlegend=False,
        margin={"r": RIGHT, "t": TOP},
        yaxis_range=[log10(low), log10(high)] if log else [low, high],
        # said, or plotly makes room for the names between the axes
        xaxis_range=[min(places, default=0) - pad, max(places, default=1) + pad],
    )
    ends = [End(trace.name, trace.x[-1], trace.y[-1]) for trace in lines]
    for note in end_labels(ends, Frame((low, high), height, log=log)):
        figure.add_annotation(note)


def spread(places: Sequence[float]) -> list[float]:
    """Places in ascending order, moved as little as needs be to stand apart.

    >>> spread([0, 100, 101, 200])
    [0.0, 93.0, 108.0, 200.0]
    """
    groups: list[list[float]] = []  # of places that touch, each by its middle and how many
    for place in places:
        groups.append([float(place), 1])
        while len(groups) > 1 and _touch(groups[-2], groups[-1]):
            (a, n), (b, m) = groups[-2:]
            groups[-2:] = [[(a * n + b * m) / (n + m), n + m]]
    return [
        middle + (number - (count - 1) / 2) * APART
        for middle, count in groups
        for number in range(int(count))
    ]


def _touch(upper: Sequence[float], lower: Sequence[float]) -> bool:
    return lower[0] - upper[0] < APART * (upper[1] + lower[1]) / 2
