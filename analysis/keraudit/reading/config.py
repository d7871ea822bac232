"""Keras' serialised config (plain data) to an ``Architecture``. Nothing in it is executed.

Keras 3 and Keras 2 configs are read by the same walk: nested models are laid flat, a shared layer
becomes one layer with several calls, and every reference is resolved.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from typing import Any

from keraudit.errors import ModelError
from keraudit.graph import Architecture, Call, Layer, Ref, refs_in

MODEL_CLASSES = frozenset({"Functional", "Model", "Sequential"})
INNER_KEYS = ("layer", "backward_layer", "cell", "cells", "layers")
LARGEST_GRAPH = 200_000  # calls, nested models laid flat
DEEPEST_NEST = 50  # models within models

History = tuple[str, int, int]


def architecture(record: Mapping[str, Any], *, source: str, title: str = "") -> Architecture:
    """Read a model's record ``{"class_name", "config", ...}``.

    Raises:
        ModelError: the record is not a model, contradicts itself, or refers to what is not there.
    """
    if not isinstance(record, Mapping) or "class_name" not in record:
        raise ModelError("expected a Keras model config with a 'class_name', found none")
    if not is_model(record):
        raise ModelError(
            f"{record['class_name']!r} records no graph of layers: a subclassed model's graph exists"
            " only when it runs; pass it as package.module:callable to have it traced"
        )
    walk = Walk()
    refs, shapes = walk.top(record)
    name = text((record.get("config") or {}).get("name") or record["class_name"])
    return Architecture(
        name=name,
        source=source,
        layers=walk.layers,
        calls=tuple(walk.calls),
        inputs=tuple(walk.inputs),
        outputs=tuple(refs),
        input_shapes=tuple(shapes),
        recorded=walk.recorded,
        title=title,
    )


def is_model(record: Mapping[str, Any]) -> bool:
    """Whether a record holds a graph of layers, whatever its class is called."""
    config = record.get("config")
    if isinstance(config, list):
        return record.get("class_name") == "Sequential"
    if not isinstance(config, Mapping) or not isinstance(config.get("layers"), list):
        return False
    return record.get("class_name") in MODEL_CLASSES or "input_layers" in config


def layer_from(record: Mapping[str, Any], *, name: str = "", trainable: bool = True) -> Layer:
    """Read one layer's record; layers it wraps become its ``inner``."""
    config = record.get("config")
    if not isinstance(config, Mapping):
        config = {}
    kind, module = kind_of(record)
    name = name or text(config.get("name") or record.get("name") or kind)
    own = trainable and config.get("trainable", True) is not False
    inner = tuple(
        read_inner(item, f"{name}/", own)
        for key in INNER_KEYS
        for item in as_list(config.get(key))
        if isinstance(item, Mapping) and "class_name" in item
    )
    return Layer(name=name, kind=kind, config=config, module=module, trainable=own, inner=inner)


def read_inner(record: Mapping[str, Any], prefix: str, trainable: bool) -> Layer | Architecture:
    if is_model(record):
        return architecture(record, source="")
    config = record.get("config")
    own = text(config.get("name", "")) if isinstance(config, Mapping) else ""
    return layer_from(record, name=prefix + (own or str(record["class_name"])), trainable=trainable)


def kind_of(record: Mapping[str, Any]) -> tuple[str, str]:
    """The class name and, for Keras' own classes only, the module (else an empty string).

    ``keras.ops`` nodes get the prefix ``ops.``, for their class names repeat those of layers.
    """
    kind = text(record.get("class_name"))
    registered = record.get("registered_name")
    module = record.get("module", "keras.layers")
    if "keras_version" not in record and "module" not in record and ">" in kind:
        module = None  # Keras 2 writes a user's class as "package>Class"
    if not isinstance(module, str) or module.partition(".")[0] not in (
        "keras",
        "tf_keras",
        "keras_core",
    ):
        package, _, bare = str(registered or kind).rpartition(">")
        if package == "keras":
            return bare, "keras.layers"
        return bare or kind, ""
    if ".ops" in module:
        return f"ops.{kind}", module
    return kind.rpartition(">")[2], module


class Walk:
    """Lays nested models flat while it resolves references."""

    def __init__(self) -> None:
        self.layers: dict[str, Layer] = {}
        self.calls: list[Call] = []
        self.inputs: list[Ref] = []
        self.recorded: dict[Ref, tuple[int | None, ...]] = {}
        self.times: dict[str, int] = {}
        self.depth = 0

    def top(
        self, record: Mapping[str, Any]
    ) -> tuple[list[Ref], list[tuple[int | None, ...] | None]]:
        if record["class_name"] == "Sequential" or isinstance(record["config"], list):
            shape = sequential_input(record)
            ref = self.input(
                Layer(name="input", kind="InputLayer", config=sequential_dtype(record))
            )
            outputs = self.model(record, [ref], "", True)
            return outputs, [shape]
        config = record["config"]
        refs, shapes = [], []
        by_name = named_layers(config)
        for name, _, _ in histories(config.get("input_layers")):
            if name not in by_name:
                raise ModelError(f"the input {name!r} is not among the model's layers")
            layer = layer_from(by_name[name])
            refs.append(self.input(layer))
            shapes.append(input_shape(layer.config))
        if not refs:
            raise ModelError("the model names no input layers")
        return self.model(record, refs, "", True), shapes

    def input(self, layer: Layer) -> Ref:
        ref = self.call(layer, layer.name, (), {})
        self.inputs.append(ref)
        return ref

    def call(self, layer: Layer, path: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Ref:
        if len(self.calls) >= LARGEST_GRAPH:
            raise ModelError(f"the model has more than {LARGEST_GRAPH:,} calls of layers")
        self.layers.setdefault(path, layer)
        times = self.times[path] = self.times.get(path, 0) + 1
        name = path if times == 1 else f"{path}:{times}"
        self.calls.append(Call(name=name, layer=path, args=args, kwargs=kwargs))
        return Ref(len(self.calls) - 1)

    def model(
        self, record: Mapping[str, Any], inputs: list[Ref], prefix: str, trainable: bool
    ) -> list[Ref]:
        """Lay a model flat on ``inputs``; return its outputs."""
        self.depth += 1
        if self.depth > DEEPEST_NEST:
            raise ModelError(f"models are nested more than {DEEPEST_NEST} deep")
        config = record["config"]
        if isinstance(config, Mapping):
            trainable = trainable and config.get("trainable", True) is not False
        if record["class_name"] == "Sequential" or isinstance(config, list):
            outputs = self.sequential(record, inputs, prefix, trainable)
        else:
            outputs = self.functional(config, inputs, prefix, trainable)
        self.depth -= 1
        return outputs

    def apply(
        self,
        record: Mapping[str, Any],
        path: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        trainable: bool,
    ) -> list[Ref] | Ref:
        if is_model(record):
            received = [*refs_in(args), *refs_in(kwargs)]
            return self.model(record, received, f"{path}/", trainable)
        layer = self.layers.get(path) or layer_from(record, name=path, trainable=trainable)
        return self.call(layer, path, args, kwargs)

    def sequential(
        self, record: Mapping[str, Any], inputs: list[Ref], prefix: str, trainable: bool
    ) -> list[Ref]:
        refs: list[Ref] = inputs
        for item in sequential_layers(record):
            if item.get("class_name") == "InputLayer":
                continue
            path = prefix + layer_name(item)
            result = self.apply(item, path, (refs[0],), {}, trainable)
            refs = [result] if isinstance(result, Ref) else result
        return refs

    def functional(
        self, config: Mapping[str, Any], inputs: list[Ref], prefix: str, trainable: bool
    ) -> list[Ref]:
        by_name = named_layers(config)
        entries = [h[:2] for h in histories(config.get("input_layers"))]
        if len(entries) != len(inputs):
            raise ModelError(
                f"model {prefix.rstrip('/')!r} takes {len(entries)} inputs, is called with {len(inputs)}"
            )
        done: dict[tuple[str, int], list[Ref] | Ref] = dict(zip(entries, inputs, strict=True))
        arguments = {
            (name, index): node_arguments(node)
            for name, item in by_name.items()
            for index, node in enumerate(as_list(item.get("inbound_nodes")))
            if (name, index) not in done
        }
        for key in run_order(by_name, arguments, done):
            args, kwargs = arguments[key]
            name = key[0]
            done[key] = self.apply(
                by_name[name],
                prefix + name,
                tuple(resolve(args, done)),
                resolve(kwargs, done),
                trainable,
            )
            self.note_recorded(args, kwargs, done)
        return [pick(done, h) for h in histories(config.get("output_layers"))]

    def note_recorded(self, args: Any, kwargs: Any, done: Mapping[tuple[str, int], Any]) -> None:
        for tensor in keras_tensors((args, kwargs)):
            shape = tensor.shape
            if shape is not None:
                self.recorded.setdefault(pick(done, tensor.history), shape)


class KerasTensor:
    """A reference as the file writes it: layer, call, output; and the shape it states."""

    __slots__ = ("history", "shape")

    def __init__(self, history: History, shape: tuple[int | None, ...] | None) -> None:
        self.history = history
        self.shape = shape


def run_order(
    by_name: Mapping[str, Any],
    arguments: Mapping[tuple[str, int], Any],
    done: Mapping[tuple[str, int], Any],
) -> Iterator[tuple[str, int]]:
    """The calls in an order in which each comes after its inputs; as listed where that is free.

    Keras lists layers by depth, so for models without shared layers this is the order it runs them.
    """
    position = {name: i for i, name in enumerate(by_name)}
    waiting: dict[tuple[str, int], int] = {}
    users: dict[tuple[str, int], list[tuple[str, int]]] = {}
    ready: list[tuple[int, int, str]] = []
    for key, call in arguments.items():
        needs = {t.history[:2] for t in keras_tensors(call)} - done.keys()
        for need in needs:
            if need[0] not in by_name:
                raise ModelError(
                    f"layer {key[0]!r} reads from {need[0]!r}, which is not in the model"
                )
            if need not in arguments:
                raise ModelError(
                    f"layer {key[0]!r} reads call {need[1]} of {need[0]!r}, which has no such call"
                )
            users.setdefault(need, []).append(key)
        waiting[key] = len(needs)
        if not needs:
            ready.append((position[key[0]], key[1], key[0]))
    heapq.heapify(ready)
    while ready:
        _, index, name = heapq.heappop(ready)
        key = (name, index)
        del waiting[key]
        yield key
        for user in users.get(key, ()):
            waiting[user] -= 1
            if not waiting[user]:
                heapq.heappush(ready, (position[user[0]], user[1], user[0]))
    if waiting:
        raise ModelError(f"the model has a cycle through layer {next(iter(waiting))[0]!r}")


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
        tensors.append(old_tensor(entry))
        if len(entry) > 3 and isinstance(entry[3], Mapping):
            kwargs.update({k: old_value(v) for k, v in entry[3].items()})
    return (tuple(tensors) if len(tensors) == 1 else (tensors,)), kwargs


def is_history(value: Any) -> bool:
    return isinstance(value, list) and len(value) >= 3 and isinstance(value[0], str)


def old_tensor(entry: list[Any]) -> Any:
    if entry[0] == "_CONSTANT_VALUE":
        return entry[2]
    return KerasTensor((entry[0], whole(entry[1]), whole(entry[2])), None)


def old_value(value: Any) -> Any:
    if is_history(value) and all(isinstance(v, int) for v in value[1:3]):
        return old_tensor(value)
    if isinstance(value, list):
        return [old_value(item) for item in value]
    return value


def parse(value: Any) -> Any:
    """Replace each serialised tensor in nested data by a ``KerasTensor``, each slice by a ``slice``."""
    if isinstance(value, list):
        return [parse(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    if value.get("class_name") == "__keras_tensor__":
        config = value.get("config") or {}
        history = config.get("keras_history")
        if not is_history(history):
            raise ModelError(f"a tensor refers to {str(history)[:60]!r}, not to a layer")
        shape = config.get("shape")
        return KerasTensor(
            (history[0], whole(history[1]), whole(history[2])),
            None if shape is None else sizes(shape),
        )
    if value.get("class_name") == "__slice__":
        config = value.get("config") or {}
        return slice(config.get("start"), config.get("stop"), config.get("step"))
    return {key: parse(item) for key, item in value.items()}


def keras_tensors(value: Any) -> Iterator[KerasTensor]:
    if isinstance(value, KerasTensor):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from keras_tensors(item)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from keras_tensors(item)


def resolve(value: Any, done: Mapping[tuple[str, int], Any]) -> Any:
    """Replace each ``KerasTensor`` by the ``Ref`` of the call that makes it."""
    if isinstance(value, KerasTensor):
        return pick(done, value.history)
    if isinstance(value, list | tuple):
        return [resolve(item, done) for item in value]
    if isinstance(value, Mapping):
        return {key: resolve(item, done) for key, item in value.items()}
    return value


def pick(done: Mapping[tuple[str, int], Any], history: History) -> Ref:
    made = done.get(history[:2])
    if made is None:
        raise ModelError(
            f"the model refers to call {history[1]} of {history[0]!r}, which is not there"
        )
    if isinstance(made, Ref):
        return made._replace(output=history[2])
    if history[2] >= len(made):
        raise ModelError(f"model {history[0]!r} has no output number {history[2]}")
    ref: Ref = made[history[2]]
    return ref


def named_layers(config: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    named: dict[str, Mapping[str, Any]] = {}
    for item in config["layers"]:
        if not isinstance(item, Mapping) or "class_name" not in item:
            raise ModelError("the model's list of layers holds something that is no layer")
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
        return [(value[0], whole(value[1]), whole(value[2]))]
    if isinstance(value, Mapping):
        return [h for key in sorted(value) for h in histories(value[key])]
    if isinstance(value, list):
        return [h for item in value for h in histories(item)]
    return []


def sequential_layers(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    config = record["config"]
    items = config if isinstance(config, list) else config["layers"]
    if not all(isinstance(item, Mapping) and "class_name" in item for item in items):
        raise ModelError("the Sequential model's list of layers holds something that is no layer")
    return items


def sequential_input(record: Mapping[str, Any]) -> tuple[int | None, ...] | None:
    """The input shape a Sequential model records, in any of the places where Keras has put it."""
    items, config = sequential_layers(record), record["config"]
    candidates = [
        *(input_shape(i["config"]) for i in items[:1] if isinstance(i.get("config"), Mapping)),
        config.get("build_input_shape") if isinstance(config, Mapping) else None,
        (record.get("build_config") or {}).get("input_shape"),
        *((i.get("build_config") or {}).get("input_shape") for i in items[:1]),
    ]
    for shape in candidates:
        if isinstance(shape, list | tuple) and all(s is None or isinstance(s, int) for s in shape):
            return sizes(shape)
    if items and is_model(items[0]) and items[0]["class_name"] == "Sequential":
        return sequential_input(items[0])
    return None


def sequential_dtype(record: Mapping[str, Any]) -> dict[str, Any]:
    items = sequential_layers(record)
    config = items[0].get("config") if items else None
    if isinstance(config, Mapping) and items[0].get("class_name") == "InputLayer":
        return dict(config)
    return {"name": "input", "dtype": "float32"}


def input_shape(config: Mapping[str, Any]) -> tuple[int | None, ...] | None:
    shape = config.get("batch_shape", config.get("batch_input_shape"))
    return None if shape is None else sizes(shape)


def sizes(shape: Any) -> tuple[int | None, ...]:
    if not isinstance(shape, list | tuple):
        raise ModelError(f"expected a shape, a list of sizes; received {str(shape)[:60]!r}")
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
    """A name from a file as harmless text: control characters escaped, so no terminal obeys them."""
    if not isinstance(value, str):
        raise ModelError(f"expected a name, received {str(value)[:40]!r}")
    return value if value.isprintable() else value.encode("unicode_escape").decode("ascii")
