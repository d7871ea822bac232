"""Small drawings as SVG: blocks of channels in oblique projection, boxes, arrows and words.

A drawing is as wide as a phone's column, so that its words are read at every width; pages put several in a
row. Text and thin lines take the page's own colour.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from keraudit.output.svg_marks import labelled_box, text

WIDTH = 300  # units, and pixels at most
ROW, COLUMN, RISE, CHANNEL = (
    3.0,
    1.1,
    0.75,
    0.5,
)  # units of a position's height, of its width, of a channel
Point = tuple[float, float]
Span = tuple[float, float]


def svg(parts: Iterable[str], *, height: int, label: str) -> str:
    """A drawing with its text alternative."""
    return (
        f'<svg class="ka-sketch" viewBox="0 0 {WIDTH} {height}" role="img"'
        f' aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )


class Block:
    """Feature maps as a box: rows downwards, channels to the right, columns into the page.

    Args:
        x: left end of the front, in units of the drawing.
        y: upper end of the front.
        rows: positions; likewise ``columns``.
        channels: of each position.
    """

    def __init__(self, x: float, y: float, rows: int, columns: int, channels: int) -> None:
        self.x, self.y = x, y
        self.rows, self.columns, self.channels = rows, columns, channels

    def at(self, channel: float, row: float, column: float) -> Point:
        """Where a point of the box is drawn."""
        return (
            self.x + CHANNEL * channel + COLUMN * column,
            self.y + ROW * row - RISE * column,
        )

    def whole(self, color: str = "currentColor", strength: float = 0.1) -> str:
        return self.part((0, self.rows), (0, self.columns), color, strength)

    def part(self, rows: Span, columns: Span, color: str, strength: float = 0.8) -> str:
        """Some positions with all their channels: front, top and right end."""
        (top, bottom), (near, far), end = rows, columns, self.channels
        faces = (
            [(0, top, near), (end, top, near), (end, bottom, near), (0, bottom, near)],
            [(0, top, near), (end, top, near), (end, top, far), (0, top, far)],
            [(end, top, near), (end, top, far), (end, bottom, far), (end, bottom, near)],
        )
        shades = (strength, 0.7 * strength, min(1.0, 1.25 * strength))
        return "".join(
            _polygon([self.at(*corner) for corner in face], color, shade)
            for face, shade in zip(faces, shades, strict=True)
        )

    def end(self, row: float, column: float) -> Point:
        """A point of the right end, where the last channel is."""
        return self.at(self.channels, row, column)

    def named(self) -> str:
        """The sizes, under the box."""
        words = f"{self.rows}×{self.columns}×{self.channels}"
        middle = self.x + (CHANNEL * self.channels + COLUMN * self.columns) / 2
        return text(middle, self.y + ROW * self.rows + 16, words, anchor="middle")


def _polygon(points: Sequence[Point], color: str, opacity: float) -> str:
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return (
        f'<path fill="{color}" fill-opacity="{opacity:.2f}" stroke="{color}"'
        f' stroke-width="0.75" d="M{path}z"/>'
    )


def line(points: Sequence[Point], color: str = "currentColor") -> str:
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return f'<path fill="none" stroke="{color}" d="M{path}"/>'


def arrow(start: Point, end: Point) -> str:
    """A line downwards with a head."""
    x, y = end
    return line([start, end]) + line([(x - 4, y - 5), end, (x + 4, y - 5)])


def dot(at: Point, color: str, radius: float = 3) -> str:
    return f'<circle fill="{color}" cx="{at[0]:.1f}" cy="{at[1]:.1f}" r="{radius:g}"/>'


def box(x: float, y: float, width: float, lines: Sequence[str], color: str, height: float) -> str:
    """A rectangle around lines of text, by its upper middle; the first line is bold."""
    return labelled_box((x, y), (width, height), lines, color, 0.15)
