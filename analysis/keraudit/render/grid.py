"""Reports as one neutral table, which every face then writes in its own way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from keraudit.audits.cost import Cost
from keraudit.audits.views import Row, rows
from keraudit.bounds import Bound, Bounds
from keraudit.harmless import harmless, is_harmless
from keraudit.render.numbers import (
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
from keraudit.report import CONVENTION, CostReport

if TYPE_CHECKING:
    from keraudit.reading.kept import Listed


NO_BOUNDS: Mapping[str, Bound] = {}


class Column(NamedTuple):
    """``form`` says how a cell is written; ``wide`` columns are left out of an 80-column terminal.

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

    @property
    def is_number(self) -> bool:
        return self.form not in ("text", "shape", "input")


def input_size(shape: Sequence[int]) -> str:
    return sizes(shape, batch=False)


FORMS: Mapping[str, Callable[[Any], str]] = {
    "text": str,
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
    convention: str = CONVENTION


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
        lines=tuple(map(harmless_line, grid.lines)),
        total=harmless_line(grid.total) if grid.total else None,
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


def harmless_line(line: Line) -> Line:
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
    return line.bounds.get(column.key, Bound.EXACT).sign + FORMS[column.form](value)


NAMES = {"block": "Block", "layer": "Layer", "kind": "Layer kind", "stage": "Stage"}


def report_grid(report: CostReport, *, by: str = "block", depth: int = 1) -> Grid:
    """A cost report by block, layer, kind or stage."""
    whole = report.total.bounds.macs
    lines = tuple(report_line(row, whole) for row in rows(report.costs, by=by, depth=depth))
    placed = by != "kind"
    columns = (
        Column(key="name", label=NAMES[by]),
        Column(key="kind", label="Kind", wide=True),
        Column(key="layers", label="Calls", form="number", wide=placed),
        *((Column(key="output_shape", label="Output", form="shape"),) if placed else ()),
        Column(key="macs", label="MACs", form="count", bounded=True),
        Column(key="share", label="Share", form="share", bounded=True),
        Column(key="flops", label="FLOPs", form="count", wide=True, bounded=True),
        Column(key="params", label="Params", form="count", bounded=True),
        Column(key="param_bytes", label="Weights", form="bytes", wide=True, bounded=True),
        Column(key="activation_bytes", label="Activations", form="bytes", wide=True, bounded=True),
        *((Column(key="receptive_field", label="Sees", form="extent"),) if placed else ()),
        *(
            (Column(key="effective_stride", label="Stride", form="extent", wide=True),)
            if placed
            else ()
        ),
    )
    total = cost_cells(report.total) | {
        "name": "total",
        "layers": len(report.layers),
        "share": 1.0 if report.total.macs else 0.0,
    }
    return Grid(
        title=", ".join([report.model, *(note.name for note in report.rewrites)]),
        heading=heading(report),
        columns=columns,
        lines=lines,
        total=Line(cells=total, bounds=cost_bounds(report.total.bounds)),
        bar="share",
        notes=tuple(
            report_notes(report, placed and any(line.cells["receptive_field"] for line in lines))
        ),
        command=report.command,
    )


def cost_cells(cost: Cost) -> dict[str, Any]:
    return {
        "macs": cost.macs,
        "flops": cost.flops,
        "params": cost.params,
        "param_bytes": cost.param_bytes,
        "activation_bytes": cost.activation_bytes,
    }


def cost_bounds(bounds: Bounds) -> dict[str, Bound]:
    """Those of a cost's figures that are not exact, by column key."""
    found = {
        "macs": bounds.macs,
        "flops": bounds.flops,
        "params": bounds.params,
        "param_bytes": bounds.params,
        "activation_bytes": bounds.activations,
    }
    return {key: bound for key, bound in found.items() if bound is not Bound.EXACT}


def report_line(row: Row, whole: Bound) -> Line:
    """A row of a report; a share of a ``whole`` that is not exact is an estimate."""
    stride = row.field.effective_stride if row.field else None
    cells = cost_cells(row.cost) | {
        "name": row.name,
        "kind": row.kind,
        "layers": row.layers,
        "output_shape": row.output_shape,
        "share": row.share,
        "receptive_field": row.field.receptive_field if row.field else None,
        "effective_stride": stride,
        "note": row.note,
    }
    tone = "warn" if row.note else "dim" if row.depth or not row.cost.macs else ""
    bounds = cost_bounds(row.cost.bounds)
    if whole is not Bound.EXACT:
        bounds["share"] = Bound.ESTIMATE
    return Line(cells=cells, depth=row.depth, tone=tone, bounds=bounds)


def heading(report: CostReport) -> str:
    shapes = ", ".join(sizes(s, batch=False) for s in report.input_shapes.values())
    total, bounds = report.total, report.total.bounds
    return (
        f"at {shapes}, batch {report.batch}: {bounds.macs.phrase}{short(total.macs)} MACs,"
        f" {bounds.params.phrase}{short(total.params)} parameters"
    )


def report_notes(report: CostReport, sees: bool) -> list[str]:
    """Totals in full, memory, and what was not counted; each fits a line of 80 columns."""
    total, costs, bounds = report.total, report.costs, report.total.bounds
    macs, flops = bounds.macs.phrase, bounds.flops.phrase
    notes = [
        f"MACs           {macs}{total.macs:,}",
        f"FLOPs          {flops}{total.flops:,} = 2 x MACs + {total.other_flops:,} others",
        f"Training step  {bounds.training_macs.phrase}{total.training_macs:,} MACs, forward and backward",
        f"Parameters     {bounds.params.phrase}{total.params:,}, {frozen(total)},"
        f" {short_bytes(total.param_bytes)}",
        f"Activations    {bounds.activations.phrase}{short_bytes(costs.peak_activation_bytes)}"
        f" at most at once (at {costs.peak_at})",
    ]
    for note in report.rewrites:
        done = note.nothing or f"{note.changes} layers"
        notes.insert(0, f"Rewritten      {note.name}: {done}")
    if sees:
        notes.append("Sees           the receptive field, in input positions a side")
    return notes + bound_notes(report.bound, costs.unsupported)


def frozen(total: Cost) -> str:
    """How many parameters are not trained, as far as it is known."""
    if total.bounds.trainable_params is total.bounds.params:
        return f"{total.params - total.trainable_params:,} not trainable"
    return f"at least {total.trainable_params:,} trainable"


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
        [f"  and {len(named) - 10} more (see --format json)"] if len(named) > 10 else []
    )


def models_grid(found: Sequence[Listed], *, command: str) -> Grid:
    """The models that can be named, with their sizes at the default input."""
    columns = (
        Column(key="name", label="Model"),
        Column(key="input_shape", label="Input", form="input"),
        Column(key="layers", label="Layers", form="number"),
        Column(key="macs", label="MACs", form="count"),
        Column(key="params", label="Params", form="count"),
        Column(key="origin", label="From"),
    )
    lines = tuple(Line(cells=dict(model._asdict())) for model in found)
    return Grid(
        title=f"{len(found)} models",
        heading="at their default input, batch 1",
        columns=columns,
        lines=lines,
        command=command,
        notes=("Audit one with: keraudit flops NAME",),
    )
