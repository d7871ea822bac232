"""A grid as a terminal table: 80 columns, readable with and without colour."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keraudit.render.grid import Column, Grid, Line, full_bar, report_grid, written
from keraudit.report import CostReport

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

BAR = 10  # columns of the bar at full length
WIDTH = 80
TONES = {"dim": "dim", "warn": "yellow", "more": "red", "less": "green", "": ""}
EIGHTHS = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")


def report_text(report: CostReport, *, by: str = "block", depth: int = 1) -> str:
    """The report as plain text, 80 columns wide."""
    return grid_text(report_grid(report, by=by, depth=depth))


def grid_text(grid: Grid) -> str:
    """A grid as plain text, 80 columns wide, without colour."""
    from io import StringIO

    from rich.console import Console

    out = StringIO()
    print_grid(grid, Console(file=out, width=WIDTH, color_system=None, legacy_windows=False))
    return "\n".join(line.rstrip() for line in out.getvalue().rstrip().split("\n"))


def print_grid(grid: Grid, console: Console) -> None:
    """Print heading, table and notes to a rich console."""
    from rich.text import Text

    console.print(Text.assemble((grid.title, "bold"), f"  {grid.heading}"))
    if grid.lines:
        console.print(table(grid, console))
    for note in grid.notes:
        console.print(Text(note, style="yellow" if note.startswith("LOWER") else ""))


def table(grid: Grid, console: Console) -> Table:
    """One row per line, the total last. Columns marked wide are shown where there is room."""
    from rich.box import ASCII_DOUBLE_HEAD, SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    plain = not (console.encoding or "utf-8").lower().startswith("utf")
    below = {c.below for c in grid.columns}
    shown = [c for c in grid.columns if not c.wide or console.width >= 130]
    columns = [c for c in shown if c.key not in below]
    made = Table(box=ASCII_DOUBLE_HEAD if plain else SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    most = (24 if grid.bar else 29) + max(0, console.width - WIDTH) // 2
    for column in columns:
        made.add_column(
            column.label,
            justify="right" if column.is_number else "left",
            no_wrap=not column.flows,
            overflow="fold" if column.flows else "ellipsis",
            max_width=most if column.key == "name" else None,
        )
        if column.key == grid.bar:
            made.add_column("", no_wrap=True, width=BAR)
    top = full_bar(grid)

    def cells(line: Line, *, total: bool = False) -> list[RenderableType]:
        result: list[RenderableType] = []
        for column in columns:
            result.append(stack(column, line) if column.below else cell(column, line))
            if column.key == grid.bar:
                part = 0 if total or not top else line.cells[grid.level or grid.bar] / top
                result.append(Text(bar(min(part, 1.0), plain=plain), style="cyan"))
        return result

    for line in grid.lines:
        made.add_row(*cells(line), style=TONES[line.tone])
    if grid.total:
        made.add_section()
        made.add_row(*cells(grid.total, total=True), style="bold")
    return made


def stack(column: Column, line: Line) -> RenderableType:
    """A cell with that of another column beneath it, set in."""
    from rich.console import Group
    from rich.padding import Padding
    from rich.text import Text

    beneath = Text(str(line.cells.get(column.below) or ""), style="dim")
    return Group(cell(column, line), Padding(beneath, (0, 0, 0, 2)))


def cell(column: Column, line: Line) -> Text:
    from rich.text import Text

    indent = "  " * line.depth if column.key == "name" else ""
    return Text(indent + written(column, line.cells.get(column.key)))


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
