"""Keras' serialised data, piece by piece: references, arguments, shapes and names.

Both notations are read here, so that nothing else need know which one a file is in: Keras 3 writes a
tensor as ``{"class_name": "__keras_tensor__", ...}``, Keras 2 as ``[layer, call, output, arguments]``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from keraudit.errors import ModelError
from keraudit.model.graph import Ref
from keraudit.model.shape_text import MOST_AXES
from keraudit.safe_text import harmless

MODEL_CLASSES = frozenset({"Functional", "Model", "Sequential"})

MOST_OUTPUTS = 10_000  # of one call
LONGEST_NAME = 2_000  # characters of a name of a layer, a class or a dtype

History = tuple[str, int, int]


def is_model(record: Mapping[str, Any]) -> bool:
    """Whether a record holds a graph of layers, whatever its class is called.

    A subclass is one where Keras wrote its layers, which it does for classes that leave the constructor
    and ``get_config`` to ``Sequential`` or ``Functional``. The graph is then the recorded one: no file
    says whether the class has a ``call`` of its own besides.
    """
    config = record.get("config")
    if isinstance(config, list):
        return record.get("class_name") == "Sequential"
    if not isinstance(config, Mapping) or not isinstance(config.get("layers"), list):
        return False
    kind = record.get("class_name")
    known = isinstance(kind, str) and kind in MODEL_CLASSES
    return "input_layers" in config or known or _as_sequential(config)


def is_sequential(record: Mapping[str, Any]) -> bool:
    """Whether a model's record lists its layers in a row, without references."""
    config = record["config"]
    if record.get("class_name") == "Sequential" or isinstance(config, list):
        return True
    return "input_layers" not in config and _as_sequential(config)


def _as_sequential(config: Mapping[str, Any]) -> bool:
    """Whether a config is as ``Sequential`` writes its own.

    A layer of the user's may keep layers in a list of that name too, and run them as it likes: what only
    ``Sequential`` writes is the shape that it was built for, or an input layer as the first.
    """
    layers = config.get("layers")
    if not isinstance(layers, list) or not layers:
        return False
    if not all(isinstance(item, Mapping) and "class_name" in item for item in layers):
        return False
    return "build_input_shape" in config or layers[0]["class_name"] == "InputLayer"


def options(record: Mapping[str, Any], key: str = "config") -> Mapping[str, Any]:
    """The options that a record holds under ``key``; none where it holds nothing.

    Raises:
        ModelError: what it holds are no options by name.
    """
    found = record.get(key)
    if found is None:
        return {}
    if not isinstance(found, Mapping):
        raise ModelError(f"expected options by name as {key!r}, received {str(found)[:60]!r}")
    return found


class KerasTensor:
    """A reference as the file writes it: layer, call, output; and the shape and dtype it states."""

    __slots__ = ("dtype", "history", "shape")

    def __init__(
        self, history: History, shape: tuple[int | None, ...] | None, dtype: str = ""
    ) -> None:
        self.history = history
        self.shape = shape
        self.dtype = dtype


def node_arguments(node: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """A recorded call's arguments, with a ``KerasTensor`` in place of each reference."""
    if isinstance(node, Mapping):  # Keras 3
        args, kwargs = node.get("args", []), node.get("kwargs", {})
        if not isinstance(args, list) or not isinstance(kwargs, Mapping):
            raise ModelError("a layer's call records no list of arguments")
        return tuple(parse(args)), parse(kwargs)
    tensors: list[Any] = []  # Keras 2: [[name, call, output, kwargs], ...]
    kwargs = {}
    entries = [node] if is_history(node) else as_list(node)
    for entry in entries:
        if not is_history(entry):
            raise ModelError(f"a layer's call refers to {str(entry)[:60]!r}, which is no tensor")
        tensors.append(_old_tensor(entry))
        if len(entry) > 3 and isinstance(entry[3], Mapping):
            kwargs.update({k: _old_value(v) for k, v in entry[3].items()})
    return (tuple(tensors) if len(tensors) == 1 else (tensors,)), kwargs


def is_history(value: Any) -> bool:
    return isinstance(value, list) and len(value) >= 3 and isinstance(value[0], str)


def _history_of(entry: list[Any]) -> History:
    """A checked reference; its name is escaped as the layer's own is."""
    output = whole(entry[2])
    if output >= MOST_OUTPUTS:
        raise ModelError(
            f"a reference to output {str(output)[:20]} of a layer: no layer has more than"
            f" {MOST_OUTPUTS:,}"
        )
    return text(entry[0]), whole(entry[1]), output


def _old_tensor(entry: list[Any]) -> Any:
    if entry[0] == "_CONSTANT_VALUE":
        return entry[2]
    return KerasTensor(_history_of(entry), None)


def _old_value(value: Any) -> Any:
    if is_history(value) and all(isinstance(v, int) for v in value[1:3]):
        return _old_tensor(value)
    if isinstance(value, list):
        return [_old_value(item) for item in value]
    return value


def parse(value: Any) -> Any:
    """Replace each serialised tensor in nested data by a ``KerasTensor``, each slice by a ``slice``."""
    if isinstance(value, list):
        return [parse(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("class_name") == "__keras_tensor__":
        config = options(value)
        history = config.get("keras_history")
        if not isinstance(history, list) or not is_history(history):
            raise ModelError(f"a tensor refers to {str(history)[:60]!r}, not to a layer")
        shape = config.get("shape")
        dtype = config.get("dtype")
        return KerasTensor(
            _history_of(history),
            None if shape is None else sizes(shape),
            text(dtype) if isinstance(dtype, str) else "",
        )
    if value.get("class_name") == "__slice__":
        config = options(value)
        return slice(config.get("start"), config.get("stop"), config.get("step"))
    return {key: parse(item) for key, item in value.items()}


def keras_tensors(value: Any) -> Iterator[KerasTensor]:
    if isinstance(value, KerasTensor):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from keras_tensors(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from keras_tensors(item)


def named_layers(config: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    named: dict[str, Mapping[str, Any]] = {}
    for item in config["layers"]:
        if not isinstance(item, Mapping) or "class_name" not in item:
            raise ModelError("the model's list of layers holds something that is not a layer")
        name = layer_name(item)
        if name in named:
            raise ModelError(f"two layers are named {name!r}")
        named[name] = item
    return named


def layer_name(record: Mapping[str, Any]) -> str:
    config = record.get("config")
    own = config.get("name") if isinstance(config, Mapping) else None
    return text(record.get("name") or own or record.get("class_name"))


def histories(value: Any) -> list[History]:
    """The references in ``input_layers`` or ``output_layers``, however nested; dicts by key."""
    if is_history(value):
        return [_history_of(value)]
    if isinstance(value, Mapping):
        return [h for key in sorted(value) for h in histories(value[key])]
    if isinstance(value, list):
        return [h for item in value for h in histories(item)]
    return []


def sequential_layers(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    config = record["config"]
    items = config if isinstance(config, list) else config["layers"]
    if not all(isinstance(item, Mapping) and "class_name" in item for item in items):
        raise ModelError(
            "the Sequential model's list of layers holds something that is not a layer"
        )
    return items


def sequential_input(record: Mapping[str, Any]) -> tuple[int | None, ...] | None:
    """The input shape a Sequential model records, in any of the places where Keras has put it."""
    items, config = sequential_layers(record), record["config"]
    candidates = [
        *(input_shape(i["config"]) for i in items[:1] if isinstance(i.get("config"), Mapping)),
        config.get("build_input_shape") if isinstance(config, Mapping) else None,
        options(record, "build_config").get("input_shape"),
        *(options(i, "build_config").get("input_shape") for i in items[:1]),
    ]
    for shape in candidates:
        if isinstance(shape, list | tuple) and all(s is None or isinstance(s, int) for s in shape):
            return sizes(shape)
    if items and is_model(items[0]):
        return _first_input(items[0])
    return None


def _first_input(model: Mapping[str, Any]) -> tuple[int | None, ...] | None:
    """The shape of the one input of a model that another begins with."""
    if is_sequential(model):
        return sequential_input(model)
    names = [history[0] for history in histories(model["config"].get("input_layers"))]
    if len(names) != 1:
        return None
    return input_shape(options(named_layers(model["config"]).get(names[0], {})))


def sequential_dtype(record: Mapping[str, Any]) -> dict[str, Any]:
    items = sequential_layers(record)
    config = items[0].get("config") if items else None
    if isinstance(config, Mapping) and items[0].get("class_name") == "InputLayer":
        return dict(config)
    return {"name": "input", "dtype": "float32"}


def input_shape(config: Mapping[str, Any]) -> tuple[int | None, ...] | None:
    shape = config.get("batch_shape", config.get("batch_input_shape"))
    return None if shape is None else sizes(shape)


def built_for(record: Mapping[str, Any]) -> list[tuple[int | None, ...]]:
    """The input shapes that a layer was built for, in the order of its inputs; empty if it does not say.

    A hint, no more: a layer may be called on other shapes later.
    """
    config = record.get("build_config")
    found = config.get("input_shape") if isinstance(config, Mapping) else None
    if not isinstance(found, list) or not found:
        return []
    shapes = found if all(isinstance(shape, list) for shape in found) else [found]
    try:
        return [sizes(shape) for shape in shapes]
    except ModelError:
        return []


def sizes(shape: Any) -> tuple[int | None, ...]:
    if not isinstance(shape, list | tuple):
        raise ModelError(f"expected a shape, a list of sizes; received {str(shape)[:60]!r}")
    if len(shape) > MOST_AXES:
        raise ModelError(f"a shape has {len(shape):,} axes; {MOST_AXES} at most")
    for size in shape:
        if size is not None and (isinstance(size, bool) or not isinstance(size, int) or size < 0):
            raise ModelError(f"a shape holds {str(size)[:40]!r}; sizes are whole numbers from 1")
    return tuple(shape)


def whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ModelError(f"a reference holds {str(value)[:40]!r} where a whole number belongs")
    return value


def as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def text(value: Any) -> str:
    """A name from a file, through the door for text from files.

    Raises:
        ModelError: it is no text, or longer than any name.
    """
    if not isinstance(value, str):
        raise ModelError(f"expected a name, received {str(value)[:40]!r}")
    if len(value) > LONGEST_NAME:
        raise ModelError(
            f"a name in it has {len(value):,} characters ({value[:20]!r} ...); {LONGEST_NAME:,} at most"
        )
    return harmless(value)


def resolve(value: Any, done: Mapping[tuple[str, int], Any]) -> Any:
    """Replace each ``KerasTensor`` by the ``Ref`` of the call that makes it."""
    if isinstance(value, KerasTensor):
        return pick(done, value.history)
    if isinstance(value, list | tuple):
        return [resolve(item, done) for item in value]
    if isinstance(value, dict):
        return {key: resolve(item, done) for key, item in value.items()}
    return value


def pick(done: Mapping[tuple[str, int], Any], history: History) -> Ref:
    made = done.get(history[:2])
    if made is None:
        raise ModelError(
            f"the model refers to call {history[1]} of {history[0]!r}, which is not there"
        )
    if isinstance(made, Ref):
        return Ref(made.call, history[2])
    if history[2] >= len(made):
        raise ModelError(f"model {history[0]!r} has no output number {history[2]}")
    ref: Ref = made[history[2]]
    return ref
