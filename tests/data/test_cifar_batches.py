"""CIFAR-10's pickled batches: what they are written in is read, and nothing that a file asks for is run."""

from __future__ import annotations

import pickle
import random
import re
import struct
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import keraudit
from keraudit.data.cifar_batches import images_and_labels
from keraudit.data.dataset import DataError
from keraudit.data.load import load

COUNT = 4
PIXELS = np.random.default_rng(0).integers(0, 256, (COUNT, 3072)).astype("uint8")
LABELS = [6, 9, 9, 4]
CONTENT = {b"data": PIXELS, b"labels": LABELS, b"batch_label": b"training batch 1 of 5"}


def is_read(data: bytes) -> None:
    images, labels = images_and_labels(data, "data_batch_1")
    assert (images == PIXELS.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)).all()
    assert labels.tolist() == LABELS


def text(value: bytes) -> bytes:
    """Python 2's short string."""
    return b"U" + bytes([len(value)]) + value


def as_python_2(
    dtype: bytes = b"u1", state: bytes = b"K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00t"
) -> bytes:
    """A batch opcode by opcode as Python 2 wrote the published ones, memo and all."""
    array = b"".join(
        [
            b"cnumpy.core.multiarray\n_reconstruct\nq\x05cnumpy\nndarray\nq\x06K\x00\x85U\x01b\x87Rq\x07",
            b"(K\x01K\x04M\x00\x0c\x86",
            b"cnumpy\ndtype\nq\x08" + text(dtype) + b"K\x00K\x01\x87Rq\x09(" + state + b"b\x89",
            b"T" + struct.pack("<I", PIXELS.nbytes) + PIXELS.tobytes() + b"tb",
        ]
    )
    labels = b"]q\x03(" + b"".join(b"K" + bytes([label]) for label in LABELS) + b"e"
    names = b"]q\x0a(" + b"".join(text(b"s_%d.png" % at) for at in range(COUNT)) + b"e"
    pairs = {b"batch_label": text(b"training batch 1 of 5"), b"labels": labels}
    pairs |= {b"data": array, b"filenames": names}
    entries = b"".join(text(key) + value for key, value in pairs.items())
    return b"\x80\x02}q\x01(" + entries + b"u."


def test_the_published_format() -> None:
    assert pickle.loads(as_python_2(), encoding="bytes")[b"labels"] == LABELS
    is_read(as_python_2())


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("labels", [list, np.array, lambda x: np.array(x, ">i4")])
def test_every_protocol(protocol: int, labels: Callable[[Any], Any]) -> None:
    is_read(pickle.dumps(CONTENT | {b"labels": labels(LABELS)}, protocol))
    is_read(pickle.dumps({"data": PIXELS, "labels": labels(LABELS)}, protocol))
    columns = np.asfortranarray(PIXELS)
    is_read(pickle.dumps(CONTENT | {b"data": columns, b"labels": labels(LABELS)}, protocol))


@pytest.mark.parametrize("protocol", range(4))
def test_numpy_1_and_2(protocol: int) -> None:
    """They differ in the name of the module alone, where names are lines of text."""
    made = pickle.dumps(CONTENT, protocol)
    first, second = b"numpy.core.multiarray", b"numpy._core.multiarray"
    assert first in made or second in made
    is_read(made.replace(second, first))
    is_read(made.replace(second, first).replace(first, second))


def test_both_numpys_where_names_are_strings() -> None:
    for module in (b"numpy.core.numeric", b"numpy._core.numeric"):
        name = b"\x8c" + bytes([len(module)]) + module + b"\x8c\x0b_frombuffer\x93"
        buffer = b"\x96" + struct.pack("<Q", PIXELS.nbytes) + PIXELS.tobytes()
        dtype = b"\x8c\x05numpy\x8c\x05dtype\x93\x8c\x02u1\x89\x88\x87R"
        state = b"(K\x03\x8c\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        shape = b"K\x04M\x00\x0c\x86"
        array = name + b"(" + buffer + dtype + state + shape + b"\x8c\x01CtR"
        labels = b"]" + b"".join(b"K" + bytes([label]) + b"a" for label in LABELS)
        is_read(b"\x80\x05}(\x8c\x04data" + array + b"\x8c\x06labels" + labels + b"u.")


class Asks:
    """Something that pickles as a call of ``called``."""

    def __init__(self, called: Any, *arguments: Any, state: Any = None) -> None:
        self.what = (called, arguments) if state is None else (called, arguments, state)

    def __reduce__(self) -> Any:
        return self.what


def pickled(value: Any, protocol: int = 2) -> bytes:
    return pickle.dumps({b"data": value, b"labels": [0]}, protocol)


def reconstruct() -> Any:
    return PIXELS.__reduce__()[0]  # type: ignore[index]


POINTERS = np.array([None] * 3072, object)
FIELDS = np.zeros(3072, [("a", "u1"), ("b", "O")])
DEEP = b"\x80\x02}(U\x04data" + b"K\x00" + b"\x85" * 300_000  # a tuple in a tuple in a tuple ...

HOSTILE = {
    # the reported file: numpy.ndarray(1, "O", bytes)
    "object pointers": b"\x80\x04}(C\x04data\x8c\x05numpy\x8c\x07ndarray\x93K\x01\x85\x8c\x01O"
    b"C\x08AAAAAAAA\x87RC\x06labels]K\x00au.",
    "an array of objects": pickled(POINTERS),
    "a list as an array's state": pickled(
        Asks(reconstruct(), np.ndarray, (0,), b"b", state=(1, (1,), np.dtype("O"), False, [1]))
    ),
    "pointers as bytes": pickled(
        Asks(reconstruct(), np.ndarray, (0,), b"b", state=(1, (1,), np.dtype("O"), False, b"A" * 8))
    ),
    "fields": pickled(FIELDS),
    "a subarray": pickled(np.zeros(1, "(3072,)u1").view("V3072")),
    "times": pickled(PIXELS.view("M8[s]")),
    "text": pickled(PIXELS.view("S8")),
    "an enormous array": pickled(
        Asks(
            reconstruct(),
            *(np.ndarray, (0,), b"b"),
            state=(1, (10**6, 10**6), np.dtype("u1"), False, b""),
        )
    ),
    "numpy.ndarray called": pickled(Asks(np.ndarray, (10**12,), "u1")),
    "negative sizes": pickled(
        Asks(
            reconstruct(),
            *(np.ndarray, (0,), b"b"),
            state=(1, (-1, -3072), np.dtype("u1"), False, b"0" * 3072),
        )
    ),
    "a subclass": pickled(PIXELS.view(np.recarray)),
    "a masked array": pickled(np.ma.masked_array(PIXELS)),
    "a number of numpy's": pickle.dumps({b"data": PIXELS, b"labels": [np.int64(3)]}),
    "numbers that are none": pickle.dumps({b"data": PIXELS, b"labels": [True, None, "1", 2.0]}),
    "numbers below nothing": pickle.dumps({b"data": PIXELS, b"labels": [-1]}),
    "long numbers": pickle.dumps({b"data": PIXELS, b"labels": [2**80]}),
    "a codec that unpacks": pickled(Asks(__import__("_codecs").encode, "x" * 40, "zip")),
    "another function": pickled(Asks(print, "called")),
    "an attribute": b"\x80\x04}(C\x04data\x8c\x05numpy\x8c\x0fdtype.__class__\x93U\x06labels]u.",
    "a class": pickled(np.float32),
    "a state for a function": b"\x80\x02}(U\x04datacnumpy\nndarray\n}U\x01xK\x01sbU\x06labels]u.",
    "a state twice": as_python_2(
        state=b"K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb(N"
    ),
    "a dtype of objects": as_python_2(b"O8"),
    "a dtype by name": as_python_2(b"object"),
    "a dtype's state with fields": as_python_2(
        state=b"K\x03U\x01|N(U\x01atU\x01aN\x86}J\xff\xff\xff\xffJ\xff\xff\xff\xffK\x3ft"
    ),
    "a dtype's order": as_python_2(state=b"K\x03U\x01ONNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00t"),
    "a dtype's flags": as_python_2(state=b"K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x3ft"),
    "a dtype's version": as_python_2(state=b"N"),
    "INST": b"(S'1'\nios\nsystem\n.",
    "OBJ": b"(cos\nsystem\nU\x01xo.",
    "NEWOBJ": b"\x80\x02cnumpy\nndarray\nK\x01\x85\x81.",
    "NEWOBJ_EX": b"\x80\x04\x8c\x05numpy\x8c\x07ndarray\x93)}\x92.",
    "a persistent id": b"\x80\x02U\x01xQ.",
    "a persistent id, protocol 0": b"Px\n.",
    "an extension": b"\x80\x02\x82\x01.",
    "a buffer from elsewhere": b"\x80\x05\x97.",
    "no end": as_python_2()[:-1],
    "nothing": b"",
    "a text": b"\x80\x02U\x01x.",
    "a list": pickle.dumps([1]),
    "no labels": pickle.dumps({b"data": PIXELS}),
    "images of another size": pickle.dumps({b"data": PIXELS[:, :100], b"labels": LABELS}),
    "images of larger numbers": pickle.dumps({b"data": PIXELS.astype("u2"), b"labels": LABELS}),
    "an empty stack": b"\x80\x02\x87.",
    "a memo of nothing": b"\x80\x02h\x07.",
    "a far place in the memo": b"\x80\x02Nr\xff\xff\xff\xff.",
    "a long string": b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"x.",
    "a longer string": b"\x80\x04\x8e" + struct.pack("<Q", 2**64 - 1) + b"x.",
    "a long frame": b"\x80\x04\x95" + struct.pack("<Q", 2**62) + b"N.",
    "a deep value": DEEP + b"U\x06labels]u.",
    "a deep key": DEEP + b"K\x00su.",
    "a list in itself": b"\x80\x02}(U\x04data]q\x01h\x01aU\x06labelsh\x01u.",
    "a key that is a list": b"\x80\x02}(]K\x00u.",
    "a key that is a long text": b"\x80\x02}(X" + struct.pack("<I", 5000) + b"k" * 5000 + b"Nu.",
    "half an entry": b"\x80\x02}(U\x04datau.",
    "many steps": b"\x80\x02" + b"N" * (2**20 + 10) + b".",
    "digits without end": b"I" + b"9" * 10_000 + b"\n.",
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_what_no_batch_holds_is_refused_in_one_line(data: bytes) -> None:
    with pytest.raises(
        DataError, match=r"^data_batch_1 is damaged or no batch of CIFAR-10 \("
    ) as e:
        images_and_labels(data, "data_batch_1")
    assert len(str(e.value)) < 250
    assert str(e.value).isprintable()


def test_bytes_that_are_asked_for_again_and_again_are_made_once() -> None:
    """A million calls on one long text would else fill the memory."""
    long = b"X" + struct.pack("<I", 2**20) + b"a" * 2**20
    arguments = long + b"X\x06\x00\x00\x00latin1\x86q\x01"
    call = b"c_codecs\nencode\nh\x01R"
    data = b"\x80\x02]" + arguments + b"a(" + call * 100_000 + b"e."
    with pytest.raises(DataError, match="it holds no dictionary"):
        images_and_labels(data, "data_batch_1")


@pytest.mark.parametrize(
    "start", [as_python_2(), *(pickle.dumps(CONTENT, p) for p in (0, 2, 4, 5))]
)
def test_damage_gives_data_or_one_line(start: bytes) -> None:
    """Bytes changed, taken out, and put in, seeded; most of them where the opcodes are."""
    rng = random.Random(20)
    pixels = PIXELS.tobytes()[:64]
    at = start.find(pixels)
    opcodes = [*range(max(at, 1)), *range(len(start) - 120, len(start))]
    for _ in range(600):
        damaged = bytearray(start)
        for _ in range(rng.choice([1, 1, 2, 5])):
            place = min(rng.choice(opcodes), len(damaged) - 1)
            what = rng.randrange(4)
            if what == 0:
                damaged[place] = rng.randrange(256)
            elif what == 1:
                del damaged[place : place + rng.randrange(1, 5)]
            elif what == 2:
                damaged[place:place] = rng.choice(
                    [b".", b"R", b"b", b"(", b"t", b"N", b"\x85", b"q\x01"]
                )
            else:
                damaged[place] ^= 1 << rng.randrange(8)
        with suppress(DataError):
            images, labels = images_and_labels(bytes(damaged), "data_batch_1")
            assert images.dtype == np.uint8
            assert images.shape[1:] == (32, 32, 3)
            assert labels.dtype == np.int64


def test_a_folder_of_the_reported_file(tmp_path: Path) -> None:
    home = tmp_path / "cifar-10-batches-py"
    home.mkdir()
    for name in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"):
        (home / name).write_bytes(HOSTILE["object pointers"])
    with pytest.raises(
        DataError, match=r"data_batch_1 is damaged.*it calls what is not a function"
    ):
        load(str(tmp_path))


def test_a_batch_that_is_too_large(tmp_path: Path) -> None:
    home = tmp_path / "cifar-10-batches-py"
    home.mkdir()
    with (home / "data_batch_1").open("wb") as file:
        file.truncate(2**31)
    with pytest.raises(DataError, match="data_batch_1 is too large for a batch of CIFAR-10"):
        load(str(tmp_path))


@pytest.mark.parametrize("name", ["x_train", "y_train", "classes"])
def test_objects_in_an_npz_file_are_refused_in_one_line(tmp_path: Path, name: str) -> None:
    """numpy keeps them as a pickle, which is never read."""

    class Evil:
        def __reduce__(self) -> Any:
            return (tmp_path / "owned").touch, ()

    arrays = {"x_train": PIXELS, "y_train": LABELS, "x_test": PIXELS, "y_test": LABELS}
    path = tmp_path / "small.npz"
    np.savez(path, **{**arrays, name: np.array([Evil()], object)})
    with pytest.raises(DataError, match=r"small\.npz cannot be read as an \.npz file") as caught:
        load(str(path))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "owned").exists()


def test_an_npz_file_s_header_of_a_size_beyond_all_memory(tmp_path: Path) -> None:
    path = tmp_path / "small.npz"
    header = {"descr": "|u1", "fortran_order": False, "shape": (10**15,)}
    with zipfile.ZipFile(path, "w") as archive, archive.open("x_train.npy", "w") as file:
        np.lib.format.write_array_header_1_0(file, header)
    with pytest.raises(DataError, match=r"small\.npz cannot be read as an \.npz file"):
        load(str(path))


def test_every_file_of_arrays_is_read_without_pickles() -> None:
    """Wherever numpy loads a file, it is told so."""
    home = Path(keraudit.__file__).parent
    calls = [
        call
        for path in home.rglob("*.py")
        for call in re.findall(r"np\.load\([^\n]*", path.read_text("utf-8"))
    ]
    assert calls
    assert [call for call in calls if "allow_pickle=False" not in call] == []
