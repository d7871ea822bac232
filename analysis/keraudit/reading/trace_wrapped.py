"""What a wrapper of Keras' own holds, where that is the user's: traced apart, on what one step receives.

Keras runs the layer in ``TimeDistributed`` and the cell in ``RNN`` once for each step, and the two layers in
``Bidirectional`` once each, by calls that no symbolic tensor goes through. So each is traced on inputs of its
own, and the wrapper's rule takes what is found times the steps.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

from keraudit.errors import KerauditError
from keraudit.reading.live_errors import summary_of
from keraudit.reading.of_keras import holds_kerass, keras_class
from keraudit.reading.trace import traced
from keraudit.reading.trace_record import Traced


class Part(NamedTuple):
    """A layer that a wrapper holds, and the arguments of one call of it: tensors that tell shape and dtype.

    ``None`` where the wrapper is called on several shapes, for a trace holds for one.
    """

    layer: Any
    arguments: tuple[Any, ...] | None


def inner_traces(found: Traced, closed: Collection[str]) -> dict[str, list[dict[str, Any]]]:
    """What each wrapper in a trace holds, by the wrapper's path, as plain data.

    Args:
        found: the trace.
        closed: classes of layers that are not opened.

    Returns:
        For each layer or cell that it holds ``record`` and ``facts``, those of a model; or ``kind``,
        ``name`` and, as ``unknown``, why it is not traced.
    """
    return {
        path: [_told(part, path, closed) for part in parts]
        for path, calls in found.calls.items()
        if (parts := _own_parts(found.operations[path], calls, closed))
    }


def _own_parts(
    wrapper: Any, calls: Sequence[tuple[Any, ...]], closed: Collection[str]
) -> list[Part]:
    """What a wrapper holds, if it is one of three, and holds anything of the user's own."""
    kind = keras_class(wrapper)
    parts_of = PARTS.get(kind.__name__) if kind else None
    if parts_of is None or holds_kerass(wrapper, closed):
        return []
    try:
        parts = parts_of(wrapper, calls[0])
    except Exception:  # noqa: BLE001  # the user's own code may raise anything: then a bound is said
        return []
    several = len({tuple(tuple(tensor.shape) for tensor in call) for call in calls}) > 1
    return [part._replace(arguments=None) for part in parts] if several else parts


def _step(tensor: Any) -> Any:
    """One step of a sequence."""
    from keras import KerasTensor

    return KerasTensor((tensor.shape[0], *tensor.shape[2:]), tensor.dtype)


def _of_time_distributed(wrapper: Any, call: tuple[Any, ...]) -> list[Part]:
    plain = getattr(wrapper.layer, "quantization_mode", None) is None
    return [Part(wrapper.layer, (_step(call[0]),))] if plain else []  # it runs the plain form


def _of_bidirectional(wrapper: Any, call: tuple[Any, ...]) -> list[Part]:
    return [Part(layer, call[:1]) for layer in (wrapper.forward_layer, wrapper.backward_layer)]


def _of_rnn(wrapper: Any, call: tuple[Any, ...]) -> list[Part]:
    """The cell, which receives a step and the states."""
    import keras

    cell = wrapper.cell
    states = keras.tree.map_structure(
        lambda state: keras.KerasTensor(tuple(state.shape), cell.compute_dtype),
        wrapper.get_initial_state(call[0].shape[0]),
    )
    return [Part(cell, (_step(call[0]), states))]


PARTS: Mapping[str, Callable[[Any, tuple[Any, ...]], list[Part]]] = {
    "TimeDistributed": _of_time_distributed,
    "Bidirectional": _of_bidirectional,
    "RNN": _of_rnn,
}


def _told(part: Part, path: str, closed: Collection[str]) -> dict[str, Any]:
    """The trace of what a wrapper holds, its record and its facts; or why there is none."""
    import keras

    layer, kind = part.layer, type(part.layer).__name__
    unknown = {"kind": kind, "name": f"{path}/{layer.name}"}
    if part.arguments is None:
        reason = f"{kind} is traced for one size, and the layer around it is called at several"
        return {**unknown, "unknown": reason}
    try:
        inputs = keras.tree.map_structure(
            lambda t: keras.Input(batch_shape=tuple(t.shape), dtype=t.dtype, name="step"),
            part.arguments,
        )
        found = traced(layer, inputs, {}, closed=closed)
        return {"record": found.record, "facts": _facts(found, closed)}
    except KerauditError:
        raise
    except Exception as error:  # noqa: BLE001  # the user's own code may raise anything
        reason = f"the call of {kind} does not run on symbolic tensors ({summary_of(error)})"
        return {**unknown, "unknown": reason}


def _facts(found: Traced, closed: Collection[str]) -> dict[str, Any]:
    return {
        "inner": inner_traces(found, closed),
        "weights": found.weights,
        "untraced": found.leaves,
        "counted": found.counted,
        "outputs": found.outputs,
        "traced": True,
    }
