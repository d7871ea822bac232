"""Python in a process of its own that never imports a module of the working folder.

A ``keras.py`` or ``json.py`` that lies there is not ours to run. Only ``package.module:callable`` names
the user's own code; ``keraudit.reading.keras_worker`` imports that, from the working folder too.
"""

from __future__ import annotations

import os
import sys  # and nothing more: the working folder may still be among the places of modules

TYPE_CHECKING = False  # typing itself takes a while to import, and every start pays it
if TYPE_CHECKING:
    from subprocess import CompletedProcess

    Ended = CompletedProcess[str]

LAST_WORDS = 65536  # bytes of standard error that are looked at
OURS = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))  # noqa: PTH120  # holds this package


def python(module: str, *words: str) -> list[str]:
    """The command line of a Python module, to be run with ``environment``."""
    return [sys.executable, "-P", "-m", module, *words]


def run(module: str, *words: str, seconds: float | None = None, **chosen: str) -> Ended:
    """Run a Python module to its end; of what it prints, only standard error is kept.

    Args:
        module: its full name.
        words: its command line.
        seconds: wall time after which it is ended; default: none.
        chosen: variables to set in addition to ours.

    Raises:
        subprocess.TimeoutExpired: it took longer.
    """
    import subprocess

    return subprocess.run(
        python(module, *words),
        env=environment(**chosen),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        timeout=seconds,
        check=False,
    )


def run_alone(module: str, *words: str, seconds: float | None = None, **chosen: str) -> Ended:
    """Run a Python module to its end; whatever it started ends with it. Arguments as for ``run``.

    Raises:
        subprocess.TimeoutExpired: it took longer.
    """
    import signal
    import subprocess
    import tempfile
    from contextlib import suppress

    with tempfile.TemporaryFile() as said:  # a pipe stays open in what it starts
        process = subprocess.Popen(
            python(module, *words),
            env=environment(**chosen),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=said,
            start_new_session=True,
        )
        try:
            code = process.wait(seconds)
        finally:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        said.seek(max(said.seek(0, os.SEEK_END) - LAST_WORDS, 0))
        text = said.read().decode(errors="replace")
    return subprocess.CompletedProcess(process.args, code, "", text)


def environment(**chosen: str) -> dict[str, str]:
    """This process' environment and where it finds modules, the working folder left out.

    Processes that the new one starts leave it out too.
    """
    settings = {"PYTHONPATH": os.pathsep.join(paths(sys.path)), "PYTHONSAFEPATH": "1"}
    return {**os.environ, **settings, **chosen}


def paths(search_path: list[str]) -> list[str]:
    """Where modules are found, less the working folder; kept if it is where this package lies.

    >>> paths(["", "/nowhere/lib"])
    ['/nowhere/lib']
    """
    try:
        here = os.path.realpath(os.curdir)
    except OSError:  # the working folder was removed: nothing is imported from it
        return [p for p in search_path if os.path.isabs(p)]  # noqa: PTH117  # see the imports
    return [p for p in search_path if p and (os.path.realpath(p) != here or here == OURS)]


def leave_working_folder() -> None:
    """Import nothing more from the working folder in this process, where ``python -m`` put it."""
    sys.path[:] = paths(sys.path)


def with_working_folder() -> None:
    """Let this process import the user's own modules, from the working folder first.

    Call it after Keras is imported: what is loaded already cannot be shadowed.
    """
    sys.path.insert(0, os.path.realpath(os.curdir))
