"""The cost report: what a model costs, with where it came from; as a record and as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from keraudit.audits.cost.count import BlockCost, Cost, Costs, LayerCost, costs
from keraudit.audits.cost.figure import macs_per_block, macs_per_row
from keraudit.audits.cost.receptive_field import Field
from keraudit.audits.cost.views import VIEWS, Row, default_view, rows
from keraudit.model.block import Block
from keraudit.model.bounds import Bound, Bounds
from keraudit.model.fuzzy import by_name
from keraudit.model.graph import Graph
from keraudit.output.numbers import counted, inputs_text, short, short_bytes
from keraudit.output.plain_data import as_dict
from keraudit.output.plotly_figure import of_record
from keraudit.output.plotly_text import safe
from keraudit.output.report import Report, origin_of
from keraudit.output.table import Column, Grid, Line, bound_notes
from keraudit.reading.origin import how_to_open
from keraudit.rewrite.edit import RewriteNote

SCHEMA = "keraudit.cost/2"
CONVENTION = (
    "1 MAC = 1 multiply-accumulate; multiplications = MACs; FLOPs = 2 x MACs + other operations"
    " (bias, normalisation, activation, pooling, merge); padded taps count; cost is per call of a"
    " batch, at inference"
)
FIGURES = (
    *("macs", "flops", "multiplications", "training_macs"),
    *("params", "trainable_params", "param_bytes", "activation_bytes"),
)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class CostReport(Report):
    """The cost of a model at an input size. ``print`` shows the table; ``report["conv1"]`` is a layer.

    Attributes:
        costs: per layer, per block, and in total.
        rewrites: what was changed in the model before it was audited.
    """

    VIEWS: ClassVar[tuple[str, ...]] = VIEWS

    costs: Costs
    rewrites: tuple[RewriteNote, ...] = ()

    @property
    def total(self) -> Cost:
        """The cost of the whole model."""
        return self.costs.total

    @property
    def layers(self) -> tuple[LayerCost, ...]:
        """The cost of each call of a layer, in running order."""
        return self.costs.layers

    @property
    def blocks(self) -> tuple[BlockCost, ...]:
        """The cost of each block, in running order."""
        return self.costs.blocks

    @property
    def peak_activation_bytes(self) -> int:
        """The most bytes of activations that are held at once, at inference."""
        return self.costs.peak_activation_bytes

    def __getitem__(self, layer: str) -> LayerCost:
        """The cost of a layer by name.

        Raises:
            UnknownNameError: there is none; it is a ``KerauditError`` and a ``KeyError``.
        """
        named = ((entry.name, entry) for entry in self.layers)
        return by_name(layer, named, what="layer", owner=self.model)

    def block(self, name: str) -> BlockCost:
        """The cost of a block by name, blocks within blocks too; errors as for a layer."""
        return by_name(name, _named(self.blocks), what="block", owner=self.model)

    @property
    def bound(self) -> Bound:
        """Exact; lower where something could not be counted; an estimate where a shape is assumed.

        The worst of all figures; ``total.bounds`` has it of each.
        """
        return self.total.bounds.worst

    @property
    def macs(self) -> int:
        return self.total.macs

    @property
    def flops(self) -> int:
        return self.total.flops

    @property
    def params(self) -> int:
        return self.total.params

    def tables(self) -> tuple[Grid, ...]:
        return (report_grid(self, by=default_view(self.costs)),)

    def to_dict(self) -> dict[str, Any]:
        """The report as plain data, in the schema that the CLI's JSON has."""
        return {
            **self.origin(SCHEMA),
            "convention": CONVENTION,
            "rewrites": [as_dict(note) for note in self.rewrites],
            "totals": {
                **cost_dict(self.total),
                "layers": len(self.layers),
                "peak_activation_bytes": self.costs.peak_activation_bytes,
                "peak_at": self.costs.peak_at,
            },
            "bound": self.bound.word,
            "unsupported": [
                as_dict(layer, "name", "kind", "reason", renamed={"name": "layer"})
                for layer in self.costs.unsupported
            ],
            "blocks": [_block_dict(block) for block in self.blocks],
            "layers": [layer_dict(layer) for layer in self.layers],
        }

    def plot(self, *, by: str | None = None) -> Any:
        """The MACs of each row, as a ``plotly.graph_objects.Figure``.

        Args:
            by: one of ``VIEWS``; default: ``"block"``, for models of few blocks ``"layer"``.

        Raises:
            KerauditError: plotly is not installed, or there is no such view.
        """
        by = self._checked(default_view(self.costs) if by is None else by)
        record = safe(self.to_dict())
        if by == "block":
            return of_record(macs_per_block(record))
        return of_record(macs_per_row(record, safe(self._figure_rows(by)), what=by))

    def _figure_rows(self, by: str) -> list[dict[str, Any]]:
        """What a figure shows of each row; of several with one name, each later one has its number."""
        times: Counter[str] = Counter()
        found = []
        for row in rows(self.costs, by=by):
            times[row.name] += 1
            number = f" ({times[row.name]})" if times[row.name] > 1 else ""
            record = {"name": row.name + number, "output_shape": row.output_shape}
            found.append({**record, **cost_dict(row.cost)})
        return found

    def _tables_by(self, by: str) -> tuple[Grid, ...]:
        return (report_grid(self, by=by),)

    def _rows_by(self, by: str | None) -> Sequence[Grid]:
        # the rows of a file are the same for every model, few blocks or many
        return self.view("block" if by is None else by)

    def _records_by(self, by: str | None) -> Iterable[Mapping[str, Any]]:
        """Rows with their share and receptive field; by default one for each layer."""
        by = self._checked("layer" if by is None else by)
        layers = {layer.name: layer for layer in self.layers} if by == "layer" else {}
        for row in rows(self.costs, by=by):
            layer = layers.get(row.name)
            yield {
                "name": row.name,
                "kind": row.kind,
                **(as_dict(layer, "block", "stage", "input_shapes", "dtype") if layer else {}),
                "layers": row.layers,
                "output_shape": row.output_shape,
                "share": row.share,
                **figures(row.cost),
                **_field_dict(row.field),
                "bound": row.cost.bounds.worst.word,
            }


def report_of(
    graph: Graph,
    *,
    command: str = "",
    rewrites: tuple[RewriteNote, ...] = (),
    parts: Sequence[Block] | None = None,
) -> CostReport:
    """The cost report of a graph, read or rewritten; ``parts`` are its blocks where they are known."""
    return CostReport(
        **origin_of(graph, command=command), costs=costs(graph, parts), rewrites=rewrites
    )


def _named(blocks: Iterable[BlockCost]) -> list[tuple[str, BlockCost]]:
    """Blocks with their names, each before those within it."""
    return [pair for b in blocks for pair in ((b.name, b), *_named(b.children))]


def cost_dict(cost: Cost) -> dict[str, Any]:
    return {**figures(cost), "bounds": cost.bounds.words()}


def figures(cost: Cost) -> dict[str, int]:
    """The numbers of a cost alone."""
    return {key: getattr(cost, key) for key in FIGURES}


def _field_dict(field: Field | None) -> dict[str, Any]:
    """The receptive field as ``[height, width]`` pairs; ``None`` where it is not defined."""
    if field is None:
        return {"receptive_field": None, "effective_stride": None, "effective_padding": None}
    stride, padding = field.effective_stride, field.effective_padding
    return {
        "receptive_field": list(field.receptive_field),
        "effective_stride": None if stride is None else list(stride),
        "effective_padding": None if padding is None else list(padding),
    }


def _block_dict(block: BlockCost) -> dict[str, Any]:
    return {
        **as_dict(block, "name", "kind", "stage", "layers", "output_shape"),
        **cost_dict(block.cost),
        **_field_dict(block.field),
        "children": [_block_dict(child) for child in block.children],
    }


def layer_dict(layer: LayerCost) -> dict[str, Any]:
    return {
        "name": layer.name,
        "kind": layer.kind,
        "block": layer.block,
        "stage": layer.stage,
        "input_shapes": [list(shape) for shape in layer.input_shapes],
        "output_shape": list(layer.output_shapes[0]) if layer.output_shapes else [],
        "output_shapes": [list(shape) for shape in layer.output_shapes],
        "dtype": layer.dtype,
        **cost_dict(layer.cost),
        "live_activation_bytes": layer.live_bytes,
        **_field_dict(layer.field),
        "status": layer.status,
        "reason": layer.reason,
        "terms": [
            {"unit": t.unit, "what": t.what, "factors": dict(t.factors), "value": t.value}
            for t in layer.terms
        ],
    }


NAMES = {"block": "Block", "layer": "Layer", "kind": "Layer kind", "stage": "Stage"}


def report_grid(report: CostReport, *, by: str = "block", depth: int = 1) -> Grid:
    """A cost report by block, layer, kind or stage."""
    whole = report.total.bounds.macs
    lines = tuple(_report_line(row, whole) for row in rows(report.costs, by=by, depth=depth))
    placed = by != "kind"
    columns = (
        Column(key="name", label=NAMES[by]),
        Column(key="kind", label="Kind", wide=True),
        Column(key="layers", label="Calls", form="number", wide=placed),
        *(
            (Column(key="output_shape", label="Output", form="shape", minor=True),)
            if placed
            else ()
        ),
        Column(key="macs", label="MACs", form="count", bounded=True),
        Column(key="share", label="Share", form="share", bounded=True),
        Column(key="flops", label="FLOPs", form="count", wide=True, bounded=True),
        Column(key="params", label="Params", form="count", bounded=True),
        Column(key="param_bytes", label="Weights", form="bytes", wide=True, bounded=True),
        Column(key="activation_bytes", label="Activations", form="bytes", wide=True, bounded=True),
        *(
            (Column(key="receptive_field", label="RF", form="extent", minor=True),)
            if placed
            else ()
        ),
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
            _report_notes(report, placed and any(line.cells["receptive_field"] for line in lines))
        ),
        command=report.command,
        convention=CONVENTION,
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
    """The figures of a cost that are not exact, by column key."""
    kinds = {
        "macs": bounds.macs,
        "flops": bounds.flops,
        "params": bounds.params,
        "param_bytes": bounds.params,
        "activation_bytes": bounds.activations,
    }
    return {key: bound for key, bound in kinds.items() if bound is not Bound.EXACT}


def _report_line(row: Row, whole: Bound) -> Line:
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
    shapes = inputs_text(report.input_shapes)
    total, bounds = report.total, report.total.bounds
    return (
        f"at {shapes}, batch {report.batch}: {bounds.macs.phrase}{short(total.macs)} MACs,"
        f" {bounds.params.phrase}{short(total.params)} parameters"
    )


def _report_notes(report: CostReport, sees: bool) -> list[str]:
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
        done = note.nothing or counted(note.changes, "layer")
        notes.insert(0, f"Rewritten      {note.name}: {done}")
    if sees:
        notes.append("RF             the receptive field, in input positions a side")
    notes += bound_notes(report.bound, costs.unsupported)
    return [*notes, *reading_notes(costs)]


def reading_notes(costs: Costs) -> list[str]:
    """What to type so that more is counted: classes of a package, optional arguments of a model's call."""
    notes = []
    if costs.unsupported and costs.packages:
        notes.append(f"To count what they do, {how_to_open(costs.packages)}")
    if costs.left_out:
        names = ", ".join(costs.left_out)
        notes.append(
            f"Counted without {names}, which its call may take too: give the sizes of tensors by name"
        )
    return notes


def frozen(total: Cost) -> str:
    """How many parameters are not trained, as far as it is known."""
    if total.bounds.trainable_params is total.bounds.params:
        return f"{total.params - total.trainable_params:,} not trainable"
    return f"at least {total.trainable_params:,} trainable"
