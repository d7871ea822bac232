"""What only a live model tells of layers that are not Keras' own: their weights and output shapes.

Nothing is called: weights and symbolic tensors are there already. The facts are plain data, so that a
process of its own can hand them on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from keraudit.layers.own_counts import effects_from
from keraudit.model.graph import Architecture, Layer, Ref, Weight
from keraudit.reading import config
from keraudit.safe_text import harmless

Facts = Mapping[str, Any]


def live_facts(model: Any) -> dict[str, Any]:
    """Weights by layer's path, where some layer is not, or holds one that is not, of a class of Keras.

    Those of all layers, too, where the backend chooses a dtype of one. With them what a config leaves out:
    the shapes of the model's outputs, those within Sequential models, and the number of parameters.
    """
    outputs = getattr(model, "outputs", None) or ()
    layers = list(_layers_in(model, ""))
    # a weight that two layers hold belongs to the one that a rule counts, else to the first
    counted = {id(w) for _, layer in layers if not is_own(layer) for w in layer.weights}
    weights = {}
    if any(is_own(layer) or is_left_to_backend(layer) for _, layer in layers):
        for path, layer in layers:
            mine = is_own(layer)
            weights[path] = weights_of(layer, counted if mine else set())
            counted |= {id(weight) for weight in layer.weights}
    return {
        "weights": weights,
        "outputs": [list(tensor.shape) for tensor in outputs],
        "shapes": dict(_sequential_shapes(model, "")),
        "params": model.count_params() if model.built else None,
    }


def _sequential_shapes(model: Any, prefix: str) -> Iterator[tuple[str, list[int | None]]]:
    """The output shapes of the layers of Sequential models, at any depth, by path."""
    inner = getattr(model, "_functional", None)  # Keras has no public way to its nodes
    for nodes in getattr(inner, "_nodes_by_depth", {}).values():
        for node in nodes:
            if len(node.outputs) == 1 and not hasattr(node.operation, "layers"):
                yield prefix + node.operation.name, list(node.outputs[0].shape)
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _sequential_shapes(layer, f"{prefix}{layer.name}/")


def _layers_in(model: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """The layers of a model that has a graph, those of nested models in their place."""
    for layer in model.layers:
        if hasattr(layer, "layers") and "layers" in layer.get_config():
            yield from _layers_in(layer, f"{prefix}{layer.name}/")
        elif layer.built:
            yield prefix + layer.name, layer


def is_own(layer: Any) -> bool:
    return any(
        type(part).__module__.partition(".")[0] != "keras"
        for part in layer._flatten_layers()  # Keras has no public way through wrappers
    )


def is_left_to_backend(layer: Any) -> bool:
    """Whether the backend chooses the dtype of one of a layer's weights: int64 on TensorFlow, else int32."""
    import keras

    return isinstance(layer, keras.layers.Normalization)


def weights_of(layer: Any, counted: set[int]) -> list[list[Any]]:
    """Name, shape, whether it is trained, and dtype of each weight that is not ``counted``."""
    trained = {id(weight) for weight in layer.trainable_weights} if layer.trainable else None
    return [
        [
            weight.path.removeprefix(f"{layer.path or layer.name}/"),
            list(weight.shape),
            bool(weight.trainable) if trained is None else id(weight) in trained,
            str(weight.dtype),
        ]
        for weight in layer.weights
        if id(weight) not in counted
    ]


def with_live_facts(architecture: Architecture, facts: Facts) -> Architecture:
    """The architecture with what a live model adds to it."""
    weights: Mapping[str, Any] = facts.get("weights", {})
    untraced: Mapping[str, str] = facts.get("untraced", {})
    counted: Mapping[str, Any] = facts.get("counted", {})
    inner: Mapping[str, Any] = facts.get("inner", {})
    layers = {
        path: replace(
            layer,
            weights=_listed(weights[path]) if path in weights else layer.weights,
            unknown=untraced.get(path, ""),
            counted=effects_from(counted[path]) if path in counted else None,
            inner=tuple(map(_held, inner[path])) if path in inner else layer.inner,
        )
        for path, layer in architecture.layers.items()
    }
    outputs, shapes = facts.get("outputs", ()), facts.get("shapes", {})
    recorded = dict(architecture.recorded)
    for index, call in enumerate(architecture.calls):
        if call.name in shapes:
            recorded.setdefault(Ref(index), tuple(shapes[call.name]))
    if len(outputs) == len(architecture.outputs):
        for ref, shape in zip(architecture.outputs, outputs, strict=True):
            recorded.setdefault(ref, tuple(shape))
    params = facts.get("params")
    return replace(
        architecture,
        layers=layers,
        recorded=recorded,
        stated_params=params,
        traced=bool(facts.get("traced")),
        containers={**architecture.containers, **facts.get("containers", {})},
        left_out=tuple(facts.get("left_out", ())),
    )


def _held(told: Facts) -> Layer | Architecture:
    """What a wrapper holds: its trace; a layer that says why there is none."""
    if "record" not in told:
        return Layer(
            name=harmless(told["name"]),
            kind=harmless(told["kind"]),
            config={},
            module="",
            unknown=told["unknown"],
        )
    return with_live_facts(
        config.architecture(told["record"], source="live model", live=True), told["facts"]
    )


def _listed(weights: Any) -> tuple[Weight, ...]:
    return tuple(
        Weight(name, tuple(shape), trainable=trained, dtype=dtype)
        for name, shape, trained, dtype in weights
    )
