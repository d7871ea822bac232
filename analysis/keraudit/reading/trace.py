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
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from keraudit.reading.trace_record import Step, Traced, is_kerass, own_activation, written

MOST_REASON = 150  # characters of an error that are repeated


class _Trace:
    """The steps of one run, and the layers that are open."""

    def __init__(self, closed: Collection[str]) -> None:
        self.closed = closed
        self.open: list[Any] = []
        self.steps: list[Step] = []
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
        self.steps.append(Step(operation, operation._inbound_nodes[-1], tuple(self.open)))


def traced(
    model: Any, args: Any, kwargs: Mapping[str, Any], *, closed: Collection[str] = frozenset()
) -> Traced:
    """Run ``model`` on symbolic inputs and record what it is made of.

    Args:
        model: a built ``keras.Model``; an unbuilt one is built for these inputs.
        args: ``keras.Input``s in the structure that ``call`` takes, by position.
        kwargs: the same by name.
        closed: classes of layers that are not opened.

    Raises:
        ValueError: the model's own ``call`` does not work on symbolic tensors; it says why.
    """
    import keras

    trace = _Trace(closed)
    try:
        with _recording(trace):
            outputs = model(*args, **kwargs)
        if reason := trace.leaves.get(id(model)):
            raise ValueError(reason)
        return written(
            model,
            keras.tree.flatten((args, kwargs)),
            keras.tree.flatten(outputs),
            steps=trace.steps,
            opened=tuple(trace.opened.values()),
            leaves=trace.leaves,
        )
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
        if _is_open(layer) and type(layer).__name__ not in trace.closed:
            if not layer.built:
                with trace.hiding():
                    call(layer, *args, **kwargs)
            done, result = _opened(trace, layer, args, kwargs)
            if done:
                return result
        own = own_activation(layer)
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
        if not trace.hidden and _changes_nothing(operation, args):
            return args[0]
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
        trace.leaves[id(layer)] = (
            f"its call does not run on symbolic tensors ({type(error).__name__}: {message})"
        )
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

    return isinstance(layer, keras.Model) or not is_kerass(layer)


def _changes_nothing(operation: Any, args: Any) -> bool:
    """Whether it makes a tensor of what is one: every functional model begins with that."""
    if type(operation).__name__ != "ConvertToTensor":
        return False
    return getattr(operation, "dtype", None) in (None, getattr(args[0], "dtype", None))


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
