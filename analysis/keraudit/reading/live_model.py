"""A live model as a record that the config reader takes: Keras' own JSON, or a trace where that is not enough."""

from __future__ import annotations

import inspect
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from keraudit.errors import KerauditError, ModelError, ShapeError
from keraudit.model.graph import Graph, Shape
from keraudit.model.input_sizes import Input, Requested
from keraudit.reading.live_errors import class_of, failure, in_one_line, name_of
from keraudit.reading.live_layers import live_facts
from keraudit.reading.live_projections import note_projections
from keraudit.reading.of_keras import own_activation
from keraudit.reading.trace import traced
from keraudit.reading.trace_record import Traced
from keraudit.reading.trace_wrapped import inner_traces

NOTHING: frozenset[str] = frozenset()
KERASS = frozenset({"training", "mask"})  # arguments of a call that Keras itself fills in
RECORDED = Requested()


def live_record(
    model: Any, requested: Requested = RECORDED, *, closed: Collection[str] | None = NOTHING
) -> dict[str, Any]:
    """The record of a model, and the facts that only the live one tells.

    Args:
        model: a ``keras.Model``.
        requested: sizes of its inputs; default: those that it was built for, one at a time. A trace
            holds for one batch and one size.
        closed: classes of layers that are not opened, for the user has a rule for them; ``None``: no
            layer is, wherever the model's config has its graph.

    Returns:
        Plain data: ``model``, the record, and ``facts``.

    Raises:
        TypeError: it is not a model.
        ShapeError: its input sizes are not known, or do not fit.
        ModelError: its own code, or a layer's, raised; one line names the layer.
    """
    import keras

    if not isinstance(model, keras.Model):
        raise TypeError(f"a {type(model).__name__} is not a keras.Model")
    with in_one_line(model):
        model._check_super_called()  # without it nothing else of the model works
        if not _is_to_be_traced(model, closed):
            return _by_config(model)
        return _by_trace(model, requested, closed or ())


def _by_config(model: Any) -> dict[str, Any]:
    record = json.loads(model.to_json())
    note_projections(record, model)
    return {"model": record, "facts": live_facts(model)}


def _by_trace(model: Any, requested: Requested, closed: Collection[str]) -> dict[str, Any]:
    try:
        found = _traced_at(model, requested, closed)
    except KerauditError:
        raise
    except Exception as error:  # noqa: BLE001  # the user's own code may raise anything
        if _writes_its_layers(model) and not _works_as_built(model, requested, closed):
            return _by_config(model)  # its layers are listed, and bounds said
        raise failure(model, error) from None
    if not found.outputs:
        raise ModelError(
            f"model {name_of(model)!r} ({class_of(model)}): its call returns no tensor; return its"
            " outputs"
        )
    facts = {
        "inner": inner_traces(found, closed),  # first, for it may build what a wrapper holds
        "weights": found.weights,
        "untraced": found.leaves,
        "counted": found.counted,
        "outputs": found.outputs,
        "params": model.count_params() if model.built else None,
        "containers": found.containers,
        "traced": True,
        "left_out": [name for name in _arguments(model)[1] if name not in _named(requested)],
    }
    return {"model": found.record, "facts": facts}


def _works_as_built(model: Any, requested: Requested, closed: Collection[str]) -> bool:
    """Whether other sizes were asked for, and with its own the model can be traced: then it is they that do not fit."""
    known = getattr(model, "_inputs_struct", None)
    if known is None or not (requested.shapes or requested.length):
        return False
    with suppress(Exception):
        if _ranks(_like(known, requested)) == _ranks(known):
            _traced_at(model, RECORDED, closed)
            return True
    return False  # a size with another number of axes is refused where the config is read


def _traced_at(model: Any, requested: Requested, closed: Collection[str]) -> Traced:
    """Trace at the requested sizes, with numbers for inputs, or with indices where those do not do."""
    (args, kwargs), stated = _inputs(model, requested, "float32")
    try:
        return traced(model, args, kwargs, closed=closed)
    except KerauditError:
        raise
    except Exception as error:  # noqa: BLE001  # the user's own code may raise anything
        first = error
    if not stated:
        (args, kwargs), _ = _inputs(model, requested, "int32")
        with suppress(Exception):  # then it was not for the dtype, and the first error tells more
            return traced(model, args, kwargs, closed=closed)
    raise first


def traced_parts(model: Any, graph: Graph) -> tuple[Mapping[str, Any], Sequence[Any]]:
    """The live layers by path, and the variables by number, of a graph that was traced from a model.

    Raises:
        KerauditError: the model cannot be traced at the sizes of the graph.
    """
    sizes = tuple(node.outputs[0].shape[1:] for node in graph.input_nodes)
    with in_one_line(model):
        found = _traced_at(model, Requested(shapes=sizes, batch=graph.batch), tuple(graph.rules))
    return found.operations, found.variables


def _is_to_be_traced(model: Any, closed: Collection[str] | None) -> bool:
    """Whether the config cannot say all: a layer or an activation is of the user's own, or there is no graph."""
    layers = list(model._flatten_layers())  # Keras has no public way through wrappers
    for layer in layers:  # first of all: what is traced need not have a config
        kind = type(layer)
        own = kind.__module__.partition(".")[0] != "keras" or own_activation(layer) is not None
        if own and closed is not None and kind.__name__ not in closed:
            return True
    return not all(_writes_its_layers(layer) for layer in layers if hasattr(layer, "layers"))


def _writes_its_layers(model: Any) -> bool:
    """Whether a model's config lists its layers; one that raises lists nothing."""
    try:
        return "layers" in model.get_config()
    except Exception:  # noqa: BLE001  # the user's own code may raise anything
        return False


def _inputs(model: Any, requested: Requested, dtype: str) -> tuple[tuple[Any, Any], bool]:
    """Symbolic inputs in the structure that ``call`` takes, by position and by name.

    Returns:
        Positional and keyword arguments; and whether the model states the inputs' dtypes. Where it does
        not, they have ``dtype``.
    """
    known = getattr(model, "_inputs_struct", None)  # of a functional model; not public
    if known is not None:
        return ((_like(known, requested),), {}), True
    names, optional = _arguments(model)
    asked = _named(requested)
    more = {name: Input((name,), tuple(asked[name])) for name in optional if name in asked}
    built = _built_inputs(model, names)
    if built is None:
        others = {name: shape for name, shape in asked.items() if name not in more}
        rest = replace(requested, shapes=others) if more else requested
        built = _requested_inputs(model, names, rest)
    fitted = _or_recorded(requested).fitted([*_leaves(built), *more.values()]) or []
    sizes, batch = iter(fitted), requested.batch or 1
    args = _symbolic(built, sizes, batch, dtype)
    return (args, _symbolic(more, sizes, batch, dtype)), False


def _arguments(model: Any) -> tuple[list[str], list[str]]:
    """The arguments of ``call`` that take tensors: those that it needs, and those that it does without."""
    if getattr(model, "_inputs_struct", None) is not None:
        return [], []
    known = [
        p
        for p in inspect.signature(model.call).parameters.values()
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
    ]
    needed = [p.name for p in known if p.default is p.empty and p.kind is not p.KEYWORD_ONLY]
    return needed, [p.name for p in known if p.default is None and p.name not in KERASS]


def _named(requested: Requested) -> Mapping[str, Shape]:
    """The requested sizes by name; none where they are in order."""
    return requested.shapes if isinstance(requested.shapes, Mapping) else {}


def _or_recorded(requested: Requested) -> Requested:
    """The request, or one for the recorded sizes where none are asked for."""
    return requested if requested.shapes or requested.length else Requested(shapes={})


def _built_inputs(model: Any, names: Sequence[str]) -> tuple[Any, ...] | None:
    """What a subclassed model was called with, by argument, with an ``Input`` for each tensor."""
    found = getattr(model, "_build_shapes_dict", None) or {}
    if len(found) == 1 and len(names) == 1:
        shapes = [next(iter(found.values()))]
    else:
        shapes = [found.get(f"{name}_shape", found.get(name)) for name in names]
    if not shapes or any(shape is None for shape in shapes):
        return None
    return tuple(_described(shape, (name,)) for name, shape in zip(names, shapes, strict=True))


def _described(shape: Any, path: tuple[str, ...]) -> Any:
    """A shape with its batch, or a structure of them, as ``Input``s."""
    if isinstance(shape, Mapping):
        return {key: _described(item, (*path, str(key))) for key, item in shape.items()}
    if isinstance(shape, list | tuple) and shape and isinstance(shape[0], list | tuple | Mapping):
        return [_described(item, (*path, str(number))) for number, item in enumerate(shape)]
    names = ("/".join(path[1:]) or path[0], "/".join(path))
    return Input(tuple(dict.fromkeys(names)), tuple(shape[1:]), open_length=True)


def _requested_inputs(model: Any, names: Sequence[str], requested: Requested) -> tuple[Any, ...]:
    """Inputs of the requested shapes alone, for a model that was not called."""
    shapes = requested.shapes
    if not shapes:
        arguments = f" of each of {', '.join(names)}" if len(names) > 1 else ""
        give = f"give --input-shape (input_shape=){arguments}"
        raise ShapeError(
            f"{type(model).__name__} is a subclassed model that "
            + (
                f"was called, but Keras keeps the size of one argument at most: {give}, by name"
                if model.built
                else f"was not called yet, so its input size is not known: {give}, or call it once"
            )
        )
    if isinstance(shapes, Mapping):
        named = {name: Input((name,), tuple(shape)) for name, shape in shapes.items()}
        in_call = set(names) <= set(named)
        return tuple(named[name] for name in names) if in_call else (named,)
    fit = len(names) == len(shapes)
    labels = names if fit else [f"input_{n}" for n in range(1, len(shapes) + 1)]
    inputs = [Input((name,), tuple(shape)) for name, shape in zip(labels, shapes, strict=True)]
    return tuple(inputs) if len(inputs) == 1 or len(names) == len(inputs) else (inputs,)


def _leaves(structure: Any) -> Iterator[Input]:
    if isinstance(structure, Input):
        yield structure
        return
    for item in structure.values() if isinstance(structure, Mapping) else structure:
        yield from _leaves(item)


def _symbolic(structure: Any, sizes: Iterator[Shape], batch: int, dtype: str) -> Any:
    """The same structure with a symbolic input, of the next size, for every ``Input``."""
    import keras

    if isinstance(structure, Input):
        name = structure.names[0].replace("/", "_")
        return keras.Input(batch_shape=(batch, *next(sizes)), dtype=dtype, name=name)
    if isinstance(structure, Mapping):
        return {k: _symbolic(item, sizes, batch, dtype) for k, item in structure.items()}
    return type(structure)(_symbolic(item, sizes, batch, dtype) for item in structure)


def _ranks(structure: Any) -> list[int]:
    """The number of axes of each tensor in a structure."""
    import keras

    return [len(tensor.shape) for tensor in keras.tree.flatten(structure)]


def _like(known: Any, requested: Requested) -> Any:
    """Inputs like those of a functional model, at other sizes if some are requested."""
    import keras

    tensors = keras.tree.flatten(known)
    puts = [
        Input(names, tuple(tensor.shape[1:]))
        for tensor, names in zip(tensors, _names_in(known), strict=True)
    ]
    sizes = _or_recorded(requested).fitted(puts)
    made = [
        keras.Input(
            batch_shape=(requested.batch or 1, *size), dtype=tensor.dtype, name=put.names[0]
        )
        for size, tensor, put in zip(sizes or (), tensors, puts, strict=True)
    ]
    return keras.tree.pack_sequence_as(known, made)


def input_names(model: Any) -> list[tuple[str, ...]]:
    """The names that each input of a functional model goes by; of other models none are known.

    First that of its layer, as its config has it; then that of the tensor, and its key in a dict.
    """
    known = getattr(model, "_inputs_struct", None)  # not public
    return [] if known is None else list(_names_in(known))


def _names_in(structure: Any) -> Iterator[tuple[str, ...]]:
    import keras

    for path, tensor in keras.tree.flatten_with_path(structure):
        key = path[-1] if path and isinstance(path[-1], str) else ""
        names = (str(tensor._keras_history.operation.name), str(tensor.name), key)
        yield tuple(dict.fromkeys(name for name in names if name))
