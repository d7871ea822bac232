"""TensorFlow.js layers models, and the list of weights that they come with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import keraudit
from keraudit.errors import ModelError
from keraudit.model.bounds import Bound


def layer(kind: str, name: str, **config: Any) -> dict[str, Any]:
    return {"class_name": kind, "config": {"name": name, "trainable": True, **config}}


def dense(name: str, units: int, **config: Any) -> dict[str, Any]:
    return layer("Dense", name, units=units, activation="relu", use_bias=True, **config)


def sequential(*layers: dict[str, Any], name: str = "s") -> dict[str, Any]:
    return {"class_name": "Sequential", "config": {"name": name, "layers": list(layers)}}


def weight(name: str, *shape: int, **more: Any) -> dict[str, Any]:
    return {"name": name, "shape": list(shape), "dtype": "float32", **more}


def written(tmp_path: Path, model: dict[str, Any], *weights: Any) -> Path:
    path = tmp_path / "model.json"
    manifest = [{"paths": ["group1-shard1of1.bin"], "weights": list(weights)}]
    record = {
        "format": "layers-model",
        "generatedBy": "keras v2.15.0",
        "convertedBy": "TensorFlow.js Converter v4.22.0",
        "modelTopology": {
            "keras_version": "2.15.0",
            "backend": "tensorflow",
            "model_config": model,
        },
        "weightsManifest": manifest,
    }
    path.write_text(json.dumps(record))
    return path


PAIR = sequential(dense("d", 4, batch_input_shape=[None, 8]), dense("e", 3))
WEIGHTS = (
    weight("d/kernel", 8, 4),
    weight("d/bias", 4),
    weight("e/kernel", 4, 3),
    weight("e/bias", 3),
)


def test_parameters_are_held_against_the_manifest(tmp_path: Path) -> None:
    total = keraudit.audit(written(tmp_path, PAIR, *WEIGHTS)).total
    assert (total.macs, total.params) == (8 * 4 + 4 * 3, 8 * 4 + 4 + 4 * 3 + 3)
    assert total.bounds.params is Bound.EXACT


def test_a_manifest_that_does_not_fit_marks_the_parameters(tmp_path: Path) -> None:
    report = keraudit.audit(written(tmp_path, PAIR, weight("d/kernel", 9, 4), *WEIGHTS[1:]))
    assert report.total.bounds.params is Bound.ESTIMATE
    assert report.total.bounds.macs is Bound.EXACT
    assert "do not add up to those that the file" in str(report)


def test_weights_of_an_optimizer_are_none_of_the_model(tmp_path: Path) -> None:
    extra = weight("training/Adam/d/kernel/m", 8, 4, group="optimizer")
    total = keraudit.audit(written(tmp_path, PAIR, *WEIGHTS, extra)).total
    assert total.bounds.params is Bound.EXACT


def test_a_layer_of_the_user_s_has_the_weights_of_the_manifest(tmp_path: Path) -> None:
    model = sequential(
        dense("d", 4, batch_input_shape=[None, 8]),
        layer("Gate", "gate"),
        layer("Still", "still"),
        dense("e", 3),
    )
    found = (*WEIGHTS, weight("s/gate/inner/kernel", 4, 4), weight("s/gate/scale", 4))
    total = keraudit.audit(written(tmp_path, model, *found)).total
    assert (total.params, total.bounds.params) == (51 + 4 * 4 + 4, Bound.EXACT)
    assert total.bounds.macs is Bound.ESTIMATE  # the shape behind the gate is assumed
    by_name = keraudit.read(tmp_path / "model.json").architecture.layers
    assert [w.name for w in by_name["gate"].weights or ()] == ["inner/kernel", "scale"]
    assert by_name["still"].weights == ()


def test_a_weight_without_a_layer_leaves_the_others_open(tmp_path: Path) -> None:
    model = sequential(dense("d", 4, batch_input_shape=[None, 8]), layer("Gate", "gate"))
    found = (*WEIGHTS[:2], weight("elsewhere/kernel", 4, 4))
    total = keraudit.audit(written(tmp_path, model, *found)).total
    assert (total.params, total.bounds.params) == (36, Bound.LOWER)


def test_models_within_a_model_without_a_shape_of_their_own(tmp_path: Path) -> None:
    """A trained part in front of a new head: neither Sequential model says what it takes."""
    start = {
        "class_name": "InputLayer",
        "name": "in",
        "config": {"name": "in", "batch_input_shape": [None, 6, 6, 3], "dtype": "float32"},
        "inbound_nodes": [],
    }
    options = {"filters": 5, "kernel_size": [3, 3], "padding": "valid", "use_bias": False}
    conv = {
        **layer("Conv2D", "conv", **options),
        "name": "conv",
        "inbound_nodes": [[["in", 0, 0, {}]]],
    }
    trunk = {
        "class_name": "Model",
        "config": {
            "name": "trunk",
            "layers": [start, conv],
            "input_layers": [["in", 0, 0]],
            "output_layers": [["conv", 0, 0]],
        },
    }
    front = sequential(trunk, layer("GlobalAveragePooling2D", "pool"), name="front")
    model = sequential(front, sequential(dense("head", 2), name="back"), name="all")
    weights = (
        weight("conv/kernel", 3, 3, 3, 5),
        weight("head/kernel", 5, 2),
        weight("head/bias", 2),
    )
    total = keraudit.audit(written(tmp_path, model, *weights)).total
    assert (total.macs, total.params) == (4 * 4 * 5 * 27 + 5 * 2, 5 * 27 + 5 * 2 + 2)
    assert total.bounds.params is Bound.EXACT


@pytest.mark.parametrize(
    "bad", [3, {"name": "d/kernel"}, weight("d/kernel", -1), {**weight("d/bias", 1), "dtype": None}]
)
def test_a_damaged_manifest_leaves_the_count_of_the_config(tmp_path: Path, bad: Any) -> None:
    told: list[str] = []
    total = keraudit.audit(written(tmp_path, PAIR, bad), notify=told.append).total
    assert (total.params, total.bounds.params) == (51, Bound.EXACT)
    assert len(told) == 1
    assert "the weights in it are not read" in told[0]


def test_a_list_of_weights_alone_is_called_one(tmp_path: Path) -> None:
    path = written(tmp_path, PAIR)
    path.write_text(json.dumps({"modelTopology": None, "weightsManifest": []}))
    with pytest.raises(ModelError, match="the list of its weights alone"):
        keraudit.read(path)
