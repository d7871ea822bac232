"""The layer table: one row for every layer class of Keras 3.

A rule takes a ``Site`` (config, input shapes) and returns an ``Effect`` (output shape, terms, weights, view).
"""

from __future__ import annotations

from collections.abc import Mapping

from keraudit.layers.activation import activation
from keraudit.layers.attention import (
    additive_attention,
    attention,
    group_query_attention,
    multi_head_attention,
)
from keraudit.layers.convolution import convolution, depthwise, separable, transposed
from keraudit.layers.dense import dense, einsum_dense, embedding
from keraudit.layers.recurrent import cell, conv_lstm, recurrent, rnn, stacked_cells
from keraudit.layers.site import Rule
from keraudit.layers.wrappers import (
    bidirectional,
    opaque,
    pipeline,
    spectral_normalization,
    time_distributed,
    wrapper,
)

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
    # recurrent layers and their cells
    "SimpleRNN": recurrent,
    "LSTM": recurrent,
    "GRU": recurrent,
    "CuDNNLSTM": recurrent,
    "CuDNNGRU": recurrent,
    "ConvLSTM1D": conv_lstm,
    "ConvLSTM2D": conv_lstm,
    "ConvLSTM3D": conv_lstm,
    "RNN": rnn,
    "SimpleRNNCell": cell,
    "LSTMCell": cell,
    "GRUCell": cell,
    "StackedRNNCells": stacked_cells,
    # attention
    "Attention": attention,
    "AdditiveAttention": additive_attention,
    "MultiHeadAttention": multi_head_attention,
    "GroupQueryAttention": group_query_attention,
    "GroupedQueryAttention": group_query_attention,
    # wrappers, and layers that run code
    "Wrapper": wrapper,
    "TimeDistributed": time_distributed,
    "Bidirectional": bidirectional,
    "SpectralNormalization": spectral_normalization,
    "Pipeline": pipeline,
    "Lambda": opaque,
    "JaxLayer": opaque,
    "FlaxLayer": opaque,
    "TorchModuleWrapper": opaque,
    "TFSMLayer": opaque,
}
