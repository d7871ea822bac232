"""A file that a visitor sends: read, never executed, and bounded in every direction."""

from __future__ import annotations

import hashlib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from keraudit.errors import KerauditError, ModelError
from keraudit.graph import Architecture
from keraudit.reading.archive import HDF5, read_file
from keraudit.reading.config import architecture

LARGEST_FILE_MIB = 256
MOST_CALLS = 20_000  # layers and calls; the deepest application has about 2,500
LONGEST_NAME = 200  # characters


class Upload(NamedTuple):
    """A model that a visitor sent; ``key`` stands for its content in an address.

    ``data`` are the file's bytes if it holds weights, else none.
    """

    key: str
    name: str
    architecture: Architecture
    data: bytes = b""


def uploaded(name: str, data: bytes) -> Upload:
    """Read the model in a ``.keras`` or ``.json`` file.

    Raises:
        KerauditError: it is none, is damaged, or is too large; one line says why.
    """
    name = shown_name(name)
    if len(data) > LARGEST_FILE_MIB * 2**20:
        raise ModelError(f"{name} is larger than {LARGEST_FILE_MIB} MiB")
    if data.startswith(HDF5):
        raise ModelError(f"{name} is an HDF5 file: save the model as .keras or .json")
    with TemporaryDirectory() as folder:
        path = Path(folder) / ("model.json" if name.lower().endswith(".json") else "model.keras")
        path.write_bytes(data)
        try:
            record = read_file(path)
            found = architecture(record, source=name, most_calls=MOST_CALLS)
        except RecursionError:
            raise ModelError(f"{name}: the config is nested too deep to be a model") from None
        except KerauditError as error:
            raise type(error)(clear(str(error).replace(str(path), name), name)) from None
    longest = max((len(text) for text in (*found.layers, found.name)), default=0)
    if longest > LONGEST_NAME:
        raise ModelError(f"{name}: a name in it has {longest:,} characters; {LONGEST_NAME} at most")
    digest = hashlib.sha256(data).hexdigest()[:16]
    return Upload(f"upload-{digest}", name, found, data if b"model.weights.h5" in data else b"")


def shown_name(name: str) -> str:
    """A file's name as harmless text: its last part, printable, not too long."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in last if c.isprintable())[-80:] or "the file"


def clear(message: str, name: str) -> str:
    """One line that begins with the file's name and is not endless."""
    text = " ".join(message.split())
    text = text if text.startswith(name) else f"{name}: {text}"
    return text if len(text) <= 400 else text[:400] + " ..."
