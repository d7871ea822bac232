"""The recipe's optimiser: its rate as a function on the device, decay of kernels, averaged weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from keraudit.training.recipe import ADAMW, Recipe
from keraudit.training.schedule import on_device

NOT_KERNELS = r"^(?!.*kernel(:0)?$)"  # of the names of variables, Keras's and TensorFlow's own


def optimiser(recipe: Recipe, steps: int) -> Any:
    """SGD or AdamW as the recipe says, for a run of so many steps.

    Keras puts the averaged weights in the place of the weights at the end of every ``fit``; here each
    epoch is one, and the run goes on from its own weights, so that this is left out.
    """
    import keras

    rate = on_device(recipe, steps)
    is_adamw = recipe.optimizer == ADAMW
    base: Any = keras.optimizers.AdamW if is_adamw else keras.optimizers.SGD

    class Own(base):  # type: ignore[misc]
        """Keeps its average to itself."""

        ema_momentum: Any

        @contextmanager
        def given(self, learning_rate: Any, ema_decay: Any) -> Iterator[None]:
            """Inside it a step has these numbers, not its own."""
            kept: Any = self.ema_momentum
            rate.given, self.ema_momentum = learning_rate, ema_decay
            try:
                yield
            finally:
                rate.given, self.ema_momentum = None, kept

        def finalize_variable_values(self, var_list: Any) -> None:
            """Leave the weights as they are."""

    own = (
        {"beta_1": recipe.momentum, "weight_decay": recipe.weight_decay}
        if is_adamw
        else {"momentum": recipe.momentum, "nesterov": recipe.nesterov}
    )
    made = Own(
        learning_rate=rate,
        global_clipnorm=recipe.clip_norm or None,
        use_ema=bool(recipe.ema),
        ema_momentum=recipe.ema_decay(steps),
        name=base.__name__,
        **own,
    )
    if is_adamw:
        made.exclude_from_weight_decay(var_names=[NOT_KERNELS])
    return made


def decay(model: Any, recipe: Recipe) -> None:
    """SGD's decay, L2 on every kernel: its gradient is so many times the weight, as in He et al. 2015."""
    import keras

    if not recipe.weight_decay or recipe.optimizer == ADAMW:
        return
    for variable in model.trainable_variables:
        if variable.name.endswith("kernel"):
            variable.regularizer = keras.regularizers.L2(recipe.weight_decay / 2)


@contextmanager
def averaged(optimizer: Any, variables: Sequence[Any]) -> Iterator[None]:
    """Inside it the variables have their averaged values, if the optimiser keeps an average."""
    from keras import ops

    kept = [ops.copy(v.value) for v in variables] if optimizer.use_ema else []
    put_average(optimizer, variables)
    try:
        yield
    finally:
        for variable, value in zip(variables, kept, strict=False):
            variable.assign(value)


def put_average(optimizer: Any, variables: Sequence[Any]) -> None:
    """Give the variables their averaged values, if the optimiser keeps an average and has a step."""
    from keras import ops

    if not optimizer.use_ema or not int(ops.convert_to_numpy(optimizer.iterations)):
        return
    averages = optimizer._model_variables_moving_average  # Keras has no public name for them
    for variable, average in zip(variables, averages, strict=True):
        # a copy: JAX gives a step's memory away, the average must stay
        variable.assign(ops.copy(average.value))
