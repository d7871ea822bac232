"""A figure as a still picture: the little of plotly's JSON that our figures use, drawn as SVG.

Pages show it until, or in place of, the script that draws the same data. Text and lines take the
page's own colour (``currentColor``), so the picture follows the palette without a script.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from math import log10, radians, sin
from typing import Any

from keraudit.output.svg_axis import Axis
from keraudit.output.svg_legend import LETTER, entries, legend, rows
from keraudit.output.svg_legend import ROW as LEGEND_ROW
from keraudit.output.svg_marks import Figure, bar, heat, line, plain, text

WIDTH = 720
SLANT = 40  # degrees
TITLE = 30  # pixels of the top margin that the title takes; pages show it above the picture


def svg(figure: Figure) -> str:
    """The figure as one line of SVG, without its title."""
    data, layout = figure["data"], figure["layout"]
    lines = rows(entries(data, layout), WIDTH)
    top = LEGEND_ROW * len(lines) + (24 if _headings(layout) else 12)
    height = int(layout.get("height", 450)) - TITLE
    parts = list(legend(lines))
    for suffix in _panels(layout):
        traces = [t for t in data if str(t.get("xaxis", "x"))[1:] == suffix]
        parts += _panel(traces, layout, suffix, top, height)
    return (
        f'<svg class="ka-still" viewBox="0 0 {WIDTH} {height}" height="{height}"'
        f' preserveAspectRatio="xMinYMin meet" aria-hidden="true" focusable="false">'
        f"{''.join(parts)}</svg>"
    )


def _panels(layout: Mapping[str, Any]) -> list[str]:
    suffixes = [m[1] for key in layout if (m := re.fullmatch(r"xaxis(\d*)", key))]
    return sorted(suffixes or [""], key=lambda text: int(text or 1))


def _panel(
    traces: Sequence[Figure], layout: Mapping[str, Any], suffix: str, top: float, height: float
) -> Iterator[str]:
    """One pair of axes with everything drawn between them."""
    x_options, y_options = layout.get(f"xaxis{suffix}", {}), layout.get(f"yaxis{suffix}", {})
    x_values, y_values = values(traces, "x"), values(traces, "y")
    y_names = _categories(y_values, y_options)
    left = max(64.0, LETTER * max(map(len, y_names), default=0) + 16) if y_names else 64.0
    is_heat = any(trace["type"] == "heatmap" for trace in traces)
    right = max(40, layout.get("margin", {}).get("r", 0), 80 * is_heat)
    width = WIDTH - left - right
    x0, x1 = x_options.get("domain", (0, 1))
    slant = _slant(_categories(x_values, x_options), (x1 - x0) * width)
    bottom, inner = 48 + slant, height - top - 48 - slant
    y0, y1 = y_options.get("domain", (0, 1))
    x_range = (left + x0 * width, left + x1 * width)
    y_range = (height - bottom - y0 * inner, height - bottom - y1 * inner)
    if y_options.get("autorange") == "reversed":
        y_range = (y_range[1], y_range[0])
    stacked = layout.get("barmode") in ("stack", "relative")
    x = axis(x_values, x_options, x_range, zero=any(t["type"] == "bar" for t in traces))
    y = axis(y_values, y_options, y_range, zero=False)
    yield from frame(x, y, x_options, y_options, max(y_range), slant)
    title = panel_title(layout, suffix)
    if title:
        yield text(x.start, min(y_range) - 6, title, bold=True)
    bars = [trace for trace in traces if trace["type"] == "bar"]
    for trace in traces:
        if trace["type"] == "bar":
            count = 1 if stacked else len(bars)
            yield from bar(trace, x, y, bars.index(trace) if count > 1 else 0, count)
        elif trace["type"] == "heatmap":
            yield from heat(trace, x, y)
        else:
            yield from line(trace, x, y)
    for note in layout.get("annotations") or ():
        if note.get("xref") == f"x{suffix}":
            height_of = y.start + (note["y"] - y.low) / ((y.high - y.low) or 1) * (y.end - y.start)
            place = height_of - note.get("yshift", 0) + 4
            yield text(x.at(note["x"]) + note.get("xshift", 0), place, note["text"])


def _slant(names: Sequence[str], width: float) -> float:
    """Pixels below the axis that its names take beyond a line: none where they fit beside one another."""
    longest = LETTER * max(map(len, names), default=0)
    return 0.0 if longest * len(names) < width else round(longest * sin(radians(SLANT)))


def values(traces: Sequence[Figure], key: str) -> list[Any]:
    return [value for trace in traces for value in trace.get(key) or () if value is not None]


def _categories(values: Sequence[Any], options: Mapping[str, Any]) -> tuple[str, ...]:
    if options.get("categoryarray"):
        return tuple(map(str, options["categoryarray"]))
    if any(isinstance(value, str) for value in values) or options.get("type") == "category":
        return tuple(dict.fromkeys(map(str, values)))
    return ()


def axis(
    values: Sequence[Any],
    options: Mapping[str, Any],
    pixels: tuple[float, float],
    *,
    zero: bool,
) -> Axis:
    names = _categories(values, options)
    if names:
        return Axis(0, len(names), *pixels, names=names)
    marks = tuple(options.get("tickvals") or ())
    if "range" in options:
        low, high = options["range"]
        return Axis(low, high, *pixels, log=options.get("type") == "log", marks=marks)
    numbers = [float(value) for value in values] or [0.0, 1.0]
    if options.get("type") == "log":
        logs = [log10(value) for value in numbers if value > 0] or [0.0]
        return Axis(min(logs) - 0.1, max(logs) + 0.1, *pixels, log=True, marks=marks)
    low, high = min(numbers), max(numbers)
    low = 0.0 if zero or options.get("rangemode") == "tozero" else low
    return Axis(low, high + 0.06 * ((high - low) or 1), *pixels, marks=marks)


def frame(
    x: Axis,
    y: Axis,
    x_options: Mapping[str, Any],
    y_options: Mapping[str, Any],
    floor_: float,
    slant: float = 0.0,
) -> Iterator[str]:
    """Grid lines, ticks and titles; names on the horizontal axis that do not fit are slanted."""
    low, high = min(y.start, y.end), max(y.start, y.end)
    for at, label in x.ticks():
        yield f'<path class="ka-grid" d="M{at:.1f} {low:.1f}V{high:.1f}"/>'
        if slant:
            turned = text(0, 0, label, anchor="end")
            yield f'<g transform="translate({at + 4:.1f} {floor_ + 12:.1f}) rotate(-{SLANT})">{turned}</g>'
        else:
            yield text(at, floor_ + 16, label, anchor="middle")
    for at, label in y.ticks():
        if not y.names:
            yield f'<path class="ka-grid" d="M{x.start:.1f} {at:.1f}H{x.end:.1f}"/>'
        yield text(x.start - 6, at + 4, label, anchor="end")
    if named := (x_options.get("title") or {}).get("text"):
        yield text((x.start + x.end) / 2, floor_ + 36 + slant, named, anchor="middle")
    if named := (y_options.get("title") or {}).get("text"):
        at = (y.start + y.end) / 2
        yield (
            f'<g transform="translate(14 {at:.1f}) rotate(-90)">'
            f"{text(0, 0, named, anchor='middle')}</g>"
        )


def _headings(layout: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The names of the panels; other annotations belong to points."""
    return [note for note in layout.get("annotations") or () if note.get("xref") == "paper"]


def panel_title(layout: Mapping[str, Any], suffix: str) -> str:
    notes = _headings(layout)
    at = int(suffix or 1) - 1
    return plain(notes[at]["text"]) if at < len(notes) else ""
