"""The command line as a user runs it: a process of its own; and snapshots of what it prints."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

OUTPUT = Path(__file__).parent / "cli" / "output"


class Done(NamedTuple):
    code: int
    out: str
    err: str


def run(*arguments: object, cwd: Path | None = None, **environment: str) -> Done:
    """Run ``keraudit`` in a terminal of 80 columns that is no terminal."""
    done = subprocess.run(
        [sys.executable, "-m", "keraudit", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "COLUMNS": "80", **environment},
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
