"""A grid as a terminal table, readable with and without colour, at any width."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import TextIO

from keraudit.output.layout import (
    ASCII,
    BAR,
    WIDTH,
    Layout,
    bar,
    bar_part,
    hidden,
    laid_out,
    text_width,
    wrapped,
)
from keraudit.output.table import Column, Grid, Line, full_bar, shown, written

TONES = {"dim": "2", "warn": "33", "more": "31", "less": "32", "": ""}
BOLD, BAR_TONE = "1", "36"
LABELLED = re.compile(r"(?:\S+ )*\S+ {2,}|\s*")  # what a note's later lines are set in by


def grid_text(
    grid: Grid,
    width: int | None = WIDTH,
    *,
    plain: bool = False,
    color: bool = False,
    every: str = "to_dataframe()",
) -> str:
    """Heading, table and notes, without a line feed at the end.

    Args:
        grid: what is shown.
        width: columns of the terminal. ``None``: as many as it takes.
        plain: in ASCII alone.
        color: with the escape sequences of a terminal.
        every: what gives every column, for the line that names those that are hidden.
    """
    grid = shown(grid)
    head, *more = _prose_lines(f"{grid.title}  {grid.heading}", width)
    bold = min(len(head), len(grid.title))
    lines = [
        (_toned(head[:bold], BOLD) + head[bold:]) if color else head,
        *more,
        *_table_lines(grid, width, plain=plain, color=color),
    ]
    for note in (*_hidden_note(grid, width, plain, every), *grid.notes):
        tone = TONES["warn"] * (color and note.startswith(("LOWER", "ESTIMATE")))
        label = LABELLED.match(note)
        indent = label.end() if label else 0
        lines += [_toned(line, tone) for line in _prose_lines(note, width, indent)]
    text = "\n".join(line.rstrip() for line in lines).rstrip()
    return text.translate(ASCII) if plain else text


def _prose_lines(text: str, width: int | None, indent: int = 0) -> list[str]:
    """A heading or a note in lines of the terminal, those after the first set in."""
    if width is None:
        return text.split("\n")
    return wrapped(text, width, indent=indent if indent <= width // 3 else 0)


def _toned(text: str, tone: str) -> str:
    return f"\x1b[{tone}m{text}\x1b[0m" if tone and text else text


def _table_lines(grid: Grid, width: int | None, *, plain: bool, color: bool) -> Iterator[str]:
    """The table line by line; a cell that wraps takes several."""
    if not grid.lines:
        return
    rows, texts = _rows(grid), _texts(grid, plain)
    layout = _layout(grid, texts, width)
    cells = {column.key: cells for column, cells in zip(grid.columns, texts, strict=True)}
    top = full_bar(grid)
    heads = {column.key: wrapped(column.label, size) for column, size in _sized(layout)}
    yield ""
    yield from _laid(grid, layout, heads, "", TONES[""])
    yield " " + "─" * (layout.whole - 1)
    for number, row in enumerate(rows):
        is_total = row is grid.total
        if is_total:
            yield ""
        drawn = "" if is_total or not layout.has_bar else bar(bar_part(grid, row, top), plain=plain)
        lines = {c.key: _cell_lines(c, cells, number, size) for c, size in _sized(layout)}
        tone = (BOLD if is_total else TONES[row.tone]) if color else ""
        yield from _laid(grid, layout, lines, drawn, tone, BAR_TONE if color else "")
    yield ""


def _rows(grid: Grid) -> list[Line]:
    return [*grid.lines, *([grid.total] if grid.total else [])]


def _texts(grid: Grid, plain: bool) -> list[list[str]]:
    """The cells of each column."""
    return [[_cell(column, row, plain) for row in _rows(grid)] for column in grid.columns]


def _layout(grid: Grid, texts: Sequence[Sequence[str]], width: int | None) -> Layout:
    with_labels = zip(grid.columns, texts, strict=True)
    return laid_out(grid, [[column.label, *cells] for column, cells in with_labels], width)


def _hidden_note(grid: Grid, width: int | None, plain: bool, every: str) -> list[str]:
    """The columns that have no room, in one line; none where all are shown."""
    if width is None or not grid.lines:
        return []
    left_out = hidden(grid, _layout(grid, _texts(grid, plain), width))
    return [f"Hidden         {', '.join(left_out)}: {every}"] if left_out else []


def _sized(layout: Layout) -> Iterator[tuple[Column, int]]:
    return zip(layout.columns, layout.widths, strict=True)


def _cell(column: Column, line: Line, plain: bool) -> str:
    """A cell as text; names are set in by their depth."""
    indent = "  " * line.depth if column.key == "name" else ""
    text = indent + written(column, line)
    return text.translate(ASCII) if plain else text


def _cell_lines(column: Column, cells: dict[str, list[str]], number: int, size: int) -> list[str]:
    """The lines of a cell: what stands below it is set in."""
    text = cells[column.key][number]
    depth = min(len(text) - len(text.lstrip(" ")), size // 2) if column.key == "name" else 0
    lines = [" " * depth + part for part in wrapped(text.lstrip(" "), size - depth)]
    if column.below and (beneath := cells[column.below][number]):
        lines += ["  " + part for part in wrapped(beneath, size - 2)]
    return lines


def _laid(
    grid: Grid,
    layout: Layout,
    lines: dict[str, list[str]],
    drawn: str,
    tone: str,
    bar_tone: str = "",
) -> Iterator[str]:
    """The lines of one row, each cell at its place; the bar is on the first."""
    for number, parts in enumerate(
        zip_longest(*(lines[column.key] for column in layout.columns), fillvalue="")
    ):
        made = []
        for (column, size), part in zip(_sized(layout), parts, strict=True):
            blank = " " * (size - text_width(part))
            made.append(_toned(blank + part if column.is_number else part + blank, tone))
            if layout.has_bar and column.key == grid.bar:
                part = "" if number else drawn
                made.append(_toned(part, bar_tone) + " " * (BAR - len(part)))
        yield " " + (" " * layout.gap).join(made)


def stream_width(stream: TextIO) -> int | None:
    """The columns of an output: those that ``COLUMNS`` states, or the terminal's; else ``None``."""
    stated = os.environ.get("COLUMNS", "")
    if stated.isdecimal() and int(stated):
        return int(stated)
    if not stream.isatty():
        return None
    try:
        return os.get_terminal_size(stream.fileno()).columns or WIDTH
    except OSError:
        return WIDTH


def wants_color(stream: TextIO) -> bool:
    """Whether an output is shown in colour, by ``NO_COLOR``, ``FORCE_COLOR`` and the terminal."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM", "").lower() not in ("dumb", "unknown")


def is_ascii(stream: TextIO) -> bool:
    """Whether an output takes ASCII alone."""
    return not (getattr(stream, "encoding", None) or "utf-8").lower().startswith("utf")
