"""The cost of a training step, product by product."""

from __future__ import annotations

from typing import Any

from keraudit.api import audit


def chain(*layers: Any, shape: tuple[int, ...] = (10,)) -> Any:
    import keras

    return keras.Sequential([keras.Input(shape), *layers])


def test_two_dense_layers() -> None:
    import keras

    report = audit(chain(keras.layers.Dense(4), keras.layers.Dense(2)))
    # first: forward + weight gradient; second: forward + weight gradient + input gradient
    assert report.total.training_macs == 10 * 4 * 2 + 4 * 2 * 3


def test_frozen_layers_pass_gradients_on_but_need_none_of_their_own() -> None:
    import keras

    first, middle, last = (keras.layers.Dense(4) for _ in range(3))
    middle.trainable = False
    report = audit(chain(first, middle, last))
    assert report.total.training_macs == 10 * 4 * 2 + 4 * 4 * 2 + 4 * 4 * 3
    first.trainable = False
    report = audit(chain(first, middle, last))  # nothing to train before the last layer
    assert report.total.training_macs == 10 * 4 + 4 * 4 + 4 * 4 * 2


def test_a_separable_convolution_s_second_product_always_needs_its_input_gradient() -> None:
    import keras

    report = audit(chain(keras.layers.SeparableConv2D(6, 3), shape=(8, 8, 4)))
    depthwise, pointwise = 6 * 6 * 9 * 4, 6 * 6 * 4 * 6
    assert report.total.macs == depthwise + pointwise
    assert report.total.training_macs == 2 * depthwise + 3 * pointwise


def test_attention_s_products_have_two_gradients() -> None:
    import keras

    start = keras.Input((7, 12))
    x = keras.layers.Dense(12, use_bias=False)(start)
    out = keras.layers.Attention()([x, x])
    report = audit(keras.Model(start, out))
    dense, attention = 7 * 12 * 12, 2 * 7 * 7 * 12
    assert report.total.macs == dense + attention
    assert report.total.training_macs == 2 * dense + 3 * attention
