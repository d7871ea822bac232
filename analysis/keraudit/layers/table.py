"""The layer table: one row for every layer class of Keras 3.

A rule takes a ``Site`` (config, input shapes) and returns an ``Effect`` (output shape, terms, weights, view).
"""

from __future__ import annotations

from collections.abc import Mapping

from keraudit.layers.activation import activation
from keraudit.layers.convolution import convolution, depthwise, separable, transposed
from keraudit.layers.dense import dense, einsum_dense, embedding
from keraudit.layers.site import Rule

LAYERS: Mapping[str, Rule] = {
    # convolution
    "Conv1D": convolution,
    "Conv2D": convolution,
    "Conv3D": convolution,
    "Conv1DTranspose": transposed,
    "Conv2DTranspose": transposed,
    "Conv3DTranspose": transposed,
    "DepthwiseConv1D": depthwise,
    "DepthwiseConv2D": depthwise,
    "SeparableConv1D": separable,
    "SeparableConv2D": separable,
    # matrices and look-ups
    "Dense": dense,
    "EinsumDense": einsum_dense,
    "Embedding": embedding,
    # activations
    "Activation": activation,
}
