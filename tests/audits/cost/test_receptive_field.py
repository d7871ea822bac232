"""Receptive fields: published numbers, arithmetic by hand, and Keras' own gradients as the witness."""

from __future__ import annotations

from typing import Any

import pytest

from built import application
from keraudit.audits.cost.receptive_field import receptive_fields
from keraudit.layers.infer import shaped
from witness import graph_of


@pytest.mark.parametrize(
    ("name", "layer", "extent"),
    [  # Araujo et al., google-research/receptive_field
        ("InceptionV3", "mixed10", 1311),
        ("ResNet50", "conv5_block3_out", 483),
        ("ResNet101", "conv5_block3_out", 1027),
        ("ResNet152", "conv5_block3_out", 1507),
        ("VGG16", "block5_pool", 212),
    ],
)
def test_published_extents(name: str, layer: str, extent: int) -> None:
    graph = shaped(application(name))
    fields = receptive_fields(graph)
    index = next(i for i, node in enumerate(graph.nodes) if node.name == layer)
    field = fields[index]
    assert field is not None
    assert field.receptive_field == (extent, extent)
    assert field.effective_stride == (32, 32)


def chain(keras: Any, *layers: Any, size: int = 33) -> Any:
    x = start = keras.Input((size, size, 1))
    for layer in layers:
        x = layer(x)
    return keras.Model(start, x)


def test_three_3x3_see_7_and_a_stride_doubles_the_step() -> None:
    import keras

    conv = keras.layers.Conv2D
    model = chain(keras, conv(1, 3), conv(1, 3, strides=2, padding="same"), conv(1, 3))
    field = receptive_fields(graph_of(model))[-1]
    assert field is not None
    assert field.receptive_field == (1 + 2 + 2 + 2 * 2,) * 2
    assert field.effective_stride == (2, 2)


def branches(keras: Any) -> Any:
    start = keras.Input((33, 33, 1))
    conv = keras.layers.Conv2D
    a = conv(1, 5, padding="same")(start)
    b = conv(1, (1, 7), padding="same")(conv(1, 3, padding="same")(start))
    c = keras.layers.AveragePooling2D(3, 1, padding="same")(start)
    x = keras.layers.Concatenate()([a, b, c])
    return keras.Model(start, conv(1, 3, strides=2, padding="same")(x))


def models() -> dict[str, Any]:
    import keras

    conv, pool = keras.layers.Conv2D, keras.layers.AveragePooling2D
    pad, crop = keras.layers.ZeroPadding2D, keras.layers.Cropping2D
    return {
        "same, stride 2": chain(keras, conv(1, 3, strides=2, padding="same"), conv(1, 3)),
        "same, even kernel": chain(keras, conv(1, 4, padding="same"), pool(2)),
        "dilated": chain(keras, conv(1, 3, dilation_rate=3), conv(1, (1, 3))),
        "padded by hand": chain(keras, pad(((2, 0), (0, 1))), conv(1, 3, strides=2)),
        "cropped": chain(keras, crop(((3, 1), (2, 2))), conv(1, 3)),
        "depthwise, separable": chain(
            keras, keras.layers.DepthwiseConv2D(3), keras.layers.SeparableConv2D(1, 5)
        ),
        "branches": branches(keras),
        "transposed": chain(
            keras,
            conv(1, 3, strides=4),
            keras.layers.Conv2DTranspose(1, 4, strides=2, padding="same"),
        ),
        "upsampled": chain(keras, conv(1, 3, strides=4), keras.layers.UpSampling2D(2), conv(1, 3)),
    }


NAMES = [
    *("same, stride 2", "same, even kernel", "dilated", "padded by hand", "cropped"),
    *("depthwise, separable", "branches", "transposed", "upsampled"),
]


@pytest.mark.parametrize("name", NAMES)
def test_gradients_reach_exactly_as_far(name: str) -> None:
    """With positive weights, the inputs that move an output are those of the receptive field."""
    import numpy as np
    import tensorflow as tf

    model = models()[name]
    for weight in model.weights:
        weight.assign(np.abs(weight.numpy()) + 0.1)
    field = receptive_fields(graph_of(model))[-1]
    assert field is not None
    assert field.local is not None
    image = tf.Variable(np.ones((1, 33, 33, 1), "float32"))
    size = model.output_shape[1:3]
    extents = []
    for y in range(size[0] // 2 - 1, size[0] // 2 + 2):
        x = size[1] // 2
        with tf.GradientTape() as tape:
            target = tf.reduce_sum(model(image)[0, y, x])
        moved = tape.gradient(target, image).numpy()[0, :, :, 0] != 0
        rows, columns = np.flatnonzero(moved.any(1)), np.flatnonzero(moved.any(0))
        extents.append((rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1))
        window = field.local[0]
        assert rows[0] >= window.stride * y + window.low
        assert rows[-1] <= window.stride * y + window.high
    if all(isinstance(w.stride, int) for w in field.local):
        assert set(extents) == {field.receptive_field}
    else:  # positions of an enlarged map differ; the extent is a bound, off by less than the old step
        seen = max(e[0] for e in extents)
        assert seen <= field.receptive_field[0] < seen + 4


def test_pooling_everything_sees_everything() -> None:
    import keras

    conv = keras.layers.Conv2D
    model = chain(keras, conv(4, 3), keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2))
    field = receptive_fields(graph_of(model))[-1]
    assert field is not None
    assert (field.receptive_field, field.effective_stride) == ((33, 33), None)


def test_a_gate_lets_every_position_see_the_whole_map() -> None:
    import keras

    x = start = keras.Input((16, 16, 4))
    gate = keras.layers.GlobalAveragePooling2D(keepdims=True)(x)
    gate = keras.layers.Conv2D(4, 1, activation="sigmoid")(gate)
    x = keras.layers.Multiply()([x, gate])
    field = receptive_fields(graph_of(keras.Model(start, keras.layers.Conv2D(4, 3)(x))))[-1]
    assert field is not None
    assert field.receptive_field == (16, 16)
    assert field.effective_stride == (1, 1)


def test_a_stride_beyond_all_inputs_is_not_defined() -> None:
    """70 layers of stride 2 on a map of one position: 2^70 is no number of pixels, nor JSON's."""
    import keras

    pool = keras.layers.MaxPooling2D
    model = chain(keras, *(pool(1, strides=2, padding="same") for _ in range(70)), size=1)
    fields = receptive_fields(graph_of(model))
    assert fields[63] is not None
    assert fields[63].effective_stride == (2**63, 2**63)
    assert fields[64] is None


def test_where_strides_differ_the_field_is_not_defined() -> None:
    import keras

    start = keras.Input((16, 16, 4))
    a = keras.layers.Conv2D(4, 2, strides=2)(start)
    b = keras.layers.Conv2D(4, 9)(start)
    graph = graph_of(keras.Model(start, keras.layers.Add()([a, b])))
    assert receptive_fields(graph)[-1] is None


def test_channels_first_and_other_ranks() -> None:
    import keras

    start = keras.Input((3, 20, 30))
    x = keras.layers.Conv2D(4, (3, 5), data_format="channels_first")(start)
    x = keras.layers.ReLU()(keras.layers.BatchNormalization(axis=1)(x))
    field = receptive_fields(graph_of(keras.Model(start, x)))[-1]
    assert field is not None
    assert field.receptive_field == (3, 5)
    line = keras.Input((20, 3))
    causal = keras.layers.Conv1D(4, 3, padding="causal", dilation_rate=4)(line)
    field = receptive_fields(graph_of(keras.Model(line, causal)))[-1]
    assert field is not None
    assert (field.receptive_field, field.effective_padding) == ((9,), (8,))
    flat = keras.Input((20,))
    graph = graph_of(keras.Model(flat, keras.layers.Dense(2)(flat)))
    assert receptive_fields(graph)[-1] is None
