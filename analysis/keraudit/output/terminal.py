"""A grid as a terminal table: 80 columns, readable with and without colour."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keraudit.output.fixed_width import fixed_text
from keraudit.output.layout import BAR, WIDTH, bar, bar_part, cell_text, shown_columns, widest_name
from keraudit.output.table import Column, Grid, Line, full_bar, shown

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

TONES = {"dim": "dim", "warn": "yellow", "more": "red", "less": "green", "": ""}


def grid_text(grid: Grid) -> str:
    """A grid as plain text, 80 columns wide, without colour."""
    text = fixed_text(grid, WIDTH)
    return _stripped(rich_text(grid) if text is None else text)


def _stripped(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.rstrip().split("\n"))


def rich_text(grid: Grid, width: int = WIDTH) -> str:
    """A grid as rich prints it without colour."""
    from io import StringIO

    from rich.console import Console

    out = StringIO()
    print_grid(grid, Console(file=out, width=width, color_system=None, legacy_windows=False))
    return out.getvalue()


def print_grid(grid: Grid, console: Console) -> None:
    """Print heading, table and notes to a rich console."""
    from rich.text import Text

    grid = shown(grid)
    console.print(Text.assemble((grid.title, "bold"), f"  {grid.heading}"))
    if grid.lines:
        console.print(table(grid, console))
    for note in grid.notes:
        console.print(Text(note, style="yellow" if note.startswith(("LOWER", "ESTIMATE")) else ""))


def table(grid: Grid, console: Console) -> Table:
    """One row per line, the total last. Columns marked wide are shown where there is room."""
    from rich.box import ASCII_DOUBLE_HEAD, SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    plain = not (console.encoding or "utf-8").lower().startswith("utf")
    columns = shown_columns(grid, console.width)
    drawn = Table(box=ASCII_DOUBLE_HEAD if plain else SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    most = widest_name(grid, console.width)
    for column in columns:
        drawn.add_column(
            Text(column.label),  # a str would be read as markup
            justify="right" if column.is_number else "left",
            no_wrap=not column.flows,
            overflow="fold" if column.flows else "ellipsis",
            max_width=most if column.key == "name" else None,
        )
        if column.key == grid.bar:
            drawn.add_column("", no_wrap=True, width=BAR)
    top = full_bar(grid)

    def cells(line: Line) -> list[RenderableType]:
        result: list[RenderableType] = []
        for column in columns:
            result.append(stack(column, line) if column.below else cell(column, line))
            if column.key == grid.bar:
                part = 0 if line is grid.total else bar_part(grid, line, top)
                result.append(Text(bar(part, plain=plain), style="cyan"))
        return result

    for line in grid.lines:
        drawn.add_row(*cells(line), style=TONES[line.tone])
    if grid.total:
        drawn.add_section()
        drawn.add_row(*cells(grid.total), style="bold")
    return drawn


def stack(column: Column, line: Line) -> RenderableType:
    """A cell with that of another column beneath it, set in."""
    from rich.console import Group
    from rich.padding import Padding
    from rich.text import Text

    beneath = Text(str(line.cells.get(column.below) or ""), style="dim")
    return Group(cell(column, line), Padding(beneath, (0, 0, 0, 2)))


def cell(column: Column, line: Line) -> Text:
    from rich.text import Text

    return Text(cell_text(column, line))
