"""How a table is laid out in a terminal: what gives way where it is narrow, and where text wraps.

Columns marked wide go first, then the bar, then minor columns; then names and prose wrap. Numbers are
never cut.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from keraudit.output.table import Column, Grid, Line

BAR = 10  # columns of the bar at full length
WIDTH = 80
GAP = 3  # columns between two cells; 2 where names wrap, 1 where the numbers alone are too wide
LEAST = 8  # columns of a name that wraps, however narrow the terminal is
LEGIBLE = 20  # columns of a name below which minor columns go first
PROSE = 28  # columns that prose needs before another column may stand next to it
LONGEST_PROSE = 72  # columns of prose where nothing limits the width
EIGHTHS = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")
ASCII = str.maketrans({"≥": ">=", "≈": "~", "×": "x", "–": "-", "─": "-", "…": "...", "±": "+-"})
# A space between a number and its unit, where a line does not end.
UNIT = re.compile(r"(?<=\d) (?=(?:[kMGTPE]|[KMGTP]?i?B|×|MACs|FLOPs|parameters)\b)")
NO_BREAK = "\u00a0"


class Layout(NamedTuple):
    """The columns of a grid that are shown, how wide each is, whether there is a bar, and the gap."""

    columns: tuple[Column, ...]
    widths: tuple[int, ...]
    has_bar: bool
    gap: int = GAP

    @property
    def whole(self) -> int:
        """The columns of the terminal that a row takes."""
        parts = [*self.widths, *[BAR] * self.has_bar]
        return sum(parts) + self.gap * (len(parts) - 1) + 1


def laid_out(grid: Grid, texts: Sequence[Sequence[str]], width: int | None) -> Layout:
    """The layout of a grid in ``width`` columns; all of it where that is ``None``.

    Args:
        grid: with its columns.
        texts: every cell of each column, with its label and what stands below it.
        width: of the terminal.
    """
    natural = _natural_widths(grid, texts, limit=LONGEST_PROSE if width is None else None)
    below = {column.below for column in grid.columns}
    every = tuple(c for c in grid.columns if c.key not in below)
    some = tuple(c for c in every if not c.wide)
    has_bar = bool(grid.bar)
    tries = (
        (every, has_bar, GAP),
        (some, has_bar, GAP),
        (some, False, GAP),
        (some, False, 2),
    )
    for columns, with_bar, gap in tries:
        sizes = tuple(natural[c.key] for c in columns)
        least = tuple(min(s, PROSE) if c.flows else s for c, s in zip(columns, sizes, strict=True))
        if width is None or Layout(columns, least, with_bar, gap).whole <= width:
            break
    layout = Layout(columns, sizes, with_bar, gap)
    return layout if width is None else _narrowed(_without_minor(layout, width), width)


def _without_minor(layout: Layout, width: int) -> Layout:
    """A layout without so many minor columns, from the right, that names stay legible."""
    columns, sizes = list(layout.columns), list(layout.widths)
    while _legible(layout).whole > width and any(column.minor for column in columns):
        last = max(place for place, column in enumerate(columns) if column.minor)
        del columns[last], sizes[last]
        layout = layout._replace(columns=tuple(columns), widths=tuple(sizes))
    return layout


def _legible(layout: Layout) -> Layout:
    """A layout with its names as narrow as they may become for the sake of minor columns."""
    sizes = (
        size if _is_rigid(column) else min(size, LEGIBLE)
        for column, size in zip(layout.columns, layout.widths, strict=True)
    )
    return layout._replace(widths=tuple(sizes))


def hidden(grid: Grid, layout: Layout) -> list[str]:
    """The labels of the columns that a layout leaves out."""
    below = {column.below for column in grid.columns}
    left_out = (c for c in grid.columns if c not in layout.columns and c.key not in below)
    return [column.label for column in left_out if column.label]


def _natural_widths(
    grid: Grid, texts: Sequence[Sequence[str]], *, limit: int | None
) -> dict[str, int]:
    """How wide each column is where nothing wraps; one of prose takes at most ``limit``."""
    natural = {
        column.key: max(text_width(part) for text in cells for part in text.split("\n"))
        for column, cells in zip(grid.columns, texts, strict=True)
    }
    for column in grid.columns:
        if column.below:
            natural[column.key] = max(natural[column.key], natural[column.below] + 2)
        if column.flows and limit is not None:
            natural[column.key] = min(natural[column.key], limit)
    return natural


def _narrowed(layout: Layout, width: int) -> Layout:
    """A layout in which names and prose give way until it fits, or none of them can."""
    sizes = list(layout.widths)
    limits = [_least_width(c, size) for c, size in zip(layout.columns, sizes, strict=True)]
    for _ in range(layout.whole - width):
        free = [position for position, size in enumerate(sizes) if size > limits[position]]
        if not free:
            break
        sizes[max(free, key=sizes.__getitem__)] -= 1
    narrowed = layout._replace(widths=tuple(sizes))
    if (
        narrowed.whole > width and layout.gap > 1
    ):  # if it is too wide even so, it is shown all the same
        return _narrowed(layout._replace(gap=1), width)
    return narrowed


def _least_width(column: Column, natural: int) -> int:
    """How narrow a column may become; one of numbers or shapes stays as wide as it is."""
    if _is_rigid(column):
        return natural
    return min(natural, max(LEAST, *map(text_width, column.label.split() or [""])))


def _is_rigid(column: Column) -> bool:
    """Whether a column stays as wide as it is: one of numbers or shapes."""
    return column.is_number or column.form in ("shape", "input")


def text_width(text: str) -> int:
    """The columns that a text takes in a terminal.

    >>> text_width("conv2d"), text_width("層"), text_width("e\\u0301")
    (6, 2, 1)
    """
    return len(text) if text.isascii() else sum(map(_character_width, text))


def _character_width(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def wrapped(text: str, width: int, *, indent: int = 0) -> list[str]:
    """A text in lines of at most ``width`` columns; the second and later ones are set in.

    Lines break at spaces, else behind a mark within a name, else anywhere. A number stays with its unit.

    >>> wrapped("block_1_depthwise", 10), wrapped("2.5 M of 5 M", 9)
    (['block_1_', 'depthwise'], ['2.5 M of', '5 M'])
    """
    lines: list[str] = []
    for paragraph in text.split("\n"):
        rest = UNIT.sub(NO_BREAK, paragraph)
        first = True
        while text_width(rest) > (room := max(width - (0 if first else indent), 1)):
            cut = _place_to_break(rest, room)
            lines.append(" " * (0 if first else indent) + rest[:cut].rstrip())
            rest, first = rest[cut:].lstrip(" "), False
        lines.append(" " * (0 if first else indent) + rest)
    return [line.replace(NO_BREAK, " ") for line in lines]


def _place_to_break(text: str, width: int) -> int:
    """How many characters of a text that is too long stay on the line; at least one."""
    fits, taken = 0, 0
    for character in text:
        taken += _character_width(character)
        if taken > width:
            break
        fits += 1
    start = len(text) - len(text.lstrip(" "))
    space = text.rfind(" ", start + 1, fits + 1)
    if space > 0:
        return space
    mark = max(text.rfind(sign, start + 1, fits) for sign in "/_-.,:=+")
    return mark + 1 if mark > 0 else max(fits, 1)


def bar_part(grid: Grid, line: Line, top: float) -> float:
    """The length of a line's bar, from 0 to 1."""
    return min(line.cells[grid.level or grid.bar] / top, 1.0) if top else 0.0


def bar(part: float, *, plain: bool = False) -> str:
    """A bar of eighths of a column, visible for whatever is not nothing.

    >>> bar(1.0), bar(0.55), bar(0.001), bar(0), bar(0.5, plain=True)
    ('██████████', '█████▌', '▏', '', '#####')
    """
    eighths = round(part * BAR * 8)
    if part > 0:
        eighths = max(eighths, 1)
    whole, rest = divmod(eighths, 8)
    if plain:
        return "#" * max(whole, 1 if eighths else 0)
    return "█" * whole + EIGHTHS[rest]
