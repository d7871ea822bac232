"""Models of the zoo by name: built by Keras once for each state of the zoo's source."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from keraudit.errors import ShapeError
from keraudit.model.graph import Architecture
from keraudit.model.shape_text import shape_text
from keraudit.reading.cache import (
    CachedBuild,
    Listed,
    Notify,
    cache_folder,
    keras_version,
    read_cached,
)
from keraudit.safe_text import file_name
from keraudit.zoo.names import ZooModel

ORIGIN = "zoo"
SOURCE = Path(__file__).parents[1] / "zoo"


@cache
def zoo_models() -> Mapping[str, Listed]:
    """The listed networks of the zoo by name, from the record that ``records.names`` writes."""
    record = json.loads(Path(__file__).with_name("zoo.json").read_text("utf-8"))
    return {
        name: Listed(name=name, **{**row, "input_shape": tuple(row["input_shape"])}, origin=ORIGIN)
        for name, row in record["zoo"].items()
    }


def read_zoo(model: ZooModel, shape: Sequence[int] | None, *, notify: Notify) -> Architecture:
    """The architecture of a model of the zoo at an input shape (without batch).

    Raises:
        ShapeError: the network cannot be built at this size.
        ModelError: Keras is not installed.
    """
    shape = tuple(shape or model.input_shape)
    if len(shape) != 3 or min(shape) < 1:
        raise ShapeError(
            f"{model.name} takes images, given as height, width and channels from 1 up;"
            f" received {','.join(map(str, shape))}: write for example"
            f" {','.join(map(str, model.input_shape))}"
        )
    build = CachedBuild(
        form="zoo",
        name=model.name,
        shape=shape,
        source=f"keraudit zoo: {model.name}, {model.reference} (Keras {keras_version()})",
        path=zoo_path(model, shape),
    )
    return read_cached(build, notify=notify)


def zoo_path(model: ZooModel, shape: Sequence[int], *, source: Path = SOURCE) -> Path:
    """The file that keeps a model's JSON, for the installed Keras and the zoo's source as it is."""
    name = file_name(f"{model.name}-{shape_text(shape)}")
    return cache_folder() / f"keras-{keras_version()}" / f"zoo-{mark(source)}" / f"{name}.json"


def mark(source: Path) -> str:
    """A checksum of the Python files in ``source``: an edit of any of them changes it."""
    total = 0
    for path in sorted(source.glob("*.py")):
        total = zlib.crc32(path.name.encode() + path.read_bytes(), total)
    return f"{total:08x}"
