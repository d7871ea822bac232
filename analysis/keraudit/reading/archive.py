"""Model files to plain data: ``.keras`` archives, ``.json`` files and ``.h5`` files with a config.

Nothing is executed and nothing is extracted to disk; what is read is bounded before it is read, and
``.h5`` files are read by a process of its own.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from keraudit.errors import ModelError
from keraudit.model.fuzzy import near
from keraudit.output.numbers import mebibytes
from keraudit.reading.foreign import SAVE, conflict_line, other_archive, other_format, other_json
from keraudit.reading.hdf5 import h5_config
from keraudit.reading.keras_1 import as_keras_2
from keraudit.reading.tfjs import MANIFEST, unwrapped
from keraudit.safe_text import harmless

LARGEST_CONFIG = 32 * 2**20  # bytes; a 10,000-layer network needs about 8 MiB
MOST_VALUES = 1_000_000  # of a config's lists and objects; a layer has about 60
LONGEST_TEXT = 2**20  # bytes of one text in a config; the code of a lambda has some thousand
START = 512  # bytes by which a format is known
LARGEST_INDEX = 4 * 2**20  # bytes of a zip's central directory; a .keras file has a few hundred
STREAM = "standard input"  # as a source
ZIP, HDF5 = b"PK", b"\x89HDF\r\n\x1a\n"


def read_file(path: Path) -> Mapping[str, Any]:
    """The model record in a file.

    Raises:
        ModelError: the file is missing, is no model file, or is damaged or oversized.
    """
    start = _first_bytes(path)
    if not start:
        raise ModelError(f"{path} is empty: copy it again, or save the model again")
    if start.startswith(HDF5):
        return parse(h5_config(path), path)
    if start.startswith(ZIP):
        return parse(read_archive(path), path)
    if what := other_format(path.name, start):
        raise ModelError(f"{path} {what}")
    if path.suffix == ".keras":
        raise ModelError(f"{path} is not a .keras file: it is no zip archive; save it again")
    if start.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"{", b'"', b"["):
        raise ModelError(
            f"{path} is no model file: expected a .keras archive, the JSON of Model.to_json(),"
            " or an .h5 file with a config"
        )
    size = path.stat().st_size
    if size > LARGEST_CONFIG:
        refuse(path, size)
    return parse(path.read_bytes(), path)


def read_stream(stream: BinaryIO) -> Mapping[str, Any]:
    """The model record in JSON on standard input.

    Raises:
        ModelError: it is empty, too large, or holds no model in JSON.
    """
    data = stream.read(LARGEST_CONFIG + 1)
    if not data.strip():
        raise ModelError(f"{STREAM} is empty: expected the JSON of Model.to_json()")
    if len(data) > LARGEST_CONFIG:
        refuse(STREAM, len(data))
    if data.startswith((ZIP, HDF5)):
        raise ModelError(f"{STREAM} holds a model file; only JSON is read from it: name the file")
    return parse(data, STREAM)


def _first_bytes(path: Path) -> bytes:
    try:
        if not stat.S_ISREG(mode := path.stat().st_mode) and not stat.S_ISDIR(mode):
            raise ModelError(f"{path} is no regular file: save the model to one and name that")
        with path.open("rb") as file:
            return file.read(START)
    except FileNotFoundError:
        raise ModelError(f"{path} does not exist{_similar(path)}") from None
    except IsADirectoryError:
        raise ModelError(f"{path} {_folder(path)}") from None
    except (OSError, ValueError) as error:  # a name with a NUL is a ValueError
        raise ModelError(
            f"{path!s:.200} cannot be read: {getattr(error, 'strerror', None) or error}"
        ) from None


def _similar(path: Path) -> str:
    """The files beside it that are spelt like it, as a suggestion."""
    try:
        names = [other.name for other in path.parent.iterdir()]
    except OSError:
        return ""
    guess = near(path.name, [name for name in names if name.endswith((".keras", ".json", ".h5"))])
    return f": {guess.strip()}" if guess else ""


def _folder(path: Path) -> str:
    """What a folder that was passed as a model is, and what to do."""
    if (path / "saved_model.pb").exists():
        return f"is a SavedModel, a folder that holds operations, not Keras layers: {SAVE}"
    return "is a folder: expected a file; name the .keras, .json or .h5 file in it"


def read_archive(path: Path) -> bytes:
    """``config.json`` of a ``.keras`` archive."""
    import zipfile
    import zlib

    check_index(path)
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if "config.json" not in names:
                raise ModelError(f"{path} {other_archive(names)}")
            info = archive.getinfo("config.json")
            if info.file_size > LARGEST_CONFIG:
                refuse(f"config.json in {path}", info.file_size)
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                # other methods are unpacked whole, whatever length is asked for
                raise ModelError(
                    f"config.json in {path} is packed by method {info.compress_type}, which no"
                    " .keras file uses: expected it stored or deflated"
                )
            with archive.open(info) as member:
                data = member.read(LARGEST_CONFIG + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise ModelError(f"{path} is damaged or cut short ({error}); save it again") from None
    except (RuntimeError, NotImplementedError, OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read: {error}") from None
    if len(data) > LARGEST_CONFIG:
        refuse(f"config.json in {path}", len(data))
    return data


def check_index(path: Path) -> None:
    """Refuse a zip whose list of members alone would fill the memory.

    The end-of-directory record (APPNOTE 4.3.16) states the list's size at byte 12; a file over
    4 GiB states it in the zip64 record (4.3.14) at byte 40.
    """
    with path.open("rb") as file:
        length = file.seek(0, os.SEEK_END)
        file.seek(max(0, length - 65_557))
        tail = file.read()
        at = tail.rfind(b"PK\x05\x06")
        if at < 0:
            return  # no zip after all: zipfile will say so
        size = int.from_bytes(tail[at + 12 : at + 16], "little")
        wide = tail.rfind(b"PK\x06\x06", 0, at)
        if wide >= 0:  # zipfile takes it whenever it is there
            size = max(size, int.from_bytes(tail[wide + 40 : wide + 48], "little"))
    if size > LARGEST_INDEX:
        refuse(f"the list of members in {path}", size, LARGEST_INDEX)


def parse(data: bytes | str, where: Path | str) -> Mapping[str, Any]:
    """JSON to a model record, in the notation of Keras 2 or 3.

    A string of JSON inside JSON is unwrapped, as ``json.dump(to_json())`` writes, a file of TensorFlow.js
    too; the list of its weights is then kept in the record. Keras 1's names are replaced by later ones.

    Raises:
        ModelError: it is no JSON, or describes no model; one line says what it is.
    """
    try:
        return _record(_loaded(data))
    except RecursionError:
        raise ModelError(f"{where}: the JSON is nested too deep to be a model") from None
    except MemoryError:
        raise ModelError(f"{where}: the JSON does not fit in memory") from None
    except ModelError as error:
        raise ModelError(f"{where}: {error}") from None
    except ValueError as error:  # also broken UTF-8 and numbers of thousands of digits
        if line := conflict_line(data):
            raise ModelError(
                f"{where} holds git's conflict markers (line {line}): resolve the conflict first"
            ) from None
        raise ModelError(f"{where}: the config is no valid JSON ({error})") from None


def _record(whole: Any) -> Mapping[str, Any]:
    """The model's record in JSON that was read."""
    record = _loaded(unwrapped(whole)) if isinstance(whole, dict) else whole
    if not isinstance(record, dict) or "class_name" not in record:
        if what := other_json(record):
            raise ModelError(f"the JSON holds {what}: {SAVE}")
        raise ModelError(
            "the JSON is no Keras model config, it has no 'class_name'; write it with Model.to_json()"
        )
    if MANIFEST in whole:
        record = {**record, MANIFEST: whole[MANIFEST]}
    return as_keras_2(record)


def _loaded(data: Any) -> Any:
    """JSON read, and JSON inside it; data that was read before as it is.

    Python's own ``Infinity``, ``-Infinity`` and ``NaN`` are read too, for Keras writes them: it pads by
    minus infinity before max pooling. Where a size belongs they are refused as any fraction is.
    """
    for _ in range(2):
        if isinstance(data, bytes | str):
            _check_values(data)
            long = len(data) > LONGEST_TEXT
            data = json.loads(data)
            if long:
                _check_texts(data)
    return data


def _check_texts(value: Any) -> None:
    """Refuse a text that would be repeated, escaped, in every message and table about its layer.

    The whole may be a text: JSON in JSON, which is read next.
    """
    waiting = [value] if not isinstance(value, str) else []
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            if len(item) > LONGEST_TEXT:
                raise ModelError(
                    f"the JSON holds a text of {len(item):,} characters ({harmless(item[:20])!r}"
                    f" ...); {LONGEST_TEXT:,} at most"
                )
        elif isinstance(item, dict):
            waiting += item.keys()
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item


def _check_values(text: bytes | str) -> None:
    """Refuse JSON whose values would fill the memory; an empty list of two bytes takes 64 there.

    What opens a list or an object and what divides its values is counted, in texts too.
    """
    marks: Any = ("{", "[", ",") if isinstance(text, str) else (b"{", b"[", b",")
    if (count := sum(map(text.count, marks))) > MOST_VALUES:
        raise ModelError(
            f"the JSON holds {count:,} values; more than {MOST_VALUES:,} are refused, for no model's"
            " description has as many"
        )


def refuse(what: Path | str, size: int, limit: int = LARGEST_CONFIG) -> NoReturn:
    raise ModelError(
        f"{what} takes {mebibytes(size)}; more than {mebibytes(limit)} is refused, for no"
        " model's description is that long"
    )
