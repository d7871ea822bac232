"""Operations in ``.h5`` files of Keras 3: a layer of a user's class by the same name has a group of weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keraudit.errors import ModelError
from keraudit.reading.origin import is_bare_operation
from keraudit.reading.serialised import layer_name, text

HDF5 = b"\x89HDF\r\n\x1a\n"  # how such a file begins


def with_layers_told(record: Mapping[str, Any], path: Path) -> Mapping[str, Any]:
    """The record, in which what looks like an operation and has a group in the file says that it is a layer.

    Keras writes a group for each layer of the model, empty where it has no weights, and none for an
    operation. Of models within the model nothing is told.

    Args:
        record: of the model.
        path: the file that it is from.
    """
    config = record.get("config")
    items = config.get("layers") if isinstance(config, Mapping) else None
    if not isinstance(config, Mapping) or not isinstance(items, list):
        return record
    alike = {layer_name(item) for item in items if _is_alike(item)}
    if not alike or not _is_hdf5(path):
        return record
    from keraudit.reading.hdf5 import h5_shapes

    try:
        places = [place.split("/") for place, _, _ in h5_shapes(path)]
    except ModelError:  # the config is whole: it is counted all the same
        return record
    groups = {parts[1] for parts in places if parts[0] == "model_weights" and len(parts) > 1}
    layers = [
        {**item, "module": "keras.layers"}
        if _is_alike(item) and layer_name(item) in groups
        else item
        for item in items
    ]
    return {**record, "config": {**config, "layers": layers}}


def _is_alike(item: Any) -> bool:
    return isinstance(item, Mapping) and is_bare_operation(text(item.get("class_name")), item)


def _is_hdf5(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(HDF5)) == HDF5
