"""Wrappers: Keras is the witness for shapes and weights; what they hold costs what it costs alone."""

from __future__ import annotations

import keras
import pytest
from keras import layers

import keraudit
from keraudit.layers.call import counted, elementwise
from witness import agree, graph_of, witness

T = 5


def test_time_distributed_convolution():
    inner = layers.Conv2D(6, 3, strides=2, padding="same")
    effect = witness(layers.TimeDistributed(inner), (T, 9, 9, 4)).nodes[-1].effect
    assert effect.outputs == ((1, T, 5, 5, 6),)
    assert effect.macs == T * 5 * 5 * 3 * 3 * 4 * 6
    assert sum(w.elements for w in effect.weights) == 3 * 3 * 4 * 6 + 6
    alone = witness(layers.Conv2D(6, 3, strides=2, padding="same"), (9, 9, 4)).nodes[-1].effect
    assert effect.view == alone.view


@pytest.mark.parametrize(
    ("inner", "shape"),
    [
        (layers.Dense(3), (T, 7)),
        (layers.Dense(3), (T, 4, 7)),
        (layers.LSTM(3), (T, 6, 7)),
        (layers.Bidirectional(layers.GRU(3)), (T, 6, 7)),
        (layers.TimeDistributed(layers.Dense(2)), (T, 6, 7)),
        (layers.Embedding(11, 3), (T, 6)),
    ],
)
def test_time_distributed_layers(inner, shape):
    witness(layers.TimeDistributed(inner), shape)


def test_time_distributed_with_a_mask():
    """The mask, one value a step, is not folded: it is no input of the layer that is held."""
    start, mask = keras.Input((T, 4)), keras.Input((T,), dtype="bool")
    timed = layers.TimeDistributed(layers.Dense(3))
    for model in (
        keras.Model([start, mask], timed(start, mask=mask)),
        keras.Model([start, mask], timed(inputs=start, mask=mask)),
    ):
        graph = graph_of(model)
        agree(graph, model)
        assert graph.nodes[-1].effect.macs == T * 4 * 3


def test_time_distributed_model():
    frame = keras.Input((8, 8, 3))
    shared = layers.Conv2D(3, 3, padding="same")
    model = keras.Model(frame, layers.Dense(2)(layers.Flatten()(shared(shared(frame)))))
    effect = witness(layers.TimeDistributed(model), (T, 8, 8, 3)).nodes[-1].effect
    assert effect.macs == T * (2 * 8 * 8 * 9 * 3 * 3 + 8 * 8 * 3 * 2)
    assert sum(w.elements for w in effect.weights) == 9 * 3 * 3 + 3 + 8 * 8 * 3 * 2 + 2


def test_frozen_parts_stay_frozen():
    inner = layers.Dense(3)
    inner.trainable = False
    witness(layers.TimeDistributed(inner), (T, 7))
    model = keras.Sequential([keras.Input((7,)), layers.Dense(4), layers.Dense(2)])
    model.layers[0].trainable = False
    witness(layers.TimeDistributed(model), (T, 7))
    outer = layers.TimeDistributed(layers.Dense(3))
    outer.trainable = False
    witness(outer, (T, 7))


MODES = ["concat", "sum", "mul", "ave", None]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("sequences", [True, False])
@pytest.mark.parametrize("state", [True, False])
def test_bidirectional(mode, sequences, state):
    inner = layers.LSTM(3, return_sequences=sequences, return_state=state)
    effect = witness(layers.Bidirectional(inner, merge_mode=mode), (T, 4)).nodes[-1].effect
    one = witness(layers.LSTM(3), (T, 4)).nodes[-1].effect
    assert effect.macs == 2 * one.macs == 2 * T * 4 * (4 * 3 + 3 * 3)
    elements = 3 * (T if sequences else 1)
    merge = {"sum": 1, "mul": 1, "ave": 2}.get(mode, 0)
    assert effect.other_flops == 2 * one.other_flops + merge * elements


@pytest.mark.parametrize(
    "inner",
    [
        layers.SimpleRNN(3),
        layers.GRU(3, return_sequences=True),
        layers.RNN([layers.LSTMCell(3), layers.GRUCell(2)]),
        layers.ConvLSTM1D(2, 3, return_sequences=True),
    ],
)
def test_bidirectional_layers(inner):
    witness(
        layers.Bidirectional(inner), (T, 7, 4) if "Conv" in inner.__class__.__name__ else (T, 4)
    )


def test_bidirectional_with_a_backward_layer_of_its_own():
    backward = layers.GRU(3, go_backwards=True)
    effect = witness(layers.Bidirectional(layers.LSTM(3), backward_layer=backward), (T, 4))
    assert effect.nodes[-1].effect.macs == T * (4 + 3) * (4 * 3 + 3 * 3)


def test_bidirectional_with_initial_states():
    x, *states = keras.Input((T, 4)), keras.Input((3,)), keras.Input((3,))
    y = layers.Bidirectional(layers.GRU(3))(x, initial_state=states)
    model = keras.Model([x, *states], y)
    agree(graph_of(model), model)


@pytest.mark.parametrize(
    ("inner", "shape"),
    [
        (layers.Dense(6), (7,)),
        (layers.Conv2D(6, 3), (9, 9, 4)),
        (layers.Conv2DTranspose(6, 3), (9, 9, 4)),
        (layers.DepthwiseConv2D(3), (9, 9, 4)),
        (layers.Embedding(11, 3), (T,)),
    ],
)
def test_spectral_normalization(inner, shape):
    effect = witness(layers.SpectralNormalization(inner), shape).nodes[-1].effect
    assert effect.weights[-1].name == "vector_u"
    alone = witness(type(inner).from_config(inner.get_config()), shape).nodes[-1].effect
    assert effect.macs == alone.macs
    assert effect.other_flops == alone.other_flops
    assert effect.status == alone.status


def test_pipeline():
    layer = layers.Pipeline([layers.Activation("relu"), layers.Dense(3), layers.Activation("tanh")])
    x = keras.Input((7,))
    graph = graph_of(keras.Model(x, layer(x)))
    assert graph.nodes[-1].effect.macs == 7 * 3
    assert graph.nodes[-1].outputs[0].shape == (1, 3)


def test_lambda_is_a_lower_bound_with_its_reason():
    x = keras.Input((7,))
    y = layers.Lambda(lambda t: t[:, :3], output_shape=(3,))(x)
    model = keras.Model(x, layers.Dense(2)(y))
    graph = graph_of(model)
    effect = graph.nodes[1].effect
    assert effect.status == "unsupported"
    assert "runs a Python function, which is not counted" in effect.reason
    assert effect.outputs == ((1, 3),)
    assert graph.nodes[2].effect.macs == 3 * 2


def test_a_wrapped_lambda_has_the_shape_that_the_file_records():
    x = keras.Input((T, 7))
    y = layers.TimeDistributed(layers.Lambda(lambda t: t[:, :3], output_shape=(3,)))(x)
    graph = graph_of(keras.Model(x, layers.Dense(2)(y)))
    assert graph.nodes[1].outputs[0].shape == (1, T, 3)
    assert graph.nodes[1].effect.status == "unsupported"


def test_a_lambda_says_what_to_do_and_a_rule_counts_it():
    model = keras.Sequential([keras.Input((6,)), layers.Lambda(lambda x: x * 2)])
    (left_out,) = keraudit.audit(model).costs.unsupported
    assert left_out.reason.startswith(
        "it runs a Python function, which is not counted: make it a layer class of your own"
        " (which may have @keraudit.counts), or give a rule for Lambda with --rules (rules=)"
    )

    def rule(site):
        return counted(site.shape, terms=[elementwise("doubling", site.shape)])

    assert keraudit.audit(model, rules={"Lambda": rule}).total.other_flops == 6

    class Doubled(keras.layers.Layer):
        def call(self, x):
            return x * 2

    own = keras.Sequential([keras.Input((6,)), Doubled()])
    assert keraudit.audit(own).total.other_flops == 6
