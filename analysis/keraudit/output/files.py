"""Write a file whole or not at all."""

from __future__ import annotations

import tempfile
from pathlib import Path

from keraudit.errors import KerauditError


def save(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` through a temporary file beside it.

    Raises:
        KerauditError: it cannot be written; what was there before is untouched.
    """
    temporary: Path | None = None
    try:
        if path.is_dir():
            raise IsADirectoryError(21, "it is a folder")
        if path.exists() and not path.is_file():  # /dev/stdout and the like
            path.write_text(text, encoding="utf-8")
            return
        with tempfile.NamedTemporaryFile(
            "w", dir=path.parent, delete=False, encoding="utf-8", prefix=f".{path.name}."
        ) as file:
            temporary = Path(file.name)
            file.write(text)
        temporary.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
        temporary.replace(path)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise KerauditError(
            f"cannot write {path}: {error.strerror or error}; nothing was written"
        ) from None
