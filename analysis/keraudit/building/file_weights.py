"""A live model with the weights of its file: of the file only a checked config and arrays are read.

Keras itself never opens the file: it reads the arrays from a copy that holds nothing else.
"""

from __future__ import annotations

import math
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keraudit.building.allow_list import LAYER
from keraudit.building.check import Config
from keraudit.building.keras_model import first_line, only
from keraudit.errors import KerauditError, ModelError
from keraudit.output.numbers import mebibytes
from keraudit.reading.archive import check_index, read_file
from keraudit.reading.hdf5_copy import copy_arrays
from keraudit.reading.serialised import sequential_input

MEMBER = "model.weights.h5"  # of a .keras file
ENDINGS = (".keras", ".h5", ".hdf5")
PACKED = 2**30  # bytes, unpacked, of weights that are compressed, as Keras does not
SMALL = 4096  # elements that any array may have; metrics keep some beside the weights


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
    except Exception as error:  # Keras' own, its backend's, or HDF5's: anything
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise KerauditError(f"Keras cannot load the weights of {path}: {reason}") from None
    return made


def restored(record: Mapping[str, Any], custom_objects: Mapping[str, Any]) -> Any:
    """The model that a record describes, models within models kept, with initial weights.

    Raises:
        ModelError: something in it is not built from a file, or it is not a model.
    """
    import keras

    kind = str(record.get("class_name"))
    checked = Config("", kind, custom_objects).value(record, LAYER, "model")
    try:
        with only(custom_objects):
            made = keras.saving.deserialize_keras_object(checked, safe_mode=True)
            if isinstance(made, keras.Sequential) and not made.built:
                made.build(sequential_input(record))
    except Exception as error:  # the same
        raise ModelError(f"the model ({kind}) cannot be built: {first_line(error)}") from None
    if not isinstance(made, keras.Model):
        raise ModelError(f"the file describes a {type(made).__name__}, not a model")
    return made


def load(path: Path, model: Any) -> None:
    """Give a model the arrays in a ``.keras`` or ``.h5`` file, in Keras' own order."""
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(prefix="keraudit-") as folder:
        sent = path
        made = Path(folder) / f"own{path.suffix.lower()}"
        if zipfile.is_zipfile(path):
            check_index(path)
            sent = _unpacked(path, Path(folder) / MEMBER)
            made = Path(folder) / f"own.{MEMBER}"
        copy_arrays(sent, made, largest=most_elements(model))
        model.load_weights(made)


def _unpacked(path: Path, to: Path) -> Path:
    """Write the weights in a ``.keras`` file to a file of their own, and return it.

    Raises:
        ValueError: there are none, or they would take more room than any that Keras saves.
    """
    import shutil

    with zipfile.ZipFile(path) as archive:
        if MEMBER not in archive.namelist():
            raise ValueError(f"the file holds no {MEMBER}")
        info = archive.getinfo(MEMBER)
        stored = info.compress_type == zipfile.ZIP_STORED
        if not stored and info.compress_type != zipfile.ZIP_DEFLATED:
            raise ValueError(
                "its weights use an unsupported zip compression: save the model again with Model.save"
            )
        if info.file_size > (path.stat().st_size if stored else PACKED):
            raise ValueError(
                f"its weights would take {mebibytes(info.file_size)} unpacked: save them again"
                " with Keras, which does not compress them"
            )
        with archive.open(info) as member, to.open("wb") as file:
            shutil.copyfileobj(member, file)
    return to


def most_elements(model: Any) -> int:
    """The elements that an array in a model's file may have: those of its largest variable."""
    return max([SMALL, *(int(math.prod(variable.shape)) for variable in model.variables)])
