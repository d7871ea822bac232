"""The rows of a report, one per block, layer, kind or stage: what every face shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from keraudit.audits.cost.count import NOTHING, BlockCost, Cost, Costs, LayerCost
from keraudit.audits.cost.receptive_field import Field
from keraudit.model.graph import UNSUPPORTED, Shape

VIEWS = ("block", "layer", "kind", "stage")
FEW_BLOCKS = 5  # a model with fewer is shown by layer: "stem" and "head" alone tell little
MOST_ROWS = 40  # that a table has where nothing says what its rows are


class Row(NamedTuple):
    """A line of a table. ``share`` is the part of the model's MACs; ``depth`` the nesting."""

    name: str
    kind: str
    layers: int
    output_shape: Shape | None
    cost: Cost
    share: float
    field: Field | None
    depth: int = 0
    note: str = ""


def default_view(costs: Costs) -> str:
    """What a row is where nothing says so: a block, or a layer where the model has few of both."""
    few = len(costs.blocks) < FEW_BLOCKS and len(costs.layers) <= MOST_ROWS
    return "layer" if few else "block"


def rows(costs: Costs, *, by: str = "block", depth: int = 1) -> tuple[Row, ...]:
    """The rows of one view; at depth 0 they add up to the total.

    Args:
        costs: an audit's result.
        by: ``"block"``, ``"layer"``, ``"kind"`` or ``"stage"``.
        depth: how many levels of blocks within blocks to show.
    """
    total = costs.total.macs
    if by == "layer":
        return tuple(_layer_row(layer, total) for layer in costs.layers)
    if by == "kind":
        return grouped(costs.layers, [layer.kind for layer in costs.layers], total)
    if by == "stage":
        return _stage_rows(costs.blocks, total)
    return tuple(_block_rows(costs.blocks, total, depth))


def share(macs: int, total: int) -> float:
    return macs / total if total else 0.0


def _layer_row(layer: LayerCost, total: int) -> Row:
    return Row(
        name=layer.name,
        kind=layer.kind,
        layers=1,
        output_shape=layer.output_shapes[0] if layer.output_shapes else None,
        cost=layer.cost,
        share=share(layer.cost.macs, total),
        field=layer.field,
        note=layer.reason if layer.status == UNSUPPORTED else "",
    )


def _block_rows(blocks: Sequence[BlockCost], total: int, depth: int, level: int = 0) -> list[Row]:
    result = []
    for block in blocks:
        result.append(
            Row(
                name=block.name,
                kind=block.kind,
                layers=len(block.layers),
                output_shape=block.output_shape,
                cost=block.cost,
                share=share(block.cost.macs, total),
                field=block.field,
                depth=level,
            )
        )
        if level + 1 < depth:
            result.extend(_block_rows(block.children, total, depth, level + 1))
    return result


def _stage_rows(blocks: Sequence[BlockCost], total: int) -> tuple[Row, ...]:
    """Runs of blocks at one spatial size, in order."""
    runs: list[list[BlockCost]] = []
    for block in blocks:
        if not runs or runs[-1][-1].stage != block.stage:
            runs.append([])
        runs[-1].append(block)
    result = []
    for run in runs:
        cost = sum((block.cost for block in run), NOTHING)
        result.append(
            Row(
                name=run[-1].stage if run[-1].stage != "-" else "no positions",
                kind=f"{len(run)} block" + "s" * (len(run) > 1),
                layers=sum(len(block.layers) for block in run),
                output_shape=run[-1].output_shape,
                cost=cost,
                share=share(cost.macs, total),
                field=run[-1].field,
            )
        )
    return tuple(result)


def grouped(layers: Sequence[LayerCost], keys: Sequence[str], total: int) -> tuple[Row, ...]:
    """One row per key, the costliest first."""
    groups: dict[str, list[LayerCost]] = {}
    for layer, key in zip(layers, keys, strict=True):
        groups.setdefault(key, []).append(layer)
    result = []
    for key, members in groups.items():
        cost = sum((m.cost for m in members), NOTHING)
        result.append(
            Row(
                name=key,
                kind="kind",
                layers=len(members),
                output_shape=None,
                cost=cost,
                share=share(cost.macs, total),
                field=None,
                note=next((m.reason for m in members if m.status == UNSUPPORTED), ""),
            )
        )
    return tuple(sorted(result, key=lambda r: (-r.cost.macs, -r.cost.flops, -r.cost.params)))
