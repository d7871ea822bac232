"""Graph to keras.Model: whatever was read or rewritten can run, on any backend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from keraudit.errors import ModelError
from keraudit.graph import Graph, Layer
from keraudit.rewrite.surgery import mapped

if TYPE_CHECKING:
    import keras


def build(
    graph: Graph, *, custom_objects: Mapping[str, Any] | None = None, allocate: bool = True
) -> keras.Model:
    """Make the model that a graph describes, at the graph's input size, with fresh weights.

    Nested models were laid flat when they were read: a layer ``outer/inner`` is built as
    ``outer_inner``. A layer that is called several times is built once.

    Args:
        graph: read or rewritten.
        custom_objects: the user's own classes by name.
        allocate: without it the weights have shapes only, and no memory.

    Raises:
        ModelError: a layer's class is not known to the installed Keras; the error names it.
    """
    import keras

    if not allocate:
        with keras.StatelessScope(initialize_variables=False):
            return build(graph, custom_objects=custom_objects)
    _, outputs = assembled(graph, custom_objects=custom_objects)
    inputs = [outputs[ref.call][ref.output] for ref in graph.architecture.inputs]
    results = [outputs[ref.call][ref.output] for ref in graph.architecture.outputs]
    name = graph.architecture.name.replace("/", "_")
    return keras.Model(alone(inputs), alone(results), name=name)


def assembled(
    graph: Graph, *, custom_objects: Mapping[str, Any] | None = None
) -> tuple[dict[str, Any], list[list[Any]]]:
    """The layers and operations of a graph by path, each built, and every call's symbolic outputs."""
    import keras

    known = {**application_layers(), **(custom_objects or {})}
    made: dict[str, Any] = {}
    outputs: list[list[Any]] = []

    def tensor(ref: Any) -> Any:
        return outputs[ref.call][ref.output]

    for index, call in enumerate(graph.architecture.calls):
        node = graph.nodes[index]
        if node.layer.kind == "InputLayer":
            dtype = node.outputs[0].dtype
            name = call.name.replace("/", "_")
            result = keras.Input(node.outputs[0].shape[1:], dtype=dtype, name=name)
        else:
            if call.layer not in made:
                made[call.layer] = instance(
                    call.layer, graph.architecture.layers[call.layer], known
                )
            args, kwargs = mapped(call.args, tensor), mapped(call.kwargs, tensor)
            try:
                result = made[call.layer](*args, **kwargs)
            except (TypeError, ValueError) as error:
                raise ModelError(
                    f"layer {call.name!r} ({node.layer.kind}) cannot be built: {first_line(error)}"
                ) from error
        outputs.append(list(result) if isinstance(result, list | tuple) else [result])
    return made, outputs


def alone(tensors: list[Any]) -> Any:
    """One tensor by itself, several as a list: as people pass them."""
    return tensors if len(tensors) > 1 else tensors[0]


def instance(path: str, layer: Layer, known: Mapping[str, Any]) -> Any:
    """The layer or operation that a config describes, named after its path."""
    import keras

    kind = layer.kind.removeprefix("ops.")
    record = {
        "module": layer.module or None,
        "class_name": kind,
        "registered_name": kind if kind in known else None,
        "config": {**layer.config, "name": path.replace("/", "_")},
    }
    try:
        made = keras.saving.deserialize_keras_object(record, custom_objects=dict(known))
    except (TypeError, ValueError, ImportError, AttributeError) as error:
        raise ModelError(
            f"layer {path!r} ({layer.kind}) cannot be built: {first_line(error)}; pass its class in"
            " custom_objects"
        ) from error
    if isinstance(made, keras.Layer) and not layer.trainable:
        made.trainable = False
    return made


def application_layers() -> dict[str, Any]:
    """The layers of Keras Applications that Keras keeps to itself and cannot load by name."""
    try:
        from keras.src.applications.convnext import LayerScale
        from keras.src.applications.inception_resnet_v2 import CustomScaleLayer
    except ImportError:  # not public: another release may move them
        return {}
    return {"LayerScale": LayerScale, "CustomScaleLayer": CustomScaleLayer}


def first_line(error: Exception) -> str:
    """The first line of a library's error, which may run over a page."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


def copy_weights(source: keras.Model, target: keras.Model, graph: Graph) -> None:
    """Give the layers of a built model the weights that the same layers have in its original.

    Layers are matched by their path in ``graph``; those that a rewrite made or changed in shape keep
    their fresh weights.
    """
    import keras

    for path in graph.architecture.layers:
        found = layer_at(source, path)
        made = layer_at(target, path.replace("/", "_"))
        if not isinstance(found, keras.Layer) or not isinstance(made, keras.Layer):
            continue
        shapes = [tuple(w.shape) for w in found.weights]
        if shapes == [tuple(w.shape) for w in made.weights]:
            for old, new in zip(found.weights, made.weights, strict=True):
                new.assign(old)


def layer_at(model: keras.Model, path: str) -> Any:
    """The layer at a path of nested models, or ``None``. Operations have no place and no weights."""
    at: Any = model
    for part in path.split("/"):
        found = {layer.name: layer for layer in getattr(at, "layers", ())}
        if part not in found:
            return None
        at = found[part]
    return at
