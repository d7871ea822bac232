"""What Keras itself does with a file's config and weights leads nowhere else, and fails in one line."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path
from typing import Any

import pytest

from hostile_configs import class_record, dense, functional, initializer, layer
from keraudit.api import gradients, read
from keraudit.building import file_weights
from keraudit.building.file_weights import restored, weighty
from keraudit.building.keras_model import build
from keraudit.cli.main import run as run_cli
from keraudit.errors import KerauditError, ModelError
from keraudit.safe_text import is_harmless

ACTS = "evil\x1b[31m\u202e\nkeraudit: error"


def small() -> Any:
    import keras

    keras.utils.clear_session()
    return keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, use_bias=False, name="d")])


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    small().save(path := tmp_path / "saved.h5")
    return path


def patched(path: Path, change: Any) -> Any:
    """Change an ``.h5`` file in place; what ``change`` returns."""
    import h5py

    with h5py.File(path, "r+") as file:
        return change(file)


def test_a_reference_to_an_array_elsewhere_is_not_followed(saved: Path, tmp_path: Path) -> None:
    """Keras finds arrays by what ``weight_names`` holds: a reference leads where no link does."""
    import h5py

    (secret := tmp_path / "secret.bin").write_bytes(bytes(16))

    def refer(file: Any) -> tuple[int, int]:
        place = [(str(secret), 0, 16)]
        elsewhere = file.create_dataset("x", shape=(2, 2), dtype="f4", external=place)
        innocent = file.create_dataset("y", data=[[1.0, 1.0], [1.0, 1.0]], dtype="f4")
        group = file["model_weights/d"]
        del group.attrs["weight_names"]
        group.attrs.create("weight_names", [elsewhere.ref], dtype=h5py.ref_dtype)
        return h5py.h5o.get_info(elsewhere.id).addr, h5py.h5o.get_info(innocent.id).addr

    hidden, innocent = (n.to_bytes(8, "little") for n in patched(saved, refer))
    data = saved.read_bytes()
    links = [i for i in range(len(data)) if data.startswith(hidden, i)]
    # One of the two places is the link "x": the reference alone then leads to the array.
    assert len(links) == 2
    for at in links:
        saved.write_bytes(data[:at] + innocent + data[at + 8 :])
        with h5py.File(saved, "r") as file:
            if file["x"].external is None:
                break
    with pytest.raises(KerauditError, match="'weight_names' holds neither numbers nor text"):
        weighty(saved, {})


def test_keras_reads_a_copy_alone(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A damaged index can hide from one reader what another finds."""
    import h5py
    import keras

    opened: list[tuple[Path, list[str]]] = []

    def load_weights(self: Any, path: Path) -> None:
        with h5py.File(path, "r") as file:
            opened.append((path, sorted(file)))

    monkeypatch.setattr(keras.Model, "load_weights", load_weights)
    patched(saved, lambda file: file.create_dataset("huge", (2**20, 2**20), "f4", chunks=(9, 9)))
    weighty(saved, {})
    assert [names for _, names in opened] == [["model_weights"]]
    assert opened[0][0] != saved
    assert not opened[0][0].exists()


def test_the_same_group_under_two_names_ends(saved: Path) -> None:
    def circle(file: Any) -> None:
        file["model_weights/again"] = file["model_weights"]

    patched(saved, circle)
    assert weighty(saved, {}).count_params() == 4


def test_compressed_weights_take_no_more_room_than_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small().save(path := tmp_path / "saved.keras")
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["model.weights.h5"] += bytes(2**20)
    packed = tmp_path / "packed.keras"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    assert weighty(packed, {}).count_params() == 4
    monkeypatch.setattr(file_weights, "PACKED", 2**20)
    with pytest.raises(KerauditError, match="weights would take 1 MiB unpacked"):
        weighty(packed, {})


def test_a_layer_saved_under_its_class_name_is_loaded(tmp_path: Path) -> None:
    """``.h5`` names the class, which is not always what Keras exports it as."""
    import keras
    import numpy as np

    start = keras.Input((6, 8))
    model = keras.Model(start, keras.layers.GroupQueryAttention(4, 4, 2)(start, start))
    model.save(path := tmp_path / "saved.h5")
    copy = weighty(path, {})
    for ours, theirs in zip(copy.weights, model.weights, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
    assert build(read(path)).count_params() == model.count_params()


def policy_and_quantizer(**config: Any) -> dict[str, Any]:
    quantized = class_record("keras", "QuantizedDTypePolicy", {"mode": "int8"})
    quantized["config"]["source_name"] = "float32"
    held = class_record("keras.quantizers", "Int8QuantizationConfig", config)
    return functional(dense(quantization_config=held, dtype=quantized))


def both_ways(record: dict[str, Any], folder: Path) -> list[str]:
    """What is said when a model is built from its graph, and as a whole."""
    (path := folder / "model.json").write_text(json.dumps(record))
    said = []
    for way in (lambda: build(read(path, batch=2)), lambda: restored(record, {})):
        try:
            way()
            said.append("")
        except KerauditError as error:
            said.append(str(error))
    return said


def test_a_text_does_not_find_a_registered_class(tmp_path: Path) -> None:
    """Keras takes any text of a config for the name of what is registered under it."""
    import keras

    made: list[str] = []

    @keras.saving.register_keras_serializable("theirs")
    class Trap:
        output_dtype = "int8"

        def __init__(self, *_: Any, **__: Any) -> None:
            made.append("made")

        def get_config(self) -> dict[str, Any]:
            return {}

        def __call__(self, *_: Any, **__: Any) -> Any:
            made.append("called")

    try:
        name = "theirs>Trap"
        for record, says in (
            (policy_and_quantizer(weight_quantizer=name), "not a known quantizer"),
            (functional(dense(quantization_config=name)), "not a known quantizer"),
            (functional(dense(kernel_initializer=initializer(seed=name))), "not a known seed"),
        ):
            assert all(says in text for text in both_ways(record, tmp_path)), says
        both_ways(functional(layer("Rescaling", "r", scale=name)), tmp_path)
        both_ways(functional(layer("Masking", "m", mask_value=name)), tmp_path)
        assert made == []
        assert keras.saving.get_custom_objects()[name] is Trap
    finally:
        keras.saving.get_custom_objects().pop(name, None)


def test_while_a_model_is_built_only_what_the_caller_passed_is_registered() -> None:
    import keras

    from keraudit.building.keras_model import only

    @keras.saving.register_keras_serializable("mine")
    class Passed(keras.layers.Layer):  # type: ignore[misc]
        pass

    @keras.saving.register_keras_serializable("mine")
    class Other(keras.layers.Layer):  # type: ignore[misc]
        pass

    table = keras.saving.get_custom_objects()
    before = dict(table)
    try:
        with only({"Passed": Passed}):
            assert dict(table) == {"mine>Passed": Passed}
            table["late"] = Other
        assert table == {**before, "late": Other}
    finally:
        for name in ("mine>Passed", "mine>Other", "late"):
            table.pop(name, None)


def test_a_name_in_a_warning_is_harmless(tmp_path: Path) -> None:
    record = functional(dense("d"))
    record["config"]["input_layers"] = {ACTS: ["in_m", 0, 0]}
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        restored(record, {})
    texts = [str(warning.message) for warning in seen]
    assert any("evil" in text for text in texts)
    assert all(map(is_harmless, texts))


def test_the_command_shows_no_warning_as_it_is() -> None:
    script = (
        "import warnings; from keraudit.cli import main\n"
        f"main.run = lambda: warnings.warn({ACTS!r}) or 0\n"
        "main.main()"
    )
    words = [sys.executable, "-c", script]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert r"evil\x1b[31m\u202e keraudit: error" in done.stderr
    assert not [line for line in done.stderr.splitlines() if line.startswith("keraudit")]


@pytest.fixture
def failing(tmp_path: Path) -> Path:
    """An initialiser that fails in the backend, whose error is none of Python's own kinds."""
    record = functional(dense("d", kernel_initializer=initializer("Constant", value=[1, 2, 3])))
    (path := tmp_path / "model.json").write_text(json.dumps(record))
    return path


def test_an_error_of_the_backend_is_one_line(
    failing: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ModelError, match=r"layer 'd' \(Dense\) cannot be built: "):
        build(read(failing))
    with pytest.raises(ModelError, match=r"the model \(Functional\) cannot be built: "):
        restored(json.loads(failing.read_text()), {})
    assert run_cli(["gradients", str(failing)]) == 2
    told = capsys.readouterr().err.strip().splitlines()
    assert [line for line in told if line.startswith("keraudit: error: layer 'd'")] == told[-1:]
    assert "Traceback" not in "".join(told)


def test_a_layer_that_fails_when_it_runs_is_one_line(tmp_path: Path) -> None:
    """What shapes alone do not show."""
    import keras

    class Fails(keras.layers.Layer):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return x

        def compute_output_shape(self, shape: Any) -> Any:
            return shape

    start = keras.Input((4,))
    model = keras.Model(start, Fails(name="own")(keras.layers.Dense(3)(start)))

    class UnlikeError(Exception):
        pass

    def call(self: Any, x: Any) -> Any:  # on symbolic tensors too, so that no trace opens it
        raise UnlikeError("no such kernel")

    Fails.call = call
    with pytest.raises(ModelError, match=r"cannot be run: .*no such kernel"):
        gradients(model, batch=2)
