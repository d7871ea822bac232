"""What a traced model makes of arrays and variables before a symbolic tensor meets them.

A call computes from constants, too: angles of positions, a query that is learnt. A product of two arrays, or
a layer with weights that is called on one, is recorded like any other; elementwise arithmetic on constants
is not, for it can be done once. Between an array or a variable and a symbolic tensor the symbolic one decides.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import get_ident
from typing import Any

from keraudit.reading.trace_run import Trace

PRODUCTS = ("matmul", "einsum", "dot", "tensordot")  # of ``keras.ops``, and of every backend
VARIABLE_OPERATORS = (
    *(
        f"__{side}{name}__"
        for name in "add sub mul truediv floordiv mod pow matmul and or xor".split()
        for side in ("", "r")
    ),
    *("__lt__", "__le__", "__gt__", "__ge__"),
)
JAX_METHOD = "__jax_array__"


def methods_of_constants() -> dict[tuple[Any, str], Callable[[Trace, Any], Any]]:
    """The methods of Keras and of its backend that a trace replaces, by owner and name."""
    from keras.src import backend
    from keras.src.backend.common.variables import Variable  # of which each backend's is a class

    array = _owner(type(backend.convert_to_tensor(0.0)), "__matmul__")
    return {
        **{(Variable, name): _deferring for name in VARIABLE_OPERATORS},
        **{(backend.numpy, name): _multiplying for name in PRODUCTS},
        (array, "__matmul__"): _multiplying,
        (backend.core, "cond"): _choosing,
    }


def _owner(kind: type, method: str) -> type:
    """The class in which a method is defined."""
    return next(base for base in kind.__mro__ if method in vars(base))


def _deferring(trace: Trace, operator: Any) -> Any:
    """An operator of ``Variable``: leave it to the symbolic tensor on its right."""
    from keras import KerasTensor

    def deferred(variable: Any, other: Any) -> Any:
        return NotImplemented if isinstance(other, KerasTensor) else operator(variable, other)

    return deferred


def _multiplying(trace: Trace, product: Any) -> Any:
    """A backend's product of two arrays: constants are multiplied at every call of the model, too."""
    import keras

    operation = getattr(keras.ops, product.__name__.strip("_"), keras.ops.matmul)

    def multiplied(*args: Any, **kwargs: Any) -> Any:
        if trace.hidden or not trace.open:
            return product(*args, **kwargs)
        symbolic = stand_ins(trace, args)
        known = not has_symbolic(symbolic, kwargs)
        return product(*args, **kwargs) if known else operation(*symbolic, **kwargs)

    return multiplied


def _choosing(trace: Trace, cond: Any) -> Any:
    """A backend's ``cond``: what depends on constants alone is decided here, as in the model's call."""

    def chosen(condition: Any, if_true: Any, if_false: Any) -> Any:
        if trace.hidden or not trace.open:
            return cond(condition, if_true, if_false)
        return if_true() if bool(condition) else if_false()

    return chosen


def unknown_to_jax(trace: Trace, method: Any) -> property:
    """No ``__jax_array__``: an array of JAX then leaves ``array * tensor`` to the symbolic tensor."""

    def looked_up(tensor: Any) -> Any:
        if get_ident() == trace.thread:
            raise AttributeError(JAX_METHOD)
        return method.__get__(tensor)

    return property(looked_up)


def stand_ins(trace: Trace, values: Any) -> Any:
    """The same structure with a symbolic tensor in place of every array and variable."""
    import keras
    from keras.src import backend

    def stand_in(value: Any) -> Any:
        is_array = type(value).__module__ == "numpy" and hasattr(value, "shape")
        if not (is_array or isinstance(value, keras.Variable) or backend.is_tensor(value)):
            return value
        dtype = backend.standardize_dtype(value.dtype)
        tensor = keras.KerasTensor(tuple(value.shape), dtype)
        trace.constants[id(tensor)] = (tensor, value)
        return tensor

    return keras.tree.map_structure(stand_in, values)


def has_symbolic(args: Any, kwargs: Any) -> bool:
    from keras import KerasTensor, tree

    return any(isinstance(value, KerasTensor) for value in tree.flatten((args, kwargs)))
