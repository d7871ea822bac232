"""Operations in ``.h5`` files of Keras 3, which name neither a module nor a package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import pytest
from keras import layers, ops

import keraudit
from keraudit.reading.origin import kind_of

pytest.importorskip("h5py")
pytestmark = pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")


def scaled(x: Any) -> Any:
    return layers.Dense(2)(x * 3 + 1)


def sliced(x: Any) -> Any:
    y = layers.Dense(4)(x)
    return layers.Dense(3)(ops.concatenate([y, ops.relu(y) * 2], axis=-1)[..., ::2])


def reduced(x: Any) -> Any:
    return ops.max(ops.abs(x), axis=-1) - ops.subtract(x, 1.0)[..., 0]


def merged(x: Any) -> Any:
    y = layers.Concatenate()([layers.Add()([x, x]), layers.Multiply()([x, x])])
    return layers.Softmax()(layers.ReLU()(y))


# on (4, 5): 20 products, 20 sums, 4 x 2 biases; 4 x 4 biases, relu, products, 4 x 3 biases;
# 20 absolute values and 20 maxima, 20 and 4 differences; 20 sums, 20 products, 40 relu, 5 x 40 of a softmax
CASES = {scaled: 48, sliced: 16 + 16 + 16 + 12, reduced: 64, merged: 20 + 20 + 40 + 5 * 40}


def kind(entry: Any) -> str:
    """The class; a concatenation is as cheap as a layer as it is as an operation."""
    return str(entry.kind).replace("ops.Concatenate", "Concatenate")


@pytest.mark.parametrize(("body", "flops"), CASES.items())
def test_an_h5_file_counts_as_its_model(body: Any, flops: int, tmp_path: Path) -> None:
    start = keras.Input((4, 5))
    model = keras.Model(start, body(start))
    model.save(tmp_path / "m.h5")
    file, live = keraudit.audit(tmp_path / "m.h5"), keraudit.audit(model)
    assert file.total == live.total
    assert file.total.other_flops == flops
    assert list(map(kind, file.layers)) == list(map(kind, live.layers))
    assert not file.costs.unsupported


class Square(layers.Layer):
    """A layer of the user's by the name of an operation; its config says nothing of training."""

    def build(self, shape: Any) -> None:
        self.kernel = self.add_weight(shape=(shape[-1], 5), name="kernel")

    def call(self, x: Any) -> Any:
        return ops.matmul(x, self.kernel)

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name}


def test_a_layer_of_the_users_by_the_name_of_an_operation(tmp_path: Path) -> None:
    start = keras.Input((4, 5))
    keras.Model(start, Square()(start) * 2).save(tmp_path / "m.h5")
    report = keraudit.audit(tmp_path / "m.h5")
    (unknown,) = report.costs.unsupported
    assert unknown.kind == "Square"
    assert report.total.params == 25
    assert report.bound.word != "exact"
    assert [layer.kind for layer in report.layers][-1] == "ops.Multiply"


def test_layers_by_the_same_names_stay_layers() -> None:
    tensor = {"class_name": "__keras_tensor__", "config": {}}
    together = [{"args": [[tensor, tensor]], "kwargs": {}}]
    apart = [{"args": [tensor, 3], "kwargs": {}}]
    kinds = [
        kind_of({"class_name": "Add", "config": config, "inbound_nodes": calls})[0]
        for config in ({"name": "a"}, {"name": "a", "trainable": True})
        for calls in (apart, together, [[["a", 0, 0, {}]]], [])
    ]
    assert kinds == ["ops.Add", *["Add"] * 7]
