"""Activations: every one of Keras has a count, and the layers' options change it."""

from __future__ import annotations

import pytest

from keraudit.errors import KerauditError
from keraudit.layers.activation import ACTIVATIONS, activation_name
from keraudit.layers.infer import effect_of
from keraudit.model.graph import UNSUPPORTED, Layer, Tensor, statistics_along
from one_layer import answers, flops_of, node_of
from witness import witness

keras = pytest.importorskip("keras")
layers = keras.layers

SHAPE = (4, 5, 6)
MAP = 4 * 5 * 6
NAMES = sorted(
    name
    for name in dir(keras.activations)
    if callable(getattr(keras.activations, name))
    and name not in ("get", "serialize", "deserialize")
)


@pytest.mark.parametrize("name", NAMES)
def test_every_activation_of_keras_is_in_the_table(name: str) -> None:
    if name == "glu":
        pytest.skip("it halves an axis, which Keras' shapes do not say")
    graph = witness(layers.Activation(name), SHAPE)
    stated = activation_name(keras.activations.serialize(getattr(keras.activations, name)))
    effect = graph.nodes[-1].effect
    assert effect.status != UNSUPPORTED, effect.reason
    assert effect.other_flops == ACTIVATIONS[stated][0] * MAP
    answers(graph)


def test_glu_is_not_counted_in_silence() -> None:
    assert witness(layers.Activation("glu"), SHAPE).nodes[-1].effect.status == UNSUPPORTED


@pytest.mark.parametrize(
    ("options", "operations"),
    [
        ({}, 1),  # compare
        ({"max_value": 6.0}, 2),  # compare twice
        ({"negative_slope": 0.1}, 2),  # compare, multiply
        ({"threshold": 1.0}, 1),
        ({"negative_slope": 0.1, "threshold": 1.0}, 3),  # compare, subtract, multiply
        ({"max_value": 6.0, "negative_slope": 0.1, "threshold": 1.0}, 4),
        ({"max_value": 0.0}, 2),
    ],
)
def test_relu(options: dict, operations: int) -> None:
    assert flops_of(layers.ReLU(**options), SHAPE) == operations * MAP


def test_the_others() -> None:
    assert flops_of(layers.LeakyReLU(0.2), SHAPE) == 2 * MAP
    assert flops_of(layers.ELU(0.5), SHAPE) == 4 * MAP
    assert flops_of(layers.Softmax(), SHAPE) == 5 * MAP
    assert flops_of(layers.Softmax(axis=(1, 2)), SHAPE) == 5 * MAP
    thresholded = Layer(name="t", kind="ThresholdedReLU", config={"theta": 1.0})
    assert effect_of(thresholded, (Tensor((1, *SHAPE), "float32"),)).other_flops == MAP


def test_softmax_over_positions_looks_around() -> None:
    """Along its axes; whether they hold positions, the layout says."""
    assert node_of(layers.Softmax(), SHAPE).effect.view == statistics_along(3)
    assert node_of(layers.Softmax(axis=(1, 2)), SHAPE).effect.view == statistics_along(1, 2)
    assert node_of(layers.Softmax(axis=1), (5, 6)).effect.view == statistics_along(1)
    assert node_of(layers.Activation("softmax"), (5, 6)).effect.view == statistics_along(2)


@pytest.mark.parametrize(
    ("shared", "weights"), [(None, 4 * 5 * 6), ([1, 2], 6), (1, 5 * 6), ([1, 2, 3], 1)]
)
def test_prelu(shared, weights: int) -> None:
    node = node_of(layers.PReLU(shared_axes=shared), SHAPE)
    assert node.effect.other_flops == 2 * MAP
    assert node.weights[0].elements == weights


def test_prelu_refuses_the_batch_axis() -> None:
    layer = Layer(name="p", kind="PReLU", config={"shared_axes": [0]})
    with pytest.raises(KerauditError, match="shared_axes must be from 1 to 3"):
        effect_of(layer, (Tensor((1, *SHAPE), "float32"),))


@pytest.mark.parametrize(
    ("layer", "name"),
    [
        (lambda: layers.ReLU(6.0), "relu"),
        (lambda: layers.LeakyReLU(0.1), "leaky_relu"),
        (lambda: layers.ELU(), "elu"),
        (lambda: layers.Softmax(), "softmax"),
    ],
)
def test_a_layer_as_an_activation(layer, name: str) -> None:
    record = layers.Dense(3, activation=layer()).get_config()["activation"]
    assert activation_name(record) == name


def test_prelu_as_an_activation_has_weights_we_do_not_know() -> None:
    inputs = keras.Input((4,))
    from witness import graph_of

    model = keras.Model(inputs, layers.Dense(3, activation=layers.PReLU())(inputs))
    effect = graph_of(model).nodes[-1].effect
    assert effect.status == UNSUPPORTED
    assert "p_re_l_u" in effect.reason or "prelu" in effect.reason.lower()
