"""Run one of our own modules in a process of its own, and take what it writes.

A module run this way writes its result to the file that its first argument names. A failure is one
line, the last on standard error, and exit code 3.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from keraudit.errors import ModelError

HOME = Path(__file__).resolve().parents[2]  # the folder that holds this package


class ChildError(ModelError):
    """The process ended without a word of its own: ``code`` is its exit code, negative for a signal."""

    def __init__(self, code: int, last_line: str) -> None:
        super().__init__(f"the process ended with code {code}: {last_line or 'no message'}")
        self.code = code


def run_child(
    module: str,
    *arguments: str,
    working_folder: bool = False,
    seconds: float | None = None,
    environment: Mapping[str, str] | None = None,
) -> bytes:
    """Run ``python -m module OUT *arguments``; return what it wrote to OUT.

    Args:
        module: its full name.
        arguments: what follows OUT on its command line.
        working_folder: let it import modules from the working folder, which holds the user's own code.
        seconds: wall time after which it is ended; default: none.
        environment: variables to set in addition to ours.

    Raises:
        TimeoutError: it took longer than ``seconds``.
        ModelError: it failed; the message is the line it gave.
        ChildError: it gave none, but crashed or was ended.
    """
    import subprocess
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "result"
        safe = [] if working_folder else ["-P"]
        try:
            done = subprocess.run(
                [sys.executable, *safe, "-m", module, str(out), *arguments],
                env={
                    **os.environ,
                    "PYTHONPATH": os.pathsep.join(import_paths(working_folder)),
                    **(environment or {}),
                },
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                check=False,
                timeout=seconds,
            )
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"{module} took more than {seconds} s") from None
        if done.returncode == 0 and out.is_file():
            return out.read_bytes()
    lines = done.stderr.strip().splitlines()
    if done.returncode == 3 and lines:
        raise ModelError(lines[-1])
    raise ChildError(done.returncode, (lines or [""])[-1])


def import_paths(working_folder: bool) -> list[str]:
    """Where the process looks for modules: where we do, the working folder only if it is asked for.

    ``python -m keraudit`` puts the working folder first of all, so that an ``h5py.py`` or ``keras.py``
    that lies there by chance, or by malice, would be run instead of the library.
    """
    here = Path.cwd()
    paths = [p for p in sys.path if p and (Path(p).resolve() != here or here == HOME)]
    return [str(here), *paths] if working_folder else paths
