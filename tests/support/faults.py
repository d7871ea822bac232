"""Things that go wrong in the system: a disk that is full, calls that fail, a process that ends anywhere."""

from __future__ import annotations

import errno
import os
import resource
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from keraudit.errors import KerauditError

CRASHED, REFUSED, BROKEN = 86, 2, 70
# What changes a file, or opens one, by the names of Python's audit events.
STEPS = ("open", "os.rename", "os.remove", "os.chmod", "os.mkdir", "os.listdir", "os.scandir")


class Ended(NamedTuple):
    """How a child ended, and what it said."""

    code: int
    said: str


class Trap:
    """Does something at the n-th step below a folder, in this process; a process has one for good."""

    def __init__(self) -> None:
        self.folder, self.left, self.act = "", 0, lambda: None
        self.steps = 0
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.folder or event not in STEPS:
            return
        if not str(arguments[0]).startswith(self.folder):
            return
        self.steps += 1
        self.left -= 1
        if self.left == 0:
            self.act()

    @contextmanager
    def set(self, folder: Path, at: int, act: Callable[[], None]) -> Iterator[None]:
        """Act at that step of the block; the steps after it go well."""
        self.folder, self.left, self.act, self.steps = str(folder), at, act, 0
        try:
            yield
        finally:
            self.folder = ""


TRAP = Trap()


def fail(number: int = errno.EIO) -> Callable[[], None]:
    """A call that fails."""

    def act() -> None:
        raise OSError(number, os.strerror(number), "a file")

    return act


def crash() -> None:
    """The process ends without another word, as by a signal or when the power fails."""
    os._exit(CRASHED)


def forked() -> int:
    """``os.fork`` without the warning of JAX, whose threads the child does without."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return os.fork()


def in_child(act: Callable[[], object], *, largest: int | None = None) -> Ended:
    """Do something in a fork of this process, whose files may not grow beyond ``largest`` bytes."""
    with tempfile.TemporaryFile() as said:
        if not (child := forked()):
            os._exit(_done(act, said.fileno(), largest))
        _, status = os.waitpid(child, 0)
        said.seek(0)
        return Ended(os.waitstatus_to_exitcode(status), said.read().decode(errors="replace"))


def _done(act: Callable[[], object], out: int, largest: int | None) -> int:
    """The exit code of the child, once what went wrong is written."""
    try:
        if largest is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest, resource.RLIM_INFINITY))
        act()
    except KerauditError as error:
        line = str(error)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        os.write(out, line.encode(errors="replace"))
        return REFUSED
    except BaseException as error:  # noqa: BLE001 - what is no error of ours is a finding
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        os.write(out, f"{type(error).__name__}: {error}".encode(errors="replace"))
        return BROKEN
    return 0
