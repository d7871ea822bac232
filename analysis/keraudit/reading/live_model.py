"""A live model as a record that the config reader takes: Keras' own JSON, or a trace where that is not enough."""

from __future__ import annotations

import inspect
import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from keraudit.model.graph import Shape
from keraudit.reading.live_layers import live_facts
from keraudit.reading.trace import traced

NOTHING: frozenset[str] = frozenset()


def live_record(
    model: Any,
    *,
    shapes: Sequence[Shape] | None = None,
    batch: int | None = None,
    closed: Collection[str] | None = NOTHING,
) -> dict[str, Any]:
    """The record of a model, and the facts that only the live one tells.

    Args:
        model: a ``keras.Model``.
        shapes: of its inputs, without batch; default: those that it was built for.
        batch: that it is traced at, as a trace holds for one batch; default: 1.
        closed: classes of layers that are not opened, for the user has a rule for them; ``None``: no
            layer is, wherever the model's config has its graph.

    Returns:
        Plain data: ``model``, the record, and ``facts``.

    Raises:
        TypeError: it is not a model.
        ValueError: its input sizes are not known, or its ``call`` cannot be traced; one line says which.
    """
    import keras

    if not isinstance(model, keras.Model):
        raise TypeError(f"a {type(model).__name__} is not a keras.Model")
    if not _is_to_be_traced(model, closed):
        return {"model": json.loads(model.to_json()), "facts": live_facts(model)}
    args, kwargs = _inputs(model, shapes, batch or 1)
    try:
        found = traced(model, args, kwargs, closed=closed or ())
    except Exception as error:  # noqa: BLE001  # the user's own code may raise anything
        if "layers" in model.get_config():  # then its layers are listed, and bounds said
            return {"model": json.loads(model.to_json()), "facts": live_facts(model)}
        reason = " ".join(str(error).split())[:200]
        raise ValueError(
            f"{type(model).__name__} cannot be traced ({type(error).__name__}: {reason})"
        ) from None
    facts = {
        "weights": found.weights,
        "untraced": found.leaves,
        "outputs": found.outputs,
        "params": model.count_params() if model.built else None,
    }
    return {"model": found.record, "facts": facts}


def _is_to_be_traced(model: Any, closed: Collection[str] | None) -> bool:
    """Whether the config cannot say all: a layer is of the user's own, or the model writes no graph."""
    for layer in model._flatten_layers():  # Keras has no public way through wrappers
        kind = type(layer)
        own = kind.__module__.partition(".")[0] != "keras"
        if own and closed is not None and kind.__name__ not in closed:
            return True
        if hasattr(layer, "layers") and "layers" not in layer.get_config():
            return True
    return False


def _inputs(model: Any, shapes: Sequence[Shape] | None, batch: int) -> tuple[Any, Any]:
    """Symbolic inputs in the structure that ``call`` takes, as positional and keyword arguments."""
    import keras

    known = getattr(model, "_inputs_struct", None)  # of a functional model; not public
    if known is not None:
        return (_like(known, shapes, batch),), {}
    names = [
        name
        for name, p in inspect.signature(model.call).parameters.items()
        if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    if shapes is None:
        found = _built_shapes(model, names)
        if found is None:
            raise ValueError(
                f"{type(model).__name__} is a subclassed model that was not called yet, so its input"
                " size is not known: give --input-shape (input_shape=), or call it once"
            )
        return tuple(_symbolic(found[name], batch) for name in names if name in found), {}
    if len(shapes) == 1:
        return (keras.Input(batch_shape=(batch, *shapes[0])),), {}
    inputs = [keras.Input(batch_shape=(batch, *shape)) for shape in shapes]
    return (tuple(inputs) if len(names) == len(shapes) else (inputs,)), {}


def _like(known: Any, shapes: Sequence[Shape] | None, batch: int) -> Any:
    """Inputs like those of a functional model, at other sizes if some are given."""
    import keras

    tensors = keras.tree.flatten(known)
    if shapes is not None and len(shapes) != len(tensors):
        names = ", ".join(map(_name, tensors))
        raise ValueError(
            f"the model has {len(tensors)} inputs ({names}), received {len(shapes)} input shapes;"
            " give one for each, in this order"
        )
    made = []
    for position, tensor in enumerate(tensors):
        size = tuple(tensor.shape[1:]) if shapes is None else tuple(shapes[position])
        if None in size:
            raise ValueError(
                f"input {_name(tensor)!r} has the open shape {size}: give its size with --input-shape"
                " (input_shape=)"
            )
        made.append(keras.Input(batch_shape=(batch, *size), dtype=tensor.dtype, name=_name(tensor)))
    return keras.tree.pack_sequence_as(known, made)


def _name(tensor: Any) -> str:
    """The name of an input's layer, by which its config knows it."""
    return str(tensor._keras_history.operation.name)


def _built_shapes(model: Any, names: Sequence[str]) -> Mapping[str, Any] | None:
    """The shapes that a subclassed model was called with, by the name of the argument."""
    found = getattr(model, "_build_shapes_dict", None) or {}
    if len(found) == 1 and len(names) == 1:
        return {names[0]: next(iter(found.values()))}
    shapes = {name: found.get(f"{name}_shape", found.get(name)) for name in names}
    return shapes if shapes and all(shape is not None for shape in shapes.values()) else None


def _symbolic(shape: Any, batch: int) -> Any:
    """A symbolic input, or a structure of them, for a shape or a structure of shapes."""
    import keras

    if isinstance(shape, Mapping):
        return {key: _symbolic(item, batch) for key, item in shape.items()}
    if isinstance(shape, list | tuple) and shape and isinstance(shape[0], list | tuple | Mapping):
        return [_symbolic(item, batch) for item in shape]
    if None in shape[1:]:
        raise ValueError(
            f"it was called with the open shape {tuple(shape)}: give the size with --input-shape"
            " (input_shape=)"
        )
    return keras.Input(batch_shape=(batch, *shape[1:]))
