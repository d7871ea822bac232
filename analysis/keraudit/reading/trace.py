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
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock, get_ident
from typing import Any

from keraudit.layers.own_counts import count_of
from keraudit.reading.live_errors import summary_of
from keraudit.reading.of_keras import is_kerass, own_activation
from keraudit.reading.trace_constants import (
    JAX_METHOD,
    has_symbolic,
    methods_of_constants,
    stand_ins,
    unknown_to_jax,
)
from keraudit.reading.trace_record import Traced, written
from keraudit.reading.trace_run import Trace
from keraudit.reading.unallocated import WAITING

# Tracing changes methods of Keras while it lasts.
_ONE_AT_A_TIME = Lock()


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
        Exception: what the model's own ``call``, which does not work on symbolic tensors, raised.
    """
    import keras

    with _ONE_AT_A_TIME:
        trace = Trace(model, closed)
        try:
            with _recording(trace), _untouched():
                outputs = model(*args, **kwargs)
            found = keras.tree.flatten(outputs)
            return written(
                model,
                keras.tree.flatten((args, kwargs)),
                [tensor for tensor in found if isinstance(tensor, keras.KerasTensor)],
                steps=trace.steps,
                opened=tuple(trace.opened.values()),
                leaves=trace.leaves,
                closed=trace.closed,
                constants={key: value for key, (_, value) in trace.constants.items()},
            )
        finally:
            _forget(trace)


@contextmanager
def _untouched() -> Iterator[None]:
    """Inside it, what a ``call`` assigns to a variable is dropped.

    Weights that were never allocated are not allocated by it; those of layers that it builds are.
    """
    from keras.src import backend
    from keras.src.backend.common import global_state

    def waiting() -> list[Any]:
        return list(global_state.get_global_attribute(WAITING) or [])

    before = waiting()
    known = {id(variable) for variable in before}
    try:
        with backend.StatelessScope(initialize_variables=False):
            yield
    finally:
        made = [variable for variable in waiting() if id(variable) not in known]
        global_state.set_global_attribute(WAITING, before)
        for variable in made:
            variable._deferred_initialize()


@contextmanager
def _recording(trace: Trace) -> Iterator[None]:
    """Let every layer of the user's own run its ``call``, and every other one be recorded.

    Other threads meet the methods of Keras as they were.
    """
    from keras import KerasTensor
    from keras.src.layers.layer import Layer
    from keras.src.models.functional import Functional
    from keras.src.ops.node import Node
    from keras.src.ops.operation import Operation

    methods: dict[tuple[Any, str], Callable[[Trace, Any], Any]] = {
        (Layer, "__call__"): _calling,
        (Operation, "symbolic_call"): _operating,
        (Node, "__init__"): _noting,
        (Layer, "_set_mask_metadata"): _masking,
        (Layer, "add_loss"): lambda trace, add_loss: lambda layer, loss: None,
        **methods_of_constants(),
        (Functional, "_adjust_input_rank"): _adjusting,
    }
    before = {(owner, name): vars(owner)[name] for owner, name in methods}

    def here(mine: Any, original: Any) -> Any:
        def chosen(*args: Any, **kwargs: Any) -> Any:
            ours = get_ident() == trace.thread
            return (mine if ours else original)(*args, **kwargs)

        return chosen

    for (owner, name), made in methods.items():
        original = before[owner, name]
        setattr(owner, name, here(made(trace, original), original))
    if JAX_METHOD in vars(KerasTensor):
        before[KerasTensor, JAX_METHOD] = vars(KerasTensor)[JAX_METHOD]
        setattr(KerasTensor, JAX_METHOD, unknown_to_jax(trace, before[KerasTensor, JAX_METHOD]))
    try:
        yield
    finally:
        for (owner, name), original in before.items():
            setattr(owner, name, original)


def _calling(trace: Trace, call: Any) -> Any:
    """``Layer.__call__``: open the user's own, record the others."""

    def called(layer: Any, *args: Any, **kwargs: Any) -> Any:
        if trace.hidden or not (trace.open or has_symbolic(args, kwargs)):
            return call(layer, *args, **kwargs)
        if _is_open(layer) and type(layer).__name__ not in trace.closed:
            if not layer.built and _builds_itself(layer):
                _built(trace, call, layer, args, kwargs)
            done, result = _opened(trace, layer, args, kwargs)
            if done:
                return result
            error = trace.errors[id(layer)]
            if layer is trace.model or isinstance(error, RecursionError):
                raise error  # without an end as a leaf, too, and tried so at every level
            kwargs = _without_inference(kwargs)
        if not has_symbolic(args, kwargs) and (layer.variables or not layer.built):
            args, kwargs = stand_ins(trace, (args, kwargs))
        if not has_symbolic(args, kwargs):
            return call(layer, *args, **kwargs)  # a constant, as cheap as those it is made of
        return _recorded(trace, call, layer, args, kwargs)

    return called


def _built(trace: Trace, call: Any, layer: Any, args: Any, kwargs: dict[str, Any]) -> None:
    """Let Keras build a layer by calling it. Where only the call raises, opening it tells whether that matters."""
    try:
        with trace.hiding():
            call(layer, *args, **kwargs)
    except Exception:
        if not layer.built:
            raise


def _without_inference(kwargs: dict[str, Any]) -> dict[str, Any]:
    """The keywords of a leaf without ``training=False``, which its arithmetic of shapes may not take."""
    training = kwargs.get("training")
    return kwargs if training else {k: v for k, v in kwargs.items() if k != "training"}


def _recorded(trace: Trace, call: Any, layer: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Call a layer as Keras does, and record it as one step."""
    import keras

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


def _operating(trace: Trace, symbolic_call: Any) -> Any:
    """``Operation.symbolic_call``: record what is not inside a layer of Keras' own."""
    from keras.src.layers.layer import Layer

    def operated(operation: Any, *args: Any, **kwargs: Any) -> Any:
        if not trace.hidden:
            if _changes_nothing(operation, args):
                return args[0]
            if (
                type(operation).__name__ == "Ndim"
            ):  # for a backend it is a number, for Keras a tensor
                return len(args[0].shape)
        with trace.hiding():
            result = symbolic_call(operation, *args, **kwargs)
        if not trace.hidden and not isinstance(operation, Layer):
            trace.add(operation)
        return result

    return operated


def _masking(trace: Trace, set_mask: Any) -> Any:
    """``Layer._set_mask_metadata``: a mask is an operation that later layers may read."""

    def masked(layer: Any, *args: Any, **kwargs: Any) -> None:
        depth, trace.hidden = trace.hidden, max(trace.hidden - 1, 0)
        try:
            set_mask(layer, *args, **kwargs)
        finally:
            trace.hidden = depth

    return masked


def _noting(trace: Trace, start: Any) -> Any:
    """``Node.__init__``: note every node, so that it can be taken away again.

    A leaf may return what is no tensor, too: a cache, or nothing.
    """
    from keras import KerasTensor, tree

    def started(node: Any, operation: Any, **kwargs: Any) -> None:
        outputs = [t for t in tree.flatten(kwargs.pop("outputs")) if isinstance(t, KerasTensor)]
        start(node, operation, outputs=outputs, **kwargs)
        trace.nodes.append(node)

    return started


def _adjusting(trace: Trace, adjust: Any) -> Any:
    """``Functional._adjust_input_rank``: Keras gives a tensor with an axis more the history of the other."""
    from keras.src.ops.node import KerasHistory

    def adjusted(model: Any, inputs: Any) -> Any:
        results = adjust(model, inputs)
        made = {id(t): s for s in trace.steps[-2 * len(results) :] for t in s.node.outputs}
        for tensor in results:
            if (step := made.get(id(tensor))) and step.operation is not None:
                index = step.operation._inbound_nodes.index(step.node)
                tensor._keras_history = KerasHistory(step.operation, index, 0)
        return results

    return adjusted


def _opened(trace: Trace, layer: Any, args: Any, kwargs: dict[str, Any]) -> tuple[bool, Any]:
    """Run a layer's own ``call``; false if it does not work on symbolic tensors."""
    from keras.src import backend

    before = len(trace.steps)
    trace.opened.setdefault(id(layer), (layer, before))
    trace.open.append(layer)
    around, stated = trace.training, kwargs.get("training")
    trace.training = around if stated is None else stated
    try:
        with backend.AutocastScope(layer.compute_dtype if layer.autocast else None):
            given = _cast(layer, args)
            options = _call_options(layer, {**kwargs, "training": trace.training}, given)
            return True, _as_written(layer.call)(*given, **options)
    except Exception as error:  # noqa: BLE001  # the user's own code, or a backend's, may raise anything
        trace.errors[id(layer)] = error
        trace.leaves[id(layer)] = f"its call does not run on symbolic tensors ({summary_of(error)})"
        del trace.steps[before:]
        return False, None
    finally:
        trace.open.pop()
        trace.training = around


def _as_written(call: Any) -> Any:
    """A method, without the ``tf.function`` around it, which takes no symbolic tensor of Keras."""
    return getattr(call, "python_function", call)


def _cast(layer: Any, args: Any) -> Any:
    """Inputs in the layer's compute dtype, as ``Layer.__call__`` casts them."""
    from keras import KerasTensor, tree

    def cast(value: Any) -> Any:
        if not isinstance(value, KerasTensor):
            return value
        return layer.dtype_policy.convert_input(value, layer.autocast, layer.input_dtype)

    return tree.map_structure(cast, args) if layer._convert_input_args else args


def _call_options(layer: Any, kwargs: dict[str, Any], args: Any = ()) -> dict[str, Any]:
    """The keywords of a call as ``Layer.__call__`` hands them on, with the input's mask.

    Whether it trains is left open unless a layer around it says so, as in a functional model: what is
    built again may train.
    """
    from keras import KerasTensor
    from keras.src import backend

    known = inspect.signature(layer.call).parameters
    takes_any = any(p.kind is p.VAR_KEYWORD for p in known.values())
    found = {
        k: v
        for k, v in kwargs.items()
        if k != "training" or k in known or (takes_any and v is not None)
    }
    if "training" in known and found.get("training") is None:
        found["training"] = True if known["training"].default is True else None
    if "mask" in known and found.get("mask") is None and args and isinstance(args[0], KerasTensor):
        found["mask"] = backend.get_keras_mask(args[0])
    return found


def _builds_itself(layer: Any) -> bool:
    """Whether a layer has a ``build`` of its own; otherwise what it holds is built as it is called."""
    import keras

    given = type(layer).build
    return given is not keras.Model.build and not getattr(given, "_is_default", False)


def _is_open(layer: Any) -> bool:
    """Whether a layer is opened: a model, or a class of the user's own that neither it nor the table counts."""
    import keras

    own = isinstance(layer, keras.Model) or not is_kerass(layer)
    return own and count_of(type(layer)) is None


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
    made = [t for t in tree.flatten(result) if isinstance(t, KerasTensor)]
    open_ones = [t for t in made if None in t.shape]
    if not open_ones or any(None in tensor.shape for tensor in given):
        return
    options = _call_options(layer, kwargs)
    try:
        whole = backend.compute_output_spec(layer.call, *args, **options)
    except Exception:  # noqa: BLE001  # a backend may raise anything: the size stays open
        return
    specs = [spec for spec in tree.flatten(whole) if isinstance(spec, KerasTensor)]
    for tensor, spec in zip(made, specs, strict=True):
        tensor._shape = tuple(spec.shape)


def _forget(trace: Trace) -> None:
    """Take away from the layers what the trace added to their bookkeeping."""
    for node in reversed(trace.nodes):
        for nodes in (
            node.operation._inbound_nodes,
            *(parent.operation._outbound_nodes for parent in node.parent_nodes),
        ):
            if node in nodes:
                nodes.remove(node)
