"""The layer table: one row for every layer class of Keras 3.

A row names the rule, ``file.function`` in this folder; the file is imported when a model first needs
it. A rule takes a ``Site`` (config, input shapes) and returns an ``Effect`` (output shape, terms,
weights, view).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module

from keraudit.layers.call import Rule
from keraudit.model.graph import Architecture, Layer

LAYERS: Mapping[str, str] = {
    # convolution
    "Conv1D": "convolution.convolution",
    "Conv2D": "convolution.convolution",
    "Conv3D": "convolution.convolution",
    "Conv1DTranspose": "convolution.transposed",
    "Conv2DTranspose": "convolution.transposed",
    "Conv3DTranspose": "convolution.transposed",
    "DepthwiseConv1D": "convolution.depthwise",
    "DepthwiseConv2D": "convolution.depthwise",
    "SeparableConv1D": "convolution.separable",
    "SeparableConv2D": "convolution.separable",
    "Convolution1D": "convolution.convolution",
    "Convolution2D": "convolution.convolution",
    "Convolution3D": "convolution.convolution",
    "Convolution1DTranspose": "convolution.transposed",
    "Convolution2DTranspose": "convolution.transposed",
    "Convolution3DTranspose": "convolution.transposed",
    "SeparableConvolution1D": "convolution.separable",
    "SeparableConvolution2D": "convolution.separable",
    "LocallyConnected1D": "convolution.locally_connected",
    "LocallyConnected2D": "convolution.locally_connected",
    # matrices and look-ups
    "Dense": "dense.dense",
    "EinsumDense": "dense.einsum_dense",
    "Embedding": "dense.embedding",
    "ReversibleEmbedding": "dense.reversible_embedding",
    # activations
    "Activation": "activation.activation",
    "ReLU": "activation.relu",
    "LeakyReLU": "activation.leaky_relu",
    "ELU": "activation.elu",
    "PReLU": "activation.prelu",
    "Softmax": "activation.softmax",
    "ThresholdedReLU": "activation.thresholded_relu",
    # pooling
    "MaxPooling1D": "pooling.pooling",
    "MaxPooling2D": "pooling.pooling",
    "MaxPooling3D": "pooling.pooling",
    "AveragePooling1D": "pooling.pooling",
    "AveragePooling2D": "pooling.pooling",
    "AveragePooling3D": "pooling.pooling",
    "MaxPool1D": "pooling.pooling",
    "MaxPool2D": "pooling.pooling",
    "MaxPool3D": "pooling.pooling",
    "AvgPool1D": "pooling.pooling",
    "AvgPool2D": "pooling.pooling",
    "AvgPool3D": "pooling.pooling",
    "GlobalMaxPooling1D": "pooling.global_pooling",
    "GlobalMaxPooling2D": "pooling.global_pooling",
    "GlobalMaxPooling3D": "pooling.global_pooling",
    "GlobalAveragePooling1D": "pooling.global_pooling",
    "GlobalAveragePooling2D": "pooling.global_pooling",
    "GlobalAveragePooling3D": "pooling.global_pooling",
    "GlobalMaxPool1D": "pooling.global_pooling",
    "GlobalMaxPool2D": "pooling.global_pooling",
    "GlobalMaxPool3D": "pooling.global_pooling",
    "GlobalAvgPool1D": "pooling.global_pooling",
    "GlobalAvgPool2D": "pooling.global_pooling",
    "GlobalAvgPool3D": "pooling.global_pooling",
    "AdaptiveMaxPooling1D": "pooling.adaptive_pooling",
    "AdaptiveMaxPooling2D": "pooling.adaptive_pooling",
    "AdaptiveMaxPooling3D": "pooling.adaptive_pooling",
    "AdaptiveAveragePooling1D": "pooling.adaptive_pooling",
    "AdaptiveAveragePooling2D": "pooling.adaptive_pooling",
    "AdaptiveAveragePooling3D": "pooling.adaptive_pooling",
    # normalisation
    "BatchNormalization": "normalization.batch_normalization",
    "LayerNormalization": "normalization.layer_normalization",
    "GroupNormalization": "normalization.group_normalization",
    "RMSNormalization": "normalization.rms_normalization",
    "UnitNormalization": "normalization.unit_normalization",
    "Normalization": "normalization.feature_normalization",
    "LayerScale": "normalization.layer_scale",
    # merging
    "Add": "merging.merge",
    "Subtract": "merging.merge",
    "Multiply": "merging.merge",
    "Maximum": "merging.merge",
    "Minimum": "merging.merge",
    "Average": "merging.average",
    "Concatenate": "merging.concatenate",
    "Dot": "merging.dot",
    "CustomScaleLayer": "merging.scaled_sum",
    # reshaping
    "InputLayer": "reshaping.input_layer",
    "Layer": "reshaping.base_layer",
    "Identity": "reshaping.identity",
    "Masking": "reshaping.masking",
    "Flatten": "reshaping.flatten",
    "Reshape": "reshaping.reshape",
    "Permute": "reshaping.permute",
    "RepeatVector": "reshaping.repeat_vector",
    "ZeroPadding1D": "reshaping.zero_padding",
    "ZeroPadding2D": "reshaping.zero_padding",
    "ZeroPadding3D": "reshaping.zero_padding",
    "Cropping1D": "reshaping.cropping",
    "Cropping2D": "reshaping.cropping",
    "Cropping3D": "reshaping.cropping",
    "UpSampling1D": "resampling.up_sampling",
    "UpSampling2D": "resampling.up_sampling",
    "UpSampling3D": "resampling.up_sampling",
    "Resizing": "resampling.resizing",
    "CenterCrop": "resampling.center_crop",
    # in training only: regularisation
    "Dropout": "regularization.dropout",
    "AlphaDropout": "regularization.dropout",
    "GaussianDropout": "regularization.dropout",
    "GaussianNoise": "regularization.dropout",
    "SpatialDropout1D": "regularization.dropout",
    "SpatialDropout2D": "regularization.dropout",
    "SpatialDropout3D": "regularization.dropout",
    "StochasticDepth": "regularization.stochastic_depth",
    "ActivityRegularization": "regularization.activity_regularization",
    # in training only: augmentation
    "Equalization": "regularization.augmentation",
    "MixUp": "regularization.augmentation",
    "RandomBrightness": "regularization.augmentation",
    "RandomColorDegeneration": "regularization.augmentation",
    "RandomColorJitter": "regularization.augmentation",
    "RandomContrast": "regularization.augmentation",
    "RandomGrayscale": "regularization.augmentation",
    "RandomHue": "regularization.augmentation",
    "RandomInvert": "regularization.augmentation",
    "RandomPosterization": "regularization.augmentation",
    "RandomSaturation": "regularization.augmentation",
    "AugMix": "regularization.cast_augmentation",
    "CutMix": "regularization.cast_augmentation",
    "RandAugment": "regularization.cast_augmentation",
    "RandomElasticTransform": "regularization.cast_augmentation",
    "RandomErasing": "regularization.cast_augmentation",
    "RandomFlip": "regularization.cast_augmentation",
    "RandomGaussianBlur": "regularization.cast_augmentation",
    "RandomPerspective": "regularization.cast_augmentation",
    "RandomRotation": "regularization.cast_augmentation",
    "RandomSharpness": "regularization.cast_augmentation",
    "RandomShear": "regularization.cast_augmentation",
    "RandomTranslation": "regularization.cast_augmentation",
    "RandomZoom": "regularization.cast_augmentation",
    "Solarization": "regularization.cast_augmentation",
    "RandomCrop": "regularization.random_crop",
    "MaxNumBoundingBoxes": "regularization.bounding_boxes",
    # preprocessing, at inference too
    "Rescaling": "preprocessing.rescaling",
    "Discretization": "preprocessing.discretization",
    "CategoryEncoding": "preprocessing.category_encoding",
    "Hashing": "preprocessing.hashing",
    "HashedCrossing": "preprocessing.hashed_crossing",
    "StringLookup": "preprocessing.lookup",
    "IntegerLookup": "preprocessing.lookup",
    "TextVectorization": "preprocessing.text_vectorization",
    "AutoContrast": "preprocessing.auto_contrast",
    "ContrastLimitedAdaptiveHistogramEqualization": "preprocessing.clahe",
    "MelSpectrogram": "spectrogram.mel_spectrogram",
    "STFTSpectrogram": "spectrogram.stft_spectrogram",
    # recurrent layers and their cells
    "SimpleRNN": "recurrent.recurrent",
    "LSTM": "recurrent.recurrent",
    "GRU": "recurrent.recurrent",
    "CuDNNLSTM": "recurrent.recurrent",
    "CuDNNGRU": "recurrent.recurrent",
    "ConvLSTM1D": "recurrent.conv_lstm",
    "ConvLSTM2D": "recurrent.conv_lstm",
    "ConvLSTM3D": "recurrent.conv_lstm",
    "RNN": "recurrent.rnn",
    "SimpleRNNCell": "recurrent.cell",
    "LSTMCell": "recurrent.cell",
    "GRUCell": "recurrent.cell",
    "StackedRNNCells": "recurrent.stacked_cells",
    # attention
    "Attention": "attention.attention",
    "AdditiveAttention": "attention.additive_attention",
    "MultiHeadAttention": "attention.multi_head_attention",
    "GroupQueryAttention": "attention.group_query_attention",
    "GroupedQueryAttention": "attention.group_query_attention",
    # wrappers, and layers that run code
    "Wrapper": "wrappers.wrapper",
    "TimeDistributed": "wrappers.time_distributed",
    "Bidirectional": "wrappers.bidirectional",
    "SpectralNormalization": "wrappers.spectral_normalization",
    "Pipeline": "wrappers.pipeline",
    "Lambda": "wrappers.opaque",
    "JaxLayer": "wrappers.opaque",
    "FlaxLayer": "wrappers.opaque",
    "TorchModuleWrapper": "wrappers.opaque",
    "TFSMLayer": "wrappers.opaque",
}


@cache
def rule_of(kind: str) -> Rule | None:
    """The rule of a layer class, or of an operation (``ops.Add``); ``None`` if there is none.

    >>> rule_of("Conv2D").__name__, rule_of("MyLayer")
    ('convolution', None)
    """
    if kind.startswith("ops."):
        from keraudit.layers.operations.rule_table import OPERATIONS

        return OPERATIONS.get(kind)
    if kind in ("TFOpLambda", "SlicingOpLambda"):
        from keraudit.layers.operations.keras2 import OLD

        return OLD[kind]
    if kind not in LAYERS:
        return None
    file, _, name = LAYERS[kind].partition(".")
    rule: Rule = getattr(import_module(f"keraudit.layers.{file}"), name)
    return rule


def is_unknown(layer: Layer | Architecture) -> bool:
    """Whether the table cannot tell all of a layer's weights and shapes, or of one that it holds."""
    from keraudit.layers.wrappers import RUNS_CODE

    if isinstance(layer, Architecture):
        return any(map(is_unknown, layer.layers.values()))
    unknown = not layer.module or layer.kind in RUNS_CODE or rule_of(layer.kind) is None
    return unknown or any(map(is_unknown, layer.inner))


def all_rules() -> Mapping[str, Rule]:
    """Every row of the table with its rule, for documentation and tests."""
    return {kind: rule for kind in LAYERS if (rule := rule_of(kind))}
