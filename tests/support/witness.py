"""Keras as the independent witness: the same layer, built by Keras and read by us, must agree."""

from __future__ import annotations

import json
from typing import Any

from keraudit.layers.infer import shaped
from keraudit.model.graph import Graph
from keraudit.reading.config import architecture


def graph_of(model: Any, **options: Any) -> Graph:
    """Read a live Keras model the way the toolkit does: through its JSON."""
    return shaped(architecture(json.loads(model.to_json()), source="test"), **options)


def witness(layer: Any, *shapes: tuple[int, ...], dtype: str = "float32", **call: Any) -> Graph:
    """Call ``layer`` on fresh inputs, read the model, and compare shapes and parameter counts.

    ``shapes`` leave out the batch; several shapes are passed as one list, as merge layers want.
    Returns the graph; its last node is the layer.
    """
    import keras

    inputs = [keras.Input(shape, dtype=dtype) for shape in shapes]
    output = layer(inputs if len(inputs) > 1 else inputs[0], **call)
    model = keras.Model(inputs, output)
    graph = graph_of(model)
    agree(graph, model)
    return graph


def agree(graph: Graph, model: Any) -> None:
    """Compare output shapes and trainable and other parameters with Keras' own."""
    stated = [tuple(t.shape[1:]) for t in model.outputs]
    ours = [graph.nodes[r.call].outputs[r.output].shape[1:] for r in graph.architecture.outputs]
    assert ours == stated
    trainable = sum(
        w.elements for n in graph.nodes if n.layer.trainable for w in n.weights if w.trainable
    )
    total = sum(w.elements for n in graph.nodes for w in n.weights)
    # random states are state, not parameters: Keras lists them, the papers do not
    counted = [v for v in model.variables if "seed_generator" not in v.path]
    assert total == sum(map(_size, counted))
    assert trainable == sum(map(_size, model.trainable_variables))


def _size(variable: Any) -> int:
    from math import prod

    return prod(variable.shape)
