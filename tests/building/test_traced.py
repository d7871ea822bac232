"""Traced models built back."""

from __future__ import annotations

import pytest

import keraudit
from own_layers import Net, Scaled

keras = pytest.importorskip("keras")
np = pytest.importorskip("numpy")
layers, ops = keras.layers, keras.ops


def test_what_a_trace_keeps_no_values_of_is_not_built() -> None:
    start = keras.Input((20, 6))
    model = keras.Model(start, Scaled()(start))
    with pytest.raises(keraudit.KerauditError, match=r"not kept; read .*opened=False"):
        keraudit.build(keraudit.read(model))
    built = keraudit.build(keraudit.read(model, opened=False), custom_objects={"Scaled": Scaled})
    assert built.count_params() == model.count_params()


def test_a_traced_model_of_keras_own_layers_is_built_back() -> None:
    model = Net()
    images = np.random.default_rng(0).normal(size=(2, 16, 16, 3)).astype("float32")
    model(images)
    graph = keraudit.read(model, batch=2)
    built = keraudit.build(graph)
    assert built.count_params() == model.count_params()
    assert tuple(built.output.shape[1:]) == (10,)
