"""Saved files with changed bytes: an answer or a line, whatever the HDF5 library does with them."""

from __future__ import annotations

import contextlib
import io
import random
import zipfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from hdf5_flips import WAYS, codes_of, flipped
from keraudit.errors import KerauditError, ModelError
from keraudit.reading.archive import parse
from keraudit.reading.config import architecture
from keraudit.reading.hdf5_copy import copy_arrays

keras = pytest.importorskip("keras")
h5py = pytest.importorskip("h5py")


@cache
def saved() -> Mapping[str, bytes]:
    """Files with weights as Keras saves them: a whole model in HDF5, and the weights of a .keras file."""
    start = keras.Input((8, 8, 3))
    inner = keras.Sequential([keras.Input((6, 6, 4)), keras.layers.BatchNormalization()])
    y = inner(keras.layers.Conv2D(4, 3, activation="relu")(start))
    y = keras.layers.Dense(5)(keras.layers.GlobalAveragePooling2D()(y))
    model = keras.Model(start, y)
    with TemporaryDirectory() as folder:
        whole, packed = Path(folder) / "m.h5", Path(folder) / "m.keras"
        model.save(whole)
        model.save(packed)
        with zipfile.ZipFile(packed) as file:
            return {"h5": whole.read_bytes(), "weights": file.read("model.weights.h5")}


def told(kind: str, seed: int, number: int, folder: Path) -> list[int]:
    """The exit codes of flips, each of which was read without a traceback."""
    paths = []
    for index in range(number):
        path = folder / f"{index}.h5"
        path.write_bytes(flipped(saved()[kind], random.Random(seed * 10**6 + index)))
        paths.append(path)
    codes = codes_of(paths)
    assert {code for code in codes if code >= 0} <= {0, 3}
    for path, code in zip(paths, codes[:: len(WAYS)], strict=True):
        with contextlib.suppress(KerauditError):
            if code == 0:
                architecture(parse(Path(f"{path}.config").read_bytes(), path), source=str(path))
    return codes


@pytest.mark.parametrize("kind", ["h5", "weights"])
def test_flipped_bytes_end_in_an_answer_or_a_line(kind: str, tmp_path: Path) -> None:
    codes = told(kind, 4, 40, tmp_path)
    assert codes.count(0) > 20
    assert codes.count(3) > 10


@pytest.mark.exhaustive
@pytest.mark.parametrize("seed", range(5, 10))
@pytest.mark.parametrize("kind", ["h5", "weights"])
def test_many_flipped_bytes_end_so_too(kind: str, seed: int, tmp_path: Path) -> None:
    told(kind, seed, 200, tmp_path)


def test_the_copy_holds_what_keras_reads(tmp_path: Path) -> None:
    (path := tmp_path / "w.h5").write_bytes(saved()["weights"])
    copy_arrays(path, tmp_path / "copy.h5", largest=10**6)
    found = []
    for name in (path, tmp_path / "copy.h5"):
        with h5py.File(name) as file:
            arrays: dict[str, bytes] = {}
            file.visititems(
                lambda place, item, arrays=arrays: (
                    arrays.update({place: item[()].tobytes()}) if hasattr(item, "dtype") else None
                )
            )
            found.append(arrays)
    assert found[0]
    assert found[0] == found[1]


def test_arrays_that_a_plug_in_packed_are_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file.create_dataset("x", (4,), "i4", chunks=(4,), scaleoffset=2)
    with pytest.raises(ModelError, match="'x' are packed by a filter that Keras never uses"):
        copy_arrays(tmp_path / "w.h5", tmp_path / "copy.h5", largest=10)


def test_a_file_that_is_no_hdf5_gets_a_line(tmp_path: Path) -> None:
    (path := tmp_path / "w.h5").write_bytes(io.BytesIO(b"x" * 99).getvalue())
    with pytest.raises(ModelError) as caught:
        copy_arrays(path, tmp_path / "copy.h5", largest=10)
    assert "\n" not in str(caught.value)
