"""A graph as a chain of live pieces, one for each block, that share nothing but their layers.

The forward pass keeps only what crosses from piece to piece. The backward pass runs each piece once
more and pulls the gradient through it (Chen et al. 2016, "Training Deep Nets with Sublinear Memory
Cost"): normalisation sees the whole batch, and no more than one block's inside is held at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from keraudit.audits.gradients.initializers import is_random, recorded
from keraudit.audits.gradients.places import Part, kernel_depths
from keraudit.audits.gradients.roles import is_kernel
from keraudit.building.call_values import filled, variables_in
from keraudit.building.keras_model import (
    assembled,
    computed_as,
    constants,
    copied,
    first_line,
    variable_of,
    weights_by_path,
)
from keraudit.errors import ModelError
from keraudit.model.graph import Call, Graph, Ref
from keraudit.rewrite.edit import mapped


class Piece(keras.Layer):  # type: ignore[misc]  # Keras ships no types
    """A run of calls of a graph as one layer, from the tensors it reads to those it writes.

    A layer, because Keras tells the layers inside it whether they train.
    """

    def __init__(self, graph: Graph, part: Part, layers: Mapping[str, Any]) -> None:
        super().__init__(autocast=False)
        self.part = part
        self.calls = [
            (index, call, layers[call.layer])
            for index, call in enumerate(graph.architecture.calls[: part.stop])
            if index >= part.start and call.layer in layers
        ]
        self.variables_read = {
            key: layers[key]
            for _, call, _ in self.calls
            for config in variables_in((call.args, call.kwargs))
            if (key := variable_of(config))
        }
        self.parts = [
            *(layer for _, _, layer in self.calls),
            *self.variables_read.values(),
        ]  # for their weights
        self.graph = graph
        self.built = True

    def call(self, tensors: Sequence[Any]) -> list[Any]:
        known: dict[Ref, Any] = dict(zip(self.part.reads, tensors, strict=True))
        for index, call, layer in self.calls:
            args, kwargs = mapped(self._arguments(index, call), known.__getitem__)
            result = layer(*args, **kwargs)
            results = result if isinstance(result, list | tuple) else [result]
            known.update({Ref(index, i): tensor for i, tensor in enumerate(results)})
        return [known[ref] for ref in self.part.writes]

    def _arguments(self, index: int, call: Call) -> tuple[Any, Any]:
        """The arguments of a call, with the values of the variables and arrays in them."""

        def variable(config: Mapping[str, Any]) -> Any:
            variable = self.variables_read[variable_of(config)].variable
            return keras.ops.cast(variable, computed_as(config, self.graph, index))

        return filled(constants((call.args, call.kwargs)), variable, keras.ops.convert_to_tensor)  # type: ignore[no-any-return]


class Network:
    """The pieces of a graph, their kernels, and the layers that hold them, by path.

    ``initializers`` are those of the layers' variables, by the variable's ``id``.
    """

    def __init__(
        self,
        graph: Graph,
        parts: Sequence[Part],
        *,
        custom_objects: Mapping[str, Any] | None = None,
    ) -> None:
        self.graph = graph
        with recorded() as initializers:
            self.layers, _ = assembled(graph, custom_objects=custom_objects)
        self.initializers = {
            id(variable): initializers[id(variable)]
            for layer in self.layers.values()
            for variable in getattr(layer, "weights", ())
            if id(variable) in initializers
        }
        self.pieces = tuple(Piece(graph, part, self.layers) for part in parts)
        self.depths = kernel_depths(graph)

    def kernels(self, piece: Piece) -> list[Any]:
        """The trainable variables of a piece that multiply its input: no biases, no scales."""
        return [
            variable
            for variable in piece.trainable_variables
            if is_kernel(
                str(variable.name),
                len(variable.shape),
                random=is_random(self.initializers.get(id(variable))),
            )
        ]

    def home(self, piece: Piece, variable: Any) -> tuple[int, str]:
        """The call of a piece that uses a variable, and its layer's path."""
        for index, call, layer in piece.calls:
            if any(v is variable for v in getattr(layer, "trainable_variables", ())):
                return index, call.layer
            for config in variables_in((call.args, call.kwargs)):
                if piece.variables_read[variable_of(config)].variable is variable:
                    return index, call.layer
        raise KeyError(variable.path)

    def is_float(self, ref: Ref) -> bool:
        tensor = self.graph.nodes[ref.call].outputs[ref.output]
        return "float" in tensor.dtype

    def copy(self, source: keras.Model) -> None:
        """Take over every weight of the layers that ``source`` has too, in the same shape."""
        for path, originals in weights_by_path(source, self.graph).items():
            copied(originals, getattr(self.layers.get(path), "weights", ()))


def run(piece: Piece, tensors: Sequence[Any], kernels: Sequence[tuple[Any, Any]] = ()) -> list[Any]:
    """Call a piece as in training; statistics and random states that it would move stay.

    Args:
        piece: what to call.
        tensors: in the order of ``piece.part.reads``.
        kernels: variables, each with the tensor to use in its place.

    Raises:
        ModelError: a layer in it fails, in Keras or in its backend.
    """
    with keras.StatelessScope(state_mapping=list(kernels)):
        try:
            results: list[Any] = piece(list(tensors), training=True)
        except Exception as error:
            reason = first_line(error)
            raise ModelError(f"block {piece.part.name!r} cannot be run: {reason}") from error
    return results
