"""What the 1x1 reductions save: each block with them and without; as a record and as a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from keraudit.audits.cost.figure import with_and_without
from keraudit.audits.cost.report import CONVENTION
from keraudit.audits.reductions.savings import (
    Saving,
    Uncounted,
    saving,
    saving_dict,
    summed,
    uncounted,
)
from keraudit.model.blocks import blocks
from keraudit.model.bounds import Bound
from keraudit.model.fuzzy import by_name
from keraudit.model.graph import Graph, Node
from keraudit.output.numbers import factor, inputs_text, short
from keraudit.output.plain_data import as_data, as_dict
from keraudit.output.plotly_figure import of_record
from keraudit.output.plotly_text import safe
from keraudit.output.report import Report, origin_of
from keraudit.output.table import Column, Grid, Line, bound_notes
from keraudit.rewrite.edit import Rewrite
from keraudit.rewrite.reductions import STUCK, without_reductions

SCHEMA = "keraudit.reductions/2"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Reductions(Report):
    """What the 1x1 reductions of a model save, block by block.

    With ``unsupported`` layers the MACs of both sides are lower bounds, or estimates, and what is saved
    is saved in what could be counted.

    Attributes:
        blocks: the savings of each block, in running order.
        total: their sum.
        rewrite: the network without its reductions; its ``nothing`` says why there are none.
        also_pool_projections: whether the 1x1 behind poolings were taken out too.
        unsupported: layers that are not counted in full.
    """

    blocks: tuple[Saving, ...]
    total: Saving
    rewrite: Rewrite
    also_pool_projections: bool = False
    unsupported: tuple[Uncounted, ...] = ()

    @property
    def bound(self) -> Bound:
        """What the MACs and parameters of both sides are; the worst of all."""
        return self.total.bounds.worst

    def block(self, name: str) -> Saving:
        """The savings of a block by name.

        Raises:
            UnknownNameError: there is none; it is a ``KerauditError`` and a ``KeyError``.
        """
        return by_name(name, ((b.name, b) for b in self.blocks), what="block", owner=self.model)

    def tables(self) -> tuple[Grid, ...]:
        return (reductions_grid(self),)

    def plot(self) -> Any:
        """Each block's MACs with its reductions and without, as a ``plotly.graph_objects.Figure``.

        Raises:
            KerauditError: plotly is not installed.
        """
        return of_record(with_and_without(safe(self.to_dict())))

    def to_dict(self) -> dict[str, Any]:
        """The savings as plain data."""
        return {
            **self.origin(SCHEMA),
            "also_pool_projections": self.also_pool_projections,
            "nothing": self.rewrite.nothing,
            "bound": self.bound.word,
            "unsupported": [as_dict(u, renamed={"name": "layer"}) for u in self.unsupported],
            "blocks": [saving_dict(block) for block in self.blocks],
            "totals": saving_dict(self.total),
            "log": as_data(self.rewrite.log),
        }


def reductions(
    graph: Graph, *, also_pool_projections: bool = False, command: str = ""
) -> Reductions:
    """Compare every block of a graph with the same block without its 1x1 reductions.

    Args:
        graph: any graph.
        also_pool_projections: take the 1x1 behind poolings out too (GoogLeNet's figure 2(a)).
        command: the command line to record.

    Raises:
        ShapeError: a shape no longer fits; the error names the layer.
    """
    rewrite = without_reductions(graph, also_pool_projections=also_pool_projections)
    levels = blocks(graph)
    home = {graph.nodes[i].name: block.name for block in levels for i in block.nodes}
    removed: dict[str, list[str]] = {}
    for change in rewrite.changes:
        removed.setdefault(home[change.layer], []).append(change.layer)
    after: dict[str, list[Node]] = {block.name: [] for block in levels}
    for node in rewrite.graph.nodes:
        after[home[node.name]].append(node)
    savings = tuple(
        saving(block, [graph.nodes[i] for i in block.nodes], after[block.name], removed)
        for block in levels
    )
    return Reductions(
        **origin_of(graph, command=command),
        blocks=savings,
        total=summed(savings),
        rewrite=rewrite,
        also_pool_projections=also_pool_projections,
        unsupported=uncounted(graph, rewrite.graph),
    )


def reductions_grid(report: Reductions) -> Grid:
    """One row per block: with its reductions, without them, and what they save."""
    columns = (
        Column(key="name", label="Block"),
        Column(key="removed", label="1x1", form="number"),
        Column(key="macs_with", label="MACs with", form="count", bounded=True),
        Column(key="macs_without", label="without", form="count", bounded=True),
        Column(key="saving", label="Saving", form="change", bounded=True),
        Column(key="factor", label="Factor", form="factor", bounded=True),
        Column(key="params_with", label="Params with", form="count", wide=True, bounded=True),
        Column(key="params_without", label="Params w/o", form="count", bounded=True),
    )
    shapes = inputs_text(report.input_shapes)
    alone = [change for change in report.rewrite.log if change.what == "left alone"]
    stuck = sum(change.why.startswith(STUCK) for change in alone)
    left = len(alone) - stuck
    bound = report.total.bounds.macs.phrase
    notes = [
        f"Factor         MACs without the {len(report.total.removed)}"
        f" {'1x1 convolutions' if report.also_pool_projections else 'reductions'} / MACs with them",
        "Derivation     --derive BLOCK writes out every product",
    ]
    if left:
        notes.append(f"Left alone     {left} narrowing 1x1 convolutions that are no reductions")
    if stuck:
        notes.append(f"               {stuck} whose stride cannot move to the convolutions behind")
    if report.rewrite.nothing:
        notes = [f"Nothing to do: {report.rewrite.nothing}"]
    notes += bound_notes(report.bound, report.unsupported, ", so savings are of the rest")
    return Grid(
        title=report.model,
        heading=f"at {shapes}: {bound}{short(report.total.macs_with)} MACs,"
        f" {bound}{short(report.total.macs_without)} without reductions ({factor(report.total.factor)})",
        columns=columns,
        lines=tuple(map(saving_line, report.blocks)),
        total=saving_line(report.total),
        notes=tuple(notes),
        command=report.command,
        convention=CONVENTION,
    )


def saving_line(saved: Saving) -> Line:
    cells = {
        "name": saved.name,
        "removed": len(saved.removed) or None,
        "macs_with": saved.macs_with,
        "macs_without": saved.macs_without,
        "saving": saved.saving,
        "factor": saved.factor,
        "params_with": saved.params_with,
        "params_without": saved.params_without,
    }
    macs, params = saved.bounds.macs, saved.bounds.params
    rest = Bound.ESTIMATE if macs is not Bound.EXACT else macs  # a difference of two bounds is none
    bounds = {
        "macs_with": macs,
        "macs_without": macs,
        "saving": rest,
        "factor": rest,
        "params_with": params,
        "params_without": params,
    }
    return Line(cells=cells, tone="" if saved.saving else "dim", bounds=bounds)
