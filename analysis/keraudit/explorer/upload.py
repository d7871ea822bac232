"""A file that a visitor sends: read, never executed, and bounded in every direction."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from keraudit.errors import KerauditError, ModelError
from keraudit.model.graph import Architecture
from keraudit.reading.archive import HDF5, ZIP, parse, read_archive, read_file, refuse
from keraudit.reading.config import architecture
from keraudit.reading.hdf5 import h5_config
from keraudit.reading.resolve import silent, with_weights

LARGEST_FILE_MIB = 256
LARGEST_CONFIG = 4 * 2**20  # bytes; the largest application's has about 1 MiB
MOST_CALLS = 20_000  # layers and calls; the deepest application has about 2,500
LONGEST_NAME = 200  # characters
LARGEST_IMAGE_MIB = 16
MOST_PIXELS = 50_000_000  # of a picture
MOST_UPLOADS = 8  # files that one session keeps, the weights of the last alone
MOST_WEIGHTS = 2**30  # bytes of files with weights that pages keep, of all sessions together
# Bytes that Streamlit holds between the last one of a file and the run of the page that reads it.
MOST_OF_SESSION = LARGEST_FILE_MIB * 2**20
MOST_OF_ALL = 4 * MOST_OF_SESSION


class Upload(NamedTuple):
    """A model that a visitor sent; ``key`` stands for its content in an address, and as its source.

    The name is this visitor's: what is made of the content, and shared, does not hold it.

    ``data`` are the file's bytes if it holds weights, else none.
    """

    key: str
    name: str
    architecture: Architecture
    data: bytes = b""


def uploaded(name: str, data: bytes) -> Upload:
    """Read the model in a ``.keras``, ``.h5`` or ``.json`` file.

    Raises:
        KerauditError: it is none, is damaged, or is too large; one line says why.
    """
    name = shown_name(name)
    if len(data) > LARGEST_FILE_MIB * 2**20:
        raise ModelError(f"{name} is larger than {LARGEST_FILE_MIB} MiB")
    key = f"upload-{hashlib.sha256(data).hexdigest()[:16]}"
    with TemporaryDirectory() as folder:
        endings = (e for e in (".json", ".h5") if name.lower().endswith(e))
        path = Path(folder) / f"model{next(endings, '.keras')}"
        path.write_bytes(data)
        try:
            record = _record_in(path, data)
            found = architecture(record, source=key, most_calls=MOST_CALLS)
            found = with_weights(found, record, path, silent)
        except RecursionError:
            raise ModelError(f"{name}: the config is nested too deep to be a model") from None
        except KerauditError as error:
            raise type(error)(_clear(str(error).replace(str(path), name), name)) from None
    longest = max((len(text) for text in (*found.layers, found.name)), default=0)
    if longest > LONGEST_NAME:
        raise ModelError(f"{name}: a name in it has {longest:,} characters; {LONGEST_NAME} at most")
    is_archive = data.startswith(ZIP) and b"model.weights.h5" in data
    return Upload(key, name, found, data if is_archive else b"")


def _record_in(path: Path, data: bytes) -> Mapping[str, Any]:
    """The model's record in a file, if that is no longer than a page takes."""
    if data.startswith(HDF5):
        config: bytes | str = h5_config(path)
    elif data.startswith(ZIP):
        config = read_archive(path)
    elif len(data) <= LARGEST_CONFIG:
        return read_file(path)
    else:
        config = data
    if len(config) > LARGEST_CONFIG:
        refuse(f"the config in {path}", len(config), LARGEST_CONFIG)
    return parse(config, path)


def shown_name(name: str) -> str:
    """A file's name as harmless text: its last part, printable, not too long."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in last if c.isprintable())[-80:] or "the file"


def _clear(message: str, name: str) -> str:
    """One line that begins with the file's name and is not endless."""
    text = " ".join(message.split())
    text = text if text.startswith(name) else f"{name}: {text}"
    return text if len(text) <= 400 else text[:400] + " ..."
