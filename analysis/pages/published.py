"""The committed records that pages show, read anew when a file changes."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError

from keraudit.errors import KerauditError
from keraudit.training.record import Run, read_run

RESULTS = Path("site/results")
# Not one of mkdocs' own loggers: with --strict, a warning of theirs fails the build.
LOG = logging.getLogger("pages")


def published(path: Path, *schemas: str) -> Mapping[str, Any] | None:
    """A record; ``None`` if it is not there.

    Args:
        path: the file.
        schemas: what it may be.

    Raises:
        PluginError: it is damaged or something else: the build stops.
    """
    if not path.is_file():
        _absent(path)
        return None
    found = _parsed(path.resolve(), path.stat().st_mtime_ns)
    if found.get("schema") not in schemas:
        raise PluginError(f"{path} is not a record of {' or '.join(schemas)}")
    return found


def published_run(path: Path) -> Run | None:
    """The same of the record of a training run."""
    if not path.is_file():
        _absent(path)
        return None
    return _run_at(path.resolve(), path.stat().st_mtime_ns)


@cache
def _absent(path: Path) -> None:
    """Warn, once, that a record is not there; its page says how to make it."""
    LOG.warning("no record %s; its page says how to make it", path.as_posix())


@cache
def _parsed(path: Path, _written: int) -> Mapping[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise PluginError(f"{path} is damaged: {error}") from None
    if not isinstance(found, dict):
        raise PluginError(f"{path} is damaged: it holds no object")
    return found


@cache
def _run_at(path: Path, _written: int) -> Run:
    try:
        return read_run(path)
    except KerauditError as error:
        raise PluginError(str(error)) from None


class MissingRecordError(LookupError):
    """A record is not there; the message is what stands in its place."""


def missing(path: Path, command: str) -> str:
    """What stands in place of a record that is not there: the command that makes it.

    >>> missing(Path("site/results/a.json"), "make a")
    '*The record `site/results/a.json` is not here. To make it:* `make a`'
    """
    return f"*The record `{path.as_posix()}` is not here. To make it:* `{command}`"
