"""The command line as a user runs it, in this process or in one of its own; snapshots of its output."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from unittest import mock

from keraudit.cli import main

OUTPUT = Path(__file__).parents[1] / "cli" / "output"
TERMINAL = {"COLUMNS": "80"}


class Done(NamedTuple):
    code: int
    out: str
    err: str


def run(*arguments: object, cwd: Path | None = None, **environment: str) -> Done:
    """Run ``keraudit`` in this process, in a terminal of 80 columns that is no terminal."""
    words = [str(argument) for argument in arguments]
    out, err = stream(), stream()
    with (
        mock.patch.dict(os.environ, {**TERMINAL, **environment}),
        mock.patch.object(sys, "argv", ["keraudit", *words]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        working_in(cwd),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("default")
        code = main.run(words)
    return Done(code, text(out), text(err))


def stream() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)


def text(written: io.TextIOWrapper) -> str:
    assert isinstance(written.buffer, io.BytesIO)
    return written.buffer.getvalue().decode()


@contextlib.contextmanager
def working_in(folder: Path | None) -> Iterator[None]:
    before = Path.cwd()
    if folder is not None:
        os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def process(*arguments: object, cwd: Path | None = None, **environment: str) -> Done:
    """The same in a process of its own: for what one process cannot take back, or cannot show."""
    done = subprocess.run(
        [sys.executable, "-m", "keraudit", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, **TERMINAL, **environment},
        timeout=300,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def snapshot(name: str, text: str) -> None:
    """Compare with the file of that name; ``KERAUDIT_SNAPSHOTS=1`` writes it anew."""
    path = OUTPUT / name
    if os.environ.get("KERAUDIT_SNAPSHOTS"):
        path.write_text(text)
    assert text == path.read_text()
