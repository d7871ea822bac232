"""The names that may stand in a config, by the place where they stand. Nothing here imports Keras."""

from __future__ import annotations

import re
from collections.abc import Mapping

from keraudit.layers.activation import ACTIVATIONS as COUNTED_ACTIVATIONS
from keraudit.layers.activation import ALIASES
from keraudit.layers.operations.keras2 import OLD
from keraudit.layers.operations.rule_table import OPERATIONS as COUNTED_OPERATIONS
from keraudit.layers.rule_table import LAYERS as COUNTED_LAYERS
from keraudit.layers.wrappers import RUNS_CODE

# Operations that our table does not count, and that compute: none of them takes a function.
UNCOUNTED_OPERATIONS = (
    "AffineTransform AllClose Arange Argpartition BinaryCrossentropy Bincount CDist"
    " CategoricalCrossentropy Cholesky CholeskyInverse Corrcoef Correlate Cross Det Diag Diagflat Diff"
    " Digitize Dsplit Dstack Eig Eigh ElasticTransform ExtractSequences FFT FFT2 Fold Full"
    " GaussianBlur Gcd Geomspace HSVToRGB Histogram Hsplit Hstack I0 IFFT2 IRFFT ISTFT InTopK Inv IsIn"
    " Kron Lcm Ldexp Linspace Logdet Logspace Lstsq LuFactor MapCoordinates MatrixRank Median MultiHot"
    " Nanargmax Nanargmin Nancumprod Nancumsum Nanmax Nanmean Nanmedian Nanmin Nanpercentile Nanprod"
    " Nanquantile Nanstd Nansum Nanvar Ndim Nextafter Nonzero PSNR Percentile PerspectiveTransform"
    " Pinv Polar Qr Quantile RFFT RGBToHSV Rot90 SSIM STFT SVD ScaleAndTranslate Scatter SearchSorted"
    " SegmentMax SegmentMin SegmentProd SegmentSum Select Size Slogdet SobelEdges Solve"
    " SolveTriangular SparseCategoricalCrossentropy Trace Trapezoid Unfold Unique UnravelIndex Vander"
    " Vdot View ViewAsComplex ViewAsReal Vsplit Vstack"
).split()
OPERATIONS = frozenset(
    {*COUNTED_OPERATIONS, *OLD, *(f"ops.{name}" for name in UNCOUNTED_OPERATIONS)}
)
LAYERS = frozenset(COUNTED_LAYERS) - frozenset(RUNS_CODE)
BUILT = LAYERS | OPERATIONS
ACTIVATIONS = frozenset({*COUNTED_ACTIVATIONS, *ALIASES, "glu"})

# Where an object may stand in a config, by its key.
ANY, LAYER, NODES, TABLE, WORDS = "value", "layer", "call", "vocabulary", "text function"
ACTIVATION, INITIALIZER, REGULARIZER = "activation", "initializer", "regularizer"
CONSTRAINT, POLICY, QUANTIZER, SEED = "constraint", "dtype policy", "quantizer", "seed"
PLACES: Mapping[str, str] = {
    **dict.fromkeys(("layer", "backward_layer", "cell", "cells", "layers"), LAYER),
    "inbound_nodes": NODES,
    "vocabulary": TABLE,
    "idf_weights": TABLE,
    "standardize": WORDS,
    "split": WORDS,
    "seed": SEED,
    "seed_generator": SEED,
    "quantization_config": QUANTIZER,
}
ENDINGS: Mapping[str, str] = {
    "activation": ACTIVATION,
    "initializer": INITIALIZER,
    "regularizer": REGULARIZER,
    "constraint": CONSTRAINT,
    "dtype": POLICY,
    "quantizer": QUANTIZER,
}
STICKY = (NODES, POLICY)  # everything below such a key is of one kind
TEXT_FUNCTIONS = frozenset(
    "lower_and_strip_punctuation lower strip_punctuation whitespace character".split()
)


def named(classes: str, **others: str) -> Mapping[str, str]:
    """Class names by every name that Keras gives them: ``HeNormal``, ``he_normal``, and others."""
    names = classes.split()
    snake = {re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower(): name for name in names}
    return {**snake, **others, **{name: name for name in names}}


# Classes by place: their public home in Keras, and their names.
CLASSES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    INITIALIZER: (
        "keras.initializers",
        named(
            "Constant Identity Ones STFT Zeros GlorotNormal GlorotUniform HeNormal HeUniform"
            " LecunNormal LecunUniform Orthogonal RandomNormal RandomUniform TruncatedNormal"
            " VarianceScaling",
            IdentityInitializer="Identity",
            STFTInitializer="STFT",
            OrthogonalInitializer="Orthogonal",
            normal="RandomNormal",
            uniform="RandomUniform",
            one="Ones",
            zero="Zeros",
        ),
    ),
    REGULARIZER: (
        "keras.regularizers",
        named("L1 L2 L1L2 OrthogonalRegularizer", l1_l2="L1L2", l1l2="L1L2"),
    ),
    CONSTRAINT: ("keras.constraints", named("MaxNorm MinMaxNorm NonNeg UnitNorm")),
    POLICY: (
        "keras.dtype_policies",
        named(
            "DTypePolicy FloatDTypePolicy DTypePolicyMap QuantizedDTypePolicy"
            " QuantizedFloat8DTypePolicy Int4DTypePolicy GPTQDTypePolicy AWQDTypePolicy",
            Policy="DTypePolicy",
        ),
    ),
    QUANTIZER: (
        "keras.quantizers",
        named(
            "AbsMaxQuantizer Int8QuantizationConfig Int4QuantizationConfig Float8QuantizationConfig"
        ),
    ),
    SEED: ("keras.random", {"SeedGenerator": "SeedGenerator"}),
}
MODELS = {"Functional": "Model", "Model": "Model", "Sequential": "Sequential"}
LAYER_HOMES = ("keras", "keras.layers", "keras.ops")
MARKS = frozenset({"class_name", "module", "registered_name"})  # of a serialised object
ARRAYS = ("__numpy__", "__tensor__")
HOMES = (
    "layers",
    "models",
    "ops",
    "applications",
    "engine",
    "legacy",
    "keras",
)  # of layers in Keras
NUMBERS = re.compile(r"(b?float|u?int)\d{1,2}|bool")


def place_of(key: str) -> str:
    """What a config's key may hold.

    >>> place_of("depthwise_initializer"), place_of("cell"), place_of("units")
    ('initializer', 'layer', 'value')
    """
    return PLACES.get(key) or ENDINGS.get(key.rpartition("_")[2], ANY)
