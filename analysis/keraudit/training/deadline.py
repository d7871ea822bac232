"""A time by which training stops, with a checkpoint, so that it fits into a slot of a shared machine."""

from __future__ import annotations

import time

from keraudit.errors import KerauditError


class TimeIsUpError(KerauditError):
    """Training stopped because its time was up; the same command resumes."""


class Deadline:
    """So many seconds from when it was made, but never before a piece of work is done: each attempt makes progress.

    A piece is an epoch, with what follows it, or an evaluation.
    """

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds
        self._last: float | None = None

    def count(self, seconds: float) -> None:
        """Note that a piece of work took so many seconds."""
        self._last = seconds

    def is_too_late(self) -> bool:
        """Whether another piece would not end in time, if it takes as long as the last one."""
        return self._last is not None and time.monotonic() + self._last > self._until
