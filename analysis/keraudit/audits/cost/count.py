"""The cost of every layer and block of a graph, and the sum of it all."""

from __future__ import annotations

from collections.abc import Sequence
from operator import add
from typing import NamedTuple

from keraudit.audits.cost.memory import activation_bytes, live_bytes, weight_bytes
from keraudit.audits.cost.receptive_field import Field, receptive_fields
from keraudit.audits.cost.training_step import training_macs
from keraudit.model.block import Block
from keraudit.model.blocks import blocks
from keraudit.model.bounds import ALL_EXACT, Bounds
from keraudit.model.graph import UNSUPPORTED, Graph, Node, Shape, Term


class Cost(NamedTuple):
    """Additive costs: a block's are the sum of its layers', the model's the sum of its blocks'.

    ``macs`` are multiply-accumulates of one forward pass; ``other_flops`` all other operations
    (bias, normalisation, activation, pooling, merge); ``training_macs`` those of a forward and a
    backward pass; ``activation_bytes`` the outputs written. ``bounds`` says which are exact.
    """

    macs: int = 0
    other_flops: int = 0
    training_macs: int = 0
    params: int = 0
    trainable_params: int = 0
    param_bytes: int = 0
    activation_bytes: int = 0
    bounds: Bounds = ALL_EXACT

    @property
    def flops(self) -> int:
        """Two for each MAC, one for each other operation."""
        return 2 * self.macs + self.other_flops

    @property
    def multiplications(self) -> int:
        """Multiplications inside the MACs: the lecture's unit."""
        return self.macs

    def __add__(self, other: Cost) -> Cost:  # type: ignore[override]  # no longer tuple: a sum
        return Cost(*map(add, self, other))


NOTHING = Cost()


class LayerCost(NamedTuple):
    """One call of one layer. ``live_bytes`` are all activations held while it runs."""

    name: str
    kind: str
    block: str
    stage: str
    input_shapes: tuple[Shape, ...]
    output_shapes: tuple[Shape, ...]
    dtype: str
    cost: Cost
    live_bytes: int
    field: Field | None
    terms: tuple[Term, ...]
    status: str
    reason: str


class BlockCost(NamedTuple):
    """A block: the sum of its layers. ``children`` are the blocks inside it."""

    name: str
    kind: str
    stage: str
    layers: tuple[str, ...]
    output_shape: Shape
    cost: Cost
    field: Field | None
    children: tuple[BlockCost, ...] = ()


def _layer_costs(graph: Graph, parts: Sequence[Block]) -> tuple[LayerCost, ...]:
    """The cost of every call, in running order, each with the block that holds it."""
    home = {index: block for block in parts for index in block.nodes}
    live, fields, training = live_bytes(graph), receptive_fields(graph), training_macs(graph)
    return tuple(
        LayerCost(
            name=node.name,
            kind=node.layer.kind,
            block=home[index].name,
            stage=home[index].stage,
            input_shapes=tuple(t.shape for t in node.inputs),
            output_shapes=tuple(t.shape for t in node.outputs),
            dtype=node.outputs[0].dtype if node.outputs else "float32",
            cost=_cost_of(node, training[index]),
            live_bytes=live[index],
            field=fields[index],
            terms=node.effect.terms,
            status=node.effect.status,
            reason=node.effect.reason,
        )
        for index, node in enumerate(graph.nodes)
    )


def _cost_of(node: Node, training: int) -> Cost:
    """One call's cost; a shared layer's weights count at its first call only."""
    weights = node.weights
    trained = [w.elements for w in weights if w.trainable and node.layer.trainable]
    return Cost(
        macs=node.effect.macs,
        other_flops=node.effect.other_flops,
        training_macs=training,
        params=sum(w.elements for w in weights),
        trainable_params=sum(trained),
        param_bytes=weight_bytes(node),
        activation_bytes=activation_bytes(node),
        bounds=node.bounds,
    )


def _block_costs(
    graph: Graph, parts: Sequence[Block], layers: Sequence[LayerCost]
) -> tuple[BlockCost, ...]:
    """The cost of every block, those inside it likewise."""
    return tuple(
        BlockCost(
            name=block.name,
            kind=block.kind,
            stage=block.stage,
            layers=tuple(layers[i].name for i in block.nodes),
            output_shape=layers[block.nodes[-1]].output_shapes[0],
            cost=sum((layers[i].cost for i in block.nodes), NOTHING),
            field=layers[block.nodes[-1]].field,
            children=_block_costs(graph, block.children, layers),
        )
        for block in parts
    )


class Costs(NamedTuple):
    """The results of the cost audit on a graph; ``packages`` as in ``Architecture``."""

    layers: tuple[LayerCost, ...]
    blocks: tuple[BlockCost, ...]
    total: Cost
    peak_activation_bytes: int
    peak_at: str
    packages: tuple[str, ...] = ()

    @property
    def unsupported(self) -> tuple[LayerCost, ...]:
        return tuple(layer for layer in self.layers if layer.status == UNSUPPORTED)


def costs(graph: Graph) -> Costs:
    """Audit a graph: layers, blocks and totals."""
    parts = blocks(graph)
    layers = _layer_costs(graph, parts)
    heaviest = max(layers, key=lambda layer: layer.live_bytes)
    return Costs(
        layers=layers,
        blocks=_block_costs(graph, parts, layers),
        total=sum((layer.cost for layer in layers), NOTHING),
        peak_activation_bytes=heaviest.live_bytes,
        peak_at=heaviest.name,
        packages=graph.architecture.packages,
    )
