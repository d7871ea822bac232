"""What a shortcut may be made of: layers that carry values on, and match their shape, but compute nothing.

He et al. 2015, section 3.3, have three shortcuts: the identity, the identity with zeros for new
channels, and a 1x1 projection. Later networks pool, normalise, scale or drop values on the way.
A layer with an activation, attention, or a convolution that looks around it computes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keraudit.layers.activation import activation_name
from keraudit.model.blocks import NORMALIZING
from keraudit.model.graph import Architecture, Call, Layer, Node, Ref

SUMS = frozenset({"Add", "ops.Add", "CustomScaleLayer"})  # the last: Inception-ResNet's scaled sum
JOINS = frozenset({"Concatenate", "ops.Concatenate"})
# Merges of which every input passes on as it is, or scaled.
LINEAR_MERGES = SUMS | JOINS | {"Average", "Subtract", "ops.Subtract", "ops.Append", "ops.Stack"}
ZEROS = frozenset({"ops.ZerosLike", "ops.Zeros"})
# Without weights, and the values that they pass on stay as they are.
VALUES_KEPT = ("ZeroPadding", "Cropping", "Identity", "ops.Pad", "ops.GetItem", "ops.Reshape")
# Values are moved, repeated, scaled by a constant, or dropped in training only.
PASSING = frozenset(
    {
        *("Reshape", "Flatten", "Permute", "RepeatVector", "CenterCrop", "Resizing", "Masking"),
        *("Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "AlphaDropout"),
        *("GaussianDropout", "GaussianNoise", "StochasticDepth", "ActivityRegularization"),
        *("Rescaling", "LayerScale", "Normalization", "UpSampling1D", "UpSampling2D"),
        *("UpSampling3D", "ops.Cast", "ops.Copy", "ops.StopGradient", "ops.Ravel"),
        *("ops.Transpose", "ops.Swapaxes", "ops.Moveaxis", "ops.ExpandDims", "ops.Squeeze"),
        *("ops.Repeat", "ops.Tile", "ops.BroadcastTo", "ops.Rearrange", "ops.Slice", "ops.Split"),
        *("ops.ArraySplit", "ops.Unstack", "ops.Negative"),
    }
)
# Of one tensor and a constant: the value scaled or shifted.
WITH_CONSTANT = frozenset({"ops.Add", "ops.Subtract", "ops.Multiply", "ops.Divide"})
WITH_CONSTANT |= {"ops.TrueDivide"}
PROJECTING = ("Conv1D", "Conv2D", "Conv3D", "Convolution", "Dense", "EinsumDense", "DepthwiseConv")
HOLDING = frozenset({"Wrapper", "TimeDistributed", "SpectralNormalization"})

CARRIES, PROJECTS = 0, 1


def carried(node: Node, call: Call) -> int | None:
    """What a layer does to the values of its one input: ``CARRIES`` or ``PROJECTS`` them.

    Returns:
        ``None`` where it computes: an activation, a convolution that looks at neighbours, pooling
        that keeps the size, a product of activations, or a class that is not Keras' own.
    """
    layer = node.layer
    if not layer.module:  # the user's class: what it does is not known
        return None
    kind = layer.kind
    if kind in LINEAR_MERGES and kind not in WITH_CONSTANT:
        return CARRIES
    if kind in WITH_CONSTANT:
        return CARRIES if scales(node, call) else None
    if kind in PASSING or kind in NORMALIZING or kind.startswith(VALUES_KEPT):
        return CARRIES
    if kind == "Activation":
        return CARRIES if _is_linear(layer.config) else None
    if "Pool" in kind:
        return CARRIES if _resizes(node) else None
    return PROJECTS if _projects(layer, node) else None


def scales(node: Node, call: Call) -> bool:
    """Whether an operation has one tensor and a constant, and does not divide by the tensor."""
    first = bool(call.args) and isinstance(call.args[0], Ref)
    return len(node.sources) == 1 and (first or "Divide" not in node.layer.kind)


def _resizes(node: Node) -> bool:
    """Whether a pooling layer changes the size, or only picks; else it mixes neighbours."""
    window = node.layer.config.get("pool_size")
    picks = window == 1 or (isinstance(window, list | tuple) and set(window) == {1})
    return picks or node.outputs[0].shape != node.inputs[0].shape


def _projects(layer: Layer | Architecture, node: Node) -> bool:
    """Whether a layer multiplies each position by a matrix and does no more, in a wrapper too."""
    if not isinstance(layer, Layer) or not layer.module:
        return False
    if layer.kind in HOLDING:
        return bool(layer.inner) and _projects(layer.inner[0], node)
    if not layer.kind.startswith(PROJECTING) or not _is_linear(layer.config):
        return False
    kernel, strides = _sides(layer.config, "kernel_size"), _sides(layer.config, "strides")
    if len(strides) != len(kernel):
        strides = (strides or (1,))[:1] * len(kernel)
    # patches that do not overlap are matrices too: no value is seen from two positions
    return all(k <= max(s, 1) for k, s in zip(kernel, strides, strict=True))


def _is_linear(config: Mapping[str, Any]) -> bool:
    own = config.get("activation")
    return own is None or activation_name(own) == "linear"


def _sides(config: Mapping[str, Any], key: str) -> tuple[int, ...]:
    """An option of a layer as a tuple of whole numbers; empty if it is none."""
    value = config.get(key)
    sides = (value,) if isinstance(value, int) else value
    if not isinstance(sides, list | tuple) or not all(isinstance(s, int) for s in sides):
        return ()
    return tuple(sides)
