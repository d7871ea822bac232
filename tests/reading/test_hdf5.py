"""HDF5 files are read in a process of its own: whatever they hold, an answer or one line, and soon."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import keraudit
from command import run
from keraudit.errors import ModelError
from keraudit.reading import hdf5
from keraudit.reading.child import ChildError, run_child
from keraudit.reading.resolve import resolve

h5py = pytest.importorskip("h5py")

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
TEXT = json.dumps(MODEL)
HOME = str(Path(keraudit.__file__).parents[1])


def h5_file(path: Path, config: Any = TEXT, **options: Any) -> Path:
    with h5py.File(path, "w", **options) as file:
        file.attrs["keras_version"] = "2.4.0"
        if config is not None:
            file.attrs["model_config"] = config
        file["model_weights/d/d/kernel:0"] = [[1.0] * 3] * 4
        file["model_weights/d/d/bias:0"] = [0.0] * 3
    return path


@pytest.mark.parametrize(
    "config",
    [
        TEXT,
        TEXT.encode(),
        pytest.param(lambda np: np.bytes_(TEXT), id="of fixed length"),
    ],
)
def test_a_config_is_read_however_keras_wrote_it(tmp_path: Path, config: Any) -> None:
    import numpy as np

    path = h5_file(tmp_path / "m.h5", config(np) if callable(config) else config)
    assert hdf5.h5_config(path) == TEXT
    assert resolve(path).name == "s"


def hostile(name: str, path: Path) -> Path:
    """A file with something as ``model_config`` that is no text."""
    import numpy as np

    made: dict[str, Any] = {
        "empty": lambda file: h5py.Empty("f"),
        "number": lambda file: 2**40,
        "reference": lambda file: file.ref,
        "array": lambda file: np.zeros((3, 2)),
        "texts": lambda file: ["a", "b"],
        "compound": lambda file: np.zeros((), [("a", "i4"), ("b", "f8")]),
        "opaque": lambda file: np.void(b"abc"),
        "boolean": lambda file: True,
    }
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = made[name](file)
    return path


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("empty", "no text: it is empty"),
        ("number", "no text but an integer"),
        ("reference", "no text but a reference"),
        ("array", r"no text: it is an array of shape \(3, 2\)"),
        ("texts", r"no text: it is an array of shape \(2,\)"),
        ("compound", "no text but a compound value"),
        ("opaque", "no text but opaque bytes"),
        ("boolean", "no text but an enumeration"),
    ],
)
def test_what_is_no_text_is_told_by_kind(tmp_path: Path, name: str, message: str) -> None:
    path = hostile(name, tmp_path / "m.h5")
    with pytest.raises(ModelError, match=message) as caught:
        resolve(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = h5_file(tmp_path / "m.h5", TEXT.encode().replace(b'"s"', b'"\xfb\xff"'))
    with pytest.raises(ModelError, match="not UTF-8 text"):
        resolve(path)


@pytest.mark.parametrize("fixed", [False, True])
def test_a_config_that_is_too_long_is_refused(tmp_path: Path, fixed: bool) -> None:
    import numpy as np

    long: Any = b"{" * (hdf5.LARGEST_CONFIG + 2**20)
    path = h5_file(tmp_path / "m.h5", np.bytes_(long) if fixed else long, libver="latest")
    with pytest.raises(ModelError, match="a model_config of 33 MiB; more than 32 MiB is refused"):
        resolve(path)


PEAK = """
import re, sys
from pathlib import Path
from keraudit.reading import hdf5
print(hdf5.main(sys.argv[1:]), re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
"""


@pytest.mark.exhaustive
def test_text_without_end_is_refused_with_little_memory(tmp_path: Path) -> None:
    """Its length is not known before it is read."""
    path = h5_file(tmp_path / "m.h5", b"{" * (200 * 2**20), libver="latest")
    words = [sys.executable, "-c", PEAK, str(tmp_path / "out"), "config", str(path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    code, peak = map(int, done.stdout.split())
    assert code == 3
    assert "asks for more than 384 MiB of memory" in done.stderr
    assert peak * 1024 < 500 * 2**20


def test_a_file_that_holds_the_library_up_is_ended(tmp_path: Path) -> None:
    """Free space of no size in the heap, where the library looks for the text, has it loop."""
    path = h5_file(tmp_path / "m.h5")
    data = bytearray(path.read_bytes())
    first = data.index(b"GCOL") + 16  # number, references and size of the first text; then the text
    size = int.from_bytes(data[first + 8 : first + 16], "little")
    second = first + 16 + (size + 7) // 8 * 8
    data[second : second + 16] = bytes(16)
    path.write_bytes(data)
    done = run("flops", path, PYTHONPATH=HOME)
    assert done.code == 2
    assert done.err.count("\n") == 1
    assert "did not end within 2 s" in done.err


def test_shapes_of_weights_are_listed_without_reading_them(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["layers/dense/vars/0"] = h5py.Empty("f4")
        file.create_dataset("layers/conv/vars/0", (3, 3, 64, 64), "f4", chunks=True)
        file.create_dataset("layers/conv/vars/1", (64,), "f2")
        file.create_dataset("layers/half/vars/0", (5,), "V2").attrs["dtype"] = "bfloat16"
        file.create_dataset("layers/vast/vars/0", (10**9, 10**6), "f8", chunks=(1024, 1024))
        file["step"] = 7
    assert hdf5.h5_shapes(tmp_path / "w.h5") == (
        ("layers/conv/vars/0", (3, 3, 64, 64), "float32"),
        ("layers/conv/vars/1", (64,), "float16"),
        ("layers/dense/vars/0", (0,), "float32"),
        ("layers/half/vars/0", (5,), "bfloat16"),
        ("layers/vast/vars/0", (10**9, 10**6), "float64"),
        ("step", (), "int64"),
    )


def test_nothing_outside_the_file_is_opened(tmp_path: Path, monkeypatch: Any) -> None:
    """Whoever opens the pipe waits for ever: no link and no virtual dataset may lead there."""
    monkeypatch.setattr(hdf5, "WALL_SECONDS", 30)
    pipe = tmp_path / "pipe.h5"
    os.mkfifo(pipe)
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["own"] = [1.0, 2.0]
        file["soft"] = h5py.SoftLink("/own")
        file["other"] = h5py.ExternalLink(str(pipe), "/x")
        open_sized = h5py.VirtualLayout((4, 5), "f4", maxshape=(None, 5))
        source = h5py.VirtualSource(str(pipe), "x", (4, 5), "f4", maxshape=(None, 5))
        open_sized[: h5py.h5s.UNLIMITED] = source[: h5py.h5s.UNLIMITED]
        file.create_virtual_dataset("virtual", open_sized)
        file.create_dataset("raw", (3,), "f4", external=[(str(pipe), 0, 12)])
    assert hdf5.h5_shapes(tmp_path / "w.h5") == (("own", (2,), "float64"),)


def test_groups_that_hold_one_another_end(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["a/b/w"] = [1.0]
        file["a/b/back"] = file["a"]
        file["a/b/top"] = file["/"]
    assert hdf5.h5_shapes(tmp_path / "w.h5") == (("a/b/w", (1,), "float64"),)


def test_groups_nested_without_end_are_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["/".join("a" * 300)] = [1.0]
    with pytest.raises(ModelError, match="nested more than 200 deep"):
        hdf5.h5_shapes(tmp_path / "w.h5")


def test_more_entries_than_any_model_are_refused(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(hdf5, "MOST_ENTRIES", 3)
    path = h5_file(tmp_path / "w.h5")
    with h5py.File(path) as file, pytest.raises(ModelError, match="more than 3 groups"):
        list(hdf5.Walk(file.id).datasets(file.id))


def test_without_h5py_a_line_says_what_to_install(tmp_path: Path, monkeypatch: Any) -> None:
    path = h5_file(tmp_path / "m.h5")
    monkeypatch.setattr(hdf5, "find_spec", lambda _: None)
    with pytest.raises(ModelError, match=r"needs h5py: pip install 'keraudit\[h5\]'"):
        resolve(path)


def test_no_module_of_the_working_folder_is_run(tmp_path: Path) -> None:
    h5_file(tmp_path / "m.h5")
    (tmp_path / "h5py.py").write_text("open('was-run', 'w')\nraise SystemExit(5)\n")
    done = run("flops", "m.h5", cwd=tmp_path, PYTHONPATH=HOME)
    assert done.code == 0, done.err
    assert not (tmp_path / "was-run").exists()


def test_a_child_that_crashes_or_does_not_end_is_told() -> None:
    with pytest.raises(ChildError, match="ended with code 1"):
        run_child("keraudit.no_such_module")
    with pytest.raises(TimeoutError):
        run_child("keraudit.reading.hdf5", "config", "no such file", seconds=0.001)
    crash, spent, broken = (hdf5.end(ChildError(code, "why"), 3) for code in (-11, -24, 1))
    assert "crashed (signal 11)" in crash
    assert "did not end within 3 s" in spent
    assert broken == "cannot be read: the process ended with code 1: why"
