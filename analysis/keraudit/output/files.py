"""Write a file whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from keraudit.errors import KerauditError

LONGEST = 50  # characters of a name that a temporary one repeats; file systems take 255 bytes


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A temporary file beside ``path``, which takes its place once the block has written all of it.

    Raises:
        OSError: it cannot be written; what was there before is untouched, as it is by any other error.
    """
    temporary = path.with_name(f".{path.name[:LONGEST]}.{os.urandom(4).hex()}")
    file = temporary.open("xb")  # whoever may read it is the umask's matter, as for any new file
    try:
        with file:
            yield file
        if path.exists():
            temporary.chmod(path.stat().st_mode & 0o777)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def save(path: Path, text: str) -> None:
    """Write ``text`` to ``path``; to a device as it is, to a file by ``replacing`` it.

    Raises:
        KerauditError: it cannot be written; what was there before is untouched.
    """
    try:
        if path.is_dir():
            raise IsADirectoryError(21, "it is a folder")
        if path.exists() and not path.is_file():  # /dev/stdout and the like
            path.write_text(text, encoding="utf-8")
            return
        with replacing(path) as file:
            file.write(text.encode())
    except OSError as error:
        raise KerauditError(
            f"cannot write {path}: {error.strerror or error}; nothing was written"
        ) from None
