"""How much of the machine tasks that run Keras may take, for a server that many people share."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from keraudit.errors import KerauditError

TASKS_VARIABLE, MEMORY_VARIABLE = "KERAUDIT_EXPLORE_TASKS", "KERAUDIT_EXPLORE_TASK_MIB"
USUAL_TASKS = 2  # at a time, of all sessions together
LEAST_MIB = 256  # Keras alone takes more
_PAUSE = 0.05  # seconds between two looks


def most_tasks() -> int:
    """Tasks at a time, of all sessions together; 0 turns them off.

    Raises:
        KerauditError: the variable holds something else than a number from 0.
    """
    return _number(TASKS_VARIABLE, USUAL_TASKS, least=0)


def task_memory() -> int:
    """Bytes of memory that one task may hold; 0 for as many as there are.

    Raises:
        KerauditError: the variable holds something else than a number of MiB.
    """
    return _number(MEMORY_VARIABLE, 0, least=LEAST_MIB) * 2**20


def _number(variable: str, usual: int, *, least: int) -> int:
    text = os.environ.get(variable, "").strip()
    if not text:
        return usual
    if not text.isascii() or not text.isdigit() or int(text) < least:
        raise KerauditError(f"{variable}: expected a whole number from {least}, received {text!r}")
    return int(text)


def watch(most: int, too_much: Callable[[], None]) -> None:
    """Look at this process' memory until it ends; call ``too_much`` once it has held more than ``most`` bytes.

    Addresses alone are not counted, of which a backend sets aside several times what it uses.
    """
    try:
        import resource  # noqa: F401
    except ImportError:  # not on Windows
        return

    def look() -> None:
        while peak_bytes() <= most:
            time.sleep(_PAUSE)
        too_much()

    threading.Thread(target=look, daemon=True).start()


def peak_bytes() -> int:
    """The most memory that this process has held: a short peak between two looks is not missed.

    Linux's ``ru_maxrss`` begins with that of the process that started this one; its own is in ``/proc``.
    """
    import resource

    try:
        status = Path("/proc/self/status").read_text("ascii", errors="replace")
    except OSError:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most * (1 if sys.platform == "darwin" else 1024)
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024
