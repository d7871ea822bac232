"""Normalisations: FLOPs per element and which weights train."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import keraudit
from keraudit.errors import KerauditError
from keraudit.layers.infer import effect_of
from keraudit.model.graph import Layer, Tensor
from one_layer import flops_of, node_of

keras = pytest.importorskip("keras")
layers = keras.layers

MAP = 6 * 5 * 8  # elements of the map below
SHAPE = (6, 5, 8)
BOTH = [(True, True), (True, False), (False, True), (False, False)]


@pytest.mark.parametrize(("scale", "center"), BOTH)
@pytest.mark.parametrize("axis", [-1, 1])
def test_batch_normalisation(axis: int, scale: bool, center: bool) -> None:
    node = node_of(layers.BatchNormalization(axis=axis, scale=scale, center=center), SHAPE)
    channels = {-1: 8, 1: 6}[axis]
    assert node.effect.other_flops == 2 * MAP  # folded: one scale, one shift
    trainable = [w.elements for w in node.weights if w.trainable]
    assert trainable == [channels] * (scale + center)
    assert sum(w.elements for w in node.weights if not w.trainable) == 2 * channels
    assert node.effect.view == "pointwise"


def test_batch_renormalisation() -> None:
    node = node_of(layers.BatchNormalization(renorm=True), SHAPE)
    assert sum(w.elements for w in node.weights if not w.trainable) == 5 * 8


def test_batch_normalisation_of_keras_2_names_its_axis_in_a_list() -> None:
    layer = Layer(name="b", kind="BatchNormalization", config={"axis": [3]})
    effect = effect_of(layer, (Tensor((1, *SHAPE), "float32"),))
    assert sum(w.elements for w in effect.weights) == 4 * 8


@pytest.mark.parametrize(("scale", "center"), BOTH)
@pytest.mark.parametrize("axis", [-1, 1, (1, 2, 3), (2, 3)])
def test_layer_normalisation(axis, scale: bool, center: bool) -> None:
    layer = layers.LayerNormalization(axis=axis, scale=scale, center=center)
    assert flops_of(layer, SHAPE) == MAP * (5 + scale + center)


def test_layer_normalisation_with_rms_scaling() -> None:
    with pytest.warns(UserWarning, match="deprecated"):
        layer = layers.LayerNormalization(rms_scaling=True)
    assert flops_of(layer, SHAPE) == MAP * 6


@pytest.mark.parametrize(("scale", "center"), BOTH)
@pytest.mark.parametrize(("groups", "axis"), [(4, -1), (-1, -1), (3, 1), (1, -1)])
def test_group_normalisation(groups: int, axis: int, scale: bool, center: bool) -> None:
    layer = layers.GroupNormalization(groups, axis=axis, scale=scale, center=center)
    assert flops_of(layer, SHAPE) == MAP * (5 + scale + center)


@pytest.mark.parametrize("axis", [-1, (2, 3)])
def test_rms_normalisation(axis) -> None:
    assert flops_of(layers.RMSNormalization(axis=axis), SHAPE) == 4 * MAP


@pytest.mark.parametrize("axis", [-1, (1, 2)])
def test_unit_normalisation(axis) -> None:
    node = node_of(layers.UnitNormalization(axis=axis), SHAPE)
    assert node.effect.other_flops == 3 * MAP
    assert node.weights == ()


@pytest.mark.parametrize("axis", [-1, None, (1, 3)])
def test_normalization_keeps_its_state_out_of_training(axis) -> None:
    node = node_of(layers.Normalization(axis=axis), SHAPE)
    assert node.effect.other_flops == 2 * MAP
    assert [w.trainable for w in node.weights] == [False, False, False]
    assert node.weights[2].elements == 1  # how many examples it has seen


def test_normalization_with_given_statistics_has_no_weights() -> None:
    node = node_of(layers.Normalization(mean=[1.0] * 8, variance=[2.0] * 8), SHAPE)
    assert node.weights == ()
    node = node_of(layers.Normalization(mean=0.0, variance=2.0, axis=None, invert=True), SHAPE)
    assert node.effect.other_flops == 2 * MAP


def test_layer_scale_of_convnext() -> None:
    from keras.src.applications.convnext import LayerScale, StochasticDepth

    node = node_of(LayerScale(1e-6, 8), SHAPE)
    assert node.effect.other_flops == MAP
    assert node.weights[0].shape == (8,)
    node = node_of(StochasticDepth(0.1), SHAPE)
    assert node.effect.other_flops == 0


@pytest.mark.parametrize(
    ("kind", "config", "message"),
    [
        ("BatchNormalization", {"axis": 4}, "axis must be from -4 to 3"),
        ("LayerNormalization", {"axis": "last"}, "axis must be"),
        ("GroupNormalization", {"groups": 3}, "must divide the 8 channels"),
        ("GroupNormalization", {"groups": 0}, "must divide"),
        ("LayerScale", {"projection_dim": 5}, "number of channels"),
    ],
)
def test_a_bad_config_is_told(kind: str, config: dict, message: str) -> None:
    layer = Layer(name="n", kind=kind, config=config)
    with pytest.raises(KerauditError, match=message):
        effect_of(layer, (Tensor((1, *SHAPE), "float32"),))


def test_the_count_of_a_live_model_has_the_backends_dtype(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((6, 5)), layers.Normalization(), layers.Dense(3)])
    wide = keras.backend.standardize_dtype("int")
    assert wide == ("int64" if keras.backend.backend() == "tensorflow" else "int32")
    total = keraudit.audit(model).total
    # mean and variance of 5; 5 x 3 and 3; the count
    assert total.param_bytes == 4 * (5 + 5) + 4 * (15 + 3) + int(wide[3:]) // 8
    assert total.bounds.params.word == "exact"
    model.save(tmp_path / "m.keras")  # which is read by any backend
    assert keraudit.audit(tmp_path / "m.keras").total.param_bytes == 4 * (10 + 18) + 4


def test_the_count_in_a_traced_model_has_the_backends_dtype() -> None:
    class Scaled(keras.Model):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.scale, self.dense = layers.Normalization(), layers.Dense(3)
            self.scale.build((None, 6, 5))

        def call(self, x: Any) -> Any:
            return self.dense(self.scale(x)) * 2

    model = Scaled()
    model(keras.ops.ones((1, 6, 5)))
    total = keraudit.audit(model).total
    assert total.param_bytes == 4 * (10 + 18) + int(keras.backend.standardize_dtype("int")[3:]) // 8
    assert total.bounds.params.word == "exact"
