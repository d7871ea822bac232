"""The live half of a run: networks, optimiser, and the data on the device."""

from __future__ import annotations

import math
import time
from typing import Any

from keraudit.data.dataset import Dataset, Split
from keraudit.errors import KerauditError
from keraudit.training.augment import Images, columns, fed, mixed, plan, still
from keraudit.training.callbacks import GradientWatch, Watch, Watcher, mean_of
from keraudit.training.divergence import DivergedError, NotFiniteError, bad_weight, diverged, values
from keraudit.training.jax_steps import Loop
from keraudit.training.networks import network, without_softmax
from keraudit.training.optimizer import averaged, decay, optimiser
from keraudit.training.recipe import Recipe
from keraudit.training.schedule import rate
from keraudit.training.scores import accuracy, cross_entropy

TEST_BATCH = 250  # images at once, where nothing is learnt


class Session:
    """One network that learns and is judged.

    Args:
        name: of the network.
        data: what it learns from and is judged on.
        recipe: how it learns.
        seed: of weights, order and crops.
        devices: how many share a batch; ``spread_over`` is around the session if more than one do.
        held: images on a device at once; default: as many as fit.
    """

    def __init__(
        self,
        name: str,
        data: Dataset,
        recipe: Recipe,
        seed: int,
        *,
        devices: int = 1,
        held: int | None = None,
    ) -> None:
        import keras

        deterministic(seed)
        self.data, self.recipe, self.seed = data, recipe, seed
        self.steps = len(data.train) // recipe.batch
        if not self.steps:
            raise KerauditError(
                f"a batch of {recipe.batch} is more than the {len(data.train)} training images"
            )
        self.body = network(name, classes=len(data.classes), shape=data.image_shape, recipe=recipe)
        self.images = Images(data, recipe, most=held)
        at_once = TEST_BATCH if self.images.is_whole else min(TEST_BATCH, self.images.held)
        self.test_batch = -(-at_once // devices) * devices
        rows = keras.Input((columns(recipe),), dtype="int32")
        self.learner = keras.Model(rows, without_softmax(self.body)(self.images.layer(rows)))
        decay(self.body, recipe)
        optimizer = optimiser(recipe, self.steps * recipe.epochs)
        self.loss = keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=recipe.label_smoothing
        )
        entropy = keras.metrics.CategoricalCrossentropy(name="cross_entropy", from_logits=True)
        self.learner.compile(
            optimizer=optimizer,
            loss=self.loss,
            metrics=["accuracy", entropy],
        )
        optimizer.build(self.learner.trainable_variables)
        self.optimizer = optimizer
        self.variables = [*self.body.variables, *optimizer.variables]
        has_loop = devices == 1 and keras.backend.backend() == "jax"
        self.loop = Loop(self) if has_loop else None

    def labels(self, split: Split, rows: Any) -> Any:
        import numpy as np

        alone = np.eye(len(self.data.classes), dtype="float32")[split.labels[rows[:, 0]]]
        return mixed(alone, rows, self.recipe)

    def settle(self) -> None:
        """Between two steps: let the variables have their values, which JAX keeps to itself."""
        import keras

        if self.loop:
            self.loop.settle()
        elif keras.backend.backend() == "jax":
            self.learner.jax_state_sync()

    def epoch(
        self, epoch: int, watch: Watch, gradients: GradientWatch | None = None
    ) -> dict[str, Any]:
        """One pass over the training images and one evaluation.

        Raises:
            DivergedError: the loss or a weight is not finite.
        """
        rows = plan(self.data.train, self.recipe, self.seed, epoch)
        rows = rows.reshape(-1, rows.shape[-1])
        watcher = Watcher(self, epoch, watch, gradients)
        start = values(self.variables)
        begun = time.perf_counter()
        try:
            done = self.taught(rows, self.labels(self.data.train, rows), watcher)
        except NotFiniteError as found:
            raise diverged(self, epoch, rows, start, found.batch) from None
        seconds = time.perf_counter() - begun
        if bad_weight(self):  # by the last update
            raise diverged(self, epoch, rows, start, self.steps - 1)
        test = self.tested(self.data.test)
        if not math.isfinite(test["loss"]):
            raise DivergedError(
                f"the loss on the test images is not finite after epoch {epoch + 1}:"
                " lower --learning-rate"
            )
        total = self.steps * self.recipe.epochs
        return {
            "epoch": epoch + 1,
            "learning_rate": rate(self.recipe, (epoch + 1) * self.steps - 1, total),
            "loss": done["cross_entropy"],
            "accuracy": done["accuracy"],
            "test_loss": test["loss"],
            "test_accuracy": test["accuracy"],
            "seconds": seconds,
            "images_per_s": len(rows) / seconds,
        }

    def taught(self, rows: Any, labels: Any, watcher: Watcher) -> dict[str, float]:
        """The steps of an epoch; the means of ``cross_entropy`` and ``accuracy`` over them."""
        if self.loop:
            return self.loop.epoch(
                rows,
                labels,
                self.rates(watcher.epoch),
                told=watcher.tell,
                looks=watcher.looks,
                after=watcher.profile if watcher.gradients else None,
            )
        return self.fitted(rows, labels, watcher)

    def fitted(self, rows: Any, labels: Any, watcher: Watcher) -> dict[str, float]:
        """The same by Keras' ``fit``, once for each part of the epoch whose images the device holds."""
        size = min(self.steps, self.images.held // self.recipe.batch) * self.recipe.batch
        done: list[tuple[int, dict[str, float]]] = []
        for first in range(0, len(rows), size):
            part = rows[first : first + size]
            found = self.learner.fit(
                **fed(
                    self.images.rows(part), labels[first : first + size], batch=self.recipe.batch
                ),
                shuffle=False,
                verbose=0,
                callbacks=[watcher.callback(done)],
            ).history
            done.append(
                (len(part) // self.recipe.batch, {k: float(v[0]) for k, v in found.items()})
            )
        return {key: mean_of(done, key) for key in ("cross_entropy", "accuracy")}

    def rates(self, epoch: int) -> list[float]:
        """The learning rate of each step of an epoch, counted from 0."""
        first, total = epoch * self.steps, self.steps * self.recipe.epochs
        return [rate(self.recipe, first + step, total) for step in range(self.steps)]

    def step(self, rows: Any) -> float:
        """One step; the loss before it."""
        self.learner.reset_metrics()
        labels = self.labels(self.data.train, rows)
        here = self.images.rows(rows)
        return float(self.learner.train_on_batch(here, labels, return_dict=True)["loss"])

    def tested(self, split: Split) -> dict[str, float]:
        """Loss and accuracy on every image of a split, as it is, with the averaged weights if any."""
        found = self.probabilities(split)
        return {
            "loss": cross_entropy(found, split.labels),
            "accuracy": accuracy(found, split.labels),
        }

    def evaluation(self) -> dict[str, Any]:
        """Both splits at the end, without crops and mirroring, and the gap between them."""
        train, test = self.tested(self.data.train), self.tested(self.data.test)
        return {
            "train": train,
            "test": test,
            "train_error": 1 - train["accuracy"],
            "test_error": 1 - test["accuracy"],
            "gap": train["accuracy"] - test["accuracy"],
        }

    def predictions(self) -> Any:
        """The probabilities of every test image, (N, classes)."""
        return self.probabilities(self.data.test)

    def probabilities(self, split: Split) -> Any:
        """Of every image of a split; the last batch is filled up, so that devices can share it."""
        import numpy as np
        from keras import ops

        rows = still(split, self.recipe)
        if split is self.data.test:
            rows[:, 0] += len(self.data.train)
        with averaged(self.optimizer, self.learner.trainable_variables):
            found = self.logits(rows)
        return np.asarray(ops.convert_to_numpy(ops.softmax(found.astype("float32"))))

    def logits(self, rows: Any) -> Any:
        """Of rows, (N, classes)."""
        import numpy as np

        batch = self.test_batch
        if self.loop:
            return self.loop.logits(rows, batch, -(-len(self.data.test) // batch))
        filled = np.resize(rows, (-(-len(rows) // batch) * batch, rows.shape[1]))
        size = len(filled) if self.images.is_whole else self.images.held // batch * batch
        found = [
            self.learner.predict(
                **fed(self.images.rows(filled[first : first + size]), batch=batch), verbose=0
            )
            for first in range(0, len(filled), size)
        ]
        return np.concatenate(found)[: len(rows)]


def deterministic(seed: int) -> None:
    """Make the same seed give the same run: on TensorFlow by its deterministic kernels."""
    import keras

    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
