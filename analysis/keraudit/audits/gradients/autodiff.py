"""The few lines in which the backends differ: pulling a gradient back through a function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from keraudit.errors import KerauditError

Tensors = list[Any]
Function = Callable[[Tensors], Tensors]
BACKENDS = ("tensorflow", "torch", "jax")


def forward(function: Function, tensors: Tensors) -> Tensors:
    """Call a function and keep nothing of it for a backward pass."""
    if backend() == "torch":
        import torch

        with torch.no_grad():
            return function(tensors)
    return function(tensors)


def pulled(function: Function, tensors: Tensors, cotangents: Sequence[Any]) -> Tensors:
    """The gradient of the sum of ``cotangents * function(tensors)`` with respect to each tensor.

    Args:
        function: from floating tensors to floating tensors.
        tensors: where it is called.
        cotangents: one for each result, the gradient of the loss with respect to it.

    Returns:
        One gradient for each tensor; ``None`` where no result depends on it.
    """
    if not tensors:
        return []
    return PULLS[backend()](function, tensors, cotangents)


def backend() -> str:
    import keras

    name = str(keras.backend.backend())
    if name not in PULLS:
        raise KerauditError(
            f"Keras' backend {name!r} has no gradients: expected {', '.join(BACKENDS)}"
            " (KERAS_BACKEND, or --backend)"
        )
    return name


def _with_tensorflow(function: Function, tensors: Tensors, cotangents: Sequence[Any]) -> Tensors:
    import tensorflow as tf

    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(tensors)
        results = function(tensors)
    gradients = tape.gradient(results, tensors, output_gradients=list(cotangents))
    # the gradient of a lookup is sparse
    return [None if g is None else tf.convert_to_tensor(g) for g in gradients]


def _with_torch(function: Function, tensors: Tensors, cotangents: Sequence[Any]) -> Tensors:
    import torch

    leaves = [t.detach().requires_grad_() for t in tensors]
    results = function(leaves)
    reached = [(r, c) for r, c in zip(results, cotangents, strict=True) if r.requires_grad]
    if not reached:
        return [None] * len(leaves)
    ends, weights = zip(*reached, strict=True)
    return list(torch.autograd.grad(ends, leaves, weights, allow_unused=True))


def _with_jax(function: Function, tensors: Tensors, cotangents: Sequence[Any]) -> Tensors:
    import jax

    _, pull = jax.vjp(function, tensors)
    (gradients,) = pull(list(cotangents))
    return list(gradients)


PULLS = {"tensorflow": _with_tensorflow, "torch": _with_torch, "jax": _with_jax}
