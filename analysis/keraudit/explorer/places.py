"""Where files lie on the server: no page says it."""

from __future__ import annotations

import os
import re
from pathlib import Path

# A path from the root, or from a drive: its folders, and the last part, which may be told.
ROOTED = re.compile(r"(?<![\w/.:\\~-])(?:[A-Za-z]:)?(?:[/\\][^\s/\\'\":;,()\[\]]+)+[/\\]?")
FARTHEST = 2  # folders up from the working folder


def without_folders(text: str) -> str:
    """A message without the folders that files lie in on this machine.

    >>> without_folders("no record at '/home/me/runs/a/run.json': layer a/b is 3/4, see https://keras.io/api")
    "no record at 'run.json': layer a/b is 3/4, see https://keras.io/api"
    """
    return ROOTED.sub(lambda match: re.split(r"[/\\]", match[0].rstrip("/\\"))[-1], text)


def typed(path: Path) -> str:
    """A path as one types it in the working folder; its name alone where it lies elsewhere."""
    try:
        relative = os.path.relpath(path)
        share = os.path.commonpath([Path.cwd(), path.absolute()])
    except (OSError, ValueError):  # the working folder is gone, or on another drive
        return path.name
    is_far = Path(relative).parts[: FARTHEST + 1] == ("..",) * (FARTHEST + 1)
    return path.name if is_far or share == Path(share).anchor else relative
