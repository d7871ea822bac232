"""The calls of a trace as the record of a functional model, as Keras writes one.

Layers of the user's own are not serialised: their class and their weights are all that is needed of them.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from types import FunctionType
from typing import Any, NamedTuple

from keraudit.layers.own_counts import count_of, counted_by
from keraudit.reading.arrays import values_of
from keraudit.reading.live_errors import class_of
from keraudit.reading.live_layers import is_left_to_backend, is_own, weights_of
from keraudit.reading.live_projections import note_projections
from keraudit.reading.of_keras import keras_class, keras_record, own_activation
from keraudit.reading.trace_names import Names, containers


class Traced(NamedTuple):
    """A functional model's record, and what only the live model tells of it.

    Attributes:
        record: as Keras would write it, with paths for names.
        weights: of layers that no rule counts, and of operations on a layer's by path.
        leaves: why a layer of the user's own was not opened, by path.
        outputs: the shapes of the model's outputs.
        counted: what the functions of classes that count themselves say of each call, by path.
        operations: the live layers and operations by path.
        variables: those that calls read themselves, in the order of their numbers in the record.
        containers: the classes of the layers that were opened, by path.
        calls: the tensors that each call receives, by path.
    """

    record: dict[str, Any]
    weights: dict[str, list[list[Any]]]
    leaves: dict[str, str]
    outputs: list[list[int | None]]
    counted: dict[str, list[dict[str, Any]]]
    operations: dict[str, Any]
    variables: list[Any]
    containers: dict[str, str]
    calls: dict[str, list[tuple[Any, ...]]]


class Step(NamedTuple):
    """One recorded call of a layer or operation of Keras' own, or of a leaf; and the layers around it."""

    operation: Any
    node: Any
    within: tuple[Any, ...]


class _Read:
    """The variables that calls read themselves: each one's number, and the first call that reads it."""

    def __init__(self) -> None:
        self.variables: dict[int, Any] = {}
        self.readers: dict[int, str] = {}

    def number(self, variable: Any, reader: str) -> int:
        self.variables.setdefault(id(variable), variable)
        self.readers.setdefault(id(variable), reader)
        return list(self.variables).index(id(variable))


def written(
    model: Any,
    inputs: Any,
    outputs: Any,
    *,
    steps: Sequence[Step],
    opened: Sequence[tuple[Any, int]],
    leaves: Mapping[int, str],
    constants: Mapping[int, Any],
    closed: Collection[str] = (),
) -> Traced:
    """The steps that lead to an output, as the record of a functional model.

    ``constants`` are the arrays and variables behind symbolic tensors that no call returned. Of classes
    that are ``closed``, as a rule of the user's counts them, the config is kept.
    """
    needed = _leading_to(outputs)
    opened = [(layer, sum(s.node in needed for s in steps[:before])) for layer, before in opened]
    steps = [step for step in steps if step.node in needed]
    names = Names()
    layers: dict[str, dict[str, Any]] = {}
    places: dict[tuple[int, int], tuple[str, int]] = {}  # node of an operation: name, call
    for tensor in inputs:
        operation = tensor._keras_history.operation
        name = names.of(operation, ())
        places[id(operation), 0] = (name, 0)
        config = {"name": name, "batch_shape": list(tensor.shape), "dtype": str(tensor.dtype)}
        layers[name] = _entry("InputLayer", "keras.layers", name, config)
        layers[name]["inbound_nodes"] = []
    read = _Read()
    calls: dict[str, list[tuple[Any, ...]]] = {}
    for step in steps:
        operation = step.operation
        name = names.of(operation, step.within)
        entry = layers.setdefault(name, _record_of(operation, name, closed))
        index = operation._inbound_nodes.index(step.node)
        places[id(operation), index] = (name, len(entry["inbound_nodes"]))
        calls.setdefault(name, []).append(tuple(step.node.input_tensors))

        def plain(value: Any, reader: str = name) -> Any:
            return _plain(value, places, constants, read, reader)

        arguments = step.node.arguments
        entry["inbound_nodes"].append(
            {
                "args": [plain(value) for value in arguments.args],
                "kwargs": {key: plain(value) for key, value in arguments.kwargs.items()},
            }
        )

    def history(tensor: Any) -> list[Any]:
        operation, node, output = tensor._keras_history
        name, call = places[id(operation), node]
        return [name, call, output]

    record = {
        "module": "keras",
        "class_name": "Functional",
        "config": {
            "name": model.name,
            "trainable": model.trainable,
            "layers": list(layers.values()),
            "input_layers": [history(tensor) for tensor in inputs],
            "output_layers": [history(tensor) for tensor in outputs],
        },
    }
    shapes = [list(tensor.shape) for tensor in outputs]
    unopened = {names.known[key]: why for key, why in leaves.items() if key in names.known}
    first = history(inputs[0])[0]
    weights = _weights(steps, opened, names, read.readers, first)
    operations = {names.known[id(step.operation)]: step.operation for step in steps}
    return Traced(
        record,
        weights,
        unopened,
        shapes,
        _counted(steps, names),
        operations,
        list(read.variables.values()),
        containers(step.within for step in steps),
        calls,
    )


def _counted(steps: Sequence[Step], names: Names) -> dict[str, list[dict[str, Any]]]:
    """What the functions of classes that count themselves say of each call."""
    found: dict[str, list[dict[str, Any]]] = {}
    for step in steps:
        function = count_of(type(step.operation))
        if function is not None:
            name = names.known[id(step.operation)]
            inputs, outputs = (
                [tuple(tensor.shape) for tensor in tensors]
                for tensors in (step.node.input_tensors, step.node.outputs)
            )
            who = f"layer {name!r} ({class_of(step.operation)})"
            found.setdefault(name, []).append(
                counted_by(function, step.operation, who, inputs, outputs)
            )
    return found


def _leading_to(outputs: Iterable[Any]) -> set[Any]:
    """The nodes that some output depends on."""
    waiting = [
        t._keras_history.operation._inbound_nodes[t._keras_history.node_index] for t in outputs
    ]
    found = set(waiting)
    while waiting:
        for parent in waiting.pop().parent_nodes:
            if parent not in found:
                found.add(parent)
                waiting.append(parent)
    return found


def _entry(kind: str, module: str, name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "module": module,
        "class_name": kind,
        "config": {**config, "name": name},
        "name": name,
        "inbound_nodes": [],
    }


def _record_of(operation: Any, name: str, closed: Collection[str]) -> dict[str, Any]:
    """A layer or operation of Keras' own as its config has it; of the user's own, its class alone."""
    kind = type(operation)
    known = keras_class(operation)
    if known is None or (known is not kind and kind.__name__ in closed):
        config = _config_of(operation) if kind.__name__ in closed else {}
        entry = _entry(kind.__name__, kind.__module__, name, config)
        return {**entry, "registered_name": f"{kind.__module__}>{kind.__name__}"}
    kind = known
    try:
        config, home = keras_record(operation, kind)
    except Exception:  # noqa: BLE001  # what it wraps may be of the user's own, and raise anything
        config, home = _options(operation), kind.__module__
    if own_activation(operation) is not None:
        config = {**config, "activation": "linear"}  # the user's own comes after it, as operations
    if ".ops" in kind.__module__:
        config, home = {key: _tidy(item) for key, item in config.items()}, kind.__module__
    else:
        config = _lists(config)
    entry = _entry(kind.__name__, home, name, config)
    note_projections(entry, operation)
    return entry


def _config_of(layer: Any) -> dict[str, Any]:
    """The config of a layer of the user's own as plain data; none where that raises."""
    try:
        config = json.loads(json.dumps(layer.get_config(), default=str))
    except Exception:  # noqa: BLE001  # the user's own code may raise anything
        return {}
    return config if isinstance(config, dict) else {}


def _options(operation: Any) -> dict[str, Any]:
    """The options of an operation that does not serialise, for one of them is NumPy's, or a function."""
    names = [
        name for name in inspect.signature(type(operation).__init__).parameters if name != "self"
    ]
    found = {name: getattr(operation, name) for name in names if hasattr(operation, name)}
    found = {name: value for name, value in found.items() if not _holds_layers(value)}
    functions = {
        name: {"class_name": "function", "config": value.__name__}
        for name, value in found.items()
        if isinstance(value, FunctionType)
    }
    return found | functions


def _holds_layers(value: Any) -> bool:
    """Whether a value is a layer or a variable, or has one in it."""
    import keras

    live = (keras.layers.Layer, keras.Variable)
    return any(isinstance(item, live) for item in keras.tree.flatten(value))


def _lists(value: Any) -> Any:
    """A config with lists for tuples, as a file has it: that of a wrapper holds the graph of what it wraps."""
    if isinstance(value, Mapping):
        return {key: _lists(item) for key, item in value.items()}
    return [_lists(item) for item in value] if isinstance(value, list | tuple) else value


def _tidy(value: Any) -> Any:
    """Options with plain numbers in place of a backend's, and arrays by their values."""
    if isinstance(value, list | tuple):
        return [_tidy(item) for item in value]
    shape = getattr(value, "shape", None)
    if shape is None or not hasattr(value, "dtype"):
        return value
    values = values_of(value)
    if values is not None and values.shape == ():
        return values.item()
    config = {"shape": list(shape), "dtype": str(value.dtype), "value": values}
    return {"class_name": "__array__", "config": config}


def _plain(
    value: Any,
    places: Mapping[tuple[int, int], tuple[str, int]],
    constants: Mapping[int, Any],
    read: _Read,
    reader: str,
) -> Any:
    """An argument as plain data: tensors as references, variables by number, arrays with their values."""
    import keras

    def again(item: Any) -> Any:
        return _plain(item, places, constants, read, reader)

    value = constants.get(id(value), value)
    if isinstance(value, keras.KerasTensor):
        operation, node, output = value._keras_history
        if (
            id(operation),
            node,
        ) not in places:  # a mask, which a layer of Keras' own made for itself
            return None
        name, call = places[id(operation), node]
        config = {
            "shape": list(value.shape),
            "dtype": str(value.dtype),
            "keras_history": [name, call, output],
        }
        return {"class_name": "__keras_tensor__", "config": config}
    if isinstance(value, list | tuple):
        return [again(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): again(item) for key, item in value.items()}
    if isinstance(value, slice):
        parts = {"start": value.start, "stop": value.stop, "step": value.step}
        return {"class_name": "__slice__", "config": {k: again(v) for k, v in parts.items()}}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if type(value).__module__ == "numpy" and getattr(value, "shape", None) == ():
        return value.item()
    if value is Ellipsis:
        return {"class_name": "__ellipsis__", "config": {}}
    return _constant(value, read, reader)


def _constant(value: Any, read: _Read, reader: str) -> Any:
    """A variable or an array as plain data, but for an array's values."""
    import keras

    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    if shape is None or dtype is None:
        return str(value)
    config: dict[str, Any] = {
        "shape": list(shape),
        "dtype": keras.backend.standardize_dtype(dtype),
    }
    if isinstance(value, keras.Variable):
        config |= {"variable": read.number(value, reader), "name": str(value.name)}
        config |= {"trainable": bool(value.trainable)}
    elif (values := values_of(value)) is not None:
        config |= {"value": values}
    return {"class_name": "__array__", "config": config}


def _weights(
    steps: Sequence[Step],
    opened: Sequence[tuple[Any, int]],
    names: Names,
    readers: Mapping[int, str],
    start: str,
) -> dict[str, list[list[Any]]]:
    """The weights that no rule tells: of leaves, and those that opened layers hold themselves."""
    found: dict[str, list[list[Any]]] = {}
    counted: set[int] = set()
    for step in steps:
        counted |= {id(w) for w in getattr(step.operation, "weights", ())}
    ruled = {  # by a rule, for a layer that was opened at another call
        id(weight)
        for step in steps
        if hasattr(step.operation, "weights") and not is_own(step.operation)
        for weight in step.operation.weights
    }
    every = any(is_left_to_backend(step.operation) for step in steps)
    for operation in (step.operation for step in steps if hasattr(step.operation, "weights")):
        if (own := is_own(operation)) or every:
            mine = weights_of(operation, ruled if own else set())
            found.setdefault(names.known[id(operation)], mine)
    bare = [step.operation for step in steps if not getattr(step.operation, "weights", ())]
    bare_names = {names.known[id(operation)] for operation in bare}
    for layer, before in reversed(opened):  # those inside before those around them
        # What no operation reads as it is (it is sliced, or looked up, beforehand): with the next
        # operation that has no weights of its own, or with the model's input.
        after = [s.operation for s in steps[before:] if s.operation in bare] or bare[-1:]
        for variable in layer.weights:
            if id(variable) in counted:
                continue
            counted.add(id(variable))
            home = readers.get(id(variable))
            if home not in bare_names:  # a layer's weights are those that its rule tells
                home = names.known[id(after[0])] if after else start
            found.setdefault(home, []).append(_weight(variable, layer))
    return found


def _weight(variable: Any, layer: Any) -> list[Any]:
    """Name, shape, whether it is trained, and dtype."""
    trained = bool(variable.trainable) and bool(layer.trainable)
    return [variable.name, list(variable.shape), trained, str(variable.dtype)]
