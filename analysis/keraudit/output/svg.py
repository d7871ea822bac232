"""A figure as a still picture: the little of plotly's JSON that our figures use, drawn as SVG.

Pages show it until, or in place of, the script that draws the same data. Text and lines take the
page's own colour (``currentColor``), so the picture follows the palette without a script.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from math import ceil, floor, log10
from typing import Any, NamedTuple

from keraudit.output.palette import CIVIDIS

WIDTH = 720
LETTER = 6.4  # pixels that a letter takes on average, at 12 pixels
TITLE = 30  # pixels of the top margin that the title takes; pages show it above the picture
LEGEND_ROW = 18
# SVG's characters for plotly's markers would need paths; a circle, a square and a diamond are enough.
SQUARES, DIAMONDS = ("square", "cross", "x"), ("diamond", "triangle-up")

Figure = Mapping[str, Any]


class Axis(NamedTuple):
    """A scale from data to pixels: ``low`` and ``high`` are data (decades on a logarithmic axis)."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False
    names: tuple[str, ...] = ()

    def at(self, value: Any) -> float:
        """The pixel of a value.

        >>> Axis(0, 10, 100, 200).at(5), Axis(0, 2, 0, 100, log=True).at(10)
        (150.0, 50.0)
        """
        if self.names:
            number = self.names.index(str(value)) + 0.5
        elif self.log:
            number = log10(value) if value > 0 else self.low
        else:
            number = float(value)
        part = (number - self.low) / ((self.high - self.low) or 1)
        return self.start + part * (self.end - self.start)

    def ticks(self) -> list[tuple[float, str]]:
        """Where the axis is marked, and with what.

        >>> [label for _, label in Axis(-1, 1, 0, 1, log=True).ticks()]
        ['0.1', '1', '10']
        >>> [label for _, label in Axis(log10(3), log10(40), 0, 1, log=True).ticks()]
        ['5', '10', '20']
        """
        if self.names:
            every = ceil(len(self.names) / 40)
            return [(self.at(name), name) for name in self.names[::every]]
        if self.log:
            decades = range(ceil(self.low - 1e-9), floor(self.high + 1e-9) + 1)
            if len(decades) < 2:
                return self.within_a_decade()
            every = ceil(len(decades) / 8)
            return [(self.at(10.0**n), _decade(n)) for n in decades[::every]]
        step = _nice((self.high - self.low) / 5)
        first = ceil(self.low / step - 1e-9)
        count = floor(self.high / step + 1e-9) - first + 1
        return [(self.at(n * step), f"{n * step:.6g}") for n in range(first, first + count)]

    def within_a_decade(self) -> list[tuple[float, str]]:
        """Ticks of a logarithmic axis that holds one power of ten at most: 1, 2 and 5 times each."""
        powers = range(floor(self.low), ceil(self.high) + 1)
        values = [digit * 10.0**n for n in powers for digit in (1, 2, 5)]
        marked = [v for v in values if self.low - 1e-9 <= log10(v) <= self.high + 1e-9]
        return [(self.at(value), f"{value:g}") for value in marked]


def _decade(power: int) -> str:
    """A power of ten as people write it on an axis.

    >>> _decade(3), _decade(-1), _decade(9)
    ('1,000', '0.1', '10⁹')
    """
    if -3 <= power <= 5:
        return f"{10**power:,}" if power >= 0 else f"{10.0**power:g}"
    return "10" + str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _nice(step: float) -> float:
    """A round step of at least ``step``.

    >>> _nice(0.3), _nice(12)
    (0.5, 20.0)
    """
    if step <= 0:
        return 1.0
    power = 10.0 ** floor(log10(step))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= step * (1 - 1e-9))


def svg(figure: Figure) -> str:
    """The figure as one line of SVG, without its title."""
    data, layout = figure["data"], figure["layout"]
    names = _legend_names(data, layout)
    rows = _legend_rows(names)
    top = LEGEND_ROW * len(rows) + (24 if layout.get("annotations") else 12)
    height = int(layout.get("height", 450)) - TITLE
    parts = list(legend(rows))
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
    bottom, width, inner = 48, WIDTH - left - 40, height - top - 48
    x0, x1 = x_options.get("domain", (0, 1))
    y0, y1 = y_options.get("domain", (0, 1))
    x_range = (left + x0 * width, left + x1 * width)
    y_range = (height - bottom - y0 * inner, height - bottom - y1 * inner)
    if y_options.get("autorange") == "reversed":
        y_range = (y_range[1], y_range[0])
    stacked = layout.get("barmode") in ("stack", "relative")
    x = axis(x_values, x_options, x_range, zero=any(t["type"] == "bar" for t in traces))
    y = axis(y_values, y_options, y_range, zero=False)
    yield from frame(x, y, x_options, y_options, max(y_range))
    title = panel_title(layout, suffix)
    if title:
        yield text(x.start, min(y_range) - 6, title, bold=True)
    bars = [trace for trace in traces if trace["type"] == "bar"]
    for trace in traces:
        if trace["type"] == "bar":
            count = 1 if stacked else len(bars)
            yield from bar(trace, x, y, bars.index(trace) if count > 1 else 0, count)
        elif trace["type"] == "heatmap":
            yield from _heat(trace, x, y)
        else:
            yield from line(trace, x, y)


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
    if "range" in options:
        low, high = options["range"]
        return Axis(low, high, *pixels, log=options.get("type") == "log")
    numbers = [float(value) for value in values] or [0.0, 1.0]
    if options.get("type") == "log":
        logs = [log10(value) for value in numbers if value > 0] or [0.0]
        return Axis(min(logs) - 0.1, max(logs) + 0.1, *pixels, log=True)
    low, high = min(numbers), max(numbers)
    low = 0.0 if zero or options.get("rangemode") == "tozero" else low
    return Axis(low, high + 0.06 * ((high - low) or 1), *pixels)


def frame(
    x: Axis, y: Axis, x_options: Mapping[str, Any], y_options: Mapping[str, Any], floor_: float
) -> Iterator[str]:
    """Grid lines, ticks and titles."""
    low, high = min(y.start, y.end), max(y.start, y.end)
    for at, label in x.ticks():
        yield f'<path class="ka-grid" d="M{at:.1f} {low:.1f}V{high:.1f}"/>'
        yield text(at, floor_ + 16, label, anchor="middle")
    for at, label in y.ticks():
        if not y.names:
            yield f'<path class="ka-grid" d="M{x.start:.1f} {at:.1f}H{x.end:.1f}"/>'
        yield text(x.start - 6, at + 4, label, anchor="end")
    if named := (x_options.get("title") or {}).get("text"):
        yield text((x.start + x.end) / 2, floor_ + 36, named, anchor="middle")
    if named := (y_options.get("title") or {}).get("text"):
        at = (y.start + y.end) / 2
        yield (
            f'<g transform="translate(14 {at:.1f}) rotate(-90)">'
            f"{text(0, 0, named, anchor='middle')}</g>"
        )


def panel_title(layout: Mapping[str, Any], suffix: str) -> str:
    notes = layout.get("annotations") or []
    at = int(suffix or 1) - 1
    return plain(notes[at]["text"]) if at < len(notes) else ""


def bar(trace: Figure, x: Axis, y: Axis, number: int, count: int) -> Iterator[str]:
    room = abs(y.end - y.start) / max(len(y.names), 1)
    thick = 0.75 * room / count
    style = trace.get("marker", {})
    colors, hatched = style.get("color", "currentColor"), style.get("pattern", {}).get("shape")
    base = x.at(10**x.low) if x.log else x.at(0)
    for at, (name, value) in enumerate(zip(trace["y"], trace["x"], strict=True)):
        if value is None or (x.log and value <= 0):
            continue
        middle, end = y.at(name), x.at(value)
        upper = middle - 0.375 * room + number * thick
        color = colors if isinstance(colors, str) else colors[at]
        box = f"M{base:.1f} {upper:.1f}H{end:.1f}v{thick:.1f}H{base:.1f}z"
        drawn = 'fill-opacity="0.3" class="ka-hatched"' if hatched else ""
        yield f'<path fill="{color}" stroke="{color}" {drawn} d="{box}"/>'
        labels = trace.get("text")
        if labels:
            label = labels if isinstance(labels, str) else labels[at]
            yield text(end + 4, upper + thick / 2 + 4, str(label))


def line(trace: Figure, x: Axis, y: Axis) -> Iterator[str]:
    style, marks = trace.get("line", {}), trace.get("marker", {})
    color = style.get("color") or marks.get("color") or "currentColor"
    mode = trace.get("mode", "lines")
    there = [
        (at, x.at(a), y.at(b))
        for at, (a, b) in enumerate(zip(trace["x"], trace["y"], strict=True))
        if a is not None and b is not None
    ]
    path = "L".join(f"{a:.1f} {b:.1f}" for _, a, b in there)
    if trace.get("fill") == "toself":
        fill, opacity = trace.get("fillcolor", color), trace.get("opacity", 0.25)
        yield f'<path fill="{fill}" fill-opacity="{opacity}" d="M{path}z"/>'
        return
    if "lines" in mode and path:
        dash = {"dash": "7 4", "dot": "2 4", "dashdot": "7 4 2 4"}.get(style.get("dash", ""), "")
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        yield f'<path fill="none" stroke="{color}" stroke-width="2"{dashes} d="M{path}"/>'
    size = marks.get("size", 6)
    for at, a, b in there:
        if "markers" in mode:
            across = size if isinstance(size, int | float) else size[at]
            yield marker(a, b, float(across), marks.get("symbol", "circle"), color)
        if "text" in mode and trace["text"][at]:
            leftward = "left" in trace["textposition"][at]
            anchor = "end" if leftward else "start"
            down = 13 if "bottom" in trace["textposition"][at] else -5
            yield text(a + (-7 if leftward else 7), b + down, str(trace["text"][at]), anchor=anchor)


def marker(a: float, b: float, across: float, shape: str, color: str) -> str:
    half = across / 2
    if shape in SQUARES:
        box = f"M{a - half:.1f} {b - half:.1f}h{across:.1f}v{across:.1f}h-{across:.1f}z"
        return f'<path fill="{color}" d="{box}"/>'
    if shape in DIAMONDS:
        box = f"M{a:.1f} {b - half:.1f}l{half:.1f} {half:.1f}l-{half:.1f} {half:.1f}"
        return f'<path fill="{color}" d="{box}l-{half:.1f} -{half:.1f}z"/>'
    return f'<circle fill="{color}" cx="{a:.1f}" cy="{b:.1f}" r="{half:.1f}"/>'


def _heat(trace: Figure, x: Axis, y: Axis) -> Iterator[str]:
    xs, ys = trace["x"], trace["y"]
    cells = [value for row in trace["z"] for value in row if value is not None]
    low, high = min(cells), max(cells)
    wide = abs(x.end - x.start) / len(xs)
    tall = abs(y.end - y.start) / max(len(y.names) or len(ys), 1)
    for name, row in zip(ys, trace["z"], strict=True):
        for at, value in enumerate(row):
            if value is not None:
                shade = CIVIDIS[round((value - low) / ((high - low) or 1) * (len(CIVIDIS) - 1))]
                left, upper = x.start + at * wide, y.at(name) - tall / 2
                yield (
                    f'<path fill="{shade}"'
                    f' d="M{left:.1f} {upper:.1f}h{wide:.1f}v{tall:.1f}h-{wide:.1f}z"/>'
                )


def _legend_names(data: Sequence[Figure], layout: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What the legend holds: each name once, with its colour."""
    if layout.get("showlegend") is False:
        return []
    names: dict[str, str] = {}
    for trace in data:
        if trace.get("name") and trace.get("showlegend") is not False:
            style = {**trace.get("marker", {}), **trace.get("line", {})}
            color = style.get("color")
            names.setdefault(trace["name"], color if isinstance(color, str) else "currentColor")
    return list(names.items()) if len(names) > 1 else []


def _legend_rows(names: Sequence[tuple[str, str]]) -> list[list[tuple[float, str, str]]]:
    """The legend's entries with their places, in as many rows as they need."""
    rows: list[list[tuple[float, str, str]]] = []
    at = float(WIDTH)
    for name, color in names:
        wide = 34 + LETTER * len(name)
        if at + wide > WIDTH:
            rows.append([])
            at = 4.0
        rows[-1].append((at, name, color))
        at += wide
    return rows


def legend(rows: Sequence[Sequence[tuple[float, str, str]]]) -> Iterator[str]:
    for number, row in enumerate(rows):
        y = 10 + LEGEND_ROW * number
        for at, name, color in row:
            yield f'<path fill="{color}" d="M{at:.1f} {y - 5}h12v10h-12z"/>'
            yield text(at + 17, y + 4, name)


def text(x: float, y: float, words: str, *, anchor: str = "start", bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{weight}>'
        f"{html.escape(plain(words), quote=False)}</text>"
    )


def plain(words: str) -> str:
    """Text without the tags that plotly understands.

    >>> plain("<b>no skips</b>")
    'no skips'
    """
    return re.sub(r"<[^>]+>", " " if "<br" in words else "", words)
