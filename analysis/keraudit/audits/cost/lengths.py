"""Cost over sequence length, and the part of it that grows with the square of the length.

Attention multiplies every position with every other: its products grow with the square of the number of
tokens, everything else of a transformer in proportion to it. Which part is which is read from the counts
themselves: exact counts at several lengths lie on one polynomial, and its coefficients are the parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import isqrt
from typing import Any, NamedTuple

from keraudit.audits.cost.count import Cost, Costs, costs
from keraudit.audits.cost.figure import macs_over_length
from keraudit.audits.cost.report import CONVENTION, cost_dict
from keraudit.errors import ShapeError
from keraudit.model.bounds import Bound
from keraudit.model.fuzzy import by_name
from keraudit.model.graph import Graph
from keraudit.output.numbers import short
from keraudit.output.plotly_figure import of_record
from keraudit.output.plotly_text import safe
from keraudit.output.report import Report, origin_of
from keraudit.output.table import Column, Grid, Line, bound_notes

SCHEMA = "keraudit.lengths/1"
PROBES = 4  # a quadratic has three coefficients, and one count more checks it


class LengthCost(NamedTuple):
    """The cost at one length.

    Attributes:
        length: tokens, or time steps.
        total: the cost of the whole model.
        peak_activation_bytes: the most bytes of activations held at once.
        quadratic_macs: the part that grows with the square of the length; ``None`` where not known.
    """

    length: int
    total: Cost
    peak_activation_bytes: int
    quadratic_macs: int | None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class LengthReport(Report):
    """What a model costs at several sequence lengths; ``report[128]`` is the cost at one.

    Attributes:
        rows: one for each length, in the order asked for.
        coefficients: MACs are ``a + b n + c n^2`` of the length n: (a, b, c); ``None`` where they are
            not, or are a bound.
        costs: the whole count at the largest length.
    """

    rows: tuple[LengthCost, ...]
    coefficients: tuple[int, int, int] | None
    costs: Costs

    @property
    def bound(self) -> Bound:
        """Exact, a lower bound or an estimate; the worst of all lengths."""
        return max(row.total.bounds.worst for row in self.rows)

    @property
    def crossover(self) -> int | None:
        """The first length at which the quadratic part is at least half of all MACs."""
        if self.coefficients is None or self.coefficients[2] <= 0:
            return None
        a, b, c = self.coefficients
        root = (b + isqrt(max(b * b + 4 * a * c, 0))) // (2 * c)
        return next(n for n in range(max(root - 2, 1), root + 3) if c * n * n >= a + b * n)

    def __getitem__(self, length: int) -> LengthCost:
        """The cost at a length.

        Raises:
            UnknownNameError: it was not counted; it is a ``KerauditError`` and a ``KeyError``.
        """
        return by_name(length, ((r.length, r) for r in self.rows), what="length", owner=self.model)

    def tables(self) -> tuple[Grid, ...]:
        return (lengths_grid(self),)

    def plot(self) -> Any:
        """MACs over length, as a ``plotly.graph_objects.Figure``.

        Raises:
            KerauditError: plotly is not installed.
        """
        return of_record(macs_over_length(safe(self.to_dict())))

    def to_dict(self) -> dict[str, Any]:
        """The report as plain data."""
        return {
            **self.origin(SCHEMA),
            "convention": CONVENTION,
            "macs_coefficients": None if self.coefficients is None else list(self.coefficients),
            "crossover_length": self.crossover,
            "bound": self.bound.word,
            "lengths": [
                {
                    "length": row.length,
                    **cost_dict(row.total),
                    "peak_activation_bytes": row.peak_activation_bytes,
                    "quadratic_macs": row.quadratic_macs,
                }
                for row in self.rows
            ],
        }


def probed(lengths: Sequence[int]) -> list[int]:
    """The lengths to count at: those asked for, and more where they are too few to find the parts.

    Raises:
        ShapeError: there is none, or one of them twice.
    """
    if not lengths or len(set(lengths)) != len(lengths) or min(lengths) < 1:
        raise ShapeError(
            f"lengths: expected different whole numbers, each 1 or more, received {', '.join(map(str, lengths)) or 'none'}"
        )
    more, step = list(lengths), max(min(lengths) // 4, 1)
    candidate = min(lengths) - step
    while len(more) < PROBES:
        if candidate < 1:
            candidate, step = max(more) + step, -step
        if candidate not in more:
            more.append(candidate)
        candidate -= step
    return more


def over_lengths(
    graphs: Sequence[Graph], lengths: Sequence[int], shown: int, *, command: str = ""
) -> LengthReport:
    """Report the cost of one model that was read at several lengths.

    Args:
        graphs: the model at each of ``lengths``.
        lengths: as ``probed`` gives them.
        shown: how many of them were asked for; the rest only help to find the parts.
        command: the command line to record.
    """
    counted = [costs(graph) for graph in graphs]
    exact = all(c.total.bounds.macs is Bound.EXACT for c in counted)
    counts = [c.total.macs for c in counted]
    found = quadratic(lengths, counts) if exact and len(counts) >= PROBES else None
    rows = tuple(
        LengthCost(n, c.total, c.peak_activation_bytes, None if found is None else found[2] * n * n)
        for n, c in zip(lengths[:shown], counted, strict=False)
    )
    largest = max(range(shown), key=lambda position: lengths[position])
    return LengthReport(
        **origin_of(graphs[largest], command=command),
        rows=rows,
        coefficients=found,
        costs=counted[largest],
    )


def quadratic(lengths: Sequence[int], counts: Sequence[int]) -> tuple[int, int, int] | None:
    """The ``(a, b, c)`` with ``a + b n + c n^2`` at every length, or ``None`` if there are none.

    >>> quadratic([1, 2, 3, 10], [6, 11, 18, 123])
    (3, 2, 1)
    >>> quadratic([1, 2, 3, 4], [1, 8, 27, 64]) is None
    True
    """
    (x, y, z), (f, g, h) = lengths[:3], counts[:3]
    first = Fraction(g - f, y - x)
    c = (Fraction(h - g, z - y) - first) / (z - x)
    b = first - c * (x + y)
    a = f - b * x - c * x * x
    whole = all(part.denominator == 1 for part in (a, b, c))
    fits = all(a + b * n + c * n * n == count for n, count in zip(lengths, counts, strict=True))
    return (int(a), int(b), int(c)) if whole and fits else None


def lengths_grid(report: LengthReport) -> Grid:
    """One row for each length."""
    columns = (
        Column(key="name", label="Length", form="exact"),
        Column(key="macs", label="MACs", form="count", bounded=True),
        Column(key="linear", label="Linear", form="count", wide=True),
        Column(key="quadratic", label="Quadratic", form="count"),
        Column(key="share", label="of all", form="share"),
        Column(key="flops", label="FLOPs", form="count", bounded=True),
        Column(key="peak", label="Peak memory", form="bytes", bounded=True),
    )
    params = report.costs.total.bounds.params.sign + short(report.costs.total.params)
    return Grid(
        title=report.model,
        heading=f"over sequence length, batch {report.batch}: {params} parameters",
        columns=columns,
        lines=tuple(map(_length_line, report.rows)),
        notes=tuple(_notes(report)),
        bar="macs",
        command=report.command,
        convention=CONVENTION,
    )


def _length_line(row: LengthCost) -> Line:
    square, total = row.quadratic_macs, row.total
    cells = {
        "name": row.length,
        "macs": total.macs,
        "linear": None if square is None else total.macs - square,
        "quadratic": square,
        "share": None if square is None or not total.macs else square / total.macs,
        "flops": total.flops,
        "peak": row.peak_activation_bytes,
    }
    bounds = total.bounds
    return Line(
        cells=cells,
        bounds={"macs": bounds.macs, "flops": bounds.flops, "peak": bounds.activations},
    )


def _notes(report: LengthReport) -> list[str]:
    notes = bound_notes(report.bound, report.costs.unsupported)
    if report.coefficients is None:
        if report.bound is Bound.EXACT:
            notes.append("MACs           are not a quadratic in the length")
        return notes
    a, b, c = report.coefficients
    parts = [f"{a:,}"] * bool(a) + [f"{b:,} n"] * bool(b) + [f"{c:,} n²"] * bool(c)
    notes.append(f"MACs           {' + '.join(parts) or '0'} at length n")
    if report.crossover:
        notes.append(
            f"Half           of all MACs are quadratic from length {report.crossover:,} on"
        )
    return notes
