"""The named terms of each peer on single layers, with their arithmetic; batch 1."""

from __future__ import annotations

from typing import Any

import pytest

from keraudit.audits.crosscheck.peers import PEERS, reconciled
from keraudit.model.graph import Graph
from witness import graph_of, witness

keras = pytest.importorskip("keras")
layers = keras.layers


def terms(graph: Graph, peer: str) -> dict[str, int]:
    return dict(reconciled(graph, PEERS[peer]))


def test_a_plain_dense_layer_needs_no_terms() -> None:
    graph = witness(layers.Dense(5), (4,))
    macs, flops = 4 * 5, 2 * 4 * 5 + 5
    assert terms(graph, "fvcore") == {"our MACs": macs}
    assert terms(graph, "tensorflow") == {"our FLOPs": flops}
    assert terms(graph, "xla") == {"our FLOPs": flops}
    assert terms(graph, "torch") == {"our FLOPs": flops, "bias: not counted": -5}


def test_a_grouped_convolution_is_not_seen_by_tensorflow() -> None:
    graph = witness(layers.Conv2D(8, 3, groups=2), (6, 6, 4))
    macs = 4 * 4 * 3 * 3 * 2 * 8  # 2 of 4 channels for each filter
    found = terms(graph, "tensorflow")
    assert found["grouped convolution: in a function, not seen"] == -2 * macs
    assert sum(found.values()) == 4 * 4 * 8  # the bias
    assert sum(terms(graph, "fvcore").values()) == macs


def test_a_transposed_convolution_in_tensorflow() -> None:
    graph = witness(layers.Conv2DTranspose(8, 3, use_bias=False), (6, 6, 4))
    # ours from the 6 x 6 input, theirs from the 8 x 8 output
    found = terms(graph, "tensorflow")
    assert found["transposed convolution: its own formula"] == 2 * (64 - 36) * 9 * 4 * 8


def test_batch_normalisation_is_folded_per_channel() -> None:
    graph = witness(layers.BatchNormalization(), (6, 6, 4))
    name = "batch normalisation: folding per channel"
    assert terms(graph, "tensorflow")[name] == 6 * 4
    assert terms(graph, "xla")[name] == 5 * 4
    assert terms(graph, "torch")["normalisation: not counted"] == -2 * 6 * 6 * 4
    bare = witness(layers.BatchNormalization(scale=False, center=False), (6, 6, 4))
    assert terms(bare, "tensorflow")[name] == 5 * 4
    assert terms(bare, "xla")[name] == 3 * 4
    graph.nodes[-1].layer.config["axis"] = [3]  # as TensorFlow 2 wrote it
    assert terms(graph, "tensorflow")[name] == 6 * 4
    assert terms(graph, "xla")[name] == 5 * 4


def test_layer_normalisation_among_the_macs_of_fvcore() -> None:
    graph = witness(layers.LayerNormalization(), (10, 8))
    assert terms(graph, "fvcore") == {
        "our MACs": 0,
        "layer normalisation: FLOPs among MACs": 5 * 10 * 8,
    }
    unscaled = witness(layers.LayerNormalization(scale=False), (10, 8))
    assert sum(terms(unscaled, "fvcore").values()) == 4 * 10 * 8


def test_attention_products_are_fused_or_hidden() -> None:
    start = keras.Input((5, 4))
    graph = graph_of(keras.Model(start, layers.MultiHeadAttention(2, 3)(start, start)))
    products = 2 * (2 * 5 * 5 * 3)  # two products of 2 heads, 5 x 5 scores, width 3
    assert terms(graph, "fvcore")["attention products: fused, not seen"] == -products
    assert terms(graph, "torch")["attention products: fused, not seen"] == -2 * products
    assert terms(graph, "tensorflow")["attention products: Einsum, not seen"] == -2 * products
    # XLA sees them; its softmax of 2 x 5 rows of 5 scores is 4 for each score, less one a row
    softmax = "softmax: exp left out, a finite maximum"
    assert terms(graph, "xla")[softmax] == (4 - 5) * 50 - 10


def test_the_steps_of_an_lstm() -> None:
    graph = witness(layers.LSTM(3), (7, 4))
    step = 2 * 4 * (4 * 3) + 2 * 3 * (4 * 3) + 4 * 3 + 8 * 3  # two projections, bias, gates
    found = terms(graph, "tensorflow")
    assert found["recurrent steps: only the first in full"] == -6 * step
    # the body once: the input's projection and bias, 5 operations a unit of the gates
    again = 2 * 4 * 12 + 12 + 5 * 3
    assert found["recurrent steps: the loop's body once, without its state"] == again
    assert sum(found.values()) == step + again
    # XLA: the body once, sigmoid as 3 operations and tanh as none, and the loop's counter
    assert sum(terms(graph, "xla").values()) == step + 3 * 3 * 3 + 2


def test_an_unrolled_lstm_is_seen_whole() -> None:
    graph = witness(layers.LSTM(3, unroll=True), (7, 4))
    assert not [name for name in terms(graph, "tensorflow") if name.startswith("recurrent")]
    assert not [name for name in terms(graph, "xla") if name.startswith("recurrent")]


@pytest.mark.parametrize(
    ("activation", "tensorflow", "xla"),
    [("relu", 0, 1), ("silu", 2, 4), ("gelu", 4, 66), ("hard_silu", 3, 5), ("sigmoid", 0, 3)],
)
def test_activations(activation: str, tensorflow: int, xla: int) -> None:
    graph = witness(layers.Activation(activation), (6, 6, 4))
    assert sum(terms(graph, "tensorflow").values()) == tensorflow * 144
    assert sum(terms(graph, "xla").values()) == xla * 144
    assert sum(terms(graph, "torch").values()) == 0


@pytest.mark.parametrize(
    ("pool", "expected"),
    [
        (layers.MaxPooling2D(2), (4 - 1) * 3 * 3 * 4),
        (layers.AveragePooling2D(2), 4 * 3 * 3 * 4),
        # with padding the window is counted, once for each of 6 x 6 positions
        (layers.AveragePooling2D(3, 1, padding="same"), 9 * 36 * 4 + 8 * 36),
        (layers.GlobalAveragePooling2D(), 36 * 4),
        (layers.GlobalMaxPooling2D(), 35 * 4),
    ],
)
def test_pooling_in_xla(pool: Any, expected: int) -> None:
    graph = witness(pool, (6, 6, 4))
    assert sum(terms(graph, "xla").values()) == expected


def test_terms_without_a_value_are_left_out() -> None:
    graph = witness(layers.Conv2D(8, 3), (6, 6, 4))
    assert list(terms(graph, "xla")) == ["our FLOPs"]
