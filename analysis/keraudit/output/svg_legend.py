"""The legend of a still picture: each name with its line, its marker or its colour."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from keraudit.output.svg_marks import Figure, marker, stroke, text

LETTER = 6.4  # pixels that a letter takes on average, at 12 pixels
ROW = 18
LINE = 24  # pixels of a line's sample


class Entry(NamedTuple):
    """A name and how it is drawn: ``mark`` is a line, a marker, both, or a swatch."""

    name: str
    color: str
    mark: str
    dash: str = ""
    symbol: str = "circle"
    is_hatched: bool = False


def entries(data: Sequence[Figure], layout: Mapping[str, Any]) -> list[Entry]:
    """What the legend holds: each name once."""
    if layout.get("showlegend") is False:
        return []
    found: dict[str, Entry] = {}
    for trace in data:
        if trace.get("name") and trace.get("showlegend") is not False:
            found.setdefault(trace["name"], _entry(trace))
    return list(found.values()) if len(found) > 1 else []


def _entry(trace: Figure) -> Entry:
    line, marks = trace.get("line", {}), trace.get("marker", {})
    color = line.get("color") or marks.get("color")
    return Entry(
        trace["name"],
        color if isinstance(color, str) else "currentColor",
        "swatch" if trace["type"] == "bar" else trace.get("mode", "lines"),
        line.get("dash", ""),
        marks.get("symbol", "circle"),
        bool(marks.get("pattern", {}).get("shape")),
    )


def rows(found: Sequence[Entry], width: float) -> list[list[tuple[float, Entry]]]:
    """The entries with their places, in as many rows as they need."""
    lines: list[list[tuple[float, Entry]]] = []
    at = width
    for entry in found:
        wide = LINE + 22 + LETTER * len(entry.name)
        if at + wide > width:
            lines.append([])
            at = 4.0
        lines[-1].append((at, entry))
        at += wide
    return lines


def legend(lines: Sequence[Sequence[tuple[float, Entry]]]) -> Iterator[str]:
    for number, row in enumerate(lines):
        y = 10 + ROW * number
        for at, entry in row:
            yield from _sample(at, y, entry)
            yield text(at + LINE + 5, y + 4, entry.name)


def _sample(at: float, y: float, entry: Entry) -> Iterator[str]:
    if entry.mark == "swatch":
        part = ' fill-opacity="0.3"' if entry.is_hatched else ""
        box = f"M{at + 6:.1f} {y - 5}h14v10h-14z"
        yield f'<path fill="{entry.color}" stroke="{entry.color}"{part} d="{box}"/>'
    if "lines" in entry.mark:
        yield stroke(f"M{at:.1f} {y}h{LINE}", entry.color, entry.dash)
    if "markers" in entry.mark:
        yield marker(at + LINE / 2, y, 7.0, entry.symbol, entry.color)
