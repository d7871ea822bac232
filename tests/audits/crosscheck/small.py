"""Small layers of every kind, counted by a peer in this process: ``python small.py PEER ...``.

Prints a line of JSON for each peer and layer: the peer, the layer's name and the remainder, or the error.
All the peers of one call must share a backend of Keras, which ``KERAS_BACKEND`` names.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
from keras import layers

from keraudit.audits.crosscheck.peers import PEERS, reconciled
from keraudit.audits.crosscheck.worker import function_at
from keraudit.layers.activation import ACTIVATIONS
from keraudit.layers.infer import shaped
from keraudit.model.graph import Graph
from keraudit.reading.config import architecture

MAP, SEQUENCE, VOLUME = (2, 6, 6, 4), (2, 7, 4), (2, 6, 6, 6, 4)
TWO = [(2, 5, 4), (2, 3, 4)]
LEFT_OUT = ("linear", "threshold", "sparsemax")

Case = tuple[str, Callable[[Any], Any], Sequence[tuple[int, ...]]]


def attention(x: Any) -> Any:
    return layers.MultiHeadAttention(2, 3)(x, x)


def cases() -> Iterator[Case]:
    for name in ACTIVATIONS:
        if name not in LEFT_OUT:
            yield name, layers.Activation(name), [MAP]
    for scale in (True, False):
        for center in (True, False):
            named = f"scale={scale}, center={center}"
            options = {"scale": scale, "center": center}
            yield f"batch, {named}", layers.BatchNormalization(**options), [MAP]
            yield f"layer, {named}", layers.LayerNormalization(**options), [MAP]
    yield "layer over three axes", layers.LayerNormalization(axis=(1, 2, 3)), [MAP]
    yield "rms", layers.RMSNormalization(), [MAP]
    yield "unit", layers.UnitNormalization(), [MAP]
    yield "features", layers.Normalization(mean=[1.0] * 4, variance=[2.0] * 4), [MAP]
    yield "fresh features", layers.Normalization(), [MAP]
    yield "rescaling", layers.Rescaling(1 / 255), [MAP]
    yield "rescaling with offset", layers.Rescaling(1 / 127.5, offset=-1), [MAP]
    yield "max pooling", layers.MaxPooling2D(3, 2, padding="same"), [MAP]
    yield "average pooling", layers.AveragePooling2D(2), [MAP]
    yield "padded average pooling", layers.AveragePooling2D(3, 1, padding="same"), [MAP]
    yield "pooling 1D", layers.MaxPooling1D(2), [SEQUENCE]
    yield "pooling 3D", layers.AveragePooling3D(2), [VOLUME]
    yield "global average", layers.GlobalAveragePooling2D(), [MAP]
    yield "global maximum", layers.GlobalMaxPooling2D(), [MAP]
    yield "add", layers.Add(), [MAP, MAP, MAP]
    yield "multiply broadcast", layers.Multiply(), [MAP, (2, 1, 1, 4)]
    yield "average", layers.Average(), [MAP, MAP]
    yield "dot", layers.Dot((2, 2)), TWO
    yield "relu 6", layers.ReLU(6), [MAP]
    yield "relu with slope", layers.ReLU(negative_slope=0.1), [MAP]
    yield "prelu", layers.PReLU(), [MAP]
    yield "softmax", layers.Softmax(), [MAP]
    yield "convolution", layers.Conv2D(8, 3, padding="same"), [MAP]
    yield "strided", layers.Conv2D(8, 3, strides=2, padding="same"), [(2, 6, 7, 4)]
    yield "grouped", layers.Conv2D(8, 3, groups=2, padding="same"), [MAP]
    yield "dilated", layers.Conv2D(8, 2, dilation_rate=2, padding="same"), [(2, 7, 5, 4)]
    yield "dilated, not padded", layers.Conv2D(8, 3, dilation_rate=3), [(2, 11, 9, 4)]
    yield "depthwise", layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same"), [MAP]
    yield "strided depthwise", layers.DepthwiseConv2D(3, strides=2, padding="same"), [MAP]
    yield "separable", layers.SeparableConv2D(8, 3, padding="same"), [MAP]
    yield "transposed", layers.Conv2DTranspose(8, 3), [MAP]
    yield "strided transposed", layers.Conv2DTranspose(8, 3, strides=2, padding="same"), [MAP]
    yield "wide transposed", layers.Conv2DTranspose(8, 5, strides=3), [MAP]
    yield "uneven transposed", layers.Conv2DTranspose(8, 4, strides=(2, 3), padding="same"), [MAP]
    yield "narrow transposed", layers.Conv2DTranspose(8, 2, strides=3, padding="same"), [MAP]
    yield "transposed 1D", layers.Conv1DTranspose(8, 3), [SEQUENCE]
    yield "causal", layers.Conv1D(8, 3, padding="causal"), [SEQUENCE]
    yield "convolution 3D", layers.Conv3D(8, 3, padding="same"), [VOLUME]
    yield "transposed 3D", layers.Conv3DTranspose(4, 3), [(2, 4, 4, 4, 4)]
    yield (
        "over time",
        layers.TimeDistributed(layers.Conv2D(8, 3, padding="same")),
        [(2, 3, *MAP[1:])],
    )
    yield "dense with softmax", layers.Dense(5, activation="softmax"), [MAP]
    einsum = layers.EinsumDense("abc,cd->abd", output_shape=(None, 7), bias_axes="d")
    yield "einsum", einsum, [SEQUENCE]
    yield "lstm", layers.LSTM(3), [SEQUENCE]
    yield "lstm unrolled", layers.LSTM(3, unroll=True), [SEQUENCE]
    yield "gru", layers.GRU(3), [SEQUENCE]
    yield "gru, reset before", layers.GRU(3, reset_after=False), [SEQUENCE]
    yield "simple rnn", layers.SimpleRNN(3, return_sequences=True), [SEQUENCE]
    yield "zero padding", layers.ZeroPadding2D(1), [MAP]
    yield "attention", layers.Attention(), TWO
    yield "additive attention", layers.AdditiveAttention(), TWO
    yield "multi-head attention", attention, [SEQUENCE]


def graph_of(call: Callable[[Any], Any], shapes: Sequence[tuple[int, ...]]) -> Graph:
    inputs = [keras.Input(batch_shape=shape) for shape in shapes]
    start = inputs if len(inputs) > 1 else inputs[0]
    model = keras.Model(start, call(start))
    return shaped(architecture(json.loads(model.to_json()), source="test"))


def main(names: Sequence[str]) -> None:
    for name, call, shapes in cases():
        graph = graph_of(call, shapes)
        for peer in names:
            value = function_at(PEERS[peer].counter)(graph)
            rest = value - sum(term.value for term in reconciled(graph, PEERS[peer]))
            print(json.dumps([peer, name, rest]), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
