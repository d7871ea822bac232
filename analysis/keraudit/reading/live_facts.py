"""What only a live model tells of layers that are not Keras' own: their weights and output shapes.

Nothing is called: weights and symbolic tensors are there already. The facts are plain data, so that a
process of its own can hand them on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from keraudit.graph import Architecture, Weight

Facts = Mapping[str, Any]


def facts_of(model: Any) -> dict[str, Any]:
    """The weights of every layer that is not, or holds one that is not, of a class of Keras; by path.

    With them the shapes of the model's outputs, which its config leaves out.
    """
    outputs = getattr(model, "outputs", None) or ()
    return {
        "weights": {
            path: weights_of(layer) for path, layer in layers_in(model, "") if is_own(layer)
        },
        "outputs": [list(tensor.shape) for tensor in outputs],
    }


def layers_in(model: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """The layers of a model that has a graph, those of nested models in their place."""
    for layer in model.layers:
        if hasattr(layer, "layers") and "layers" in layer.get_config():
            yield from layers_in(layer, f"{prefix}{layer.name}/")
        elif layer.built:
            yield prefix + layer.name, layer


def is_own(layer: Any) -> bool:
    return any(
        type(part).__module__.partition(".")[0] != "keras"
        for part in layer._flatten_layers()  # Keras has no public way through wrappers
    )


def weights_of(layer: Any) -> list[list[Any]]:
    """Name, shape, whether it is trained, and dtype of each weight."""
    trained = {id(weight) for weight in layer.trainable_weights} if layer.trainable else None
    return [
        [
            weight.path.removeprefix(f"{layer.path or layer.name}/"),
            list(weight.shape),
            bool(weight.trainable) if trained is None else id(weight) in trained,
            str(weight.dtype),
        ]
        for weight in layer.weights
    ]


def with_facts(architecture: Architecture, facts: Facts) -> Architecture:
    """The architecture with what a live model adds to it."""
    weights: Mapping[str, Any] = facts.get("weights", {})
    layers = {
        path: replace(layer, weights=listed(weights[path])) if path in weights else layer
        for path, layer in architecture.layers.items()
    }
    outputs = facts.get("outputs", ())
    recorded = dict(architecture.recorded)
    if len(outputs) == len(architecture.outputs):
        for ref, shape in zip(architecture.outputs, outputs, strict=True):
            recorded.setdefault(ref, tuple(shape))
    return replace(architecture, layers=layers, recorded=recorded)


def listed(weights: Any) -> tuple[Weight, ...]:
    return tuple(
        Weight(name, tuple(shape), trainable=trained, dtype=dtype)
        for name, shape, trained, dtype in weights
    )
