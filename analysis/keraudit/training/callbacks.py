"""What looks at a run between its steps: progress, a loss that is not finite, gradient profiles.

The methods have the names of ``keras.callbacks.Callback``, so that ``fit`` and the loop of ``jax_steps`` call the
same ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from keraudit.errors import KerauditError
from keraudit.training.augment import moments
from keraudit.training.divergence import NotFiniteError
from keraudit.training.step import TrainState

CHECK_EVERY = 50  # steps between two readings of the loss: each waits for the device
FIRST = (0, 1, 3, 7, 15, 31)  # and these, so that a slow machine soon shows how long it will take
PROFILED_IMAGES = 32  # of the batch whose gradients are profiled


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """Progress of a run after a step; loss and accuracy are means over the epoch so far."""

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    accuracy: float


Watch = Callable[[Tick], None]
Part = tuple[int, Mapping[str, Any]]  # of an epoch: steps, and the means over them


class GradientWatch:
    """The gradient profile of ``keraudit gradients``, on one batch, every so many steps of a run.

    Its profiles are part of the checkpoint, so that a resumed run has them all. The network is only
    read; the run is the same with it and without.

    Args:
        state: whose gradients.
        every: steps between profiles.
        profiles: of the run so far.
        sync: gives the variables the values of the last step.
    """

    def __init__(
        self,
        state: TrainState,
        every: int,
        profiles: Sequence[Mapping[str, Any]],
        sync: Callable[[], None],
    ) -> None:
        from keraudit.audits.gradients.callback import GradientAudit

        if every < 1:
            raise KerauditError(f"gradients are watched every 1 step or more, received {every}")
        self.every, self.sync = every, sync
        self.profiles = [dict(profile) for profile in profiles]
        first = state.data.train.first(PROFILED_IMAGES)
        mean, scale = moments(state.data, state.recipe.normalize)
        images = ((first.images.astype("float32") - mean) / scale).astype("float32")
        self.audit = GradientAudit(
            every=every, batch=len(first), data=(images, first.labels.astype("int32"))
        )
        self.audit.set_model(state.network)
        self.audit.on_train_begin()  # takes the first profile
        if not self.profiles:
            self._keep(0)
        self.audit.profiles.clear()

    def after_step(self, step: int) -> None:
        """Take a profile if one is due after ``step`` steps of the run."""
        if step % self.every:
            return
        self.sync()
        self.audit.step = step
        self.audit.measure()
        self._keep(step)
        self.audit.profiles.clear()

    def _keep(self, step: int) -> None:
        self.profiles.append({**self.audit.to_dict()["steps"][-1], "step": step})

    def record(self) -> dict[str, Any]:
        """All profiles in full, ``keraudit.gradients-over-training/1``."""
        return {**self.audit.to_dict(), "steps": self.profiles}


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


class EpochMonitor:
    """Reports the progress of one epoch and stops it where its loss is not finite.

    Keras' ``TerminateOnNaN`` reads the loss after every step, which then waits for the device, and knows no
    step of an epoch that is several calls of ``fit``.
    """

    def __init__(
        self, state: TrainState, epoch: int, watch: Watch | None, gradients: GradientWatch | None
    ) -> None:
        self.epoch, self.epochs, self.steps = epoch, state.recipe.epochs, state.steps
        self.watch, self.gradients = watch, gradients
        self.done = 0
        self.parts: list[Part] = []  # one for each ``fit`` of the epoch

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any]) -> None:
        """After step ``batch`` of a part of the epoch, or after a call that ends with it."""
        before, self.done = self.done, sum(steps for steps, _ in self.parts) + batch + 1
        if self.gradients:
            self.gradients.after_step(self.epoch * self.steps + self.done)
        is_call_of_many = self.done - before > 1
        if not is_call_of_many and not self._reads_loss_after(self.done - 1):
            return
        if not math.isfinite(float(logs["loss"])):
            raise NotFiniteError(self.done - 1)
        if self.watch:
            parts = [*self.parts, (batch + 1, logs)]
            self.watch(
                Tick(
                    epoch=self.epoch + 1,
                    epochs=self.epochs,
                    step=self.done,
                    steps=self.steps,
                    loss=_mean_of(parts, "cross_entropy"),
                    accuracy=_mean_of(parts, "accuracy"),
                )
            )

    def on_train_end(self, logs: Mapping[str, Any]) -> None:
        """After a part of the epoch, with its means."""
        self.parts.append((self.done - sum(steps for steps, _ in self.parts), logs))

    def mean(self, key: str) -> float:
        """Over the steps of the epoch."""
        return _mean_of(self.parts, key)

    def _reads_loss_after(self, step: int) -> bool:
        return not step % CHECK_EVERY or step in FIRST or step + 1 == self.steps


def _mean_of(parts: Sequence[Part], key: str) -> float:
    """Over all steps of some parts of an epoch.

    >>> _mean_of([(3, {"accuracy": 0.5}), (1, {"accuracy": 0.9})], "accuracy")
    0.6
    """
    return sum(steps * float(means[key]) for steps, means in parts) / sum(s for s, _ in parts)
