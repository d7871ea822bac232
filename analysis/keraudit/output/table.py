"""Reports as one neutral table, which every face then writes in its own way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from keraudit.model.bounds import Bound
from keraudit.output.numbers import (
    change,
    exact,
    extent,
    factor,
    percent,
    real,
    short,
    short_bytes,
    sizes,
)
from keraudit.safe_text import harmless, is_harmless

NO_BOUNDS: Mapping[str, Bound] = {}


class Column(NamedTuple):
    """``form`` says how a cell is written: a name of ``FORMS``, or a number's format, as ``{:.2f} s``.

    ``wide`` columns are left out where there is no room for all, ``minor`` ones next, from the right, where
    names would wrap to shreds.

    The figures of a ``bounded`` column may be bounds or estimates; CSV says so in a column of its own.

    A column that ``flows`` breaks its lines. In a terminal the column named ``below`` is shown under
    this one, in its place.
    """

    key: str
    label: str
    form: str = "text"
    wide: bool = False
    flows: bool = False
    below: str = ""
    bounded: bool = False
    minor: bool = False

    @property
    def is_number(self) -> bool:
        return self.form not in ("text", "code", "markdown", "shape", "input")


def input_size(shape: Sequence[int]) -> str:
    return sizes(shape, batch=False)


FORMS: Mapping[str, Callable[[Any], str]] = {
    "text": str,
    "code": str,  # a name or a command; Markdown marks it as code
    "markdown": str,  # with its label of our own making, never a file's: Markdown takes their marks
    "number": str,
    "count": short,
    "exact": exact,
    "bytes": short_bytes,
    "share": percent,
    "shape": sizes,
    "input": input_size,
    "extent": extent,
    "change": change,
    "factor": factor,
    "real": real,
}


class Line(NamedTuple):
    """Raw values by column key. ``tone``: empty, ``dim``, ``warn``, ``more`` or ``less``.

    ``bounds`` has those of the values that are not exact, by column key.
    """

    cells: dict[str, Any]
    depth: int = 0
    tone: str = ""
    bounds: Mapping[str, Bound] = NO_BOUNDS


class Grid(NamedTuple):
    """A table with its heading and notes; ``bar`` is the column that the bars are drawn from.

    With ``level`` they are drawn from the cells of that key instead, from 0 to 1: not every scale
    begins at nothing.
    """

    title: str
    heading: str
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    total: Line | None = None
    bar: str = ""
    level: str = ""
    notes: tuple[str, ...] = ()
    command: str = ""
    convention: str = ""


def shown(grid: Grid) -> Grid:
    """The grid with every text made harmless: each writer takes it before it marks text up.

    Records are so as they are read; a command line, a note and what a caller made need not be. Cells,
    notes and a command may have several lines.
    """
    lines = [*grid.lines, *([grid.total] if grid.total else [])]
    several = [grid.command, *grid.notes, *(v for line in lines for v in texts(line))]
    single = [grid.title, grid.heading, grid.convention, *(c.label for c in grid.columns)]
    if is_harmless("".join(several), lines=True) and is_harmless("".join(single)):
        return grid
    return grid._replace(
        title=harmless(grid.title),
        heading=harmless(grid.heading),
        columns=tuple(column._replace(label=harmless(column.label)) for column in grid.columns),
        lines=tuple(map(_harmless_line, grid.lines)),
        total=_harmless_line(grid.total) if grid.total else None,
        notes=tuple(harmless(note, lines=True) for note in grid.notes),
        command=harmless(grid.command, lines=True),
        convention=harmless(grid.convention),
    )


def texts(line: Line) -> Iterator[str]:
    """Every text in a line's cells."""
    for value in line.cells.values():
        if isinstance(value, str):
            yield value
        elif isinstance(value, list | tuple):
            yield from (item for item in value if isinstance(item, str))


def _harmless_line(line: Line) -> Line:
    def cell(value: Any) -> Any:
        if isinstance(value, str):
            return harmless(value, lines=True)
        return [cell(item) for item in value] if isinstance(value, list | tuple) else value

    return line._replace(cells={key: cell(value) for key, value in line.cells.items()})


def full_bar(grid: Grid) -> float:
    """The value whose bar has full length: the largest of the outer lines."""
    if grid.level or not grid.bar:
        return float(bool(grid.level))
    return max((line.cells[grid.bar] for line in grid.lines if not line.depth), default=0)


def written(column: Column, line: Line) -> str:
    """A cell as text; what is not exact has its sign before it."""
    value = line.cells.get(column.key)
    if value is None:
        return ""
    form = column.form
    text = form.format(value) if "{" in form else FORMS[form](value)
    return line.bounds.get(column.key, Bound.EXACT).sign + text


def bare_grid(
    columns: Mapping[str, str], rows: Iterable[Sequence[Any]], *, total: Sequence[Any] = ()
) -> Grid:
    """A table without title and notes.

    Args:
        columns: the form of each, by its label.
        rows: their values, in the order of the columns.
        total: those of the last line.
    """
    lines = [Line(dict(zip(columns, row, strict=True))) for row in (*rows, *[total] * bool(total))]
    return Grid(
        title="",
        heading="",
        columns=tuple(Column(key=label, label=label, form=form) for label, form in columns.items()),
        lines=tuple(lines[: len(lines) - bool(total)]),
        total=lines[-1] if total else None,
    )


class Uncounted(Protocol):
    """A layer that is not counted in full."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def reason(self) -> str: ...


MISFIT = "parameters do not add up to those that the file or the model holds"


def bound_notes(bound: Bound, uncounted: Sequence[Uncounted], consequence: str = "") -> list[str]:
    """What is not counted in full, and what that makes of the figures with a sign before them."""
    if bound is Bound.EXACT:
        return []
    if not uncounted:
        return ["", f"ESTIMATE (≈): {MISFIT}"]
    named = [f"  {layer.name} ({layer.kind}): {layer.reason}" for layer in uncounted]
    what = "LOWER BOUND (≥)" if bound is Bound.LOWER else "ESTIMATE (≈), for a shape is assumed"
    notes = ["", f"{what}: {len(named)} not counted in full{consequence}:", *named[:10]]
    return notes + (
        [f"  and {len(named) - 10} more (see --format json, to_dict())"] if len(named) > 10 else []
    )
