"""Trace a live model on symbolic tensors: its graph, with every layer of the user's own opened.

Keras records a graph only of what functional models are made of. A subclassed model, or a layer of the
user's own, called on a symbolic tensor becomes one opaque node: Keras runs its ``call`` under the backend's
tracer to learn the output's shape, and what happens inside is lost. Here ``call`` itself is run on the
symbolic tensors, at every depth: layers and operations of Keras' own then record themselves as in any
functional model, and the path of layers that they were called in is kept as their name.

A layer whose ``call`` does not work on symbolic tensors (it calls a backend itself, or branches on values)
stays a leaf: its shapes and weights are known, its operations are not, and the reason is.

The result is a record as Keras writes one for a functional model, so that it is read by the same walk as a
file. Layers of the user's own are not serialised for it. The model is left as it was: what tracing adds to
the bookkeeping of its layers is taken away again.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

PATH_SEPARATOR = "/"
NO_ACTIVATION_APART = ()  # layers whose activation is not the last thing they do
MOST_REASON = 150  # characters of an error that are repeated


class Traced(NamedTuple):
    """A functional model's record, and what only the live model tells of it.

    Attributes:
        record: as Keras would write it, with paths for names.
        weights: of layers that no rule counts, and of operations on a layer's variables, by path.
        leaves: why a layer of the user's own was not opened, by path.
    """

    record: dict[str, Any]
    weights: dict[str, list[list[Any]]]
    leaves: dict[str, str]


class _Step(NamedTuple):
    """One recorded call of a layer or operation of Keras' own, or of a leaf; and the layers around it."""

    operation: Any
    node: Any
    within: tuple[Any, ...]


class _Trace:
    """The steps of one run, and the layers that are open."""

    def __init__(self) -> None:
        self.open: list[Any] = []
        self.steps: list[_Step] = []
        self.leaves: dict[int, str] = {}
        self.opened: dict[int, tuple[Any, int]] = {}  # a layer, and how many steps were before it
        self.hidden = 0  # inside a call of Keras' own, whose parts are no nodes

    @contextmanager
    def hiding(self) -> Iterator[None]:
        self.hidden += 1
        try:
            yield
        finally:
            self.hidden -= 1

    def add(self, operation: Any) -> None:
        self.steps.append(_Step(operation, operation._inbound_nodes[-1], tuple(self.open)))


def traced(model: Any, inputs: Any) -> Traced:
    """Run ``model`` on symbolic inputs and record what it is made of.

    Args:
        model: a built ``keras.Model``; an unbuilt one is built for these inputs.
        inputs: ``keras.Input``s in the structure that ``call`` takes.

    Raises:
        ValueError: the model's own ``call`` does not work on symbolic tensors; it says why.
    """
    import keras

    trace = _Trace()
    try:
        with _recording(trace):
            outputs = model(inputs)
        if reason := trace.leaves.get(id(model)):
            raise ValueError(reason)
        return _written(model, keras.tree.flatten(inputs), keras.tree.flatten(outputs), trace)
    finally:
        _forget(trace)


@contextmanager
def _recording(trace: _Trace) -> Iterator[None]:
    """Let every layer of the user's own run its ``call``, and every other one be recorded."""
    import keras
    from keras.src.layers.layer import Layer
    from keras.src.ops.operation import Operation

    call, symbolic_call = Layer.__call__, Operation.symbolic_call

    def called(layer: Any, *args: Any, **kwargs: Any) -> Any:
        if trace.hidden or not _has_symbolic(args, kwargs):
            return call(layer, *args, **kwargs)
        if _is_open(layer):
            if not layer.built:
                with trace.hiding():
                    call(layer, *args, **kwargs)
            done, result = _opened(trace, layer, args, kwargs)
            if done:
                return result
        own = _own_activation(layer)
        if own is not None:
            layer.activation = keras.activations.linear
        try:
            with trace.hiding():
                result = call(layer, *args, **kwargs)
                _complete(layer, result, args, kwargs)
            trace.add(layer)
        finally:
            if own is not None:
                layer.activation = own
        return result if own is None else own(result)

    def operated(operation: Any, *args: Any, **kwargs: Any) -> Any:
        result = symbolic_call(operation, *args, **kwargs)
        if not trace.hidden and not isinstance(operation, Layer):
            trace.add(operation)
        return result

    Layer.__call__, Operation.symbolic_call = called, operated
    try:
        yield
    finally:
        Layer.__call__, Operation.symbolic_call = call, symbolic_call


def _opened(trace: _Trace, layer: Any, args: Any, kwargs: dict[str, Any]) -> tuple[bool, Any]:
    """Run a layer's own ``call``; false if it does not work on symbolic tensors."""
    before = len(trace.steps)
    trace.opened.setdefault(id(layer), (layer, before))
    trace.open.append(layer)
    try:
        return True, layer.call(*args, **_call_options(layer, kwargs))
    except Exception as error:  # noqa: BLE001  # the user's own code, or a backend's, may raise anything
        message = " ".join(str(error).split())[:MOST_REASON]
        trace.leaves[id(layer)] = f"{type(error).__name__}: {message}"
        del trace.steps[before:]
        return False, None
    finally:
        trace.open.pop()


def _call_options(layer: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
    """The keywords of a call as ``Layer.__call__`` hands them on: at inference, if the layer asks."""
    known = inspect.signature(layer.call).parameters
    takes_any = any(p.kind is p.VAR_KEYWORD for p in known.values())
    found = {k: v for k, v in kwargs.items() if k != "training" or takes_any or k in known}
    if "training" in known and found.get("training") is None:
        found["training"] = False
    return found


def _is_open(layer: Any) -> bool:
    """Whether a layer is opened: a model, or a class of the user's own."""
    import keras

    return isinstance(layer, keras.Model) or not _is_kerass(layer)


def _is_kerass(layer: Any) -> bool:
    return type(layer).__module__.partition(".")[0] == "keras"


def _complete(layer: Any, result: Any, args: Any, kwargs: Any) -> None:
    """Give outputs the sizes that a layer's own arithmetic of shapes leaves open (``EinsumDense``)."""
    from keras import KerasTensor, tree
    from keras.src import backend

    given = [t for t in tree.flatten((args, kwargs)) if isinstance(t, KerasTensor)]
    open_ones = [t for t in tree.flatten(result) if None in t.shape]
    if not open_ones or any(None in tensor.shape for tensor in given):
        return
    options = _call_options(layer, kwargs)
    try:
        whole = backend.compute_output_spec(layer.call, *args, **options)
    except Exception:  # noqa: BLE001  # a backend may raise anything: the size stays open
        return
    for tensor, spec in zip(tree.flatten(result), tree.flatten(whole), strict=True):
        tensor._shape = tuple(spec.shape)


def _own_activation(layer: Any) -> Any:
    """The activation of a layer of Keras' own if it is the user's: it is then run as operations."""
    if isinstance(layer, NO_ACTIVATION_APART):
        return None
    found = getattr(layer, "activation", None)
    home = getattr(found, "__module__", None) or ""
    return found if callable(found) and home.partition(".")[0] != "keras" else None


def _has_symbolic(args: Any, kwargs: Any) -> bool:
    from keras import KerasTensor, tree

    return any(isinstance(value, KerasTensor) for value in tree.flatten((args, kwargs)))


def _forget(trace: _Trace) -> None:
    """Take away from the layers what the trace added to their bookkeeping."""
    for step in reversed(trace.steps):
        nodes = step.operation._inbound_nodes
        if nodes and nodes[-1] is step.node:
            nodes.pop()
        for parent in step.node.parent_nodes:
            outbound = parent.operation._outbound_nodes
            if step.node in outbound:
                outbound.remove(step.node)


class _Names:
    """Paths for operations, each its own; the model's own name is left out."""

    def __init__(self) -> None:
        self.taken: dict[str, int] = {}
        self.known: dict[int, str] = {}

    def of(self, operation: Any, within: Sequence[Any]) -> str:
        if id(operation) not in self.known:
            path = PATH_SEPARATOR.join([*(part.name for part in within[1:]), operation.name])
            times = self.taken[path] = self.taken.get(path, 0) + 1
            self.known[id(operation)] = path if times == 1 else f"{path}_{times}"
        return self.known[id(operation)]


def _written(model: Any, inputs: Any, outputs: Any, trace: _Trace) -> Traced:
    """The steps as the record of a functional model."""
    names = _Names()
    layers: dict[str, dict[str, Any]] = {}
    places: dict[tuple[int, int], tuple[str, int]] = {}  # node of an operation: name, call
    variables: dict[int, Any] = {}
    for tensor in inputs:
        operation = tensor._keras_history.operation
        name = names.of(operation, ())
        places[id(operation), 0] = (name, 0)
        config = {"name": name, "batch_shape": list(tensor.shape), "dtype": str(tensor.dtype)}
        layers[name] = _entry("InputLayer", "keras.layers", name, config)
        layers[name]["inbound_nodes"] = []
    readers: dict[int, str] = {}  # variable: the first call that reads it
    for step in trace.steps:
        operation = step.operation
        name = names.of(operation, step.within)
        entry = layers.setdefault(name, _record_of(operation, name))
        index = operation._inbound_nodes.index(step.node)
        places[id(operation), index] = (name, len(entry["inbound_nodes"]))

        def plain(value: Any, reader: str = name) -> Any:
            return _plain(value, places, variables, readers, reader)

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
    leaves = {names.known[key]: why for key, why in trace.leaves.items() if key in names.known}
    return Traced(record, _weights(trace, names, variables, readers), leaves)


def _entry(kind: str, module: str, name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "module": module,
        "class_name": kind,
        "config": {**config, "name": name},
        "name": name,
        "inbound_nodes": [],
    }


def _record_of(operation: Any, name: str) -> dict[str, Any]:
    """A layer or operation of Keras' own as its config has it; of the user's own, its class alone."""
    import keras

    kind = type(operation)
    if not _is_kerass(operation):
        entry = _entry(kind.__name__, kind.__module__, name, {})
        return {**entry, "registered_name": f"{kind.__module__}>{kind.__name__}"}
    try:
        record = keras.saving.serialize_keras_object(operation)
        config, home = record["config"], record["module"]
    except Exception:  # noqa: BLE001  # what it wraps may be of the user's own, and raise anything
        config, home = {}, kind.__module__
    if _own_activation(operation) is not None:
        config = {**config, "activation": "linear"}  # the user's own comes after it, as operations
    if ".ops" in kind.__module__:
        home = kind.__module__
    return _entry(kind.__name__, home, name, config)


def _plain(
    value: Any,
    places: Mapping[tuple[int, int], tuple[str, int]],
    variables: dict[int, Any],
    readers: dict[int, str],
    reader: str,
) -> Any:
    """An argument as plain data: tensors as references, arrays and variables by shape alone."""
    import keras

    def again(item: Any) -> Any:
        return _plain(item, places, variables, readers, reader)

    if isinstance(value, keras.KerasTensor):
        operation, node, output = value._keras_history
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
    if value is Ellipsis:
        return {"class_name": "__ellipsis__", "config": {}}
    if isinstance(value, keras.Variable):
        variables[id(value)] = value
        readers.setdefault(id(value), reader)
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    if shape is not None and dtype is not None:
        config = {"shape": list(shape), "dtype": keras.backend.standardize_dtype(dtype)}
        return {"class_name": "__array__", "config": config}
    return str(value)


def _weights(
    trace: _Trace, names: _Names, variables: Mapping[int, Any], readers: Mapping[int, str]
) -> dict[str, list[list[Any]]]:
    """The weights that no rule tells: of leaves, and those that opened layers hold themselves."""
    found: dict[str, list[list[Any]]] = {}
    taken: set[int] = set()
    for step in trace.steps:
        taken |= {id(w) for w in getattr(step.operation, "weights", ())}
    for step in trace.steps:
        if hasattr(step.operation, "weights") and not _is_kerass(step.operation):
            path = names.known[id(step.operation)]
            found.setdefault(path, [_weight(w, step.operation) for w in step.operation.weights])
    bare = [step.operation for step in trace.steps if not getattr(step.operation, "weights", ())]
    for layer, before in reversed(trace.opened.values()):  # those inside before those around them
        # What no operation reads as it is (it is sliced, or looked up, beforehand): with the next
        # operation that has no weights of its own.
        after = [s.operation for s in trace.steps[before:] if s.operation in bare] or bare[-1:]
        for variable in layer.weights:
            if id(variable) in taken:
                continue
            taken.add(id(variable))
            home = readers.get(id(variable)) or (names.known[id(after[0])] if after else None)
            if home is not None:
                found.setdefault(home, []).append(_weight(variable, layer))
    return found


def _weight(variable: Any, layer: Any) -> list[Any]:
    """Name, shape, whether it is trained, and dtype."""
    trained = bool(variable.trainable) and bool(layer.trainable)
    return [variable.name, list(variable.shape), trained, str(variable.dtype)]
