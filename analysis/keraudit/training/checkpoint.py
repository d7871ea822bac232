"""Checkpoints: all variables and the state of a run in one file, written atomically.

Keras' ``BackupAndRestore`` writes weights and epoch to two files, so that a run killed in between resumes with the
weights of one epoch as if they were another's. It has no place for the history and the gradient profiles, and its
weights include the table of images.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from keraudit.errors import KerauditError

NUMBERS = "biuf"  # kinds of dtypes


class CheckpointError(KerauditError):
    """A checkpoint that cannot be written, or read, or that belongs to another run."""


class DamagedError(CheckpointError):
    """A checkpoint that cannot be read."""


class CheckpointTimer:
    """Saves no more often than takes a tenth of the time, once a save takes long enough to matter."""

    SHARE = 0.1
    SHORT = 0.1  # seconds

    def __init__(self) -> None:
        self.seconds, self.last = 0.0, time.perf_counter()

    def is_due(self) -> bool:
        """Whether a save now would keep to the share."""
        since = time.perf_counter() - self.last
        if since < 0:  # the clock was set back: what it says now is no ground to wait
            return True
        return self.seconds < self.SHORT or self.seconds <= self.SHARE * (since + self.seconds)

    def save(self, path: Path, variables: Sequence[Any], state: Mapping[str, Any]) -> None:
        """``save``, timed."""
        begin = time.perf_counter()
        save(path, variables, state)
        self.last = time.perf_counter()
        self.seconds = self.last - begin


def save(path: Path, variables: Sequence[Any], state: Mapping[str, Any]) -> None:
    """Write the values of ``variables`` in order, and ``state``, to ``path``.

    The file of that name is kept as ``previous(path)`` until the next save.

    Raises:
        CheckpointError: the disk is full or cannot be written; the last checkpoint is untouched.
    """
    import numpy as np

    arrays: dict[str, Any] = {
        f"v{i:05d}": np.asarray(_host_value(v)) for i, v in enumerate(variables)
    }
    temporary = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            np.savez(file, state=np.array(json.dumps(state)), **arrays)
            file.flush()
            os.fsync(file.fileno())
        if path.is_file():
            path.replace(previous(path))
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        left = "the last checkpoint stands" if exists(path) else "there is no checkpoint yet"
        raise CheckpointError(
            f"cannot write {path}: {error.strerror or error}; the run stops, {left}"
        ) from None


def previous(path: Path) -> Path:
    """The file of the checkpoint before the last one."""
    return path.with_name(f"{path.stem}-before{path.suffix}")


def exists(path: Path) -> bool:
    """Whether there is a checkpoint to resume from: the last one, or the one before it."""
    return path.is_file() or previous(path).is_file()


def resume(path: Path, variables: Sequence[Any]) -> dict[str, Any]:
    """Load the last checkpoint, or the one before it if that one is damaged; empty if there is none.

    The damaged one is then removed: the next save must not put it in the place of the good one.

    Raises:
        CheckpointError: none of those there can be read, or they are of another network.
    """
    import logging

    older = previous(path)
    if not exists(path):
        return {}
    if not older.is_file():
        return load(path, variables)
    try:
        if path.is_file():
            return load(path, variables)
    except DamagedError:
        pass
    try:
        state = load(older, variables)
    except DamagedError:
        raise DamagedError(
            f"{path} and {older.name} are damaged, cut short or gone: delete both to start the run anew"
        ) from None
    if path.is_file():
        path.unlink()
        logging.getLogger(__name__).warning(
            "keraudit: %s is damaged or cut short: the run goes on from %s, after epoch %d",
            path,
            older.name,
            len(state.get("history", [])),
        )
    return state


def load(path: Path, variables: Sequence[Any]) -> dict[str, Any]:
    """Load the values of ``variables``; the state that was saved with them.

    Raises:
        CheckpointError: the file is damaged, or was written for another network.
    """
    import numpy as np

    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            state: dict[str, Any] = json.loads(str(file["state"]))
            arrays = [file[key] for key in sorted(file.files) if key.startswith("v")]
        if not isinstance(state, dict) or any(array.dtype.kind not in NUMBERS for array in arrays):
            raise ValueError("it holds no state and variables")
    except Exception as error:  # noqa: BLE001 - numpy and zipfile raise many kinds
        raise DamagedError(
            f"{path} is damaged or cut short ({' '.join(str(error).split())[:100]}): delete it to"
            " start the run anew"
        ) from None
    shapes = [tuple(v.shape) for v in variables]
    if [a.shape for a in arrays] != shapes:
        raise CheckpointError(f"{path} belongs to another network: its variables have other shapes")
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)
    return state


def _host_value(variable: Any) -> Any:
    """A variable's value on the host; bfloat16, which numpy files lack, as float32 (exact)."""
    import keras

    value = keras.ops.convert_to_numpy(variable.value)
    return value.astype("float32") if "bfloat16" in str(value.dtype) else value
