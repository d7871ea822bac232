"""What a model costs more than an earlier record of it: the check of a change against its baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from keraudit.audits.cost.report import SCHEMA, CostReport
from keraudit.errors import KerauditError
from keraudit.output.numbers import inputs_text, short, short_bytes
from keraudit.output.table import Column, Grid, Line

# totals that may not grow: their label, with its unit where it is no byte
MEASURES = {
    "macs": "MACs",
    "flops": "FLOPs",
    "params": "parameters",
    "peak_activation_bytes": "peak activation memory",
}


class Growth(NamedTuple):
    """A total before and after a change."""

    key: str
    before: int
    after: int

    @property
    def percent(self) -> float:
        """By how many percent it grew; infinite where there was nothing."""
        if self.after == self.before:
            return 0.0
        return 100 * (self.after - self.before) / self.before if self.before else float("inf")

    @property
    def label(self) -> str:
        return MEASURES[self.key]

    def written(self, value: int) -> str:
        return short_bytes(value) if self.key.endswith("bytes") else short(value)

    def exceeds(self, most: float) -> bool:
        """Whether it grew by more than ``most`` percent."""
        return self.percent > most


def growth(report: CostReport, baseline: Mapping[str, Any]) -> tuple[Growth, ...]:
    """The totals of a report next to those of an earlier record.

    Args:
        report: of the model as it is now.
        baseline: ``CostReport.to_dict()`` of an earlier one.

    Raises:
        KerauditError: the record is none of a cost, or of another input size or batch.
    """
    if baseline.get("schema") != SCHEMA:
        raise KerauditError(
            f"expected a record of keraudit flops --format json ({SCHEMA}), received"
            f" {str(baseline.get('schema', 'no schema'))[:60]}"
        )
    now = report.to_dict()
    if any(_plain(baseline.get(key)) != _plain(now[key]) for key in ("input_shapes", "batch")):
        raise KerauditError(
            f"expected a record at the same input size and batch: it is of {_described(baseline)},"
            f" compared with {_described(now)}"
        )
    totals = baseline.get("totals")
    if not isinstance(totals, Mapping) or not all(
        isinstance(totals.get(key), int) for key in MEASURES
    ):
        raise KerauditError(f"expected totals of {', '.join(MEASURES)} as whole numbers")
    return tuple(Growth(key, totals[key], now["totals"][key]) for key in MEASURES)


def _plain(shapes: Any) -> Any:
    """Shapes in their order: another name of an input makes no other size."""
    if not isinstance(shapes, Mapping):
        return shapes
    return [list(s) if isinstance(s, list | tuple) else s for s in shapes.values()]


def _described(record: Mapping[str, Any]) -> str:
    """Which model a record is of, and at which size; of a record that may hold anything.

    >>> _described({"model": "VGG16", "input_shapes": {"x": [224, 224, 3]}, "batch": 1})
    'VGG16 at 224x224x3, batch 1'
    """
    shapes, batch = record.get("input_shapes"), record.get("batch")
    try:
        sizes = inputs_text(shapes) if isinstance(shapes, Mapping) else ""
    except TypeError:
        sizes = ""
    name = str(record.get("model", "an unnamed model"))[:60]
    number = batch if isinstance(batch, int) else "unknown"
    return f"{name} at {sizes[:60] or 'an unknown size'}, batch {number}"


def growth_grid(report: CostReport, found: Sequence[Growth], name: str, most: float) -> Grid:
    """A row for each total: before, now, and the change in percent."""
    columns = (
        Column(key="name", label="Total"),
        Column(key="before", label="Before", form="number"),
        Column(key="after", label="Now", form="number"),
        Column(key="percent", label="Growth", form="{:+.2f}%"),
    )
    lines = tuple(
        Line(
            cells={
                "name": one.label,
                "before": one.written(one.before),
                "after": one.written(one.after),
                "percent": one.percent,
            },
            tone="more" if one.exceeds(most) else "",
        )
        for one in found
    )
    return Grid(
        title=report.model,
        heading=f"compared with {name}; allowed growth {most:g}%",
        columns=columns,
        lines=lines,
        command=report.command,
        convention="growth is of the totals, in percent of the baseline",
    )
