"""Models that Keras builds in a process of its own: once, and read from the user's cache ever after."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from keraudit.errors import KerauditError, ModelError, ShapeError
from keraudit.model.graph import Architecture, Shape
from keraudit.model.shape_text import shape_text
from keraudit.output.files import replacing
from keraudit.reading.archive import parse
from keraudit.reading.child import run_child
from keraudit.reading.config import architecture

Notify = Callable[[str], None]
Turn = Callable[[], AbstractContextManager[float | None]]


class Listed(NamedTuple):
    """A model that can be named, its size at its default input, and where it comes from."""

    name: str
    input_shape: Shape
    layers: int
    macs: int
    params: int
    origin: str


def at_once() -> AbstractContextManager[float | None]:
    """Whoever builds need not wait, and may take any time."""
    return nullcontext()


# Where several people share a machine it is a place in a queue, and the seconds that a build may take.
TURN: ContextVar[Turn] = ContextVar("turn", default=at_once)


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedBuild:
    """What the live process builds (its ``form``, a name, a shape) and the file that keeps it."""

    form: str
    name: str
    shape: Shape
    source: str
    path: Path


def read_cached(build: CachedBuild, *, notify: Notify) -> Architecture:
    """The architecture of a build: from its file, else built and kept.

    Raises:
        ShapeError: Keras refuses to build it.
        ModelError: building takes too long.
    """
    name, source = build.name, build.source
    if build.path.is_file():
        try:
            data = kept(build.path)
            return architecture(parse(data, build.path), source=source, title=name)
        except (KerauditError, OSError):
            pass  # a damaged cache is built anew
    notify(
        f"building {name} at {shape_text(build.shape)} with Keras, once; kept in {build.path.parent}"
    )
    try:
        with TURN.get()() as seconds:
            data = run_live(build.form, name, json.dumps(list(build.shape)), seconds=seconds)
    except TimeoutError:
        raise ModelError(
            f"building {name} took more than {seconds:g} s here: use the command line"
        ) from None
    except ModelError as error:
        raise ShapeError(
            f"Keras does not build {name} at {shape_text(build.shape)}: {error}"
        ) from None
    store(build.path, data)
    return architecture(parse(data, name), source=source, title=name)


def keras_version() -> str:
    """The installed Keras' version, without importing it."""
    spec = find_spec("keras")
    if spec is None or not spec.origin:
        raise ModelError(
            "models by name are built by Keras, which is not installed:"
            " pip install 'keraudit[keras]', or audit a saved .keras file"
        )
    # the folder's name tells it at once; importlib.metadata costs more than the whole audit
    for folder in Path(spec.origin).parent.parent.glob("keras-*.dist-info"):
        return folder.name.removeprefix("keras-").removesuffix(".dist-info")
    from importlib.metadata import version

    return version("keras")


def cache_folder() -> Path:
    """Where built graphs are kept: ``KERAUDIT_CACHE``, else the platform's cache folder."""
    if chosen := os.environ.get("KERAUDIT_CACHE"):
        return Path(chosen)
    from platformdirs import user_cache_path

    return user_cache_path("keraudit", appauthor=False)


def store(path: Path, data: bytes) -> None:
    """Write whole or not at all, after a line that says of what; no error if it cannot be written."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            file.write(_claim(path, data) + data)


def kept(path: Path) -> bytes:
    """What ``store`` wrote to that very file.

    Raises:
        OSError: it cannot be read.
        ModelError: it is something else, or was damaged since.
    """
    line, end, data = path.read_bytes().partition(b"\n")
    if line + end != _claim(path, data):
        raise ModelError(f"{path} is not what was kept there")
    return data


def is_kept(path: Path) -> bool:
    """Whether there is a whole entry of that place."""
    try:
        return bool(kept(path))
    except (OSError, ModelError):
        return False


def _claim(path: Path, data: bytes) -> bytes:
    """The first line of an entry: its place among the others, and a checksum."""
    place = "/".join(path.parts[-2:])
    return json.dumps({"of": place, "crc32": crc32(data)}).encode() + b"\n"


def run_live(*arguments: str, seconds: float | None = None) -> bytes:
    """Run ``keraudit.reading.keras_worker`` in its own process, within so many seconds; its JSON.

    A process of its own keeps Keras' memory, its start-up messages and the user's prints out of ours.
    """
    return run_child("keraudit.reading.keras_worker", *arguments, seconds=seconds)
