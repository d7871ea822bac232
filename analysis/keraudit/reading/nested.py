"""What a nested model is called with: which tensor goes to which of its inputs, and whether it fits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from keraudit.errors import ModelError
from keraudit.model.graph import Layer, Ref
from keraudit.model.shape_text import shape_text
from keraudit.reading.serialised import histories, input_shape, is_history, named_layers, options

Sizes = tuple[int | None, ...]


def received(
    record: Mapping[str, Any], path: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> list[Ref]:
    """The tensors of a call, in the order of the model's inputs; a mask is none of them.

    As Keras does (``Functional._standardize_inputs``): a dict goes by name to inputs that are a list,
    and by sorted key to inputs that are a dict.

    Raises:
        ModelError: the dict lacks an input's name.
    """
    given = args[0] if args else kwargs.get("inputs")
    config = record["config"]
    inputs = config.get("input_layers") if isinstance(config, Mapping) else None
    if not isinstance(given, Mapping) or not isinstance(inputs, list):
        return list(_in_order(given))
    names = [history[0] for history in histories(inputs)]
    if missing := [name for name in names if name not in given]:
        raise ModelError(
            f"model {path!r} takes its inputs by name, {', '.join(names)}; a call gives"
            f" {', '.join(map(ascii, given))}: {missing[0]!r} is missing"
        )
    return [ref for name in names for ref in _in_order(given[name])]


def _in_order(value: Any) -> Iterator[Ref]:
    """Every ``Ref`` in nested data, in Keras' order: dicts by sorted key."""
    if isinstance(value, Ref):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _in_order(item)
    elif isinstance(value, Mapping):
        for key in sorted(value):
            yield from _in_order(value[key])


def rank_changers(
    record: Mapping[str, Any],
    path: str,
    inputs: Sequence[Ref],
    stated: Mapping[Ref, Sizes],
    recorded: dict[Ref, Sizes],
) -> dict[int, Layer]:
    """Hold a Keras 3 model's inputs against the shapes ``stated`` for what it is called with.

    Where none is, the input's own goes into ``recorded``, to be held against what comes there.
    Keras 2 only warns: do not ask it of a model in its notation. Returns the operations by which
    Keras makes ranks equal, by the input's number.

    Raises:
        ModelError: Keras would refuse the call.
    """
    result: dict[int, Layer] = {}
    config = record["config"]
    inputs_of = config.get("input_layers") if isinstance(config, Mapping) else None
    if isinstance(inputs_of, Mapping) and not all(map(is_history, inputs_of.values())):
        return {}  # Keras asks nothing of deeper structures, and nothing of a Sequential model's input
    names = [history[0] for history in histories(inputs_of)]
    by_name = named_layers(config) if names else {}
    for index, (name, ref) in enumerate(zip(names, inputs, strict=False)):
        shape, given = input_shape(options(by_name.get(name, {}))), stated.get(ref)
        if shape is None:
            continue
        if given is None:
            recorded.setdefault(ref, shape)
            continue
        if not _fits(given, shape):
            raise ModelError(
                f"model {path!r} takes the shape {shape_text(shape)} as its input {name!r}, is called with"
                f" {shape_text(given)}"
            )
        if change := _change_of_rank(given, shape):
            result[index] = _rank_changer(change, f"{path}/{name}")
    return result


def _fits(given: Sizes, stated: Sizes) -> bool:
    """Whether a Keras 3 model with an input ``stated`` takes a tensor ``given``.

    Open sizes fit any, the batch too, and a last axis of size 1 may be there or not.

    >>> _fits((None, 64, 64, 3), (None, None, None, 3)), _fits((None, 5, 1), (None, 5))
    (True, True)
    >>> _fits((None, 4), (None, 8)), _fits((None, 4, 4), (None, 4))
    (False, False)
    """
    if _change_of_rank(given, stated) is None:
        return False
    ours, theirs = ((s[:-1] if s[-1:] == (1,) else s)[1:] for s in (given, stated))
    return all(a is None or b is None or a == b for a, b in zip(ours, theirs, strict=False))


def _change_of_rank(given: Sizes, stated: Sizes) -> str | None:
    """The operation by which Keras makes the ranks equal; empty for none, ``None`` if it refuses."""
    if len(given) == len(stated):
        return ""
    if len(given) == len(stated) + 1 and given[-1] == 1:
        return "Squeeze"
    if len(given) == len(stated) - 1 and stated[-1] == 1:
        return "ExpandDims"
    return None


def _rank_changer(operation: str, name: str) -> Layer:
    config = {"name": name, "axis": -1}
    return Layer(name=name, kind=f"ops.{operation}", config=config, module="keras.src.ops.numpy")
