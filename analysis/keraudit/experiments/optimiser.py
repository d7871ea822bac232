"""The recipe's optimiser: its rate as a function on the device, decay of kernels, averaged weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from keraudit.experiments.recipe import ADAMW, COSINE, Recipe

NOT_KERNELS = r"^(?!.*kernel(:0)?$)"  # of the names of variables, Keras's and TensorFlow's own


def optimiser(recipe: Recipe, steps: int) -> Any:
    """SGD or AdamW as the recipe says, for a run of so many steps.

    Keras puts the averaged weights in the place of the weights at the end of every ``fit``; here each
    epoch is one, and the run goes on from its own weights, so that this is left out.
    """
    import keras

    rate = schedule(recipe, steps)
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


def schedule(recipe: Recipe, steps: int) -> Any:
    """``Recipe.rate`` as a function of the optimiser's step, on the device."""
    import keras
    from keras import ops

    class Rate(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
        """The recipe's learning rate, or the one that is ``given``."""

        given: Any = None

        def __call__(self, step: Any) -> Any:
            if self.given is not None:
                return self.given
            step = ops.cast(step, "float32")
            done = step / steps
            if recipe.schedule == COSINE:
                rest = (done - recipe.warmup) / (1 - recipe.warmup)
                part = 0.5 * (1 + ops.cos(3.141592653589793 * ops.clip(rest, 0.0, 1.0)))
            else:
                part = ops.ones_like(done)
                for at in recipe.milestones:
                    part = part * ops.where(done >= at, 0.1, 1.0)
            if recipe.warmup:
                rising = (step + 1) / max(1.0, recipe.warmup * steps)
                part = ops.where(done < recipe.warmup, rising, part)
            return recipe.learning_rate * part

        def get_config(self) -> dict[str, Any]:
            return {}

    return Rate()


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
