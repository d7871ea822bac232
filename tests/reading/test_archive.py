"""What is no model file is refused in one line, in bounded time and memory."""

from __future__ import annotations

import io
import json
import os
import resource
import zipfile
from pathlib import Path

import pytest

from keraudit.errors import ModelError
from keraudit.reading import archive
from keraudit.reading.resolve import resolve

MODEL = {
    "class_name": "Sequential",
    "config": {
        "name": "s",
        "layers": [
            {"class_name": "InputLayer", "config": {"batch_shape": [None, 4], "name": "i"}},
            {"class_name": "Dense", "config": {"name": "d", "units": 3, "activation": "linear"}},
        ],
    },
}


def keras_file(path: Path, text: str | bytes, name: str = "config.json") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(name, text)
    return path


def test_reads_archive_and_json_alike(tmp_path: Path) -> None:
    text = json.dumps(MODEL)
    saved = keras_file(tmp_path / "m.keras", text)
    (tmp_path / "m.json").write_text(text)
    (tmp_path / "twice.json").write_text(json.dumps(text))  # json.dump(model.to_json(), file)
    layers = [
        dict(resolve(tmp_path / name).layers) for name in (saved.name, "m.json", "twice.json")
    ]
    assert layers[0] == layers[1] == layers[2]


def test_extension_is_not_needed(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    path.write_text(json.dumps(MODEL))
    assert resolve(str(path)).name == "s"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.keras", b"not a zip", "no zip archive"),
        ("a.keras", b"PK\x03\x04 cut short", "damaged or cut short"),
        ("a.json", b"[1, 2, 3]", "a list, not a model"),
        ("a.json", b'{"layers": []}', "no 'class_name'"),
        ("a.json", b'{"class_name": "Sequential", "config"', "no valid JSON"),
        ("a.json", b'{"class_name": NaN}', "'nan' records no graph"),
        ("a.json", b'{"class_name": -Infinity}', "'-inf' records no graph"),
        ("a.json", b'{"class_name": Inf}', "no valid JSON"),
        ("a.json", b'{"a": ' + b"9" * 5000 + b"}", "no valid JSON"),
        ("a.json", b'{"a": "\xff\xfe"}', "no valid JSON"),
        ("a.json", b'{"a":' * 100_000, "nested too deep"),
        ("a.json", b'{"a":' + b"[" * 100_000, "nested too deep"),
        ("a.bin", b"\x00\x01\x02", "no model file"),
    ],
)
def test_what_is_no_model_is_refused(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ModelError, match=message) as caught:
        resolve(str(path))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"gone\.keras does not exist"):
        resolve(tmp_path / "gone.keras")
    with pytest.raises(ModelError, match="is a folder"):
        resolve(str(tmp_path))


def test_zip_without_config(tmp_path: Path) -> None:
    path = keras_file(tmp_path / "m.keras", "{}", name="other.json")
    with pytest.raises(ModelError, match=r"without config\.json"):
        resolve(path)


def test_every_cut_of_an_archive_is_refused(tmp_path: Path) -> None:
    whole = keras_file(tmp_path / "m.keras", json.dumps(MODEL)).read_bytes()
    cut = tmp_path / "cut.keras"
    for length in range(0, len(whole) - 1, 7):
        cut.write_bytes(whole[:length])
        with pytest.raises(ModelError):
            resolve(cut)


def test_flipped_bytes_never_escape_as_another_error(tmp_path: Path) -> None:
    whole = bytearray(keras_file(tmp_path / "m.keras", json.dumps(MODEL)).read_bytes())
    path = tmp_path / "flipped.keras"
    for position in range(len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= 0xFF
        path.write_bytes(damaged)
        try:
            resolve(path)
        except ModelError:
            continue


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    """300 MB of spaces compress to 300 KB; unpacking them must not even begin."""
    path = keras_file(tmp_path / "bomb.keras", b" " * 300_000_000)
    assert path.stat().st_size < 400_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ModelError, match="286 MiB; more than 32 MiB is refused"):
        resolve(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 40_000  # KiB


def test_a_bomb_that_lies_about_its_size_is_cut_off(tmp_path: Path) -> None:
    path = keras_file(tmp_path / "liar.keras", b" " * 50_000_000)
    data = path.read_bytes()
    true, false = (n.to_bytes(4, "little") for n in (50_000_000, 1000))
    assert data.count(true) == 2
    path.write_bytes(data.replace(true, false))
    with pytest.raises(ModelError):
        resolve(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_method_that_unpacks_without_measure_is_refused(tmp_path: Path, method: int) -> None:
    """bzip2 packs 2 GB of spaces in 1.5 KB, and zipfile unpacks them in one go."""
    path = tmp_path / "m.keras"
    with zipfile.ZipFile(path, "w", method) as file:
        file.writestr("config.json", json.dumps(MODEL))
    with pytest.raises(ModelError, match="expected it stored or deflated"):
        resolve(path)


def test_what_is_no_regular_file_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "pipe.json"
    os.mkfifo(path)
    with pytest.raises(ModelError, match="no regular file"):
        resolve(path)


def test_a_large_json_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "big.json"
    with path.open("wb") as file:
        file.write(b"{")
        file.truncate(archive.LARGEST_CONFIG + 1)
    with pytest.raises(ModelError, match="more than 32 MiB is refused"):
        resolve(path)


def test_a_huge_list_of_members_is_refused(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("config.json", json.dumps(MODEL))
    data = bytearray(out.getvalue())
    end = data.rfind(b"PK\x05\x06")
    data[end + 12 : end + 16] = (200 * 2**20).to_bytes(4, "little")
    path = tmp_path / "wide.keras"
    path.write_bytes(data)
    with pytest.raises(ModelError, match="list of members"):
        resolve(path)
    # a zip64 record counts whenever it is there
    data[end + 12 : end + 16] = (100).to_bytes(4, "little")
    wide = b"PK\x06\x06" + bytes(36) + (200 * 2**20).to_bytes(8, "little") + bytes(8)
    path.write_bytes(data[:end] + wide + data[end:])
    with pytest.raises(ModelError, match="list of members"):
        resolve(path)


def test_a_name_that_no_file_can_have() -> None:
    with pytest.raises(ModelError, match="cannot be read: embedded null"):
        resolve("a\0.keras")


def test_h5_with_and_without_a_config(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file.attrs["model_config"] = json.dumps(MODEL)
    with h5py.File(tmp_path / "w.weights.h5", "w") as file:
        file["kernel"] = [1.0]
    assert resolve(tmp_path / "m.h5").name == "s"
    with pytest.raises(ModelError, match="weights only"):
        resolve(tmp_path / "w.weights.h5")
    (tmp_path / "cut.h5").write_bytes((tmp_path / "m.h5").read_bytes()[:300])
    with pytest.raises(ModelError, match="damaged or cut short"):
        resolve(tmp_path / "cut.h5")
