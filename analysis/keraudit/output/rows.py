"""The rows of a grid in another order, or the first of them alone."""

from __future__ import annotations

from typing import Any

from keraudit.output.table import Grid, Line


def arranged(grid: Grid, *, key: str = "", most: int | None = None) -> Grid:
    """A grid sorted by a column, the largest first, or cut after ``most`` rows; its total is of all.

    Names are sorted from A to Z, changes by their size. What lies deeper moves with its outer row.
    """
    groups: list[list[Line]] = []
    for line in grid.lines:
        if line.depth and groups:
            groups[-1].append(line)
        else:
            groups.append([line])
    if key:
        groups.sort(key=lambda group: _rank(group[0].cells.get(key)))
    notes = grid.notes
    if most is not None and most < len(groups):
        whole = "; the total is of all" if grid.total else ""
        notes = (f"Shown          {most:,} of {len(groups):,} rows{whole}", *notes)
        groups = groups[:most]
    return grid._replace(lines=tuple(line for group in groups for line in group), notes=notes)


def _rank(value: Any) -> tuple[int, Any]:
    """The place of a value: numbers from the largest on, then texts, then what is missing."""
    if value is None:
        return 2, 0
    return (1, value.lower()) if isinstance(value, str) else (0, -abs(value))
