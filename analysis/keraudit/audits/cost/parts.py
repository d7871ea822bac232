"""A network as a tree of parts: stages, blocks, branches, layers; what a map is drawn from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from keraudit.audits.cost.count import NOTHING, Cost, LayerCost
from keraudit.audits.cost.receptive_field import Field
from keraudit.model.block import Block
from keraudit.model.graph import Shape

MODEL, STAGE, BLOCK, BRANCH, LAYER = "model", "stage", "block", "branch", "layer"


class Part(NamedTuple):
    """A piece of the network: its cost is the sum of its children's.

    ``role`` is one of the five words above; ``kind`` the block's kind or the layer's class; ``field``
    and ``output_shape`` are those of its last layer.
    """

    name: str
    role: str
    kind: str
    cost: Cost
    field: Field | None
    output_shape: Shape
    children: tuple[Part, ...] = ()

    def walk(self) -> Iterator[Part]:
        """This part and all within it, each before its children."""
        yield self
        for child in self.children:
            yield from child.walk()


def _layer_part(layer: LayerCost) -> Part:
    shape = layer.output_shapes[0] if layer.output_shapes else ()
    return Part(layer.name, LAYER, layer.kind, layer.cost, layer.field, shape)


def _summed(name: str, role: str, kind: str, children: Sequence[Part]) -> Part:
    cost = sum((child.cost for child in children), NOTHING)
    last = children[-1]
    return Part(name, role, kind, cost, last.field, last.output_shape, tuple(children))


def block_part(block: Block, layers: Sequence[LayerCost], *, branches: bool = False) -> Part:
    """A block with its layers; with ``branches`` those of a fork-join region stand together."""
    if not branches or len(block.branches) < 2:
        return _summed(block.name, BLOCK, block.kind, [_layer_part(layers[i]) for i in block.nodes])
    home = {i: number for number, branch in enumerate(block.branches) for i in branch}
    children: list[Part] = []
    for number, branch in enumerate(block.branches, 1):
        if branch:
            parts = [_layer_part(layers[i]) for i in branch]
            children.append(_summed(f"branch {number}", BRANCH, BRANCH, parts))
    children += [_layer_part(layers[i]) for i in block.nodes if i not in home]
    # its own last layer, the join, speaks for the block
    return _summed(block.name, BLOCK, block.kind, children)


def parts(
    name: str, blocks: Sequence[Block], layers: Sequence[LayerCost], *, down_to: str = LAYER
) -> Part:
    """The whole network: stages (runs of blocks at one spatial size), blocks, layers.

    Args:
        name: the network's.
        blocks: its blocks.
        layers: the costs of its layers, in running order.
        down_to: ``"block"`` leaves the layers out.
    """
    runs: list[list[Block]] = []
    for block in blocks:
        if not runs or runs[-1][-1].stage != block.stage:
            runs.append([])
        runs[-1].append(block)
    stages = []
    for run in runs:
        inner = [block_part(block, layers) for block in run]
        if down_to == BLOCK:
            inner = [part._replace(children=()) for part in inner]
        label = run[-1].stage if run[-1].stage != "-" else "no positions"
        stages.append(_summed(label, STAGE, STAGE, inner))
    return _summed(name, MODEL, MODEL, stages)
