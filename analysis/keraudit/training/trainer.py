"""One epoch of a run: train, look for divergence, evaluate; ``train`` loops over them."""

from __future__ import annotations

import math
import time
from typing import Any

from keraudit.data.dataset import Dataset, Split
from keraudit.training.augment import evaluation_rows, keras_inputs, plan
from keraudit.training.callbacks import EpochMonitor, GradientWatch, Watch
from keraudit.training.divergence import (
    DivergedError,
    NotFiniteError,
    copies,
    diverged,
    non_finite_weight,
)
from keraudit.training.jax_steps import JaxLoop
from keraudit.training.recipe import Recipe
from keraudit.training.scores import accuracy, cross_entropy
from keraudit.training.step import TrainState, averaged_weights

TEST_BATCH = 250  # images at once in an evaluation
TICK = 1e-6  # seconds: the least that an epoch takes, by a clock that stood still too


class Trainer:
    """Trains and evaluates one network.

    Args:
        name: of the network.
        data: training and test images.
        recipe: how it is trained.
        seed: of weights, order and crops.
        devices: how many share a batch; ``data_parallel`` is around the trainer if more than one do.
        device_images: images on a device at once; default: as many as fit.
    """

    def __init__(
        self,
        name: str,
        data: Dataset,
        recipe: Recipe,
        seed: int,
        *,
        devices: int = 1,
        device_images: int | None = None,
    ) -> None:
        import keras

        self.state = TrainState(name, data, recipe, seed, device_images=device_images)
        images = self.state.images
        if images.is_whole:
            self.test_batch = -(-TEST_BATCH // devices) * devices
        else:  # no more than fit at once; a training batch does, and is shared evenly
            self.test_batch = min(TEST_BATCH, images.capacity) // devices * devices
        self.is_jax = keras.backend.backend() == "jax"
        self.loop = JaxLoop(self.state) if self.is_jax and devices == 1 else None

    def run_epoch(
        self, epoch: int, watch: Watch | None = None, gradients: GradientWatch | None = None
    ) -> dict[str, Any]:
        """Make one pass over the training images and one evaluation; its row of the history.

        Raises:
            DivergedError: the loss or a weight is not finite.
        """
        state = self.state
        rows = plan(state.data.train, state.recipe, state.seed, epoch)
        rows = rows.reshape(-1, rows.shape[-1])
        monitor = EpochMonitor(state, epoch, watch, gradients)
        start = copies(state.variables)
        begin = time.perf_counter()
        try:
            self.train_epoch(rows, monitor)
        except NotFiniteError as error:
            raise diverged(state, epoch, rows, start, error.batch) from None
        seconds = max(time.perf_counter() - begin, TICK)
        if non_finite_weight(state):  # by the last update
            raise diverged(state, epoch, rows, start, state.steps - 1)
        test = self.evaluate(state.data.test)
        if not math.isfinite(test["loss"]):
            raise DivergedError(
                f"the loss on the test images is not finite after epoch {epoch + 1}:"
                " lower --learning-rate"
            )
        return {
            "epoch": epoch + 1,
            "learning_rate": state.learning_rates(epoch)[-1],
            "loss": monitor.mean("cross_entropy"),
            "accuracy": monitor.mean("accuracy"),
            "test_loss": test["loss"],
            "test_accuracy": test["accuracy"],
            "seconds": seconds,
            "images_per_s": len(rows) / seconds,
        }

    def train_epoch(self, rows: Any, monitor: EpochMonitor) -> None:
        """Take the steps of an epoch: by the loop of JAX on one device, else by Keras' ``fit``.

        ``fit`` is called once for each part of the epoch whose images the device holds.
        """
        import keras

        state, batch = self.state, self.state.recipe.batch
        labels = state.labels(state.data.train, rows)
        if self.loop:
            self.loop.epoch(rows, labels, monitor)
            return
        callback = keras.callbacks.LambdaCallback(
            on_train_batch_end=monitor.on_train_batch_end, on_train_end=monitor.on_train_end
        )
        size = min(state.steps, state.images.capacity // batch) * batch
        for first in range(0, len(rows), size):
            part = slice(first, first + size)
            inputs = keras_inputs(state.images.rows(rows[part]), labels[part], batch=batch)
            state.model.fit(**inputs, shuffle=False, verbose=0, callbacks=[callback])

    def sync_variables(self) -> None:
        """Between two steps: give the variables their values, which JAX keeps to itself."""
        if self.loop:
            self.loop.sync_variables()
        elif self.is_jax:
            self.state.model.jax_state_sync()

    def evaluate(self, split: Split) -> dict[str, float]:
        """Loss and accuracy on all images of a split, not augmented, with the averaged weights if any."""
        probabilities = self.probabilities(split)
        return {
            "loss": cross_entropy(probabilities, split.labels),
            "accuracy": accuracy(probabilities, split.labels),
        }

    def scores(self) -> dict[str, Any]:
        """Both splits, and the gap between them."""
        train, test = self.evaluate(self.state.data.train), self.evaluate(self.state.data.test)
        return {
            "train": train,
            "test": test,
            "train_error": 1 - train["accuracy"],
            "test_error": 1 - test["accuracy"],
            "gap": train["accuracy"] - test["accuracy"],
        }

    def probabilities(self, split: Split) -> Any:
        """Class probabilities of all images of a split, (N, classes)."""
        import numpy as np
        from keras import ops

        state = self.state
        rows = evaluation_rows(split, state.recipe)
        if split is state.data.test:
            rows[:, 0] += len(state.data.train)
        with averaged_weights(state.optimizer, state.model.trainable_variables):
            logits = self._logits(rows)
        return np.asarray(ops.convert_to_numpy(ops.softmax(logits.astype("float32"))))

    def _logits(self, rows: Any) -> Any:
        """Logits (N, classes); the last batch is filled up, so that devices can share it."""
        import numpy as np

        images, batch = self.state.images, self.test_batch
        if self.loop:
            return self.loop.logits(rows, batch, -(-len(self.state.data.test) // batch))
        filled = np.resize(rows, (-(-len(rows) // batch) * batch, rows.shape[1]))
        size = len(filled) if images.is_whole else images.capacity // batch * batch
        parts = (filled[first : first + size] for first in range(0, len(filled), size))
        logits = [
            self.state.model.predict(**keras_inputs(images.rows(part), batch=batch), verbose=0)
            for part in parts
        ]
        return np.concatenate(logits)[: len(rows)]
