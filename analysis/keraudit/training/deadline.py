"""A time by which training stops, with a checkpoint, so that it fits into a slot of a shared machine."""

from __future__ import annotations

import time

from keraudit.errors import KerauditError


class TimeIsUpError(KerauditError):
    """Training stopped because its time was up; the same command resumes."""


class Deadline:
    """So many seconds from when it was made, but never before one epoch is trained: each attempt makes progress."""

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds
        self._last: float | None = None

    def count(self, seconds: float) -> None:
        """Note that an epoch has been trained, evaluated and saved in so many seconds."""
        self._last = seconds

    def is_too_late(self, seconds: float = 0.0) -> bool:
        """Whether another epoch would not end in time.

        Args:
            seconds: that it takes; default: as long as the last one.
        """
        return self._last is not None and self.is_past(seconds or self._last)

    def is_past(self, seconds: float = 0.0) -> bool:
        """Whether it is later in so many seconds."""
        return time.monotonic() + seconds > self._until
