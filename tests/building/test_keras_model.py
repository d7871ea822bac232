"""Build is the proof of reading: the built network computes what the original computes."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from built import NAMES, application
from keraudit.api import read
from keraudit.building.keras_model import build, copy_weights
from keraudit.errors import ModelError
from keraudit.layers.infer import shaped
from keraudit.model.graph import Graph
from witness import graph_of

SMALL = {"InceptionV3": 75, "InceptionResNetV2": 75, "Xception": 71}


def params(graph: Graph) -> int:
    return sum(w.elements for node in graph.nodes for w in node.weights)


def randomise(model: Any) -> None:
    """Give every vector a value of its own: Keras' zeros and ones would hide a mistake.

    Kernels are random as they are.
    """
    import numpy as np

    rng = np.random.default_rng(0)
    for weight in model.weights:
        if len(weight.shape) == 1 and str(weight.dtype).startswith("float"):
            around = 1.0 if weight.path.endswith(("gamma", "variance")) else 0.0
            weight.assign(around + rng.uniform(-0.1, 0.1, weight.shape))


@pytest.mark.parametrize("name", NAMES)
def test_built_from_its_graph_it_computes_the_same(name: str) -> None:
    import keras
    import numpy as np

    keras.utils.clear_session()
    size = SMALL.get(name, 64)
    original = getattr(keras.applications, name)(
        weights=None, input_shape=(size, size, 3), classifier_activation=None
    )
    randomise(original)
    graph = graph_of(original)
    keras.utils.clear_session()
    copy = build(graph)
    assert copy.count_params() == params(graph) == original.count_params()
    copy_weights(original, copy, graph)
    image = np.random.default_rng(1).uniform(0, 1, (2, size, size, 3)).astype("float32")
    expected = original(image, training=False).numpy()
    assert expected.std() > 0
    found = copy(image, training=False).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())
    del original, copy
    gc.collect()


@pytest.mark.parametrize("name", NAMES)
def test_keras_counts_the_parameters_we_count(name: str) -> None:
    import keras

    keras.utils.clear_session()
    graph = shaped(application(name))
    model = build(graph, allocate=False)
    assert model.count_params() == params(graph)
    assert [tuple(t.shape[1:]) for t in model.outputs] == [(1000,)]


def test_nested_shared_and_operations() -> None:
    import keras
    import numpy as np

    a, b = keras.Input((8, 8, 3), name="a"), keras.Input((8, 8, 3), name="b")
    inner = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3)], name="inner")
    x, y = inner(a), inner(b)
    z = keras.ops.concatenate([x * 2.0, y[:, :, ::-1]], axis=-1)
    lstm = keras.layers.TimeDistributed(keras.layers.LSTM(5))(z)
    model = keras.Model([a, b], [lstm, keras.ops.mean(z, axis=(1, 2))])
    graph = graph_of(model)
    copy = build(graph)
    copy_weights(model, copy, graph)
    rng = np.random.default_rng(0)
    images = [rng.normal(size=(2, 8, 8, 3)).astype("float32") for _ in range(2)]
    for ours, theirs in zip(copy(images), model(images), strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-5, atol=1e-6)


def test_frozen_layers_stay_frozen() -> None:
    import keras

    inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)], name="inner")
    inner.trainable = False
    model = keras.Sequential([keras.Input((4,)), inner, keras.layers.Dense(2)])
    assert len(build(graph_of(model)).trainable_variables) == 2


def test_a_class_that_keras_does_not_know_is_named() -> None:
    import keras

    @keras.saving.register_keras_serializable("mine")
    class Mine(keras.layers.Layer):
        def call(self, x: Any) -> Any:
            return x

    model = keras.Sequential([keras.Input((4,)), Mine(name="own")])
    graph = read(model, opened=False)
    keras.saving.get_custom_objects().clear()
    with pytest.raises(ModelError, match=r"'own' \(Mine\) cannot be built"):
        build(graph)
    assert build(graph, custom_objects={"Mine": Mine}).layers[-1].name == "own"
