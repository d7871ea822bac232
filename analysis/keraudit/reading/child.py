"""Run one of our own modules in a process of its own, and take what it writes.

A module run this way writes its result to the file that its first argument names. A failure is one
line, the last on standard error, and exit code 3.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from keraudit import child_process
from keraudit.errors import ModelError

# What TensorFlow and its libraries log, which is no reason for an end.
LOGGED = re.compile(
    r"[IWE][0-9]{4} |[0-9-]+ [0-9:.]+: [IWE] |WARNING: All log messages|To enable the following instructions"
)


class ChildError(ModelError):
    """The process ended without a word of its own: ``code`` is its exit code, negative for a signal."""

    def __init__(self, code: int, last_line: str) -> None:
        super().__init__(f"the process ended with code {code}: {last_line or 'no message'}")
        self.code = code


def run_child(
    module: str,
    *arguments: str,
    seconds: float | None = None,
    environment: Mapping[str, str] | None = None,
    alone: bool = False,
) -> bytes:
    """Run ``python -m module OUT *arguments``; return what it wrote to OUT.

    Args:
        module: its full name.
        arguments: what follows OUT on its command line.
        seconds: wall time after which it is ended; default: none.
        environment: variables to set in addition to ours.
        alone: end whatever it starts with it.

    Raises:
        TimeoutError: it took longer than ``seconds``.
        ModelError: it failed; the message is the line it gave.
        ChildError: it gave none, but crashed or was ended.
    """
    import subprocess
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "result"
        try:
            run = child_process.run_alone if alone else child_process.run
            done = run(module, str(out), *arguments, seconds=seconds, **(environment or {}))
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"{module} took more than {seconds} s") from None
        if done.returncode == 0 and out.is_file():
            return out.read_bytes()
    lines = [line for line in done.stderr.strip().splitlines() if not LOGGED.match(line)]
    if done.returncode == 3 and lines:
        raise ModelError(lines[-1])
    raise ChildError(done.returncode, (lines or [""])[-1])
