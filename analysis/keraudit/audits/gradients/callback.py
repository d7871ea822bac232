"""Gradients over training: the same profile, on the same batch, every so many steps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras

from keraudit.audits.gradients import losses
from keraudit.audits.gradients.batches import batch_of
from keraudit.audits.gradients.figure import norm_over_training
from keraudit.audits.gradients.measure import profile
from keraudit.audits.gradients.network import Network
from keraudit.audits.gradients.places import parts, places
from keraudit.audits.gradients.records import Profile, number, plain
from keraudit.environment import own_versions
from keraudit.layers.infer import shaped
from keraudit.model.input_sizes import Requested
from keraudit.output.files import save
from keraudit.reading.resolve import resolve

SCHEMA = "keraudit.gradients-over-training/1"


class GradientAudit(keras.callbacks.Callback):  # type: ignore[misc]  # Keras ships no types
    """Profile a model's gradients while it trains.

    The model that trains is only read: its weights are copied into a network of the same graph, and
    that one is measured, always on the same batch. One profile costs about one and a third training
    steps; at ``every=100`` that is little over one per cent.

    Args:
        every: steps between profiles; the first is taken before the first step.
        batch: images of the batch that is measured.
        data: as for ``keraudit.gradients``; the model's own kind of input is best.
        loss: as for ``keraudit.gradients``.
        path: a file that gets the record after each profile, written whole or not at all.

    Attributes:
        profiles: pairs of the step and the profile.
    """

    def __init__(
        self,
        *,
        every: int = 100,
        batch: int = 32,
        data: Any = "random",
        loss: str | None = None,
        path: str | Path | None = None,
    ) -> None:
        super().__init__()
        if every < 1:
            raise ValueError(f"every must be 1 step or more, received {every}")
        self.every, self.size, self.data, self.wanted = every, batch, data, loss
        self.path = None if path is None else Path(path)
        self.profiles: list[tuple[int, Profile]] = []
        self.step = 0

    def on_train_begin(self, logs: Any = None) -> None:
        graph = shaped(
            resolve(self.model, requested=Requested(batch=self.size), closed=None), batch=self.size
        )
        self.loss = losses.chosen(graph, self.wanted)
        self.network = Network(losses.with_logits(graph, self.loss), parts(graph, places(graph)))
        self.batch = batch_of(self.data, graph, self.loss, 0)
        self.measure()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.step += 1
        if self.step % self.every == 0:
            self.measure()

    def measure(self) -> None:
        """Take a profile of the weights as they are now."""
        if keras.backend.backend() == "jax":
            self.model.jax_state_sync()  # between steps the weights live in the trainer alone
        self.network.copy(self.model)
        measured = profile(self.network, self.batch, self.loss, label=f"step {self.step}")
        self.profiles.append((self.step, measured))
        if self.path is not None:
            save(self.path, json.dumps(self.to_dict(), indent=1) + "\n")

    def to_dict(self) -> dict[str, Any]:
        """The record: a profile for each step that was measured."""
        return {
            "schema": SCHEMA,
            "model": str(self.model.name),
            "every": self.every,
            "batch": self.size,
            "data": self.batch.name,
            "loss": list(self.loss),
            "versions": {**own_versions(), "keras": str(keras.__version__)},
            "steps": [
                {"step": step, "loss": number(measured.loss), **plain(measured)}
                for step, measured in self.profiles
            ],
        }

    def figure(self) -> dict[str, Any]:
        """A heat map of the norm, depth against step; needs plotly."""
        return norm_over_training(self.to_dict())
