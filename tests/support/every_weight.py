"""Models whose weights start at random wherever a layer can have them.

Run as a script it prints a digest of each weight's values at one seed.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import keras
import numpy as np

from keraudit.api import read
from keraudit.audits.gradients.network import Network
from keraudit.audits.gradients.places import parts, places
from keraudit.audits.gradients.weights import draw, weights_of

layers = keras.layers
RANDOM = "random_normal"


@keras.saving.register_keras_serializable("every_weight")
class Ramp(keras.initializers.Initializer):
    """NumPy's own numbers, from its global state."""

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return keras.ops.convert_to_tensor(np.random.standard_normal(shape), dtype)


@keras.saving.register_keras_serializable("every_weight")
class Seeded(keras.initializers.RandomNormal):
    """A seed of its own, and a config that does not say all."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return self.factor * np.random.default_rng(self.seed).standard_normal(shape).astype(dtype)


@keras.saving.register_keras_serializable("every_weight")
class Own(keras.layers.Layer):
    """Weights that no config states: with an initialiser's name, with none, without a name, below."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.below = layers.Dense(6)
        self.deeper = [layers.Dense(6, use_bias=False), layers.Dense(6)]

    def build(self, shape: Any) -> None:
        self.w = self.add_weight(shape=(shape[-1], 6), initializer="he_normal", name="w")
        self.v = self.add_weight(shape=(6, 6))
        self.u = self.add_weight(shape=(6,), initializer=RANDOM)
        self.t = self.add_weight(shape=(6, 6), initializer=Ramp(), name="ramp")
        self.s = keras.Variable(RANDOM, shape=(6,), name="made_by_hand")
        self.p = self.add_weight(shape=(6,), initializer=Seeded(2.0), name="seeded")
        self.r = self.add_weight(shape=(1, 6), initializer="zeros", name="shift_by_head")
        self.q = self.add_weight(shape=(2, 6), initializer="ones", name="heads")
        for layer in (self.below, *self.deeper):
            layer.build((None, 6))
        super().build(shape)

    def compute_output_shape(self, shape: Any) -> Any:
        return (*shape[:-1], 6)

    def call(self, x: Any) -> Any:
        x = keras.ops.matmul(x, self.w) @ self.v * self.u + self.s
        x = keras.ops.matmul(x, self.t) + self.p + self.r + keras.ops.sum(self.q, axis=0)
        for layer in (self.below, *self.deeper):
            x = layer(x)
        return x


def images() -> Any:
    """Convolutions of every kind, and activations and wrappers with weights."""
    x = start = keras.Input((6, 6, 4))
    x = layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2, name="depthwise")(x)
    x = layers.SeparableConv2D(
        8, 3, depthwise_initializer="he_uniform", bias_initializer=RANDOM, name="separable"
    )(x)
    x = layers.PReLU(alpha_initializer=keras.initializers.RandomUniform(0.1, 0.3), name="prelu")(x)
    x = layers.Conv2DTranspose(8, 3, kernel_initializer="orthogonal", name="transposed")(x)
    x = layers.BatchNormalization(gamma_initializer="random_uniform", name="norm")(x)
    x = layers.SpectralNormalization(layers.Conv2D(8, 3, padding="same"), name="spectral")(x)
    frozen = layers.Conv2D(8, 3, groups=2, padding="same", name="frozen")
    frozen.trainable = False
    x = layers.ConvLSTM1D(3, 3, return_sequences=True, name="convlstm")(frozen(x))
    x = layers.TimeDistributed(layers.SeparableConv1D(4, 3), name="each")(x)
    return keras.Model(start, layers.Dense(3, name="last")(layers.Flatten()(x)))


def tokens() -> Any:
    """Embeddings, cells in wrappers, attention of every kind, a layer of the user's own."""
    start = keras.Input((5,), dtype="int32")
    x = layers.Embedding(11, 8, name="lookup")(start)
    x = layers.DepthwiseConv1D(3, padding="same", name="depthwise1d")(x)
    x = layers.RNN(layers.LSTMCell(8), return_sequences=True, name="cell")(x)
    stack = layers.StackedRNNCells([layers.GRUCell(8), layers.SimpleRNNCell(8)])
    x = layers.RNN(stack, return_sequences=True, name="stack")(x)
    x = layers.Bidirectional(layers.GRU(4, return_sequences=True), name="both")(x)
    x = layers.LSTM(8, return_sequences=True, bias_initializer=RANDOM, name="memory")(x)
    x = layers.MultiHeadAttention(2, 4, kernel_initializer="he_normal", name="heads")(x, x)
    x = layers.GroupQueryAttention(4, 4, 2, name="groups")(x, x)
    x = layers.EinsumDense("abc,cde->abde", (5, 2, 4), bias_axes="de", name="einsum")(x)
    x = layers.LayerNormalization(axis=(-2, -1), name="norm")(x)
    x = layers.Reshape((5, 8))(x)
    x = layers.AdditiveAttention(name="additive")([x, x])
    x = layers.Dense(
        4, kernel_initializer="truncated_normal", bias_initializer="glorot_normal", name="dense"
    )(x)
    x = Own(name="own")(x)
    scaling = keras.initializers.VarianceScaling(0.5, "fan_out", "untruncated_normal")
    return keras.Model(start, layers.Dense(3, kernel_initializer=scaling, name="last")(x))


MODELS = {"images": images, "tokens": tokens}
CUSTOM = {"Own": Own, "every_weight>Own": Own, "Ramp": Ramp, "every_weight>Ramp": Ramp}


def network_of(model: Any) -> Network:
    graph = read(model, batch=2, opened=False)
    return Network(graph, parts(graph, places(graph)), custom_objects=CUSTOM)


def values(network: Network) -> dict[str, Any]:
    return {
        f"{path}/{place}": np.asarray(weight.value)
        for path, layer in network.layers.items()
        for place, weight in weights_of(layer)
    }


def drawn(network: Network, seed: int) -> dict[str, Any]:
    draw(network, seed)
    return values(network)


def digests(network: Network) -> dict[str, str]:
    found = drawn(network, 3)
    return {key: hashlib.sha256(v.tobytes()).hexdigest()[:12] for key, v in found.items()}


if __name__ == "__main__":
    print(json.dumps(digests(network_of(tokens()))))
