"""A grid as CSV (raw values) and as Markdown (written values)."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from io import StringIO

from keraudit.bounds import Bound
from keraudit.render.grid import Grid, Line, written


def csv_text(grids: Sequence[Grid]) -> str:
    """All lines of all grids under one header; a list of sizes is written with crosses.

    The total is left out, so that a column adds up to it.
    """
    out = StringIO()
    keys = [column.key for column in grids[0].columns]
    bounded = [column.key for column in grids[0].columns if column.bounded]
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["model", *keys, *(f"{key}_bound" for key in bounded)])
    for grid in grids:
        for line in grid.lines:
            bounds = [line.bounds.get(key, Bound.EXACT).word for key in bounded]
            writer.writerow([grid.title, *(plain(line.cells.get(key)) for key in keys), *bounds])
    return out.getvalue()


def plain(value: object) -> object:
    if isinstance(value, list | tuple):
        return "x".join(map(str, value))
    if not isinstance(value, str):
        return value
    text = value.replace("\n", " ")
    # a spreadsheet takes a cell that begins so for a formula; names come from files
    return "'" + text if text and text[0] in "=+-@" else text


def markdown_text(grid: Grid) -> str:
    """A pipe table with the heading before it and the notes after it."""
    numbers = [column.is_number for column in grid.columns]
    head = [escaped(column.label) for column in grid.columns]
    rule = ["--:" if number else ":--" for number in numbers]
    lines = [cells(grid, line) for line in grid.lines]
    if grid.total:
        lines.append([f"**{cell}**" if cell else "" for cell in cells(grid, grid.total)])
    table = "\n".join("| " + " | ".join(line) + " |" for line in [head, rule, *lines])
    notes = [" ".join(note.split()) for note in grid.notes if note.strip()]
    made = [f"Made by `{grid.command}`."] if grid.command else []
    tail = "\n".join(f"- {escaped(note)}" for note in [*notes, f"Convention: {grid.convention}."])
    return f"**{escaped(grid.title)}** {grid.heading}\n\n{table}\n\n{tail}\n" + "".join(
        f"- {line}\n" for line in made
    )


def cells(grid: Grid, line: Line) -> list[str]:
    indent = "&nbsp;" * 3 * line.depth
    texts = [escaped(written(column, line)) for column in grid.columns]
    texts = [text.replace("\n", "<br>") for text in texts]
    return [indent + texts[0], *texts[1:]]


def escaped(text: str) -> str:
    """Text that Markdown shows as it is: names come from files."""
    for mark in "\\`*_{}[]<>|#":
        text = text.replace(mark, "\\" + mark if mark not in "<>" else f"&{'lg'[mark == '>']}t;")
    return text
