"""A network whose blocks can be closed one by one: a closed block passes its input on.

A residual unit is closed by multiplying its residual branch by 0, so that the shortcut alone is left (Veit et
al. 2016). A network without them has gates at its layers with a kernel, as theirs of VGG, or at its modules: closed, one
passes its input on, where the shapes agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from keraudit.audits.gradients.places import parts, places
from keraudit.audits.structure.network import network
from keraudit.audits.structure.units import units
from keraudit.building.keras_model import assembled, constants, copied, weights_by_path
from keraudit.errors import KerauditError
from keraudit.model.blocks import blocks
from keraudit.model.graph import Graph, Ref
from keraudit.rewrite.edit import mapped

BATCH = 250  # images at once


class Gate(NamedTuple):
    """A block that can be closed.

    Attributes:
        name: of the block.
        at: the call that is gated: a residual unit's addition, else the last call of a layer or module.
        end: the block's last call, which the next one reads: an activation often follows the addition.
        branch: what the addition reads of the residual branch; ``None`` in a plain network.
        around: what the block reads.
        resizes: whether its shortcut changes the shape, as at a down-sampling.
    """

    name: str
    at: int
    end: int
    branch: Ref | None
    around: Ref
    resizes: bool


def gates(graph: Graph) -> tuple[Gate, ...]:
    """The blocks that can be closed: the residual units, else the layers or modules that keep their shape.

    Raises:
        KerauditError: there are none.
    """
    divided = blocks(graph)
    last_of = {block.name: block.nodes[-1] for block in divided}
    found = [
        Gate(
            name=unit.name,
            at=unit.join,
            end=last_of.get(unit.name, unit.join),
            branch=_branch(graph, unit.join, unit.fork, unit.around),
            around=Ref(unit.fork),
            resizes=bool(unit.around),
        )
        for unit in units(network(graph, divided))
    ]
    if found:
        return tuple(found)
    for piece in parts(graph, places(graph)):
        inside, last = range(piece.start, piece.stop), piece.stop - 1
        sources = graph.nodes[piece.start].sources
        if len(sources) != 1 or not any(_convolves(graph, index) for index in inside):
            continue
        if graph.nodes[last].outputs[0].shape == graph.nodes[piece.start].inputs[0].shape:
            found.append(Gate(piece.name, last, last, None, sources[0], resizes=False))
    if not found:
        raise KerauditError(
            f"{graph.architecture.name} has no block to delete: no residual unit, and no"
            " convolution that keeps its shape"
        )
    return tuple(found)


def _branch(graph: Graph, join: int, fork: int, around: Sequence[int]) -> Ref:
    """Of what an addition reads, the residual branch."""
    shortcut = {fork, *around}
    return next(ref for ref in graph.nodes[join].sources if ref.call not in shortcut)


def _convolves(graph: Graph, index: int) -> bool:
    return graph.nodes[index].layer.kind.startswith("Conv")


class GatedNetwork:
    """A trained network with a gate at each block.

    Attributes:
        graph: of the network.
        gates: its blocks, from input to output.
        model: takes images and, for each of them, one number for each gate: 1 open, 0 closed.
        layers: the built layers by path, with the weights.
    """

    def __init__(self, body: Any, graph: Graph) -> None:
        import keras

        self.graph, self.gates = graph, gates(graph)
        self.layers, outputs = assembled(graph)
        self.originals = weights_by_path(body, graph)
        self.restore()
        start = outputs[graph.architecture.inputs[0].call][0]
        opening = keras.Input((len(self.gates),), name="opening")
        tensors = self._tensors(start, opening, stop=False)
        self.model = keras.Model([start, opening], tensors[graph.architecture.outputs[0]])
        # The input of the first block, then the output of each.
        ends = [self.gates[0].around, *(Ref(gate.end) for gate in self.gates)]
        self._ends = keras.Model([start, opening], [_pooled(tensors[ref]) for ref in ends])

    def restore(self) -> None:
        """Give every layer the weights of the trained network."""
        for path, originals in self.originals.items():
            copied(originals, getattr(self.layers.get(path), "weights", ()))

    def outputs(self, images: Any, opening: Any, *, stop: bool) -> Any:
        """The network's output for images and gates.

        With ``stop`` every block is open in the forward pass, and in the backward pass the gradient
        takes the branch of an open gate and the shortcut of a closed one, never both.
        """
        return self._tensors(images, opening, stop=stop)[self.graph.architecture.outputs[0]]

    def _tensors(self, images: Any, opening: Any, *, stop: bool) -> dict[Ref, Any]:
        """What every call returns for images and gates, up to the last."""
        known: dict[Ref, Any] = {}
        places = {gate.at: number for number, gate in enumerate(self.gates)}
        for index, call in enumerate(self.graph.architecture.calls):
            if self.graph.nodes[index].layer.kind == "InputLayer":
                known[Ref(index)] = images
                continue
            number = places.get(index)
            seen = known if number is None else self._gated(known, number, opening, stop)
            args, kwargs = mapped(constants((call.args, call.kwargs)), seen.__getitem__)
            result = self.layers[call.layer](*args, **kwargs)
            if number is not None and self.gates[number].branch is None:
                way = _factor(opening, number, result)
                result = way * result + (1 - way) * known[self.gates[number].around]
            known[Ref(index)] = result
        return known

    def _gated(
        self, known: dict[Ref, Any], number: int, opening: Any, stop: bool
    ) -> dict[Ref, Any]:
        """What the addition of a residual unit reads, with its gate on the branch."""
        from keras import ops

        gate = self.gates[number]
        if gate.branch is None:
            return known
        seen = dict(known)
        way = _factor(opening, number, known[gate.branch])
        if not stop:
            return seen | {gate.branch: way * known[gate.branch]}
        for ref in self.graph.nodes[gate.at].sources:
            share = way if ref == gate.branch else 1 - way
            seen[ref] = share * known[ref] + (1 - share) * ops.stop_gradient(known[ref])
        return seen

    def predict(self, images: Any, opening: Sequence[float]) -> Any:
        """The outputs for normalised images, (N, classes), with the gates set to ``opening``."""
        import numpy as np

        ways = np.tile(np.asarray(opening, "float32"), (len(images), 1))
        return self.model.predict([images, ways], batch_size=BATCH, verbose=0)

    def features(self, images: Any) -> list[Any]:
        """The mean over positions of each channel, (N, channels), before the first block and after each one."""
        import numpy as np

        ways = np.ones((len(images), len(self.gates)), "float32")
        return self._ends.predict([images, ways], batch_size=BATCH, verbose=0)  # type: ignore[no-any-return]

    def swap(self, one: int, other: int) -> None:
        """Exchange the weights of two blocks of the same shapes."""
        from keras import ops

        pairs = list(zip(self._weights_of(one), self._weights_of(other), strict=True))
        for a, b in pairs:
            values = ops.convert_to_numpy(a).copy()
            a.assign(b)
            b.assign(values)

    def shapes_of(self, number: int) -> tuple[Any, ...]:
        """The shapes of a block's weights: blocks of the same shapes may be exchanged."""
        gate = self.gates[number]
        return (gate.resizes, *(tuple(w.shape) for w in self._weights_of(number)))

    def _weights_of(self, number: int) -> list[Any]:
        calls = self.graph.architecture.calls
        paths = dict.fromkeys(calls[index].layer for index in self._inside(number))
        return [w for path in paths for w in getattr(self.layers.get(path), "weights", ())]

    def _inside(self, number: int) -> list[int]:
        """The calls between where a block begins and where it ends."""
        gate = self.gates[number]
        return list(range(gate.around.call + 1, gate.at + 1))


def _pooled(tensor: Any) -> Any:
    """The mean over all axes but the first and the last."""
    from keras import ops

    axes = tuple(range(1, len(tensor.shape) - 1))
    return ops.mean(tensor, axis=axes) if axes else tensor


def _factor(opening: Any, number: int, tensor: Any) -> Any:
    """The gate of each image as a factor for a tensor of any rank."""
    from keras import ops

    return ops.reshape(opening[:, number], (-1, *[1] * (len(tensor.shape) - 1)))
