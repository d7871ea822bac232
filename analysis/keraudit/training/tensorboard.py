"""TensorBoard logs of a run: the history of its record, as scalars."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from keraudit.errors import KerauditError

SCALARS = ("loss", "accuracy", "test_loss", "test_accuracy", "learning_rate", "images_per_s")


class Board:
    """Writes events by TensorBoard's own writer.

    Keras' ``TensorBoard`` needs TensorFlow, whatever the backend.

    Args:
        folder: where the events of this run go.

    Raises:
        KerauditError: tensorboard is not installed, or the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        try:
            from tensorboard.summary import Writer
        except ImportError as error:
            raise KerauditError(
                f"TensorBoard logs need tensorboard ({' '.join(str(error).split())}): pip install"
                " tensorboard"
            ) from None
        self.folder = folder
        with self._reporting_full_disk():
            folder.mkdir(parents=True, exist_ok=True)
            self.writer: Any = Writer(str(folder))

    @contextmanager
    def _reporting_full_disk(self) -> Iterator[None]:
        """Turn an error of the file system into one line."""
        try:
            yield
        except OSError as error:
            raise KerauditError(
                f"cannot write TensorBoard's logs to {self.folder} ({error.strerror or error}): make"
                " room, or name another folder"
            ) from None

    def add(self, row: Mapping[str, Any]) -> None:
        """Log an epoch.

        Raises:
            KerauditError: the folder can no longer be written.
        """
        with self._reporting_full_disk():
            for key in SCALARS:
                self.writer.add_scalar(key, float(row[key]), int(row["epoch"]))
            self.writer.flush()

    def close(self) -> None:
        """Write what is left.

        Raises:
            KerauditError: the folder can no longer be written.
        """
        with self._reporting_full_disk():
            self.writer.close()
