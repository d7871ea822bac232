"""Work that needs Keras, in a process of its own: it can be watched, cancelled, and never hurts the server."""

from __future__ import annotations

import atexit
import json
import pickle
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import IO, Any, cast

from keraudit.child_process import environment, python
from keraudit.errors import KerauditError
from keraudit.explorer.capacity import most_tasks
from keraudit.output.numbers import counted

MOST_JOBS = most_tasks()
LONGEST = 600  # seconds
RELIABLE = 0.25  # of the work must be done for its pace to foretell the end
PATIENCE = 5  # seconds that a task which is stopped has to make room
# No word, no GPU, and no address space set aside for each thread: it is bounded.
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", "MALLOC_ARENA_MAX": "4"}
ROOM = threading.Semaphore(MOST_JOBS)
RUNNING: list[Job] = []


@dataclass(slots=True)
class Job:
    """A task under way or done. ``result`` or ``error`` is set once it has ended.

    ``expected`` are the seconds that it may take, 0 if nobody knows; ``took`` is told how many it took.
    """

    task: Mapping[str, Any]
    process: subprocess.Popen[bytes]
    session: str = ""  # of the visitor who asked for it
    expected: float = 0.0
    took: Callable[[float], None] | None = None
    began: float = field(default_factory=monotonic)
    part: float = 0.0
    label: str = "starting Keras"
    result: Any = None
    error: str = ""
    ended: bool = False

    def left(self) -> float | None:
        """Seconds until it ends, as far as can be told: by its progress, before that by what was expected."""
        spent = monotonic() - self.began
        if self.part > RELIABLE:
            return spent / self.part * (1 - self.part)
        return max(self.expected - spent, 0) or None

    def cancel(self) -> None:
        """Stop it; what it made is thrown away."""
        self.error = self.error or "cancelled; nothing was kept"
        self.process.kill()


def never(session: str) -> bool:
    """No session has ended."""
    return False


def start(
    task: Mapping[str, Any],
    *,
    session: str = "",
    has_ended: Callable[[str], bool] = never,
    expected: float = 0.0,
    took: Callable[[float], None] | None = None,
) -> Job:
    """Begin a task of ``keraudit.explorer.worker``; tasks that nobody waits for any more make room.

    Args:
        task: what to do.
        session: whose it is.
        has_ended: whether a session has.
        expected: seconds that it may take, if somebody knows.
        took: is told how many it took, once it has a result.

    Raises:
        KerauditError: too many are under way, or this server runs none.
    """
    if not MOST_JOBS:
        raise KerauditError(
            "this server does not run networks: use the command line, or start keraudit explore on your"
            " own machine"
        )
    if not ROOM.acquire(blocking=False) and not _room_of_others(has_ended):
        raise KerauditError(
            f"the server is at its limit of {counted(MOST_JOBS, 'task')}: try again when one has ended"
        )
    try:
        folder = TemporaryDirectory(prefix="keraudit-")
        process = subprocess.Popen(
            python("keraudit.explorer.worker", folder.name),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment(**QUIET),
        )
    except OSError as error:
        ROOM.release()
        raise KerauditError(f"the task could not be started: {error}") from None
    job = Job(task=task, process=process, session=session, expected=expected, took=took)
    RUNNING.append(job)
    threading.Thread(target=follow, args=(job, folder), daemon=True).start()
    return job


def _room_of_others(has_ended: Callable[[str], bool]) -> bool:
    """Stop the tasks of sessions that have ended; whether that made room, which is then taken."""
    left = [job for job in tuple(RUNNING) if has_ended(job.session)]
    for job in left:
        job.cancel()
    return bool(left) and ROOM.acquire(timeout=PATIENCE)


@atexit.register
def stop_all() -> None:
    """Leave no process behind when the server ends."""
    for job in tuple(RUNNING):
        job.cancel()


def follow(job: Job, folder: TemporaryDirectory[str]) -> None:
    """Hand the task over, and read what the process tells until it ends."""
    alarm = threading.Timer(LONGEST, job.process.kill)
    alarm.daemon = True
    alarm.start()
    try:
        with job.process as process:
            with cast("IO[bytes]", process.stdin) as pipe:
                pickle.dump(dict(job.task), pipe)
            for line in cast("IO[bytes]", process.stdout):
                _parsed_message(job, json.loads(line), Path(folder.name))
    except (OSError, ValueError):
        job.process.kill()  # it died, or what it told is no message: its exit code tells
    finally:
        code = job.process.wait()
        alarm.cancel()
        if job.result is not None and job.took is not None:
            job.took(monotonic() - job.began)
        if job.result is None and not job.error:
            late = monotonic() - job.began >= LONGEST
            job.error = (
                f"stopped after {LONGEST // 60} minutes; run it on the command line"
                if late
                else f"the process ended with code {code}; a smaller input or batch may help"
            )
        folder.cleanup()
        RUNNING.remove(job)
        ROOM.release()
        job.ended = True


def _parsed_message(job: Job, message: Mapping[str, Any], folder: Path) -> None:
    """One message of the process: progress, an error, or the result."""
    if "progress" in message:
        done, total, label = message["progress"]
        job.part, job.label = min(done / total, 1.0) if total else 0.0, str(label)
    elif "error" in message:
        job.error = str(message["error"])
    elif "record" in message:
        job.result = message["record"]
    elif "arrays" in message:
        import numpy as np

        with np.load(folder / message["arrays"], allow_pickle=False) as found:
            job.result = dict(found)
