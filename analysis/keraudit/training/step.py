"""A training step from top to bottom: learning rate, optimizer, weight decay, loss, and the state it changes.

The step itself is Keras' ``train_step`` on every backend: the forward pass, the compiled loss plus the L2
penalties, their gradients, one update. ``trainer`` has ``fit`` repeat it, ``jax_steps`` a loop on the device;
the update is decided here. What a batch looks like is in ``augment``, and ``networks`` leaves the softmax to
the loss.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import cos, pi
from typing import Any

from keraudit.data.dataset import Dataset, Split
from keraudit.errors import KerauditError
from keraudit.training.augment import Images, columns, mixed_labels
from keraudit.training.networks import network, without_softmax
from keraudit.training.recipe import ADAMW, COSINE, Recipe

NOT_KERNELS = r"^(?!.*kernel(:0)?$)"  # of the names of variables, Keras' and TensorFlow's own


def learning_rate(recipe: Recipe, step: int, steps: int) -> float:
    """The learning rate at a step, counted from 0, of a run of ``steps``: warm-up, then cosine or drops.

    >>> from keraudit.training.recipe import RECIPES
    >>> [f"{learning_rate(RECIPES['he2015'], step, 64_000):g}" for step in (0, 32_000, 48_000)]
    ['0.1', '0.01', '0.001']
    """
    done = step / max(steps, 1)
    if done < recipe.warmup:
        return recipe.learning_rate * min(1.0, (step + 1) / (recipe.warmup * steps))
    if recipe.schedule == COSINE:
        rest = (done - recipe.warmup) / (1 - recipe.warmup)
        return recipe.learning_rate * 0.5 * (1 + cos(pi * min(rest, 1.0)))
    return float(recipe.learning_rate * 0.1 ** sum(done >= part for part in recipe.milestones))


def keras_schedule(recipe: Recipe, steps: int) -> Any:
    """``learning_rate`` as a Keras schedule, which looks the optimizer's step up in a table.

    Keras' ``CosineDecay`` warms up along another line, its ``PiecewiseConstantDecay`` not at all.
    """
    import keras
    import numpy as np
    from keras import ops

    rates = np.array([learning_rate(recipe, step, steps) for step in range(steps)], "float32")

    class Schedule(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
        """The recipe's learning rate, or ``override``."""

        override: Any = None

        def __call__(self, step: Any) -> Any:
            if self.override is not None:
                return self.override
            return ops.take(rates, ops.minimum(step, steps - 1))

        def get_config(self) -> dict[str, Any]:
            return {}

    return Schedule()


def make_optimizer(recipe: Recipe, steps: int) -> Any:
    """SGD or AdamW as the recipe says, for a run of ``steps``."""
    import keras

    schedule = keras_schedule(recipe, steps)
    is_adamw = recipe.optimizer == ADAMW
    base: Any = keras.optimizers.AdamW if is_adamw else keras.optimizers.SGD

    class Optimizer(base):  # type: ignore[misc]
        """Keras' own, but for two things that a run needs."""

        ema_momentum: Any

        @contextmanager
        def overridden(self, learning_rate: Any, ema_decay: Any) -> Iterator[None]:
            """Steps with these numbers, which may be inputs of a compiled function."""
            own: Any = self.ema_momentum
            schedule.override, self.ema_momentum = learning_rate, ema_decay
            try:
                yield
            finally:
                schedule.override, self.ema_momentum = None, own

        def finalize_variable_values(self, var_list: Any) -> None:
            """Keep the weights at the end of ``fit``, where Keras replaces them by their average.

            Each epoch is one ``fit``, and the next one goes on from the weights.
            """

    own = (
        {"beta_1": recipe.momentum, "weight_decay": recipe.weight_decay}
        if is_adamw
        else {"momentum": recipe.momentum, "nesterov": recipe.nesterov}
    )
    optimizer = Optimizer(
        learning_rate=schedule,
        global_clipnorm=recipe.clip_norm or None,
        use_ema=bool(recipe.ema),
        ema_momentum=recipe.ema_decay(steps),
        name=base.__name__,
        **own,
    )
    if is_adamw:
        optimizer.exclude_from_weight_decay(var_names=[NOT_KERNELS])
    return optimizer


def add_weight_decay(model: Any, recipe: Recipe) -> None:
    """Add SGD's weight decay to the loss, L2 on every kernel, as in He et al. 2015.

    AdamW has its own, outside of the gradient.
    """
    import keras

    if not recipe.weight_decay or recipe.optimizer == ADAMW:
        return
    for variable in model.trainable_variables:
        if variable.name.endswith("kernel"):
            variable.regularizer = keras.regularizers.L2(recipe.weight_decay / 2)


class TrainState:
    """A network with what a step needs and changes.

    Args:
        name: of the network.
        data: training and test images.
        recipe: how it is trained.
        seed: of weights, order and crops.
        device_images: images on a device at once; default: as many as fit.

    Attributes:
        network: from normalized images to class probabilities.
        model: the same from rows of ``images`` to logits, compiled; shares its weights.
        variables: all that a checkpoint has to hold.
        steps: in an epoch.
    """

    def __init__(
        self,
        name: str,
        data: Dataset,
        recipe: Recipe,
        seed: int,
        *,
        device_images: int | None = None,
    ) -> None:
        import keras

        make_deterministic(seed)
        self.data, self.recipe, self.seed = data, recipe, seed
        self.steps = len(data.train) // recipe.batch
        if not self.steps:
            raise KerauditError(
                f"a batch of {recipe.batch} is more than the {len(data.train)} training images: lower --batch"
            )
        shape, classes = data.image_shape, len(data.classes)
        self.network = network(name, classes=classes, shape=shape, recipe=recipe)
        self.images = Images(data, recipe, capacity=device_images)
        rows = keras.Input((columns(recipe),), dtype="int32")
        self.model = keras.Model(rows, without_softmax(self.network)(self.images.layer(rows)))
        add_weight_decay(self.network, recipe)
        self.optimizer = make_optimizer(recipe, self.total_steps)
        self.loss = keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=recipe.label_smoothing
        )
        # The loss without smoothing and penalties, for the record.
        entropy = keras.metrics.CategoricalCrossentropy(name="cross_entropy", from_logits=True)
        self.model.compile(optimizer=self.optimizer, loss=self.loss, metrics=["accuracy", entropy])
        self.optimizer.build(self.model.trainable_variables)
        self.variables = [*self.network.variables, *self.optimizer.variables]

    @property
    def total_steps(self) -> int:
        return self.steps * self.recipe.epochs

    def learning_rates(self, epoch: int) -> list[float]:
        """The learning rate of each step of an epoch, counted from 0."""
        steps = range(epoch * self.steps, (epoch + 1) * self.steps)
        return [learning_rate(self.recipe, step, self.total_steps) for step in steps]

    def labels(self, split: Split, rows: Any) -> Any:
        """One-hot labels (images, classes) of rows, mixed where their images are."""
        import numpy as np

        one_hot = np.eye(len(self.data.classes), dtype="float32")[split.labels[rows[:, 0]]]
        return mixed_labels(one_hot, rows, self.recipe)

    def single_step(self, rows: Any) -> float:
        """Take one step by itself, outside of the loop that trains; the loss before it."""
        self.model.reset_metrics()
        labels = self.labels(self.data.train, rows)
        batch = self.images.rows(rows)
        return float(self.model.train_on_batch(batch, labels, return_dict=True)["loss"])


def make_deterministic(seed: int) -> None:
    """Make the same seed give the same run: on TensorFlow by its deterministic kernels."""
    import keras

    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()


@contextmanager
def averaged_weights(optimizer: Any, variables: Sequence[Any]) -> Iterator[None]:
    """Evaluate with the averaged weights, if the optimizer keeps an average; restore the weights after.

    Keras' ``SwapEMAWeights`` does not swap back after ``predict``, and on TensorFlow it swaps by adding and
    subtracting, which rounds the weights.
    """
    from keras import ops

    own = [ops.copy(v.value) for v in variables] if optimizer.use_ema else []
    load_average(optimizer, variables)
    try:
        yield
    finally:
        for variable, value in zip(variables, own, strict=False):
            variable.assign(value)


def load_average(optimizer: Any, variables: Sequence[Any]) -> None:
    """Give the variables their averaged values, if the optimizer keeps an average and has taken a step."""
    from keras import ops

    if not optimizer.use_ema or not int(ops.convert_to_numpy(optimizer.iterations)):
        return
    averages = optimizer._model_variables_moving_average  # Keras has no public name for them
    for variable, average in zip(variables, averages, strict=True):
        # a copy: JAX reuses a step's memory, the average must stay
        variable.assign(ops.copy(average.value))
