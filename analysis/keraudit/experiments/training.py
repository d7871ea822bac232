"""Train one network with one recipe and one seed; stop anywhere, resume exactly.

What a step sees depends on the seed and the epoch alone, never on what ran before, and a checkpoint
holds every variable: a run that was killed and resumed ends with the weights of one that was not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keraudit.errors import KerauditError
from keraudit.experiments import checkpoint
from keraudit.experiments.data import Dataset, Split
from keraudit.experiments.network import feed, network, plan, still
from keraudit.experiments.optimiser import averaged, decay, optimiser
from keraudit.experiments.recipe import Recipe
from keraudit.experiments.record import Run, read_config, write_config, write_run

CHECK_EVERY = 50  # steps between looks at the loss: each look waits for the device


class DivergedError(KerauditError):
    """The loss is no number any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """How far a run is: told after a step, at most a few times a second."""

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    accuracy: float


Watch = Callable[[Tick], None]


def unwatched(tick: Tick) -> None:
    """Look away."""


def train(
    name: str,
    data: Dataset,
    recipe: Recipe,
    *,
    seed: int,
    folder: Path,
    watch: Watch = unwatched,
    budget: float = 1.0,
    command: str = "",
) -> Run:
    """Train ``name`` on ``data``, or go on where the run in ``folder`` stopped.

    Args:
        name: a network of ``network``.
        data: what to train and test on.
        recipe: how.
        seed: of the weights, the order of the images and their crops.
        folder: the run's own; its checkpoint and record are kept there.
        watch: told how far the run is.
        budget: the part of the full recipe that ``recipe`` is, for the record.
        command: for the record.

    Returns:
        The finished run, as ``folder/run.json`` holds it.

    Raises:
        DivergedError: the loss is not finite; the message names the step, the rate and the layer.
        CheckpointError: a checkpoint cannot be written, or belongs to another run.
        KerauditError: the folder holds a run of another configuration.
    """
    config = {
        "network": name,
        "recipe": recipe.to_dict(),
        "seed": seed,
        "budget": budget,
        "dataset": data.describe(),
    }
    if recipe.ema:
        steps = len(data.train) // recipe.batch * recipe.epochs
        config["ema_decay"] = recipe.ema_decay(steps)
    same_run(folder, config)
    session = Session(name, data, recipe, seed)
    history: list[dict[str, Any]] = []
    kept = folder / "checkpoint.npz"
    if kept.is_file():
        history = checkpoint.load(kept, session.variables)["history"]
    write_config(folder, config)
    for epoch in range(len(history), recipe.epochs):
        history.append(session.epoch(epoch, watch))
        checkpoint.save(kept, session.variables, {"history": history})
    run = Run.of(
        config,
        history=history,
        evaluation=session.evaluation(),
        params=session.body.count_params(),
        command=command,
    )
    write_run(folder, run, session.predictions())
    return run


def same_run(folder: Path, config: Mapping[str, Any]) -> None:
    """Refuse to resume a run whose configuration was another."""
    found = read_config(folder)
    if found is None:
        return
    for key, value in flat(config).items():
        if flat(found).get(key) != value:
            raise KerauditError(
                f"{folder} holds a run with {key} = {flat(found).get(key)!r}, not {value!r}: resume it"
                " with its own options, or choose another folder"
            )


def flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested options as one level: ``recipe.batch``."""
    result: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, Mapping):
            result |= flat(value, f"{prefix}{key}.")
        else:
            result[prefix + key] = list(value) if isinstance(value, tuple) else value
    return result


class Session:
    """The live half of a run: models, optimiser, data on the device."""

    def __init__(self, name: str, data: Dataset, recipe: Recipe, seed: int) -> None:
        import keras

        deterministic(seed)
        self.data, self.recipe, self.seed = data, recipe, seed
        self.steps = len(data.train) // recipe.batch
        if not self.steps:
            raise KerauditError(
                f"a batch of {recipe.batch} is more than the {len(data.train)} training images"
            )
        self.body = network(
            name, classes=len(data.classes), shape=data.image_shape, precision=recipe.precision
        )
        self.learner = self.fed(data.train, "training_images")
        self.judge = self.fed(data.test, "test_images")
        decay(self.body, recipe.weight_decay)
        optimizer = optimiser(recipe, self.steps * recipe.epochs)
        for model in (self.learner, self.judge):
            model.compile(
                optimizer=optimizer if model is self.learner else "sgd",
                loss=keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing),
                metrics=["accuracy", keras.metrics.CategoricalCrossentropy(name="cross_entropy")],
            )
        optimizer.build(self.learner.trainable_variables)
        self.optimizer = optimizer
        self.variables = [*self.body.variables, *optimizer.variables]

    def fed(self, split: Split, name: str) -> Any:
        """The network behind a layer that holds a split."""
        import keras

        rows = keras.Input((4,), dtype="int32")
        images = feed(split, self.data, self.recipe, name=name)(rows)
        return keras.Model(rows, self.body(images))

    def labels(self, split: Split, rows: Any) -> Any:
        import numpy as np

        return np.eye(len(self.data.classes), dtype="float32")[split.labels[rows[:, 0]]]

    def epoch(self, epoch: int, watch: Watch) -> dict[str, Any]:
        """One pass over the training images and one evaluation."""
        rows = plan(self.data.train, self.recipe, self.seed, epoch).reshape(-1, 4)
        watcher = watching(self, epoch, watch)
        begun = time.perf_counter()
        done = self.learner.fit(
            rows,
            self.labels(self.data.train, rows),
            batch_size=self.recipe.batch,
            shuffle=False,
            verbose=0,
            callbacks=[watcher],
        ).history
        seconds = time.perf_counter() - begun
        test = self.tested(self.data.test, self.judge)
        total = self.steps * self.recipe.epochs
        return {
            "epoch": epoch + 1,
            "learning_rate": self.recipe.rate((epoch + 1) * self.steps - 1, total),
            "loss": float(done["cross_entropy"][0]),
            "accuracy": float(done["accuracy"][0]),
            "test_loss": test["loss"],
            "test_accuracy": test["accuracy"],
            "seconds": seconds,
            "images_per_s": len(rows) / seconds,
        }

    def tested(self, split: Split, model: Any) -> dict[str, float]:
        """Loss and accuracy on every image of a split, as it is, with the averaged weights if any."""
        rows = still(split, self.recipe)
        with averaged(self.optimizer, self.learner.trainable_variables):
            found = model.evaluate(
                rows, self.labels(split, rows), batch_size=250, verbose=0, return_dict=True
            )
        return {"loss": float(found["cross_entropy"]), "accuracy": float(found["accuracy"])}

    def evaluation(self) -> dict[str, Any]:
        """Both splits at the end, without crops and mirroring, and the gap between them."""
        train, test = (
            self.tested(self.data.train, self.learner),
            self.tested(self.data.test, self.judge),
        )
        return {
            "train": train,
            "test": test,
            "train_error": 1 - train["accuracy"],
            "test_error": 1 - test["accuracy"],
            "gap": train["accuracy"] - test["accuracy"],
        }

    def predictions(self) -> Any:
        """The probabilities of every test image, (N, classes)."""
        with averaged(self.optimizer, self.learner.trainable_variables):
            return self.judge.predict(still(self.data.test, self.recipe), batch_size=250, verbose=0)


def deterministic(seed: int) -> None:
    """Make the same seed give the same run: on TensorFlow by its deterministic kernels."""
    import keras

    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()


def watching(session: Session, epoch: int, watch: Watch) -> Any:
    """A callback that tells how far the epoch is and stops a run whose loss is not finite."""
    import keras

    class Watcher(keras.callbacks.Callback):  # type: ignore[misc]
        """Looks at the loss now and then."""

        def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
            last = batch + 1 == session.steps
            if (batch % CHECK_EVERY and not last) or not logs:
                return
            loss = float(logs["loss"])
            if loss != loss or loss in (float("inf"), float("-inf")):
                raise diverged(session, epoch, batch)
            watch(
                Tick(
                    epoch=epoch + 1,
                    epochs=session.recipe.epochs,
                    step=batch + 1,
                    steps=session.steps,
                    loss=float(logs["cross_entropy"]),
                    accuracy=float(logs["accuracy"]),
                )
            )

    return Watcher()


def diverged(session: Session, epoch: int, batch: int) -> DivergedError:
    """What is known when the loss is no number: the step, the rate, the first layer that is bad."""
    step = epoch * session.steps + batch
    rate = session.recipe.rate(step, session.steps * session.recipe.epochs)
    return DivergedError(
        f"the loss is not finite at step {step + 1} (epoch {epoch + 1}), learning rate {rate:g};"
        f" first bad: {first_bad(session)}; lower --learning-rate or lengthen --warmup"
    )


def first_bad(session: Session) -> str:
    """The first layer, in running order, with a weight or an output that is not finite."""
    import keras
    import numpy as np

    rows = still(session.data.test.first(8), session.recipe)
    images = session.judge.layers[1](rows)
    layers = [layer for layer in session.body.layers if layer.weights or layer.output is not None]
    outputs = keras.Model(session.body.inputs, [layer.output for layer in layers])(images)
    for layer, output in zip(layers, outputs, strict=True):
        for weight in layer.weights:
            if not np.isfinite(np.asarray(checkpoint.value_of(weight), "float32")).all():
                return f"the weight {weight.path}"
        if not np.isfinite(keras.ops.convert_to_numpy(output).astype("float32")).all():
            return f"the output of {layer.name}"
    return "the loss itself"
