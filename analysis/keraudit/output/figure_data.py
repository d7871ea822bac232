"""The numbers of a figure as a table: what its picture shows, for those who cannot or will not see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from keraudit.output.csv_markdown import csv_rows
from keraudit.output.svg import panel_title
from keraudit.output.svg_marks import plain

Figure = Mapping[str, Any]


class Numbers(NamedTuple):
    """A table of a figure's numbers; the first column says where, the others are its series."""

    head: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


def numbers_of(figure: Figure) -> Numbers:
    """One row for each place on the axis of names or depth, one column for each series.

    A heat map's rows are those of its picture; ``layout.meta.rows`` says what they are.

    >>> bars = {"type": "bar", "orientation": "h", "name": "a", "y": ["stem", "head"], "x": [3, 1]}
    >>> numbers_of({"data": [bars], "layout": {}})
    Numbers(head=('', 'a'), rows=(('stem', 3), ('head', 1)))
    """
    layout = figure["layout"]
    if any(trace["type"] == "heatmap" for trace in figure["data"]):
        return _of_heat(figure["data"][0], layout)
    shown = [trace for trace in figure["data"] if trace.get("hoverinfo") != "skip"]
    if layout.get("meta", {}).get("points"):
        return _of_points(shown, layout)
    sideways = any(trace.get("orientation") == "h" for trace in shown)
    places, found = ("y", "x") if sideways else ("x", "y")
    columns = [(series(trace, layout), trace) for trace in shown]
    order = dict.fromkeys(value for _, trace in columns for value in trace[places])
    categories = layout.get(f"{places}axis", {}).get("categoryarray")
    keys = [key for key in categories if key in order] if categories else ascending(list(order))
    by_column = [dict(zip(trace[places], trace[found], strict=True)) for _, trace in columns]
    head = (title(layout, places), *(name or title(layout, found) for name, _ in columns))
    rows = ((key, *(column.get(key) for column in by_column)) for key in keys)
    return Numbers(head, tuple(rows))


def ascending(keys: list[Any]) -> list[Any]:
    """Numbers in order; names as they come."""
    return keys if any(isinstance(key, str) for key in keys) else sorted(keys)


def _of_heat(trace: Figure, layout: Mapping[str, Any]) -> Numbers:
    """Row by row, as it is drawn; the corner says what the rows are and what the columns.

    >>> heat = {"type": "heatmap", "x": ["cat", "dog"], "y": ["cat", "dog"], "z": [[None, 3], [0, None]]}
    >>> _of_heat(heat, {"xaxis": {"title": {"text": "taken for"}}, "meta": {"rows": "shown"}})
    Numbers(head=('shown / taken for', 'cat', 'dog'), rows=(('cat', None, 3), ('dog', 0, None)))
    """
    rows = layout.get("meta", {}).get("rows") or title(layout, "y")
    corner = " / ".join(filter(None, (rows, title(layout, "x"))))
    head = (corner, *map(str, trace["x"]))
    return Numbers(
        head, tuple((name, *row) for name, row in zip(trace["y"], trace["z"], strict=True))
    )


def _of_points(traces: Sequence[Figure], layout: Mapping[str, Any]) -> Numbers:
    head = ("name", title(layout, "x"), title(layout, "y"))
    rows = [
        (data[0], x, y)
        for trace in traces
        for data, x, y in zip(trace["customdata"], trace["x"], trace["y"], strict=True)
    ]
    return Numbers(head, tuple(rows))


def series(trace: Figure, layout: Mapping[str, Any]) -> str:
    """A series' name, with its panel's where there are several."""
    panel = panel_title(layout, str(trace.get("xaxis", "x"))[1:])
    return ": ".join(filter(None, (panel, trace.get("name", ""))))


def title(layout: Mapping[str, Any], axis: str) -> str:
    return plain((layout.get(f"{axis}axis", {}).get("title") or {}).get("text", ""))


def shown(value: Any) -> str:
    """A number with as many digits as a figure can tell apart.

    >>> shown(120422400), shown(0.0123456), shown(None), shown("stem")
    ('120,422,400', '0.01235', '', 'stem')
    """
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1e4 else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def as_csv(numbers: Numbers) -> str:
    """The table as CSV, every digit kept."""
    return csv_rows(numbers.head, numbers.rows)
