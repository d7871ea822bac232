"""Attention: Keras is the witness for shapes and weights; the counts are worked by hand."""

from __future__ import annotations

import keras
import pytest
from keras import layers

from witness import agree, graph_of

B, TQ, TV, D, DV = 1, 6, 9, 8, 5


def call(layer, *shapes, apart=False, **options):
    """Call on fresh inputs, as one list or apart; return the last call's effect."""
    inputs = [keras.Input(shape) for shape in shapes]
    output = layer(*inputs, **options) if apart else layer(inputs, **options)
    model = keras.Model(inputs, output)
    graph = graph_of(model)
    agree(graph, model)
    return graph.nodes[-1].effect


def products(effect):
    return [t.value for t in effect.terms if t.operands == 2]


@pytest.mark.parametrize("scores", [True, False])
@pytest.mark.parametrize("mode", ["dot", "concat"])
@pytest.mark.parametrize("scaled", [True, False])
def test_attention(mode, scaled, scores):
    layer = layers.Attention(use_scale=scaled, score_mode=mode, dropout=0.1)
    effect = call(layer, (TQ, D), (TV, D), (TV, D), return_attention_scores=scores)
    pairs = TQ * TV
    if mode == "dot":
        assert products(effect) == [pairs * D, pairs * D]
        assert effect.other_flops == pairs * (5 + scaled)
    else:
        assert effect.macs == pairs * D
        assert effect.other_flops == pairs * (D * (3 + scaled) + 1 + 5)


def test_attention_takes_the_values_width():
    effect = call(layers.Attention(), (TQ, D), (TV, DV), (TV, D))
    assert products(effect) == [TQ * TV * D, TQ * TV * DV]
    assert effect.outputs == ((B, TQ, DV),)


@pytest.mark.parametrize("scaled", [True, False])
def test_additive_attention(scaled):
    effect = call(layers.AdditiveAttention(use_scale=scaled), (TQ, D), (TV, D))
    assert effect.macs == TQ * TV * D * (2 if scaled else 1)
    assert effect.other_flops == TQ * TV * (D * (2 if scaled else 3) + 5)
    assert products(effect) == [TQ * TV * D]


def test_multi_head_self_attention():
    heads, key = 4, 16
    effect = call(layers.MultiHeadAttention(heads, key), (TQ, D), (TQ, D), apart=True)
    projections = 4 * TQ * D * heads * key  # query, key, value, output
    assert effect.macs == projections + 2 * heads * TQ * TQ * key
    assert products(effect) == [heads * TQ * TQ * key] * 2
    bias = 3 * TQ * heads * key + TQ * D
    assert effect.other_flops == bias + heads * TQ * TQ * (1 + 5)
    assert effect.view == "global"


def test_vit_b_16_block():
    # 197 tokens of width 768, 12 heads of 64 (Dosovitskiy et al. 2021, Table 1)
    effect = call(layers.MultiHeadAttention(12, 64), (197, 768), (197, 768), apart=True)
    assert effect.macs == 4 * 197 * 768 * 768 + 2 * 197 * 197 * 768
    assert sum(w.elements for w in effect.weights) == 4 * (768 * 768 + 768)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"value_dim": 7},
        {"use_bias": False},
        {"output_shape": 11},
        {"output_shape": (3, 4)},
        {"dropout": 0.2},
        {"use_gate": True, "value_dim": 7},
        {"sliding_window": 3},
    ],
)
def test_multi_head_options(options):
    layer = layers.MultiHeadAttention(2, 4, **options)
    effect = call(layer, (TQ, D), (TV, DV), (TV, 3), apart=True)
    value = options.get("value_dim", 4)
    assert products(effect) == [2 * TQ * TV * 4, 2 * TQ * TV * value]


@pytest.mark.parametrize(
    ("axes", "pairs"),
    [(None, 15 * 15), ((1,), 3 * 3 * 5), ((2,), 3 * 5 * 5), ((-2,), 3 * 5 * 5), ((1, 2), 225)],
)
def test_attention_axes(axes, pairs):
    layer = layers.MultiHeadAttention(2, 4, attention_axes=axes)
    effect = call(layer, (3, 5, D), (3, 5, D), apart=True)
    assert products(effect) == [2 * pairs * 4] * 2


@pytest.mark.parametrize("length", [TQ, TV])
def test_returned_scores(length):
    layer = layers.MultiHeadAttention(2, 4)
    effect = call(layer, (TQ, D), (length, D), apart=True, return_attention_scores=True)
    assert products(effect)[0] == 2 * TQ * length * 4
    x, y = keras.Input((TQ, D)), keras.Input((length, D))
    _, scores = layers.MultiHeadAttention(2, 4)(x, y, return_attention_scores=True)
    model = keras.Model([x, y], layers.Dense(3)(scores))  # a reader of the scores: recorded
    agree(graph_of(model), model)


def test_arguments_by_name_and_a_mask():
    q, v, m = keras.Input((TQ, D)), keras.Input((TV, D)), keras.Input((TQ, TV), dtype="bool")
    y = layers.MultiHeadAttention(2, 4)(query=q, value=v, attention_mask=m)
    y = layers.MultiHeadAttention(2, 4)(y, value=v, key=v, use_causal_mask=True)
    model = keras.Model([q, v, m], y)
    graph = graph_of(model)
    agree(graph, model)
    assert products(graph.nodes[-1].effect) == [2 * TQ * TV * 4] * 2


@pytest.mark.parametrize("options", [{}, {"use_bias": False}, {"use_gate": True}])
@pytest.mark.parametrize("scores", [True, False])
def test_grouped_queries(options, scores):
    layer = layers.GroupQueryAttention(4, 6, 2, **options)
    effect = call(layer, (TQ, D), (TV, D), apart=True, return_attention_scores=scores)
    assert products(effect) == [6 * TQ * TV * 4] * 2  # every query head makes its own scores
    query, both = TQ * D * 6 * 4, 2 * TV * D * 2 * 4
    gate = query if options.get("use_gate") else 0
    assert effect.macs == query + both + gate + query + 2 * 6 * TQ * TV * 4


def test_transformer_block():
    x = keras.Input((TQ, D))
    y = layers.Add()([x, layers.MultiHeadAttention(2, 4)(x, x)])
    y = layers.LayerNormalization()(y)
    z = layers.Dense(D)(layers.Dense(32, activation="gelu")(y))
    model = keras.Model(x, layers.LayerNormalization()(layers.Add()([y, z])))
    graph = graph_of(model)
    attention = 4 * TQ * D * 8 + 2 * 2 * TQ * TQ * 4
    assert sum(n.effect.macs for n in graph.nodes) == attention + 2 * TQ * D * 32
