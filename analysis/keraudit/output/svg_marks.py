"""What a still picture is made of: bars, lines, markers, cells, words."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from keraudit.output.palette import CIVIDIS, ink
from keraudit.output.svg_axis import Axis

# Markers as paths around the origin, one unit across; others are circles.
SHAPES: Mapping[str, str] = {
    "square": "M-.5-.5h1v1h-1z",
    "diamond": "M0-.6l.6.6-.6.6-.6-.6z",
    "triangle-up": "M0-.6l.6 1.1h-1.2z",
    "cross": "M-.2-.6h.4v.4h.4v.4h-.4v.4h-.4v-.4h-.4v-.4h.4z",
    "x": "M0-.2l.35-.35.2.2-.35.35.35.35-.2.2-.35-.35-.35.35-.2-.2.35-.35-.35-.35.2-.2z",
}
DASHES: Mapping[str, str] = {"dash": "7 4", "dot": "2 4", "dashdot": "7 4 2 4"}

Figure = Mapping[str, Any]


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
        yield stroke(f"M{path}", color, style.get("dash", ""))
    sizes, symbols = marks.get("size", 6), marks.get("symbol", "circle")
    yield from _error_bars(trace, y, there, color)
    for at, a, b in there:
        across = float(sizes if isinstance(sizes, int | float) else sizes[at])
        if "markers" in mode:
            yield marker(a, b, across, symbols if isinstance(symbols, str) else symbols[at], color)
        if "text" in mode and trace["text"][at]:
            leftward = "left" in trace["textposition"][at]
            anchor = "end" if leftward else "start"
            aside, half = max(7, across / 2 + 3), across / 2
            down = (
                max(13, half + 11) if "bottom" in trace["textposition"][at] else -max(5, half + 1)
            )
            yield text(
                a + (-aside if leftward else aside), b + down, str(trace["text"][at]), anchor=anchor
            )


def _error_bars(
    trace: Figure, y: Axis, there: Sequence[tuple[int, float, float]], color: str
) -> Iterator[str]:
    """A thin line from the lower to the upper end of each interval."""
    errors = trace.get("error_y") or {}
    for at, a, _ in there if errors.get("array") else ():
        value = trace["y"][at]
        below = (errors.get("arrayminus") or errors["array"])[at]
        ends = f"M{a:.1f} {y.at(value - below):.1f}V{y.at(value + errors['array'][at]):.1f}"
        yield f'<path fill="none" stroke="{color}" d="{ends}"/>'


def marker(a: float, b: float, across: float, shape: str, color: str) -> str:
    if shape in SHAPES:
        place = f"translate({a:.1f} {b:.1f}) scale({across:g})"
        return f'<path fill="{color}" d="{SHAPES[shape]}" transform="{place}"/>'
    return f'<circle fill="{color}" cx="{a:.1f}" cy="{b:.1f}" r="{across / 2:.1f}"/>'


def stroke(path: str, color: str, dash: str) -> str:
    """A line as plotly names its dashes."""
    dashes = f' stroke-dasharray="{DASHES[dash]}"' if dash in DASHES else ""
    return f'<path fill="none" stroke="{color}" stroke-width="2"{dashes} d="{path}"/>'


def heat(trace: Figure, x: Axis, y: Axis) -> Iterator[str]:
    """The cells, with their numbers where the trace shows them, and the scale of their colours."""
    xs, ys = trace["x"], trace["y"]
    cells = [value for row in trace["z"] for value in row if value is not None]
    low, high = trace.get("zmin", min(cells)), trace.get("zmax", max(cells))
    colors = colors_of(trace)
    wide = abs(x.end - x.start) / len(xs)
    tall = abs(y.end - y.start) / max(len(y.names) or len(ys), 1)
    for name, row in zip(ys, trace["z"], strict=True):
        for at, value in enumerate(row):
            if value is None:
                continue
            shade = colors[round((value - low) / ((high - low) or 1) * (len(colors) - 1))]
            left, upper = x.start + at * wide, y.at(name) - tall / 2
            yield f'<path fill="{shade}" d="M{left:.1f} {upper:.1f}h{wide:.1f}v{tall:.1f}h-{wide:.1f}z"/>'
            if trace.get("texttemplate"):
                middle = (left + wide / 2, upper + tall / 2 + 4)
                yield text(*middle, f"{value:g}", anchor="middle", fill=ink(shade))
    yield from _scale(trace, (low, high), x.end + 10, sorted((y.start, y.end)))


def colors_of(trace: Figure) -> Sequence[str]:
    """The colours of a heat map from low to high: those that it names, at even distances, else Cividis."""
    named = trace.get("colorscale")
    return [color for _, color in named] if isinstance(named, list) and len(named) < 9 else CIVIDIS


def _scale(
    trace: Figure, ends: tuple[float, float], x: float, between: Sequence[float]
) -> Iterator[str]:
    """The colours beside the map, the largest value above, under what they are."""
    colors, (top, bottom) = colors_of(trace), between
    title = ((trace.get("colorbar") or {}).get("title") or {}).get("text", "")
    lines = title.split("<br>")
    for number, words in enumerate(lines):
        yield text(x, top + 10 + 13 * number, words)
    top += 13 * len(lines) + 8
    step = (bottom - top) / len(colors)
    for number, color in enumerate(reversed(colors)):
        upper = top + number * step
        yield f'<path fill="{color}" d="M{x:.1f} {upper:.1f}h12v{step + 0.5:.1f}h-12z"/>'
    yield text(x + 16, top + 10, f"{ends[1]:.3g}")
    yield text(x + 16, bottom, f"{ends[0]:.3g}")


def text(
    x: float, y: float, words: str, *, anchor: str = "start", bold: bool = False, fill: str = ""
) -> str:
    weight = ' font-weight="bold"' if bold else ""
    color = f' fill="{fill}"' if fill else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{weight}{color}>'
        f"{html.escape(plain(words), quote=False)}</text>"
    )


def labelled_box(
    at: tuple[float, float],
    size: tuple[float, float],
    lines: Sequence[str],
    color: str,
    opacity: float,
) -> str:
    """A rectangle around lines of text, the first of them bold.

    Args:
        at: its upper middle.
        size: width and height.
        lines: of text.
        color: of its area.
        opacity: likewise, from 0 to 1.
    """
    (x, y), (width, height) = at, size
    first = y + height / 2 + 4 - 7.5 * (len(lines) - 1)
    return (
        f'<rect class="ka-box" fill="{color}" fill-opacity="{opacity:.2f}" x="{x - width / 2:.1f}"'
        f' y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="4"/>'
        + "".join(
            text(x, first + 15 * number, words, anchor="middle", bold=not number)
            for number, words in enumerate(lines)
        )
    )


def plain(words: str) -> str:
    """Text without the tags that plotly understands.

    >>> plain("<b>no skips</b>")
    'no skips'
    """
    return re.sub(r"<[^>]+>", " " if "<br" in words else "", words)
