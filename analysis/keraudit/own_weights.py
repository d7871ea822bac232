"""A live model with the weights of its file: of the file only a checked config and arrays are read."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keraudit.building import REFUSALS, first_line, only
from keraudit.errors import KerauditError, ModelError
from keraudit.permitted import Config
from keraudit.permitted_names import LAYER
from keraudit.reading.archive import read_file
from keraudit.reading.serialised import sequential_input

MEMBER = "model.weights.h5"  # of a .keras file
ENDINGS = (".keras", ".h5", ".hdf5")


def weighty(model: Any, custom_objects: Mapping[str, Any]) -> Any:
    """The live model that holds the weights: itself, or restored from its file.

    Args:
        model: a live model, or a file.
        custom_objects: the user's own classes and functions by name.

    Raises:
        KerauditError: it has none, something in its config is not built from a file, or the weights
            do not fit.
    """
    if not isinstance(model, str | os.PathLike):
        return model
    path = Path(model)
    if path.suffix.lower() not in ENDINGS:
        raise KerauditError(
            f"own weights are those of a live keras.Model, or of a .keras or .h5 file; received {model}"
        )
    made = restored(read_file(path), custom_objects)
    try:
        load(path, made)
    except (*REFUSALS, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        reason = " ".join(str(error).split())[:200]
        raise KerauditError(f"Keras cannot load the weights of {path}: {reason}") from None
    return made


def restored(record: Mapping[str, Any], custom_objects: Mapping[str, Any]) -> Any:
    """The model that a record describes, models within models kept, with initial weights.

    Raises:
        ModelError: something in it is not built from a file, or is no model.
    """
    import keras

    kind = str(record.get("class_name"))
    checked = Config("", kind, custom_objects).value(record, LAYER, "model")
    try:
        with only(custom_objects):
            made = keras.saving.deserialize_keras_object(checked, safe_mode=True)
            if isinstance(made, keras.Sequential) and not made.built:
                made.build(sequential_input(record))
    except REFUSALS as error:
        raise ModelError(f"the model ({kind}) cannot be built: {first_line(error)}") from None
    if not isinstance(made, keras.Model):
        raise ModelError(f"the file describes a {type(made).__name__}, not a model")
    return made


def load(path: Path, model: Any) -> None:
    """Give a model the arrays in a ``.keras`` or ``.h5`` file, in Keras' own order."""
    import shutil
    from tempfile import TemporaryDirectory

    if not zipfile.is_zipfile(path):
        check_arrays(path)
        model.load_weights(path)
        return
    with TemporaryDirectory(prefix="keraudit-") as folder:
        out = Path(folder) / MEMBER
        with zipfile.ZipFile(path) as archive:
            if MEMBER not in archive.namelist():
                raise ValueError(f"the file holds no {MEMBER}")
            with archive.open(MEMBER) as member, out.open("wb") as file:
                shutil.copyfileobj(member, file)
        check_arrays(out)
        model.load_weights(out)


def check_arrays(path: Path) -> None:
    """See that an HDF5 file holds its arrays itself: HDF5 can lead a reader to any other file.

    Raises:
        ValueError: something in it is kept elsewhere.
    """
    import h5py

    seen: set[Any] = set()
    with h5py.File(path, "r") as file:
        waiting: list[Any] = [file]
        while waiting:
            group = waiting.pop()
            for name in group:
                if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                    raise ValueError(f"{name[:60]!r} is a link, where an array belongs")
                item = group[name]
                if isinstance(item, h5py.Dataset):
                    if item.external or item.is_virtual:
                        raise ValueError(f"the numbers of {name[:60]!r} are kept in another file")
                elif isinstance(item, h5py.Group):
                    place = h5py.h5o.get_info(item.id).addr
                    if place not in seen:
                        seen.add(place)
                        waiting.append(item)
