"""Recurrent layers: Keras is the witness for shapes and weights; the counts are worked by hand."""

from __future__ import annotations

import keras
import pytest
from keras import layers

from witness import agree, graph_of, witness

T, IN, U = 7, 5, 3
EACH = [layers.SimpleRNN, layers.LSTM, layers.GRU]


@pytest.mark.parametrize("kind", EACH)
@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("sequences", [True, False])
@pytest.mark.parametrize("state", [True, False])
def test_shapes_and_weights(kind, use_bias, sequences, state):
    layer = kind(U, use_bias=use_bias, return_sequences=sequences, return_state=state)
    witness(layer, (T, IN))


@pytest.mark.parametrize(
    "options",
    [
        {"reset_after": False},
        {"reset_after": True},
        {"activation": "relu", "recurrent_activation": "hard_sigmoid"},
        {"dropout": 0.2, "recurrent_dropout": 0.1},
        {"go_backwards": True},
        {"unroll": True},
    ],
)
def test_gru_options(options):
    witness(layers.GRU(U, **options), (T, IN))


def test_lstm_counts_every_step():
    node = witness(layers.LSTM(U), (T, IN)).nodes[-1]
    assert node.effect.macs == T * 4 * (IN * U + U * U)
    bias, gates, rec, act, other = 4, 3, 4, 2, 8  # per unit and step; a sigmoid is 4, a tanh 1
    assert node.effect.other_flops == T * U * (bias + gates * rec + act * 1 + other)
    assert node.effect.view == "global"


def test_counts_grow_with_the_batch_and_the_steps():
    model = keras.Sequential([keras.Input((None, IN)), layers.LSTM(U)])
    one = graph_of(model, input_shapes=[(T, IN)]).nodes[-1].effect
    many = graph_of(model, input_shapes=[(3 * T, IN)], batch=2).nodes[-1].effect
    assert many.macs == 6 * one.macs
    assert many.other_flops == 6 * one.other_flops
    assert many.weights == one.weights


def test_gru_counts():
    after = witness(layers.GRU(U), (T, IN)).nodes[-1].effect
    before = witness(layers.GRU(U, reset_after=False), (T, IN)).nodes[-1].effect
    assert after.macs == before.macs == T * 3 * (IN * U + U * U)
    # bias 2 x 3 or 3, two sigmoids of 4, one tanh, 3 additions, 5 for r h and z h + (1 - z) g
    assert after.other_flops == T * U * (6 + 2 * 4 + 1 + 3 + 5)
    assert before.other_flops == T * U * (3 + 2 * 4 + 1 + 3 + 5)
    assert [w.shape for w in after.weights] == [(IN, 9), (3, 9), (2, 9)]
    assert [w.shape for w in before.weights] == [(IN, 9), (3, 9), (9,)]


def test_simple_rnn_counts():
    effect = witness(layers.SimpleRNN(U, activation="relu"), (T, IN)).nodes[-1].effect
    assert effect.macs == T * (IN * U + U * U)
    assert effect.other_flops == T * U * (1 + 1 + 1)


def test_initial_state_reaches_only_the_state():
    x, h, c = keras.Input((T, IN)), keras.Input((U,)), keras.Input((U,))
    y = layers.LSTM(U, return_sequences=True)(x, initial_state=[h, c])
    y, *states = layers.LSTM(U, return_state=True)(y, initial_state=[h, c])
    model = keras.Model([x, h, c], [y, *states])
    agree(graph_of(model), model)


def test_stateful():
    model = keras.Sequential(
        [keras.Input(batch_shape=(4, T, IN)), layers.LSTM(U, stateful=True), layers.Dense(2)]
    )
    graph = graph_of(model)
    agree(graph, model)
    assert graph.batch == 4


def test_unknown_activation_is_a_lower_bound():
    @keras.saving.register_keras_serializable("tests")
    def odd(x):
        return x

    effect = witness(layers.GRU(U, activation=odd), (T, IN)).nodes[-1].effect
    assert effect.status == "unsupported"
    assert effect.macs == T * 3 * (IN * U + U * U)


CELLS = [layers.SimpleRNNCell, layers.LSTMCell, layers.GRUCell]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("state", [True, False])
def test_rnn_equals_its_layer(cell, state):
    through = witness(layers.RNN(cell(U), return_state=state), (T, IN)).nodes[-1].effect
    name = cell.__name__.removesuffix("Cell")
    direct = witness(getattr(layers, name)(U, return_state=state), (T, IN)).nodes[-1].effect
    assert through == direct


@pytest.mark.parametrize("options", [{}, {"return_sequences": True}, {"return_state": True}])
def test_stacked_cells(options):
    cells = [layers.LSTMCell(U), layers.GRUCell(4), layers.SimpleRNNCell(2)]
    effect = witness(layers.RNN(cells, **options), (T, IN)).nodes[-1].effect
    lstm, gru, simple = 4 * (IN * U + U * U), 3 * (U * 4 + 4 * 4), 4 * 2 + 2 * 2
    assert effect.macs == T * (lstm + gru + simple)


def test_frozen_cell():
    cell = layers.LSTMCell(U)
    cell.trainable = False
    witness(layers.RNN(cell), (T, IN))


def test_cells_as_layers():
    x, h, c = keras.Input((IN,)), keras.Input((U,)), keras.Input((U,))
    y, (h2, c2) = layers.LSTMCell(U)(x, [h, c])
    z, (g2,) = layers.GRUCell(U)(y, [h2])
    w, (s2,) = layers.SimpleRNNCell(U)(z, [g2])
    model = keras.Model([x, h, c], [w, c2, s2])
    graph = graph_of(model)
    agree(graph, model)
    lstm = next(n for n in graph.nodes if n.layer.kind == "LSTMCell")
    assert lstm.effect.macs == 4 * (IN * U + U * U)


@pytest.mark.parametrize("state", [True, False])
def test_a_cell_of_the_users_own(state):
    @keras.saving.register_keras_serializable("tests")
    class Own(keras.layers.Layer):
        state_size = 2
        output_size = 2

        def call(self, x, states):
            return states[0], [states[0]]

    x = keras.Input((T, IN))
    model = keras.Model(x, layers.Dense(4)(layers.RNN(Own())(x)))
    graph = graph_of(model)
    assert graph.nodes[1].outputs[0].shape == (1, 2)  # the file says so
    assert graph.nodes[1].effect.status == "unsupported"
    assert "Own" in graph.nodes[1].effect.reason


CONV = [
    (layers.ConvLSTM1D, (T, 12, 4), {}),
    (layers.ConvLSTM2D, (T, 12, 10, 4), {}),
    (layers.ConvLSTM3D, (3, 6, 5, 4, 2), {}),
    (layers.ConvLSTM2D, (T, 12, 10, 4), {"padding": "same", "strides": 2}),
    (layers.ConvLSTM2D, (T, 12, 10, 4), {"dilation_rate": 2, "use_bias": False}),
    (layers.ConvLSTM2D, (T, 12, 10, 4), {"kernel_size": (3, 1), "return_state": True}),
    (layers.ConvLSTM2D, (T, 12, 10, 4), {"return_sequences": True, "return_state": True}),
    (layers.ConvLSTM2D, (T, 4, 12, 10), {"data_format": "channels_first"}),
]


@pytest.mark.parametrize(("kind", "shape", "options"), CONV)
def test_conv_lstm(kind, shape, options):
    witness(kind(6, **{"kernel_size": 3, **options}), shape)


def test_conv_lstm_counts():
    layer = layers.ConvLSTM2D(6, 3, strides=2, padding="same")
    effect = witness(layer, (T, 12, 10, 4)).nodes[-1].effect
    positions = 6 * 5
    assert effect.macs == T * positions * 3 * 3 * (4 + 6) * 4 * 6
    assert effect.other_flops == T * positions * 6 * (4 + 3 * 4 + 2 * 1 + 8)


def test_keras_2_cudnn_layers():
    def old(kind):
        config = {"name": "rnn", "units": U, "return_sequences": False, "trainable": True}
        first = {"class_name": "InputLayer", "config": {"batch_input_shape": [None, T, IN]}}
        return {
            "class_name": "Sequential",
            "config": {"name": "s", "layers": [first, {"class_name": kind, "config": config}]},
        }

    from keraudit.layers.infer import shaped
    from keraudit.reading.config import architecture

    lstm = shaped(architecture(old("CuDNNLSTM"), source="test")).nodes[-1].effect
    gru = shaped(architecture(old("CuDNNGRU"), source="test")).nodes[-1].effect
    assert sum(w.elements for w in lstm.weights) == 4 * (IN * U + U * U + 2 * U)
    assert sum(w.elements for w in gru.weights) == 3 * (IN * U + U * U + 2 * U)
    assert lstm.macs == T * 4 * (IN * U + U * U)


def test_published_size():
    # keras.io's IMDB example: Embedding(20000, 128), then Bidirectional(LSTM(64)) twice
    model = keras.Sequential(
        [
            keras.Input((200,), dtype="int32"),
            layers.Embedding(20000, 128),
            layers.Bidirectional(layers.LSTM(64, return_sequences=True)),
            layers.Bidirectional(layers.LSTM(64)),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    graph = graph_of(model)
    agree(graph, model)
    assert sum(w.elements for n in graph.nodes for w in n.weights) == 2_757_761  # its summary()
