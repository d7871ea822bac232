"""How a table is laid out in a terminal, with rich or without it: columns, names, bars."""

from __future__ import annotations

from keraudit.output.table import Column, Grid, Line, written

BAR = 10  # columns of the bar at full length
WIDTH = 80
ROOMY = 130  # from this width on all columns are shown
EIGHTHS = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")


def cell_text(column: Column, line: Line) -> str:
    """A cell as text; names are set in by their depth."""
    indent = "  " * line.depth if column.key == "name" else ""
    return indent + written(column, line)


def shown_columns(grid: Grid, width: int) -> list[Column]:
    """The columns that a terminal shows: those marked wide only where there is room."""
    below = {column.below for column in grid.columns}
    room = width >= ROOMY
    return [c for c in grid.columns if (room or not c.wide) and c.key not in below]


def widest_name(grid: Grid, width: int) -> int:
    """Where names are cut short: they have half of the width beside one or two columns."""
    if not grid.bar and len(shown_columns(grid, width)) <= 3:
        return width // 2
    return (24 if grid.bar else 29) + max(0, width - WIDTH) // 2


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
