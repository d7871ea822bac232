"""What acts in training only: Keras itself says that inference leaves the input as it is."""

from __future__ import annotations

import pytest

from keraudit.layers.regularization import AUGMENTATION, TRAINING, augmentation, cast_augmentation
from keraudit.layers.rule_table import all_rules
from keraudit.model.graph import ZERO
from one_layer import node_of

keras = pytest.importorskip("keras")
layers = keras.layers

AUGMENTATIONS = sorted(
    name for name, rule in all_rules().items() if rule in (augmentation, cast_augmentation)
)
OPTIONS = [{}, {"factor": 0.3}, {"height_factor": 0.2, "width_factor": 0.2}, {"factor": 4}]


def made(name: str):
    """A layer with the first options that its class takes."""
    for options in OPTIONS:
        try:
            return getattr(layers, name)(**options)
        except (TypeError, ValueError):
            continue
    raise AssertionError(f"no options for {name}")


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_an_augmentation_returns_its_input_at_inference(name: str) -> None:
    import numpy as np

    layer = made(name)
    images = np.random.default_rng(0).integers(0, 255, (2, 12, 12, 3)).astype("uint8")
    output = keras.ops.convert_to_numpy(layer(images, training=False))
    assert (output == images).all()
    if name == "Equalization":
        return  # Keras' own symbolic call of it closes a cycle: no model can hold it
    node = node_of(layer, (12, 12, 3), dtype="uint8")
    assert (node.effect.status, node.effect.reason) == (ZERO, AUGMENTATION)
    assert node.outputs[0].dtype == str(output.dtype)


@pytest.mark.parametrize(
    "layer",
    [
        lambda: layers.Dropout(0.5),
        lambda: layers.Dropout(0.5, noise_shape=(None, 1, 1, 3)),
        lambda: layers.AlphaDropout(0.5),
        lambda: layers.GaussianDropout(0.5),
        lambda: layers.GaussianNoise(0.5),
        lambda: layers.SpatialDropout2D(0.5, data_format="channels_first"),
    ],
)
def test_dropout_and_noise(layer) -> None:
    node = node_of(layer(), (6, 5, 3))
    assert node.effect.status == ZERO
    assert TRAINING in node.effect.reason


def test_dropout_over_one_and_three_axes() -> None:
    node_of(layers.SpatialDropout1D(0.5), (6, 5))
    node_of(layers.SpatialDropout3D(0.5), (6, 5, 4, 3))


def test_activity_regularization_adds_to_the_loss_only() -> None:
    node = node_of(layers.ActivityRegularization(0.1), (6, 5))
    assert "loss" in node.effect.reason


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_random_crop_has_the_shape_that_keras_states(data_format: str) -> None:
    node = node_of(layers.RandomCrop(5, 4, data_format=data_format), (9, 8, 7))
    view = node.effect.view
    sizes = (9, 8) if data_format == "channels_last" else (8, 7)
    assert [w.high for w in view] == [sizes[0] - 5, sizes[1] - 4]


def test_bounding_boxes_leave_the_image_alone() -> None:
    node = node_of(layers.MaxNumBoundingBoxes(4, bounding_box_format="xyxy"), (9, 8, 3))
    assert node.effect.status == ZERO
