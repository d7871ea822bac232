"""Activations of the user's own in live models: run as the operations that they are."""

from __future__ import annotations

from typing import Any

import pytest

import keraudit
from keraudit.model.bounds import Bound
from own_layers import Scaled

keras = pytest.importorskip("keras")
np = pytest.importorskip("numpy")
layers, ops = keras.layers, keras.ops


def test_an_activation_of_the_user_s_is_counted_as_its_operations() -> None:
    def squared(x: Any) -> Any:
        return ops.square(ops.relu(x))

    model = keras.Sequential(
        [keras.Input((6,)), layers.Dense(4, activation=squared, use_bias=False)]
    )
    found = keraudit.audit(keras.Model(model.inputs, Scaled()(model.outputs[0])))
    assert found.bound is Bound.EXACT
    assert found.total.macs == 6 * 4
    assert found.total.other_flops == 3 * 4  # relu, square, scale


def test_an_activation_of_the_user_s_in_a_model_of_keras_own_layers() -> None:
    start = keras.Input((5, 6))
    found = keraudit.audit(keras.Model(start, layers.Dense(4, activation=lambda x: x * 2)(start)))
    assert found.bound is Bound.EXACT
    assert found.total.macs == 5 * 6 * 4
    assert found.total.other_flops == 5 * 4 + 5 * 4  # the bias, times 2


def test_a_prelu_as_an_activation_is_counted_with_its_weights() -> None:
    start = keras.Input((6, 6, 3))
    conv = layers.Conv2D(4, 3, activation=layers.PReLU(shared_axes=[1, 2]))
    model = keras.Model(start, conv(start))
    model(np.zeros((1, 6, 6, 3), "float32"))  # which builds it
    found = keraudit.audit(model)
    assert found.bound is Bound.EXACT
    assert found.total.macs == 4 * 4 * 3 * 3 * 3 * 4
    assert found.total.other_flops == 4 * 4 * 4 + 2 * 4 * 4 * 4  # the bias; x > 0 ? x : alpha x
    assert found.total.params == 3 * 3 * 3 * 4 + 4 + 4 == model.count_params()
    assert conv.activation.name.startswith("p_re_lu")  # put back


def test_an_activation_that_no_trace_opens_is_named() -> None:
    start = keras.Input((5, 6))
    found = keraudit.audit(keras.Model(start, layers.LSTM(4, activation=lambda x: x * 2)(start)))
    assert found.bound is Bound.LOWER
    assert found.total.macs == 5 * 4 * 4 * (6 + 4)
    (layer,) = found.costs.unsupported
    assert "the activation is a lambda" in layer.reason


def test_an_activation_that_leaves_keras_stays_a_lower_bound() -> None:
    def branching(x: Any) -> Any:
        if isinstance(x, keras.KerasTensor):
            raise TypeError("no value to look at")
        return x

    start = keras.Input((5, 6))
    dense = layers.Dense(4)
    model = keras.Model(start, dense(start))
    dense.activation = branching
    found = keraudit.audit(model)
    assert (found.total.macs, found.bound) == (5 * 6 * 4, Bound.LOWER)
    (layer,) = found.costs.unsupported
    assert "'branching' is not in the table" in layer.reason
