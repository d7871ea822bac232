"""What other writers, other versions and users' subclasses write: counted, or refused with a way out."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, NoReturn

import pytest

from keraudit.api import report_of
from keraudit.audits.cost.report import CostReport
from keraudit.audits.structure.report import structure_of
from keraudit.errors import KerauditError, ModelError
from keraudit.layers.call import zero
from keraudit.layers.infer import shaped
from keraudit.output.json_text import json_text
from keraudit.reading.archive import parse
from keraudit.reading.config import architecture
from keraudit.reading.resolve import resolve


def report(record: Any, source: str = "test") -> CostReport:
    return report_of(shaped(architecture(parse(json.dumps(record), source), source=source)))


def one(kind: str, *, batch_shape: Any = (None, 8), **config: Any) -> dict[str, Any]:
    """A model of one layer, as Keras 3 writes it."""
    layers = [
        {
            "module": "keras.layers",
            "class_name": "InputLayer",
            "config": {"batch_shape": batch_shape, "dtype": "float32", "name": "in"},
            "registered_name": None,
        },
        {
            "module": "keras.layers",
            "class_name": kind,
            "config": {"name": "it", **config},
            "registered_name": None,
        },
    ]
    return {
        "module": "keras",
        "class_name": "Sequential",
        "config": {"name": "s", "layers": layers},
    }


def padded(value: float) -> dict[str, Any]:
    """Max pooling over a padding by a constant, then a convolution, as a functional model."""

    def tensor(name: str, shape: list[int | None]) -> dict[str, Any]:
        config = {"shape": shape, "dtype": "float32", "keras_history": [name, 0, 0]}
        return {"class_name": "__keras_tensor__", "config": config}

    def layer(module: str, kind: str, name: str, node: Any, **config: Any) -> dict[str, Any]:
        return {
            "module": module,
            "class_name": kind,
            "config": {"name": name, **config},
            "registered_name": None,
            "name": name,
            "inbound_nodes": node,
        }

    def call(name: str, shape: list[int | None], **kwargs: Any) -> list[dict[str, Any]]:
        return [{"args": [tensor(name, shape)], "kwargs": kwargs}]

    start, wide, small = [None, 32, 32, 3], [None, 34, 34, 3], [None, 16, 16, 3]
    layers = [
        layer("keras.layers", "InputLayer", "in", [], batch_shape=start, dtype="float32"),
        layer(
            "keras.src.ops.numpy",
            "Pad",
            "pad",
            call("in", start, constant_values=value),
            pad_width=[[0, 0], [1, 1], [1, 1], [0, 0]],
            mode="constant",
        ),
        layer(
            "keras.layers",
            "MaxPooling2D",
            "pool",
            call("pad", wide),
            pool_size=[3, 3],
            strides=[2, 2],
            padding="valid",
            data_format="channels_last",
        ),
        layer(
            "keras.layers",
            "Conv2D",
            "conv",
            call("pool", small),
            filters=8,
            kernel_size=[3, 3],
            strides=[1, 1],
            padding="valid",
            activation="linear",
            use_bias=True,
        ),
    ]
    return {
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "config": {
            "name": "padded",
            "layers": layers,
            "input_layers": [["in", 0, 0]],
            "output_layers": [["conv", 0, 0]],
        },
        "registered_name": "Functional",
    }


# Infinity and NaN


@pytest.mark.parametrize("value", [-math.inf, math.inf, math.nan, 0.0])
def test_constants_that_are_no_json_are_read(value: float) -> None:
    found = report(padded(value))
    assert found.total.macs == 14 * 14 * 8 * 3 * 3 * 3 == 42_336
    assert found.total.params == 3 * 3 * 3 * 8 + 8 == 224
    assert not found.costs.unsupported


def test_a_mask_value_may_be_no_number() -> None:
    found = report(one("Masking", batch_shape=(None, 10, 3), mask_value=math.nan))
    assert found.total.macs == 0


def strictly(text: str) -> Any:
    def refused(name: str) -> NoReturn:
        raise AssertionError(f"{name} in JSON of ours")

    return json.loads(text, parse_constant=refused)


@pytest.mark.parametrize("value", [-math.inf, math.nan])
def test_our_own_json_has_none_of_them(value: float) -> None:
    graph = shaped(architecture(parse(json.dumps(padded(value)), "test"), source="test"))
    assert strictly(json_text(report_of(graph).to_dict()))["model"] == "padded"
    assert strictly(json_text(structure_of(graph).to_dict()))


def test_a_model_with_them_is_equal_to_itself(tmp_path: Path) -> None:
    """NaN is not equal to NaN; a layer that is read twice is one and the same all the same."""
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_text(json.dumps(padded(math.nan)))
    first, second = (resolve(tmp_path / name) for name in ("a.json", "b.json"))
    assert first.layers == second.layers
    assert first.calls == second.calls


@pytest.mark.parametrize(
    "record",
    [
        one("Dense", units=math.inf),
        one("Dense", units=math.nan),
        one("Dense", units=3, batch_shape=(None, math.inf)),
        one("Dense", units=3, batch_shape=(math.nan, 4)),
        one("Reshape", target_shape=[math.inf, 2]),
        one("Reshape", target_shape=math.inf),
        one("Conv1D", filters=math.inf, kernel_size=[3], batch_shape=(None, 9, 3)),
        one("Conv1D", filters=4, kernel_size=[math.nan], batch_shape=(None, 9, 3)),
        one("Conv1D", filters=4, kernel_size=math.inf, batch_shape=(None, 9, 3)),
        one("MaxPooling1D", pool_size=[2], strides=[-math.inf], batch_shape=(None, 9, 3)),
        one("Embedding", input_dim=math.inf, output_dim=3),
    ],
)
def test_where_a_size_belongs_they_are_refused(record: dict[str, Any]) -> None:
    with pytest.raises(ModelError) as caught:
        report(record)
    assert "\n" not in str(caught.value)


def test_a_model_with_them_is_built_and_measured(tmp_path: Path) -> None:
    keras = pytest.importorskip("keras")
    from keraudit.api import gradients
    from keraudit.building.keras_model import build

    graph = shaped(architecture(parse(json.dumps(padded(-math.inf)), "test"), source="test"))
    model = build(graph)
    out = keras.ops.convert_to_numpy(model(keras.ops.ones((2, 32, 32, 3))))
    assert out.shape == (2, 14, 14, 8)
    assert float(abs(out).max()) < math.inf  # and so no NaN
    (tmp_path / "m.json").write_text(json.dumps(padded(-math.inf)))
    assert strictly(gradients(tmp_path / "m.json", batch=2).to_json())


# Subclasses


def subclass(**config: Any) -> dict[str, Any]:
    base = one("Dense", units=4)
    return {
        "module": None,
        "class_name": "MySequential",
        "config": {**base["config"], **config},
        "registered_name": "demo>MySequential",
    }


def test_a_subclass_of_sequential_is_read_by_its_layers() -> None:
    found = report(subclass())
    assert (found.total.macs, found.total.params) == (8 * 4, 8 * 4 + 4)
    assert not found.costs.unsupported


def test_the_input_shape_may_stand_where_sequential_was_built() -> None:
    record = subclass(build_input_shape=[None, 5])
    del record["config"]["layers"][0]
    assert report(record).total.macs == 5 * 4


def test_a_subclass_in_a_model_is_laid_flat() -> None:
    inner = {**subclass(), "build_config": {"input_shape": [None, 8]}}
    outer = one("Dense", units=2)
    outer["config"]["layers"].insert(1, inner)
    assert report(outer).total.macs == 8 * 4 + 4 * 2


def test_layers_in_a_list_are_no_sequential_model() -> None:
    """A layer of the user's may hold branches in a list of that name."""
    branches = [
        {
            "module": "keras.layers",
            "class_name": "Dense",
            "config": {"name": f"d{n}", "units": 4},
            "registered_name": None,
        }
        for n in range(2)
    ]
    record = one("Dense", units=2)
    record["config"]["layers"][1] = {
        "module": None,
        "class_name": "Branches",
        "config": {"name": "b", "layers": branches},
        "registered_name": "demo>Branches",
    }
    assert report(record).costs.unsupported
    with pytest.raises(ModelError, match="records no graph"):
        report(record["config"]["layers"][1])


@pytest.mark.parametrize(
    ("record", "package"),
    [
        ({"module": None, "registered_name": "demo>Backbone"}, "demo"),
        ({"module": "vision.models", "registered_name": "Backbone"}, "vision"),
        ({"module": "vision.models", "registered_name": "hub>Backbone"}, "vision"),
        ({"module": "__main__", "registered_name": "hub>Backbone"}, "hub"),
    ],
)
def test_a_subclass_with_a_constructor_names_its_package(
    record: dict[str, Any], package: str
) -> None:
    with pytest.raises(ModelError) as caught:
        report({**record, "class_name": "Backbone", "config": {"width": 8, "name": "b"}})
    message = str(caught.value)
    assert f"'Backbone' of package {package!r} records no graph" in message
    assert f'add --import {package} (imports=["{package}"])' in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("module", "package"),
    [
        (None, "Custom"),
        ("__main__", "Custom"),
        (None, "a; rm -rf b"),
        (None, "\u3164"),
        (None, "a" * 101),
        ("../up", ""),
        (None, "keras"),
    ],
)
def test_a_package_that_no_one_can_import_is_not_named(module: Any, package: str) -> None:
    """Keras registers classes under ``Custom`` where the user names no package."""
    own = {"module": module, "class_name": "Net", "registered_name": f"{package}>Net", "config": {}}
    with pytest.raises(ModelError, match="'Net' records no graph") as caught:
        report(own)
    assert "add --import ./FILE.py" in str(caught.value)


def test_one_layer_is_no_model() -> None:
    with pytest.raises(ModelError, match="'Dense' is one object of Keras, not a model"):
        report(one("Dense", units=4)["config"]["layers"][1])


def test_a_report_names_the_package_of_what_it_lacks(tmp_path: Path) -> None:
    record = one("Gate")
    record["config"]["layers"][1] |= {"module": "mine.layers", "registered_name": "Custom>Gate"}
    record["compile_config"] = {"loss": {"module": "theirs", "class_name": "Loss"}}
    (tmp_path / "m.json").write_text(json.dumps(record))
    found = report_of(shaped(resolve(tmp_path / "m.json")))
    assert found.costs.unsupported[0].reason.startswith("Gate, of package 'mine', is not in the")
    assert found.costs.packages == ("mine",)
    assert "--import mine" in str(found)
    counted = shaped(
        resolve(tmp_path / "m.json"), rules={"Gate": lambda s: zero(s.shape, reason="")}
    )
    assert "--import" not in str(report_of(counted))


# TensorFlow.js

DENSE = {
    "class_name": "Sequential",
    "config": {
        "name": "s",
        "layers": [
            {
                "class_name": "Dense",
                "config": {"name": "d", "units": 4, "batch_input_shape": [None, 8]},
            }
        ],
    },
}


@pytest.mark.parametrize(
    "record",
    [
        {"format": "layers-model", "modelTopology": {"model_config": DENSE}},
        {"format": "layers-model", "modelTopology": {"model_config": json.dumps(DENSE)}},
        {"format": "layers-model", "modelTopology": DENSE, "weightsManifest": []},
        {"modelTopology": {**DENSE, "keras_version": "tfjs-layers 4.22.0"}},
        {"keras_version": "2.4.0", "backend": "tensorflow", "model_config": DENSE},
    ],
)
def test_a_tensorflow_js_file_is_read(record: dict[str, Any]) -> None:
    found = report(record)
    assert (found.total.macs, found.total.params) == (32, 36)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"format": "graph-model", "modelTopology": {"node": []}}, "not Keras layers"),
        ({"modelTopology": {"node": [{"op": "Conv2D"}], "library": {}}}, "not Keras layers"),
        ({"format": "layers-model", "modelTopology": None}, "no Keras model config"),
        ({"format": "layers-model", "modelTopology": {"model_config": [3]}}, "a list, not a model"),
        ({"modelTopology": {"model_config": "{"}}, "no valid JSON"),
        ({"modelTopology": {"modelTopology": {"model_config": DENSE}}}, "no Keras model config"),
    ],
)
def test_other_files_of_tensorflow_js_are_refused(record: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        report(record)
    assert str(caught.value).startswith("test: ")
    assert "\n" not in str(caught.value)


# Options that are missing

KINDS = {
    "Dense": {"units": 4},
    "Embedding": {"input_dim": 4, "output_dim": 3},
    "EinsumDense": {"equation": "ab,bc->ac", "output_shape": [4]},
    "Conv1D": {"filters": 4, "kernel_size": [3]},
    "SeparableConv1D": {"filters": 4, "kernel_size": [3]},
    "DepthwiseConv1D": {"kernel_size": [3]},
    "Conv1DTranspose": {"filters": 4, "kernel_size": [3]},
    "LSTM": {"units": 3},
    "Reshape": {"target_shape": [2, 4]},
    "RepeatVector": {"n": 2},
    "Permute": {"dims": [1]},
    "CategoryEncoding": {"num_tokens": 4},
    "Resizing": {"height": 3, "width": 4},
}


@pytest.mark.parametrize(
    ("kind", "option"), [(kind, option) for kind, options in KINDS.items() for option in options]
)
def test_a_missing_option_is_named(kind: str, option: str) -> None:
    shape = (None, 9, 4) if "1D" in kind or kind == "LSTM" else (None, 8)
    shape = (None, 9, 8, 3) if kind == "Resizing" else shape
    config = {name: value for name, value in KINDS[kind].items() if name != option}
    with pytest.raises(KerauditError) as caught:
        report(one(kind, batch_shape=shape, **config))
    message = str(caught.value)
    assert f"layer 'it' ({kind}): its config has no option {option!r}" in message
    assert "Error" not in message
    assert "\n" not in message
