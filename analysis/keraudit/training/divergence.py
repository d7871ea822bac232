"""A run whose loss is no number any more: at which step it came about, and in which layer.

The loss is looked at only now and then, for each look waits for the device. By the time it is seen not to
be finite, every weight may be bad. So the epoch is gone through again from its start, step by step: what a
step sees depends on the seed and the epoch alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from keraudit.errors import KerauditError
from keraudit.training.schedule import rate

if TYPE_CHECKING:
    from keraudit.training.trainer import Session


class DivergedError(KerauditError):
    """The loss is no number any more."""


class NotFiniteError(Exception):
    """Inside an epoch: its loss was seen not to be finite after ``batch``, counted from 0."""

    def __init__(self, batch: int) -> None:
        super().__init__(batch)
        self.batch = batch


def values(variables: Sequence[Any]) -> list[Any]:
    """What the variables hold, copied on the device: JAX gives a step's memory away."""
    from keras import ops

    return [ops.copy(variable.value) for variable in variables]


def put(variables: Sequence[Any], held: Sequence[Any]) -> None:
    for variable, value in zip(variables, held, strict=True):
        variable.assign(value)


def is_finite(value: Any) -> bool:
    import numpy as np

    return bool(np.isfinite(np.asarray(value, "float64")).all())


def diverged(
    session: Session, epoch: int, rows: Any, start: Sequence[Any], last: int
) -> DivergedError:
    """What is known: the step, the rate, the layer in which it began.

    Args:
        session: whose loss or weights are not finite.
        epoch: in which, counted from 0.
        rows: that the epoch was fed.
        start: the variables' values before it.
        last: the step of the epoch after which it was seen.
    """
    put(session.variables, start)
    batch, what = located(session, rows, last)
    step = epoch * session.steps + batch
    learning_rate = rate(session.recipe, step, session.steps * session.recipe.epochs)
    return DivergedError(
        f"the loss is not finite at step {step + 1} (epoch {epoch + 1}), learning rate {learning_rate:g};"
        f" first bad: {what}; lower --learning-rate or lengthen --warmup"
    )


def located(session: Session, rows: Any, last: int) -> tuple[int, str]:
    """The first step that went wrong and what went wrong in it: an output, else an update."""
    size = session.recipe.batch
    for batch in range(last + 1):
        before = values(session.variables)
        part = rows[batch * size : (batch + 1) * size]
        if not math.isfinite(session.step(part)):
            put(session.variables, before)
            return batch, bad_output(
                session.learner, session.images.rows(part)
            ) or "the loss itself"
        if name := bad_weight(session):
            return batch, f"the update of {name}"
    return last, "the loss itself"


def bad_weight(session: Session) -> str:
    """The last weight in running order that is not finite: gradients come from the end."""
    from keras import ops

    weights = session.body.variables
    sound = ops.convert_to_numpy(ops.stack([ops.all(ops.isfinite(v.value)) for v in weights]))
    found = [v.path for v, is_sound in zip(weights, sound, strict=True) if not is_sound]
    return found[-1] if found else ""


def bad_output(model: Any, given: Any) -> str:
    """The first layer in running order whose output, as in training, is not finite; empty for none.

    A model in a model is looked into; around one, layers stand in a line.
    """
    import keras

    layers = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    if any(isinstance(layer, keras.Model) for layer in layers):
        for layer in layers:
            if isinstance(layer, keras.Model) and (found := bad_output(layer, given)):
                return found
            given = layer(given, training=True) if layer.trainable_variables else layer(given)
            if not finite_output(given):
                return f"the output of {layer.name}"
        return ""
    outputs = keras.Model(model.inputs, [layer.output for layer in layers])(given, training=True)
    named = zip(layers, outputs if isinstance(outputs, list | tuple) else [outputs], strict=True)
    return next(
        (f"the output of {layer.name}" for layer, out in named if not finite_output(out)), ""
    )


def finite_output(output: Any) -> bool:
    import keras

    return is_finite(keras.ops.convert_to_numpy(keras.ops.cast(output, "float32")))
