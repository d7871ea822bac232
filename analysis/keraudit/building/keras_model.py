"""Graph to keras.Model: whatever was read or rewritten can run, on any backend."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from threading import RLock
from typing import TYPE_CHECKING, Any

from keraudit.building.allow_list import CLASSES, LAYERS, MODELS, OPERATIONS
from keraudit.building.check import ADVICE, Config, check
from keraudit.errors import ModelError
from keraudit.model.graph import Graph, Layer, Ref
from keraudit.reading.live_model import traced_parts
from keraudit.rewrite.edit import mapped
from keraudit.safe_text import warned_harmlessly

if TYPE_CHECKING:
    import keras

# Of what Keras knows of the whole process, and ``only`` sets for a while.
LOCK = RLock()

# How Keras begins before it says why, and how it colours that in a terminal.
PREAMBLES = ("Exception encountered when calling", "Error when deserializing class")
CAUSE = "Exception encountered:"  # before what the class itself raised
COLORS = re.compile(r"\x1b\[\d*m")


def build(
    graph: Graph, *, custom_objects: Mapping[str, Any] | None = None, allocate: bool = True
) -> keras.Model:
    """Make the model that a graph describes, at the graph's input size, with random initial weights.

    Nested models were laid flat when they were read: a layer ``outer/inner`` is built as
    ``outer_inner``. A layer that is called several times is built once.

    A config may come from anyone: of what it names, only the layers, operations and options of
    ``keraudit.building.check`` are built, and classes and functions that ``custom_objects`` holds.

    Args:
        graph: read or rewritten.
        custom_objects: the user's own classes and functions by name.
        allocate: without it the weights have shapes only, and no memory.

    Raises:
        ModelError: a layer is not among those that are built, or not in the installed Keras; the
            error names it.
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
    """The layers and operations of a graph by path, each built, and every call's symbolic outputs.

    A variable that a traced layer used itself becomes a layer too, by the key ``variable_of`` gives.
    """
    known = dict(custom_objects or {})
    check(graph.architecture, known)
    made: dict[str, Any] = {}
    outputs: list[list[Any]] = []
    with only(known):
        for index, call in enumerate(graph.architecture.calls):
            node = graph.nodes[index]
            try:
                result = _called(graph, index, made, outputs, known)
            except ModelError:
                raise
            except Exception as error:  # Keras' own, or its backend's: anything
                raise refused(call.name, node.layer.kind, first_line(error)) from error
            outputs.append(list(result) if isinstance(result, list | tuple) else [result])
    return made, outputs


def _called(
    graph: Graph, index: int, made: dict[str, Any], outputs: list[list[Any]], known: Any
) -> Any:
    """The symbolic result of one call; layers that are new are added to those ``made``."""
    import keras

    call, node = graph.architecture.calls[index], graph.nodes[index]
    if node.layer.kind == "InputLayer":
        tensor = node.outputs[0]
        name = call.name.replace("/", "_")
        if graph.architecture.traced:  # it holds for one batch
            return keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=name)
        return keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=name)
    if call.layer not in made:
        made[call.layer] = _instance(call.layer, graph.architecture.layers[call.layer], known)
    arguments = constants((call.args, call.kwargs))
    if graph.architecture.traced:
        arguments = _with_call_values(arguments, graph, index, made, outputs)
    args, kwargs = mapped(arguments, lambda ref: outputs[ref.call][ref.output])
    return made[call.layer](*args, **kwargs)


def _with_call_values(
    arguments: Any, graph: Graph, index: int, made: dict[str, Any], outputs: list[list[Any]]
) -> Any:
    """The arguments of a traced call with tensors for the variables and arrays in them."""
    from keraudit.building.call_values import ArrayLayer, VariableLayer, filled, variables_in

    first = graph.architecture.inputs[0]
    place = outputs[first.call][first.output]
    alone = not graph.architecture.calls[index].inputs and not any(variables_in(arguments))

    def variable(config: Mapping[str, Any]) -> Any:
        key = variable_of(config)
        if key not in made:
            made[key] = VariableLayer(config)
        return made[key](place, dtype=computed_as(config, graph, index))

    def array(value: Any) -> Any:
        return ArrayLayer(value)(place) if alone else value

    return filled(arguments, variable, array)


def variable_of(config: Mapping[str, Any]) -> str:
    """The key of a variable among the layers of a graph."""
    return f"variable {config['variable']}"


def computed_as(config: Mapping[str, Any], graph: Graph, index: int) -> str:
    """The dtype that a call reads a variable in: numbers are cast to what a mixed policy computes in."""
    stored = str(config["dtype"])
    if "float" not in stored:
        return stored
    return next((t.dtype for t in graph.nodes[index].inputs if "float" in t.dtype), stored)


@contextmanager
def only(known: Mapping[str, Any]) -> Iterator[None]:
    """Keras' safe mode, and of names that are not Keras' own those of the caller alone.

    What Keras warns of meanwhile holds names as the file has them: it is made harmless.
    """
    import keras

    with LOCK, ExitStack() as stack:
        stack.enter_context(warned_harmlessly())
        stack.enter_context(_nothing_registered(known))
        try:
            from keras.src.saving.serialization_lib import SafeModeScope
        except ImportError:  # not public: another release may move it
            pass
        else:
            stack.enter_context(SafeModeScope(True))
        stack.enter_context(keras.saving.custom_object_scope({**scope(), **known}))
        yield


@contextmanager
def _nothing_registered(known: Mapping[str, Any]) -> Iterator[None]:
    """Keras' table of registered objects without those that the caller did not pass.

    Keras looks in it for any text of a config, at places where no name of an object belongs.
    """
    import keras

    table = keras.saving.get_custom_objects()
    before = dict(table)
    passed = {id(item) for item in known.values()}
    table.clear()
    table.update({name: item for name, item in before.items() if id(item) in passed})
    try:
        yield
    finally:
        for name, item in before.items():
            table.setdefault(name, item)  # what was registered meanwhile stays


def constants(value: Any) -> Any:
    """The arguments of a call with arrays and ellipses in place of their records."""
    if isinstance(value, Ref):  # itself a tuple
        return value
    if isinstance(value, list | tuple):
        items = [constants(item) for item in value]
        return tuple(items) if isinstance(value, tuple) else items
    if not isinstance(value, Mapping):
        return value
    if value.get("class_name") == "__ellipsis__":
        return ...
    if value.get("class_name") in ("__numpy__", "__tensor__"):
        import numpy as np

        record = value["config"]
        dtype = record["dtype"]
        return np.array(record["value"], dtype="float32" if dtype == "bfloat16" else dtype)
    return {key: constants(item) for key, item in value.items()}


def refused(path: str, kind: str, reason: str) -> ModelError:
    """The error of a layer that cannot be built."""
    return ModelError(f"layer {path!r} ({kind}) cannot be built: {reason}")


def alone(tensors: list[Any]) -> Any:
    """One tensor by itself, several as a list: as people pass them."""
    return tensors if len(tensors) > 1 else tensors[0]


def _instance(path: str, layer: Layer, known: Mapping[str, Any]) -> Any:
    """The layer or operation that a config describes, named after its path.

    Call it within ``only(known)``.
    """
    import keras

    key, config = Config(path, layer.kind, known).layer(layer)
    cls = known[key] if key else _class_of(layer.kind)
    if not _is_class(cls, keras.Operation):
        reason = (
            f"{key!r} in custom_objects is not a layer class"
            if key
            else f"it is not in Keras {keras.__version__}"
        )
        raise refused(path, layer.kind, f"{reason}; {ADVICE}")
    try:
        instance = cls.from_config({**config, "name": path.replace("/", "_")})
    except Exception as error:  # Keras' own, or its backend's: anything
        raise refused(path, layer.kind, first_line(error)) from error
    if isinstance(instance, keras.Layer) and not layer.trainable:
        instance.trainable = False
    return instance


def _is_class(value: Any, kind: Any) -> bool:
    return isinstance(value, type) and issubclass(value, kind)


def _class_of(kind: str) -> Any:
    """Keras' own class of a layer or an operation on the list, or ``None`` where it has none."""
    name = kind.removeprefix("ops.")
    return scope().get(f"keras.ops.{name}" if name != kind else f"keras.layers.{name}")


@cache
def scope() -> Mapping[str, Any]:
    """Every class on the lists that the installed Keras has, by its public name: no function is one."""
    import keras

    objects: dict[str, Any] = {}
    for home, names in (("keras", MODELS), ("keras.layers", LAYERS), *CLASSES.values()):
        module = getattr(keras, home.removeprefix("keras").lstrip("."), keras)
        for name in names.values() if isinstance(names, Mapping) else names:
            objects[f"{home}.{name}"] = getattr(module, name, None)
    layers = [getattr(keras.layers, name, None) for name in LAYERS]
    objects |= {
        f"keras.layers.{layer.__name__}": layer for layer in layers if layer
    }  # as .h5 names it
    objects |= {f"keras.layers.{name}": made for name, made in application_layers().items()}
    objects |= {f"keras.ops.{name}": made for name, made in operations().items()}
    return {name: made for name, made in objects.items() if isinstance(made, type)}


def operations() -> Mapping[str, Any]:
    """The operations on the list that the installed Keras has, found as subclasses."""
    import keras

    classes: dict[str, Any] = {}
    waiting = [keras.Operation]
    while waiting:
        kind = waiting.pop()
        waiting.extend(kind.__subclasses__())
        if kind.__module__.startswith("keras.src.ops."):
            classes[kind.__name__] = kind
    return {name: kind for name, kind in classes.items() if f"ops.{name}" in OPERATIONS}


def application_layers() -> Mapping[str, Any]:
    """The layers of Keras Applications that Keras keeps to itself and cannot load by name."""
    try:
        from keras.src.applications.convnext import LayerScale
        from keras.src.applications.inception_resnet_v2 import CustomScaleLayer
    except ImportError:  # not public: another release may move them
        return {}
    return {"LayerScale": LayerScale, "CustomScaleLayer": CustomScaleLayer}


def first_line(error: Exception) -> str:
    """The line of a library's error that says why; the whole may run over a page."""
    lines = [plain for line in str(error).splitlines() if (plain := COLORS.sub("", line).strip())]
    causes = [line.removeprefix(CAUSE).strip() for line in lines if line.startswith(CAUSE)]
    if causes and causes[-1]:
        return causes[-1][:300]
    reasons = [line for line in lines if not line.startswith(PREAMBLES)]
    return (reasons or lines or [type(error).__name__])[0][:300]


def copy_weights(source: keras.Model, target: keras.Model, graph: Graph) -> None:
    """Give the layers of a built model the weights that the same layers have in its original.

    Layers are matched by their path in ``graph``; those that a rewrite made or changed in shape keep
    their random initialisation.
    """
    originals = weights_by_path(source, graph)
    for path in originals:
        built = layer_at(target, path.replace("/", "_").replace(" ", "_"))
        copied(originals[path], getattr(built, "weights", ()))


def copied(originals: Sequence[Any], variables: Sequence[Any]) -> None:
    """Assign the variables of a layer, if all of them have the shapes of the originals."""
    if [tuple(w.shape) for w in originals] == [tuple(w.shape) for w in variables]:
        for old, new in zip(originals, variables, strict=True):
            new.assign(old)


def weights_by_path(source: keras.Model, graph: Graph) -> dict[str, list[Any]]:
    """The weights of a live model's layers by their path in a graph that was read from it."""
    import keras

    if graph.architecture.traced:
        layers, variables = traced_parts(source, graph)
        by_key = {variable_of({"variable": n}): [v] for n, v in enumerate(variables)}
        return {
            path: list(getattr(layer, "weights", ())) for path, layer in layers.items()
        } | by_key
    found = {path: layer_at(source, path) for path in graph.architecture.layers}
    return {path: list(at.weights) for path, at in found.items() if isinstance(at, keras.Layer)}


def layer_at(model: keras.Model, path: str) -> Any:
    """The layer at a path of nested models, or ``None``. Operations have no place and no weights."""
    at: Any = model
    for part in path.split("/"):
        by_name = {layer.name: layer for layer in getattr(at, "layers", ())}
        if part not in by_name:
            return None
        at = by_name[part]
    return at
