"""The lists of what is built agree with Keras; what the caller passes is built, what is named is not."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from keraudit.api import gradients, read
from keraudit.building.allow_list import ACTIVATIONS, CLASSES, LAYERS, OPERATIONS
from keraudit.building.caller_classes import user_objects
from keraudit.building.check import check, key_of
from keraudit.building.file_weights import restored, weighty
from keraudit.building.keras_model import application_layers, build, operations, scope
from keraudit.errors import KerauditError, ModelError
from keraudit.layers.infer import shaped
from keraudit.layers.wrappers import RUNS_CODE
from keraudit.reading.config import architecture
from witness import graph_of


def test_what_is_listed_is_a_class_of_the_kind_that_its_place_holds() -> None:
    import keras

    kinds = {
        "keras.layers": keras.Layer,
        "keras.ops": keras.Operation,
        "keras.initializers": keras.initializers.Initializer,
        "keras.regularizers": keras.regularizers.Regularizer,
        "keras.constraints": keras.constraints.Constraint,
        "keras.dtype_policies": keras.dtype_policies.DTypePolicy,
        "keras.random": keras.random.SeedGenerator,
    }
    policy_map = keras.dtype_policies.DTypePolicyMap
    for key, made in scope().items():
        home = key.rpartition(".")[0]
        assert isinstance(made, type), key
        assert home not in kinds or issubclass(made, (kinds[home], policy_map)), key
    assert set(application_layers()) <= LAYERS


def test_nothing_that_computes_is_left_out() -> None:
    """A new layer or activation of Keras shows here: put it on the list, or here."""
    import keras

    layers = {
        name
        for name in dir(keras.layers)
        if isinstance(made := getattr(keras.layers, name), type) and issubclass(made, keras.Layer)
    }
    assert layers - LAYERS == RUNS_CODE.keys()
    assert {n for n in dir(keras.activations) if n[0] != "_"} - ACTIVATIONS == {
        "deserialize",
        "get",
        "serialize",
    }
    for place, (home, known) in CLASSES.items():
        module = getattr(keras, home.removeprefix("keras."))
        named = {n for n in dir(module) if isinstance(getattr(module, n), type)}
        bases = {"Initializer", "Regularizer", "Constraint", "Quantizer", "QuantizationConfig"}
        assert place == "seed" or named - known.keys() - bases <= {"GPTQConfig", "AWQConfig"}


def test_no_operation_on_the_list_takes_a_function() -> None:
    import inspect

    assert not OPERATIONS & {f"ops.{n}" for n in "Map Scan Cond Switch WhileLoop ForiLoop".split()}
    for name, made in operations().items():
        words = set(inspect.signature(made.__init__).parameters)
        assert not words & {"f", "fn", "function", "cond", "body", "pyfunc", "func"}, name


def model_with(**config: Any) -> dict[str, Any]:
    return {
        "class_name": "Sequential",
        "config": {
            "name": "m",
            "layers": [
                {"class_name": "InputLayer", "config": {"name": "in", "batch_shape": [None, 4]}},
                {"class_name": "Dense", "config": {"name": "d", "units": 3, **config}},
            ],
        },
    }


def test_the_error_names_the_layer_what_was_found_and_what_to_do() -> None:
    hostile = {"module": "keras.utils", "class_name": "get_file", "config": {}}
    with pytest.raises(ModelError) as caught:
        check(architecture(model_with(kernel_initializer=hostile), source=""))
    assert str(caught.value) == (
        "layer 'd' (Dense) cannot be built: its 'kernel_initializer' is 'keras.utils.get_file', which"
        " is not a known initializer; pass its class in custom_objects, or a live model"
    )


def test_old_notation_and_policies_are_built() -> None:
    """Keras 2 writes no modules; a policy may be a name or a record."""
    import keras

    old = {"class_name": "GlorotNormal", "config": {"seed": 3}}
    penalty = {"class_name": "L2", "config": {"l2": 0.5}}
    made = restored(model_with(kernel_initializer=old, kernel_regularizer=penalty), {})
    layer = made.layers[-1]
    assert isinstance(layer.kernel_initializer, keras.initializers.GlorotNormal)
    assert layer.kernel_initializer.seed == 3
    assert float(layer.kernel_regularizer.l2) == 0.5
    first = {"name": "d", "units": 3, "batch_input_shape": [None, 4]}
    layers = [
        {"class_name": "Dense", "config": first},
        {"class_name": "BatchNormalization", "config": {"name": "b", "axis": [1]}},
    ]
    sequential = {"class_name": "Sequential", "config": {"name": "m", "layers": layers}}
    graph = shaped(architecture(sequential, source=""))
    assert restored(sequential, {}).count_params() == build(graph).count_params() == 27
    record = {"class_name": "Policy", "config": {"name": "mixed_bfloat16"}}
    for policy in ("mixed_bfloat16", record):
        layer = restored(model_with(dtype=policy), {}).layers[-1]
        assert layer.compute_dtype == "bfloat16"


def test_quantised_layers_are_built() -> None:
    import keras

    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(8), keras.layers.Dense(8)])
    for layer in model.layers:
        layer.quantize("int8")
    copy = build(graph_of(model))
    assert [w.shape for w in copy.weights] == [w.shape for w in model.weights]


def test_a_registered_class_is_built_for_the_caller_alone() -> None:
    import keras

    @keras.saving.register_keras_serializable("mine")
    def steep(x: Any) -> Any:
        return 2 * keras.ops.relu(x)

    @keras.saving.register_keras_serializable("mine")
    class Narrow(keras.initializers.Initializer):  # type: ignore[misc]
        def __call__(self, shape: Any, dtype: Any = None) -> Any:
            return keras.ops.ones(shape, dtype) / 8

        def get_config(self) -> dict[str, Any]:
            return {}

    @keras.saving.register_keras_serializable("mine", name="Dense")
    class Dense(keras.layers.Dense):  # type: ignore[misc]
        def call(self, inputs: Any) -> Any:
            return 3 * super().call(inputs)

    try:
        start = keras.Input((8,))
        x = keras.layers.Dense(8, activation=steep, kernel_initializer=Narrow(), name="plain")(
            start
        )
        x = keras.layers.Dense(8, activation=keras.ops.sin, name="sine")(x)
        model = keras.Model(start, Dense(4, name="own")(x))
        graph = graph_of(model)
        with pytest.raises(
            ModelError, match=r"'plain' \(Dense\) cannot be built: its 'activation'"
        ):
            build(graph)
        known = user_objects(model)
        assert "Dense" not in known  # that is Keras' own
        copy = build(graph, custom_objects=known)
        assert type(copy.get_layer("own")) is Dense
        assert type(copy.get_layer("plain")) is keras.layers.Dense
        assert copy.get_layer("plain").activation is steep
        assert copy.get_layer("sine").activation is keras.ops.sin
        report = gradients(model, batch=4)
        assert len(report.profiles) == 1
    finally:
        keras.saving.get_custom_objects().clear()


def test_the_callers_own_name_comes_before_its_end() -> None:
    assert key_of({"b>Scale", "Scale"}, "Scale") == "Scale"
    assert key_of({"b>Scale"}, "os.system") == ""


@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_the_weights_of_a_file_are_those_that_were_saved(tmp_path: Path, ending: str) -> None:
    import keras
    import numpy as np

    inner = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3), keras.layers.BatchNormalization()],
        name="inner",
    )
    start = keras.Input((8, 8, 3))
    flat = keras.layers.Flatten()(inner(start))
    model = keras.Model(start, keras.layers.Dense(3)(flat))
    for weight in model.weights:
        weight.assign(np.random.default_rng(0).uniform(0.5, 1, weight.shape))
    model.save(path := tmp_path / f"model{ending}")
    copy = weighty(path, {})
    for ours, theirs in zip(copy.weights, model.weights, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


def test_weights_that_lie_elsewhere_are_not_read(tmp_path: Path) -> None:
    """HDF5 can lead to any other file, as a link or as the place of an array's numbers."""
    import h5py
    import keras

    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as file:
        file["0"] = [1.0]
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.save(saved := tmp_path / "saved.keras")
    with zipfile.ZipFile(saved) as archive:
        weights = tmp_path / "model.weights.h5"
        weights.write_bytes(archive.read("model.weights.h5"))
        others = {n: archive.read(n) for n in archive.namelist() if n != "model.weights.h5"}
    with h5py.File(weights, "r+") as file:
        group = file["layers/dense/vars"]
        del group["0"]
        group["0"] = h5py.ExternalLink(str(secret), "/0")
    with zipfile.ZipFile(sent := tmp_path / "sent.keras", "w") as archive:
        for name, data in others.items():
            archive.writestr(name, data)
        archive.write(weights, "model.weights.h5")
    with pytest.raises(KerauditError, match="'0' is a link, where an array belongs"):
        weighty(sent, {})


def test_a_file_that_only_calls_itself_keras_is_told(tmp_path: Path) -> None:
    import keras

    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.save(saved := tmp_path / "saved.h5")
    (path := tmp_path / "renamed.keras").write_bytes(saved.read_bytes())
    with pytest.raises(KerauditError, match="Keras cannot load the weights"):
        weighty(path, {})


def test_own_weights_of_a_hostile_file_call_nothing(tmp_path: Path) -> None:
    import keras

    hostile = {"module": "keras.config", "class_name": "set_floatx", "config": {"value": "float64"}}
    with zipfile.ZipFile(path := tmp_path / "model.keras", "w") as archive:
        archive.writestr("config.json", json.dumps(model_with(activation=hostile)))
    with pytest.raises(
        ModelError,
        match=r"layer 'd' \(Dense\) .* 'keras\.config\.set_floatx', which is not a known activation",
    ):
        weighty(path, {})
    with pytest.raises(ModelError, match="set_floatx"):
        gradients(path)
    assert keras.config.floatx() == "float32"
    assert read(path).nodes
