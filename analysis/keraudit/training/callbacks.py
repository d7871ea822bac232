"""A run while it goes: how far it is, whether its loss is still a number, gradients now and then."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from keraudit.errors import KerauditError
from keraudit.training.augment import moments
from keraudit.training.divergence import NotFiniteError

if TYPE_CHECKING:
    from keraudit.training.trainer import Session

CHECK_EVERY = 50  # steps between looks at the loss: each look waits for the device
FIRST = (0, 1, 3, 7, 15, 31)  # and these, so that a slow machine soon says how long it will take
WATCHED_IMAGES = 32  # of the batch whose gradients are watched


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
Part = tuple[int, Mapping[str, float]]  # of an epoch: steps, and their means


def unwatched(tick: Tick) -> None:
    """Look away."""


class GradientWatch:
    """The gradient profile of ``keraudit gradients``, on one batch, every so many steps of a run.

    Its steps are part of the checkpoint, so that a resumed run has them all. The network is only
    read; the run is the same with it and without.
    """

    def __init__(self, session: Session, every: int, steps: Sequence[Mapping[str, Any]]) -> None:
        from keraudit.audits.gradients.callback import GradientAudit

        if every < 1:
            raise KerauditError(f"gradients are watched every 1 step or more, received {every}")
        self.session, self.every = session, every
        self.steps = [dict(step) for step in steps]
        data = session.data
        first = data.train.first(WATCHED_IMAGES)
        mean, scale = moments(data, session.recipe.normalise)
        images = ((first.images.astype("float32") - mean) / scale).astype("float32")
        self.audit = GradientAudit(
            every=every, batch=len(first), data=(images, first.labels.astype("int32"))
        )
        self.audit.set_model(session.body)
        self.audit.on_train_begin()
        if not self.steps:
            self.keep(0)
        self.audit.profiles.clear()

    def look(self, step: int) -> None:
        """Take a profile if it is time for one; ``step`` counts those that were made."""
        if step % self.every:
            return
        self.session.settle()
        self.audit.step = step
        self.audit.measure()
        self.keep(step)
        self.audit.profiles.clear()

    def keep(self, step: int) -> None:
        self.steps.append({**self.audit.to_dict()["steps"][-1], "step": step})

    def record(self) -> dict[str, Any]:
        """All profiles in full, ``keraudit.gradients-over-training/1``."""
        return {**self.audit.to_dict(), "steps": self.steps}

    def slim(self) -> dict[str, Any]:
        return slim(self.record())


def slim(full: Mapping[str, Any]) -> dict[str, Any]:
    """What a run's record carries of ``gradients.json``: the norm at each block, step by step."""
    keys = ("name", "depth", "grad_norm", "activation_std")
    return {
        "every": full["every"],
        "images": full["batch"],
        "steps": [
            {
                "step": step["step"],
                "loss": step["loss"],
                "blocks": [{key: row[key] for key in keys} for row in step["blocks"]],
            }
            for step in full["steps"]
        ],
    }


class Watcher:
    """Tells how far an epoch is, stops a run whose loss is not finite, takes gradient profiles."""

    def __init__(
        self, session: Session, epoch: int, watch: Watch, gradients: GradientWatch | None
    ) -> None:
        self.session, self.epoch = session, epoch
        self.watch, self.gradients = watch, gradients

    def profile(self, done: int) -> None:
        """After so many steps of the epoch."""
        if self.gradients is not None:
            self.gradients.look(self.epoch * self.session.steps + done)

    def looks(self, batch: int) -> bool:
        """Whether to look at the loss after this step, counted from 0."""
        return not batch % CHECK_EVERY or batch in FIRST or batch + 1 == self.session.steps

    def tell(self, done: int, loss: float, accuracy: float) -> None:
        """After so many steps of the epoch: the means over them."""
        self.watch(
            Tick(
                epoch=self.epoch + 1,
                epochs=self.session.recipe.epochs,
                step=done,
                steps=self.session.steps,
                loss=loss,
                accuracy=accuracy,
            )
        )

    def callback(self, before: Sequence[Part]) -> Any:
        """The same for Keras' ``fit`` of the part of an epoch that follows those ``before``."""
        import keras

        watcher, first = self, sum(steps for steps, _ in before)

        class Callback(keras.callbacks.Callback):  # type: ignore[misc]
            """Looks at the loss now and then."""

            def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
                done = first + batch + 1
                watcher.profile(done)
                if not logs or not watcher.looks(done - 1):
                    return
                if not math.isfinite(float(logs["loss"])):
                    raise NotFiniteError(done - 1)
                parts = [*before, (batch + 1, logs)]
                watcher.tell(done, mean_of(parts, "cross_entropy"), mean_of(parts, "accuracy"))

        return Callback()


def mean_of(parts: Sequence[Part], key: str) -> float:
    """Over all steps of some parts of an epoch.

    >>> mean_of([(3, {"accuracy": 0.5}), (1, {"accuracy": 0.9})], "accuracy")
    0.6
    """
    return sum(steps * float(means[key]) for steps, means in parts) / sum(s for s, _ in parts)
