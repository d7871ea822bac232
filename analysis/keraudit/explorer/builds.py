"""Models that Keras builds for a page: a few at a time, others wait, and none for ever."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from keraudit.errors import KerauditError

AT_A_TIME = 2
SECONDS = 90.0  # that one build may take; every application needs less
PATIENCE = 100.0  # seconds that another may wait for its turn
MOST_WAITING = 20
TURNS = threading.Semaphore(AT_A_TIME)
_LOCK = threading.Lock()
_waiting = 0


@contextmanager
def turn() -> Iterator[float]:
    """A place among the builds under way, and the seconds that the build may take.

    Raises:
        KerauditError: too many wait already, or the wait was too long.
    """
    global _waiting
    with _LOCK:
        if _waiting >= MOST_WAITING:
            raise KerauditError(_BUSY)
        _waiting += 1
    try:
        is_ours = TURNS.acquire(timeout=PATIENCE)
    finally:
        with _LOCK:
            _waiting -= 1
    if not is_ours:
        raise KerauditError(_BUSY)
    try:
        yield SECONDS
    finally:
        TURNS.release()


_BUSY = "the server is busy building models for other visitors: try again in a minute, or choose a model that was already shown"
