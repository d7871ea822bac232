"""The record of a run: what was trained, on what, how, where, and the result."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from keraudit.environment import hardware, revision, versions, where
from keraudit.errors import KerauditError
from keraudit.output.files import replacing, save
from keraudit.output.plain_data import as_dict
from keraudit.output.stored import stored_json
from keraudit.safe_text import harmless
from keraudit.training.recipe import OLDER
from keraudit.training.record_check import LOGITS, checked

SCHEMA = "keraudit.run/1"
DIVERGED = "diverged.json"  # in the folder of a run that cannot be ended
# Words on what a fingerprint and numbers tell: a run goes on whatever they say.
PROSE = ("dataset.name", "dataset.source", "recipe.source")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One training run. No weights, no images: this much can be published."""

    network: str
    recipe: Mapping[str, Any]
    seed: int
    budget: float
    dataset: Mapping[str, Any]
    params: int
    history: Sequence[Mapping[str, Any]]
    evaluation: Mapping[str, Any]
    hardware: Mapping[str, Any]
    versions: Mapping[str, str]
    revision: str
    date: str
    command: str = ""
    loss: str  # ``logits`` or ``clipped``, see ``record_check``
    ema_decay: float | None = None  # of the averaged weights, as it was in this many steps
    devices: int = 1
    work: Mapping[str, Any] | None = None  # MACs of a step beside the device's measured peak
    gradients: Mapping[str, Any] | None = None  # norms at each block over training, if watched
    sessions: Sequence[Mapping[str, Any]] | None = None  # where and when, if it was resumed
    note: str = ""  # what its readers must know, told when it was published
    evaluated: Mapping[str, Any] | None = None  # its keraudit.evaluation, in published records
    schema: str = field(default=SCHEMA)

    @staticmethod
    def of(
        config: Mapping[str, Any],
        *,
        history: Sequence[Mapping[str, Any]],
        evaluation: Mapping[str, Any],
        params: int,
        command: str,
        work: Mapping[str, Any] | None = None,
        gradients: Mapping[str, Any] | None = None,
        sessions: Sequence[Mapping[str, Any]] | None = None,
    ) -> Run:
        """The record of a run that ends now, on this machine."""
        import time

        return Run(
            network=config["network"],
            recipe=config["recipe"],
            seed=config["seed"],
            budget=config["budget"],
            dataset=config["dataset"],
            params=params,
            history=tuple(history),
            evaluation=evaluation,
            hardware=hardware(),
            versions=versions(),
            revision=revision(),
            date=time.strftime("%Y-%m-%d"),
            command=command,
            loss=config["loss"],
            ema_decay=config.get("ema_decay"),
            devices=int(config.get("devices", 1)),
            work=work,
            gradients=gradients,
            sessions=sessions,
        )

    @property
    def seconds(self) -> float:
        """Time spent in training steps."""
        return float(sum(row["seconds"] for row in self.history))

    def to_dict(self) -> dict[str, Any]:
        return as_dict(self)


def refuse_clipped_loss(record: Mapping[str, Any], folder: Path) -> None:
    """Refuse to go on with a run that was begun with another loss, or by a program that did not name it.

    Args:
        record: the configuration that ``folder`` holds.
        folder: where it is.

    Raises:
        KerauditError: it is not the loss of logits.
    """
    if "loss" not in record:
        raise KerauditError(f"{folder} {OLDER}")
    if record["loss"] != LOGITS:
        raise KerauditError(
            f"{folder} was started with the {record['loss']} loss, which is no longer supported: delete it to start anew,"
            " or choose another folder"
        )


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Inside it no other process trains the run in ``folder``; the system frees it when this one dies.

    Raises:
        KerauditError: another does, or the folder cannot be made.
    """
    from filelock import FileLock, Timeout

    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock", timeout=0)
        lock.acquire()
    except Timeout:
        raise KerauditError(
            f"another process trains the run in {folder}: wait for it, or choose another folder"
        ) from None
    except OSError as error:
        raise KerauditError(f"cannot make {folder}: {error.strerror or error}") from None
    try:
        yield
    finally:
        lock.release()


def write_config(folder: Path, config: Mapping[str, Any]) -> None:
    save(folder / "config.json", json.dumps(config, indent=1) + "\n")


def read_config(folder: Path) -> dict[str, Any] | None:
    """The configuration of the run in a folder; ``None`` if there is none."""
    path = folder / "config.json"
    if not path.is_file():
        return None
    try:
        record = stored_json(path)
    except (OSError, ValueError) as error:
        raise KerauditError(
            f"{path} is damaged ({error}): delete the folder to start anew"
        ) from None
    if not isinstance(record, dict):
        raise KerauditError(f"{path} is not the configuration of a run")
    return record


def write_run(folder: Path, run: Run, predictions: Any) -> None:
    """``run.json`` and ``predictions.npz`` of a finished run."""
    import numpy as np

    path = folder / "predictions.npz"
    try:
        with replacing(path) as file:
            np.savez_compressed(file, probabilities=predictions.astype("float16"))
    except OSError as error:
        raise KerauditError(
            f"cannot write {path}: {error.strerror or error}; the trained weights are in the checkpoint:"
            " make room and repeat the command"
        ) from None
    save(folder / "run.json", json.dumps(run.to_dict(), indent=1) + "\n")


def write_diverged(folder: Path, end: str) -> None:
    """Why the run in a folder has no record: ``end``, beside where and when."""
    save(folder / DIVERGED, json.dumps({"end": end, **where()}, indent=1) + "\n")


def _why_it_diverged(folder: Path) -> str:
    """What ``write_diverged`` kept; empty if the run in a folder did not diverge."""
    try:
        return harmless(str(stored_json(folder / DIVERGED)["end"]))
    except (OSError, ValueError, TypeError, KeyError):
        return ""


def read_run(path: Path) -> Run:
    """A run's record: its folder or its file.

    Raises:
        KerauditError: there is none, or it is damaged.
    """
    file = path / "run.json" if path.is_dir() else path
    try:
        record = stored_json(file)
        if record.get("schema") != SCHEMA:
            raise ValueError(f"its schema is {repr(record.get('schema'))[:40]}, not {SCHEMA!r}")
        return Run(**checked(record))
    except OSError as error:
        if end := _why_it_diverged(path):
            raise KerauditError(f"no finished run in {path}: it diverged: {end}") from None
        raise KerauditError(f"no record of a finished run at {file}: {error.strerror}") from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise KerauditError(f"{file} is not the record of a finished run ({error})") from None
