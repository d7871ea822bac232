"""The cost of every layer and block of a graph, and the sum of it all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import add
from types import MappingProxyType
from typing import NamedTuple

from keraudit.audits.cost.memory import activation_bytes, live_bytes, weight_bytes
from keraudit.audits.cost.receptive_field import Field, receptive_fields
from keraudit.audits.cost.training_step import training_macs
from keraudit.model.block import Block
from keraudit.model.blocks import blocks
from keraudit.model.bounds import ALL_EXACT, Bounds
from keraudit.model.graph import UNSUPPORTED, Graph, Node, Shape, Term
from keraudit.output.numbers import short


class Cost(NamedTuple):
    """Additive costs: a block's are the sum of its layers', the model's the sum of its blocks'.

    Attributes:
        macs: multiply-accumulates of one forward pass of the batch.
        other_flops: all other operations: bias, normalisation, activation, pooling, merge.
        training_macs: multiply-accumulates of a forward and a backward pass.
        params: parameters, each counted once.
        trainable_params: those that training changes.
        param_bytes: their size.
        activation_bytes: the size of the outputs written.
        bounds: which of these are exact, a lower bound, or an estimate.
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
    """One call of one layer.

    Attributes:
        name: the layer's, with a number from its second call on.
        kind: its class.
        block: the block that holds it.
        stage: the spatial size that it works at.
        input_shapes: with the batch, one for each tensor it reads.
        output_shapes: with the batch.
        dtype: of its output.
        cost: of this call.
        live_bytes: all activations held while it runs.
        field: the receptive field of its output; ``None`` where it has no positions.
        terms: its counts as products of named sizes.
        status: ``counted``, ``zero`` (by decision) or ``unsupported``.
        reason: why it is not counted in full.
    """

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

    def __repr__(self) -> str:
        return f"<LayerCost {self.name} ({self.kind}): {_in_brief(self.cost)}>"

    @property
    def macs(self) -> int:
        return self.cost.macs

    @property
    def flops(self) -> int:
        return self.cost.flops

    @property
    def params(self) -> int:
        return self.cost.params


class BlockCost(NamedTuple):
    """A block: the sum of its layers.

    Attributes:
        name: the block's.
        kind: ``fork-join`` or ``segment``.
        stage: the spatial size of its output.
        layers: the names of its layers, in running order.
        output_shape: with the batch.
        cost: the sum of its layers'.
        field: the receptive field of its output; ``None`` where it has no positions.
        children: the blocks inside it.
    """

    name: str
    kind: str
    stage: str
    layers: tuple[str, ...]
    output_shape: Shape
    cost: Cost
    field: Field | None
    children: tuple[BlockCost, ...] = ()

    @property
    def macs(self) -> int:
        return self.cost.macs

    @property
    def flops(self) -> int:
        return self.cost.flops

    @property
    def params(self) -> int:
        return self.cost.params

    def __repr__(self) -> str:
        return f"<BlockCost {self.name} ({len(self.layers)} layers): {_in_brief(self.cost)}>"


def _in_brief(cost: Cost) -> str:
    return (
        f"{cost.bounds.macs.phrase}{short(cost.macs)} MACs,"
        f" {cost.bounds.params.phrase}{short(cost.params)} parameters"
    )


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
    """The results of the cost audit on a graph.

    Attributes:
        layers: in running order.
        blocks: in running order.
        total: the sum of either.
        peak_activation_bytes: the most bytes of activations held at once.
        peak_at: the layer that runs then.
        packages: those that classes in the file come from; none of them was imported.
        left_out: the optional arguments of a subclassed model's call that were not given.
        containers: the classes of models and layers that hold layers, by path.
    """

    layers: tuple[LayerCost, ...]
    blocks: tuple[BlockCost, ...]
    total: Cost
    peak_activation_bytes: int
    peak_at: str
    packages: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    containers: Mapping[str, str] = MappingProxyType({})

    def __repr__(self) -> str:
        return f"<Costs of {len(self.layers)} layers: {_in_brief(self.total)}>"

    @property
    def unsupported(self) -> tuple[LayerCost, ...]:
        """The layers that are not counted in full."""
        return tuple(layer for layer in self.layers if layer.status == UNSUPPORTED)


def costs(graph: Graph, parts: Sequence[Block] | None = None) -> Costs:
    """Audit a graph: layers, blocks and totals; ``parts`` are its blocks where they are known already."""
    parts = blocks(graph) if parts is None else parts
    layers = _layer_costs(graph, parts)
    heaviest = max(layers, key=lambda layer: layer.live_bytes)
    return Costs(
        layers=layers,
        blocks=_block_costs(graph, parts, layers),
        total=sum((layer.cost for layer in layers), NOTHING),
        peak_activation_bytes=heaviest.live_bytes,
        peak_at=heaviest.name,
        packages=graph.architecture.packages,
        left_out=graph.architecture.left_out,
        containers=graph.architecture.containers,
    )
