"""The process that runs Keras for a page: one task from standard input, messages to standard output.

The task is pickled by ``keraudit.explorer.jobs`` in the parent process; nothing else writes to this pipe.
"""

from __future__ import annotations

import json
import os
import pickle
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from keraudit.audits.gradients.audit import Plan, compare
from keraudit.errors import KerauditError
from keraudit.explorer import activations as work
from keraudit.explorer import capacity
from keraudit.output.numbers import mebibytes
from keraudit.reading.keras_worker import use_backend

MOST_MEMORY = 6 * 2**30  # bytes of addresses; Keras alone takes some 2 GiB
Tell = Callable[[Mapping[str, Any]], None]


def main(folder: Path) -> int:
    """Do the task and tell the result, or in one line what went wrong."""
    task = pickle.load(sys.stdin.buffer)  # noqa: S301 - of our own parent process
    out, sys.stdout = sys.stdout, sys.stderr  # what libraries print is no message

    def tell(message: Mapping[str, Any]) -> None:
        out.write(json.dumps(message) + "\n")
        out.flush()

    if most := capacity.task_memory():
        capacity.watch(most, lambda: _stopped(most, tell))
    try:
        use_backend(None)
        TASKS[task["do"]](task, folder, tell)
    except KerauditError as error:
        tell({"error": str(error)})
    except MemoryError:
        tell({"error": "it does not fit in memory: choose a smaller input or batch"})
    except Exception as error:  # Keras raises anything; the page shows one line
        tell({"error": " ".join(f"{type(error).__name__}: {error}".split())[:300]})
    return 0


def _stopped(most: int, tell: Tell) -> None:
    """Say that the task took more memory than it may, and end at once, whatever it is doing."""
    tell(
        {
            "error": f"the task exceeded the memory limit of {mebibytes(most)}: choose a smaller"
            " input or batch, or run it on the command line"
        }
    )
    os._exit(0)


def _bounded(most: int = MOST_MEMORY) -> None:
    """Let this process have so much memory and no more, where the system can see to it."""
    try:
        import resource
    except ImportError:  # not on Windows
        return
    with suppress(ValueError, OSError):  # it is bounded more tightly already
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def gradients(task: Mapping[str, Any], folder: Path, tell: Tell) -> None:
    """Profile a graph and its variants; the record of ``keraudit gradients``."""
    report = compare(
        task["graph"],
        Plan(seeds=tuple(range(task["seeds"]))),
        against=task["against"],
        progress=lambda done, total, label: tell({"progress": [done, total, label]}),
        command=task["command"],
    )
    tell({"record": {**report.to_dict(), "subject": task.get("subject", "")}})


def insides(task: Mapping[str, Any], folder: Path, tell: Tell) -> None:
    """Weights and activations of a network for one image, as a file of arrays."""

    def progress(done: int, total: int, label: str) -> None:
        tell({"progress": [done, total, label]})

    tell({"arrays": work.task(task, folder, progress)})


TASKS: Mapping[str, Callable[[Mapping[str, Any], Path, Tell], None]] = {
    "gradients": gradients,
    "insides": insides,
}

if __name__ == "__main__":
    _bounded()
    sys.exit(main(Path(sys.argv[1])))
