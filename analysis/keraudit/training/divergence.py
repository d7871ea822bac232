"""A loss or a weight that is not finite: at which step it began, and in which layer.

The loss is read only now and then, for each reading waits for the device. By the time it is seen not to be
finite, every weight may be bad. So the epoch is repeated from its start, step by step, which gives the same
steps: they depend on the seed and the epoch alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from keraudit.errors import KerauditError
from keraudit.training.step import TrainState, learning_rate


class DivergedError(KerauditError):
    """The loss or a weight is not finite."""


class NotFiniteError(Exception):
    """Inside an epoch: the loss is not finite after step ``batch``, counted from 0."""

    def __init__(self, batch: int) -> None:
        super().__init__(batch)
        self.batch = batch


def copies(variables: Sequence[Any]) -> list[Any]:
    """The variables' values, copied on the device: JAX reuses a step's memory."""
    from keras import ops

    return [ops.copy(variable.value) for variable in variables]


def _restore(variables: Sequence[Any], values: Sequence[Any]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def diverged(
    state: TrainState, epoch: int, rows: Any, start: Sequence[Any], last: int
) -> DivergedError:
    """The error that names the step, its learning rate and the first bad layer.

    Args:
        state: whose loss or weights are not finite.
        epoch: in which, counted from 0.
        rows: of the epoch.
        start: the variables' values before it.
        last: the step of the epoch after which it was seen.
    """
    _restore(state.variables, start)
    batch, what = _first_failure(state, rows, last)
    step = epoch * state.steps + batch
    rate = learning_rate(state.recipe, step, state.total_steps)
    return DivergedError(
        f"the loss is not finite at step {step + 1} (epoch {epoch + 1}), learning rate {rate:g};"
        f" first non-finite value: {what}; lower --learning-rate or lengthen --warmup"
    )


def _first_failure(state: TrainState, rows: Any, last: int) -> tuple[int, str]:
    """The first step that fails and what fails in it: a layer's output, else an update."""
    size = state.recipe.batch
    for batch in range(last + 1):
        before = copies(state.variables)
        part = rows[batch * size : (batch + 1) * size]
        if not math.isfinite(state.single_step(part)):
            _restore(state.variables, before)
            layer = non_finite_output(state.model, state.images.rows(part))
            return batch, layer or "the loss itself"
        if name := non_finite_weight(state):
            return batch, f"the update of {name}"
    return last, "the loss itself"


def non_finite_weight(state: TrainState) -> str:
    """The last weight in execution order that is not finite, for gradients come from the end; or none."""
    from keras import ops

    weights = state.network.variables
    finite = ops.convert_to_numpy(ops.stack([ops.all(ops.isfinite(v.value)) for v in weights]))
    bad = [v.path for v, is_finite in zip(weights, finite, strict=True) if not is_finite]
    return bad[-1] if bad else ""


def non_finite_output(model: Any, inputs: Any) -> str:
    """The first layer in execution order whose training output is not finite; empty for none.

    Nested models are entered; the layers around one form a chain.
    """
    import keras

    layers = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    if any(isinstance(layer, keras.Model) for layer in layers):
        x = inputs
        for layer in layers:
            if isinstance(layer, keras.Model) and (bad := non_finite_output(layer, x)):
                return bad
            x = layer(x, training=True) if layer.trainable_variables else layer(x)
            if not _is_finite(x):
                return f"the output of {layer.name}"
        return ""
    outputs = keras.Model(model.inputs, [layer.output for layer in layers])(inputs, training=True)
    named = zip(layers, outputs if isinstance(outputs, list | tuple) else [outputs], strict=True)
    return next((f"the output of {layer.name}" for layer, out in named if not _is_finite(out)), "")


def _is_finite(output: Any) -> bool:
    import numpy as np
    from keras import ops

    return bool(np.isfinite(ops.convert_to_numpy(ops.cast(output, "float32"))).all())
