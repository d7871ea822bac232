"""Grids as Streamlit draws them."""

from __future__ import annotations

from typing import Any

import streamlit as st

from keraudit.model.bounds import Bound
from keraudit.output.table import Column, Grid, Line, shown, written

# Columns of numbers that a reader can sort by, with Streamlit's format; all others are text.
_NUMBERS = {"number": "", "count": "", "exact": "localized", "real": "%.3g"}


def table(grid: Grid, *, bound: Bound = Bound.EXACT, **options: Any) -> None:
    """The lines of a grid.

    Args:
        grid: its columns are shown.
        bound: of the model; if it is not exact, a last column says what the counts of each line are.
        options: for ``st.dataframe``.
    """
    grid = shown(grid)
    labels = [column.label for column in grid.columns]
    # Two models may have one title.
    heads = [c.label if labels.count(c.label) == 1 else f"{c.label}, {c.key}" for c in grid.columns]
    rows: list[dict[str, Any]] = []
    for line in grid.lines:
        row = {head: _value(c, line) for head, c in zip(heads, grid.columns, strict=True)}
        rows.append(row | ({} if bound is Bound.EXACT else {"counts": _counts(grid, line).word}))
    formats = {head: _number_format(c) for head, c in zip(heads, grid.columns, strict=True)}
    config = {head: st.column_config.NumberColumn(format=f) for head, f in formats.items() if f}
    st.dataframe(rows, hide_index=True, column_config=config, placeholder="", **options)


def _counts(grid: Grid, line: Line) -> Bound:
    """The worst bound of a line's counts."""
    found = (line.bounds.get(column.key, Bound.EXACT) for column in grid.columns if column.bounded)
    return max(found, default=Bound.EXACT)


def _value(column: Column, line: Line) -> Any:
    found = line.cells.get(column.key)
    if column.form not in _NUMBERS and "{" not in column.form:
        return written(column, line)
    return _cell(found) if isinstance(found, int) else found


def _cell(value: int) -> int | float:
    """A count as a table takes it: whole, unless it has more than 63 bits.

    >>> _cell(5), _cell(2**70)
    (5, 1.1805916207174113e+21)
    """
    return value if abs(value) < 2**63 else float(value)


def _number_format(column: Column) -> str:
    """Streamlit's format of a column of numbers.

    >>> _number_format(Column("a", "a", "{:.4f}")), _number_format(Column("a", "a", "exact"))
    ('%.4f', 'localized')
    """
    if "{" in column.form:
        return column.form.replace("{:", "%").replace("}", "")
    return _NUMBERS.get(column.form, "")
