"""Gradients over training: the same profile, on the same batch, every so many steps."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import keras

from keraudit.audits.gradients import losses
from keraudit.audits.gradients.batches import batch_of
from keraudit.audits.gradients.figure import norm_over_training
from keraudit.audits.gradients.growth import verdict_of
from keraudit.audits.gradients.measure import profile
from keraudit.audits.gradients.network import Network
from keraudit.audits.gradients.places import parts, places
from keraudit.audits.gradients.records import Profile, Verdict, number, plain
from keraudit.audits.gradients.report import summary
from keraudit.environment import own_versions
from keraudit.errors import KerauditError
from keraudit.layers.infer import shaped
from keraudit.model.input_sizes import Requested
from keraudit.output.files import save
from keraudit.output.plotly_figure import of_record
from keraudit.output.plotly_text import safe
from keraudit.reading.resolve import resolve

SCHEMA = "keraudit.gradients-over-training/1"


class GradientAudit(keras.callbacks.Callback):  # type: ignore[misc]  # Keras ships no types
    """Profile a model's gradients while it trains.

    The model that trains is only read: its weights are copied into a network of the same graph, and
    that one is measured, always on the same batch. One profile costs about one and a third training
    steps; at ``every=100`` that is little over one per cent.

    The end of training prints the verdict on the last profile, such as ``gradients at step 300: healthy,
    x1.03 per block, x1.52 across``. Its growth per block is in the logs of every epoch as
    ``gradient_growth``, so that ``History`` and other callbacks hold it; the verdict is in those of the end
    as ``gradient_verdict``.

    Args:
        every: steps between profiles; the first is taken before the first step.
        batch: images of the batch that is measured.
        data: as for ``keraudit.gradients``; the model's own kind of input is best.
        loss: as for ``keraudit.gradients``.
        path: a file that gets the record after each profile, written whole or not at all.
        verbose: 0 prints no verdict.

    Attributes:
        profiles: pairs of the step and the profile.
        verdict: on the last profile; ``None`` before the first.
    """

    def __init__(
        self,
        *,
        every: int = 100,
        batch: int = 32,
        data: Any = "random",
        loss: str | None = None,
        path: str | Path | None = None,
        verbose: int = 1,
    ) -> None:
        super().__init__()
        for name, value in (("every", every), ("batch", batch)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise KerauditError(
                    f"{name}: received {value!r:.60}; accepted: whole numbers from 1"
                )
        self.every, self.size, self.data, self.wanted = every, batch, data, loss
        self.path = None if path is None else Path(path)
        self.profiles: list[tuple[int, Profile]] = []
        self.step, self.verbose = 0, verbose

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

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if logs is not None and self.verdict is not None:
            logs["gradient_growth"] = self.verdict.growth_per_block

    def on_train_end(self, logs: Any = None) -> None:
        if self.verdict is None:
            return
        line = summary(self.verdict)
        if logs is not None:
            logs["gradient_verdict"] = line
        if self.verbose:
            sys.stdout.write(f"gradients at {line}\n")

    @property
    def verdict(self) -> Verdict | None:
        """The verdict on the last profile, as that of ``keraudit.gradients``."""
        if not self.profiles:
            return None
        measured = self.profiles[-1][1]
        return verdict_of(measured.label, [measured])

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

    def plot(self) -> Any:
        """A heat map of the norm, depth against step, as a ``plotly.graph_objects.Figure``.

        Raises:
            KerauditError: plotly is not installed.
        """
        return of_record(norm_over_training(safe(self.to_dict())))

    def __repr__(self) -> str:
        last = "" if self.verdict is None else f": {summary(self.verdict)}"
        return f"<GradientAudit, {len(self.profiles)} profiles{last}>"
