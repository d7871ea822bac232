"""A grid as the terminal table without colour, made without rich, which takes longer to import.

Only where nothing has to be wrapped, cut to fit, or measured: then there is one way to lay it out, and
rich has no say in it. A test holds both to the same text.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import TextIO

from keraudit.output.layout import (
    BAR,
    EIGHTHS,
    WIDTH,
    bar,
    bar_part,
    cell_text,
    shown_columns,
    widest_name,
)
from keraudit.output.table import Grid, Line, full_bar, shown

GAP = "   "
NARROW = frozenset("─…█×–≥≈" + "".join(EIGHTHS))  # one column wide, as ASCII is
# What makes rich colour what goes to a pipe, or lay it out for something else than a terminal.
ASKS_FOR_MORE = ("FORCE_COLOR", "TTY_COMPATIBLE", "JUPYTER_COLUMNS", "TTY_INTERACTIVE")


def plain_width(stream: TextIO) -> int:
    """The columns of an output that wants neither colour nor another alphabet; 0 if it does."""
    utf = (getattr(stream, "encoding", None) or "").lower().startswith("utf")
    wants_more = any(os.environ.get(name) for name in ASKS_FOR_MORE)
    if stream.isatty() or not utf or wants_more or sys.platform == "win32":
        return 0
    stated = os.environ.get("COLUMNS", "")
    if stated.isdigit():
        return int(stated)
    if os.environ.get("TERM", "").lower() in ("dumb", "unknown"):
        return WIDTH
    for descriptor in (0, 1, 2):
        try:
            return os.get_terminal_size(descriptor).columns or WIDTH
        except OSError:
            continue
    return WIDTH


def fixed_text(grid: Grid, width: int) -> str | None:
    """Heading, table and notes; ``None`` where something does not fit ``width`` as it is."""
    grid = shown(grid)
    columns = shown_columns(grid, width)
    if any(column.below for column in columns):
        return None
    lines = [f"{grid.title}  {grid.heading}", *_table_lines(grid, width), *grid.notes]
    if any(len(line) > width or not _is_narrow(line) for line in lines):
        return None
    return "\n".join(lines) + "\n"


def _is_narrow(text: str) -> bool:
    """Whether each character takes one column and does nothing else.

    >>> _is_narrow("mixed0 █▏"), _is_narrow("层"), _is_narrow("a\\tb")
    (True, False, False)
    """
    rest = text if text.isascii() else "".join(c for c in text if c not in NARROW)
    return rest.isascii() and rest.isprintable()


def _table_lines(grid: Grid, width: int) -> Iterator[str]:
    """The table line by line, each as wide as its widest cells."""
    if not grid.lines:
        return
    columns = shown_columns(grid, width)
    heads: list[str] = []
    to_right: list[bool] = []
    for column in columns:
        heads.append(column.label)
        to_right.append(column.is_number)
        if column.key == grid.bar:
            heads.append("")
            to_right.append(False)
    top, most = full_bar(grid), widest_name(grid, width)  # once: both look at every line
    rows = [row(grid, line, width, top, most) for line in grid.lines]
    total = [row(grid, grid.total, width, top, most)] if grid.total else []
    widths = [max(map(len, cells)) for cells in zip(heads, *rows, *total, strict=True)]
    if grid.bar:
        widths[1 + [column.key for column in columns].index(grid.bar)] = BAR

    def laid(cells: list[str]) -> str:
        placed = [
            cell.rjust(size) if right else cell.ljust(size)
            for cell, size, right in zip(cells, widths, to_right, strict=True)
        ]
        return f" {GAP.join(placed)} "

    blank = " " * len(laid(heads))
    yield blank
    yield laid(heads)
    yield f" {'─' * (len(blank) - 2)} "
    yield from map(laid, rows)
    if total:
        yield blank
        yield laid(total[0])
    yield blank


def row(grid: Grid, line: Line, width: int, top: float, most: int) -> list[str]:
    """The cells of a line as text, the bar behind its column.

    ``top`` is the value whose bar has full length, ``most`` the longest name shown whole.
    """
    cells = []
    for column in shown_columns(grid, width):
        text = cell_text(column, line)
        if column.key == "name" and len(text) > most:
            text = text[: most - 1] + "…"
        cells.append(text)
        if column.key == grid.bar:
            cells.append(bar(0 if line is grid.total else bar_part(grid, line, top)))
    return cells
