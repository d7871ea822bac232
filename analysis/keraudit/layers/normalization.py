"""Normalisations: FLOPs per element; what is done once per channel or group is left out.

The left-out rest (an epsilon, a square root, a division per group) is the size of the statistics,
not of the map. Statistics taken from the input let each position see all along the axes they are
taken over: the whole map for group normalisation, the named axes for layer normalisation. Batch
normalisation's are constants at inference.
"""

from __future__ import annotations

from typing import Any

from keraudit.errors import ModelError
from keraudit.layers.call import (
    Effect,
    Site,
    Weight,
    counted,
    elementwise,
    is_whole,
    whole_number,
)
from keraudit.model.graph import Shape, statistics_along


def axes_of(value: Any, shape: Shape) -> tuple[int, ...]:
    """The axes a config names, as positive numbers in order.

    >>> axes_of([-1, 1], (2, 8, 8, 3))
    (1, 3)
    """
    axes = list(value) if isinstance(value, list | tuple) else [value]
    rank = len(shape)
    if not all(is_whole(a) and -rank <= a < rank for a in axes):
        raise ModelError(f"axis must be from {-rank} to {rank - 1}, received {value!r}")
    return tuple(sorted(a % rank for a in axes))


def _sizes_at(axis: Any, shape: Shape) -> Shape:
    """The sizes of the axes a config names: the shape of a scale or a shift."""
    return tuple(shape[a] for a in axes_of(axis, shape))


def _affine(site: Site, sizes: Shape) -> list[Weight]:
    """The learned scale gamma and shift beta, where the config asks for them."""
    weights = [Weight("gamma", sizes)] if site.config.get("scale", True) else []
    if site.config.get("center", True):
        weights.append(Weight("beta", sizes))
    return weights


def batch_normalization(site: Site) -> Effect:
    """y = a x + b with a = gamma / sqrt(var + eps), b = beta - a mean: 2 FLOPs per element.

    At inference the moving statistics are constants, so scale and shift fold into a and b, whether
    or not gamma and beta are there (Ioffe and Szegedy 2015, algorithm 2).
    """
    sizes = _sizes_at(site.config.get("axis", -1), site.shape)
    state = ["moving_mean", "moving_variance"]
    if site.config.get("renorm"):
        state += ["moving_stddev", "renorm_mean", "renorm_stddev"]
    weights = [*_affine(site, sizes), *(Weight(name, sizes, trainable=False) for name in state)]
    terms = [elementwise("normalisation", site.shape, 2)]
    return counted(site.shape, terms=terms, weights=tuple(weights))


def layer_normalization(site: Site) -> Effect:
    """y = gamma (x - mean) / sqrt(var + eps) + beta over the named axes.

    Per element: sum, subtract, square, sum, multiply: 5; plus 1 for gamma and 1 for beta. With the
    deprecated ``rms_scaling`` there is a gamma and no beta.
    """
    sizes = _sizes_at(site.config.get("axis", -1), site.shape)
    weights = _affine(site, sizes)
    if site.config.get("rms_scaling"):
        weights = [Weight("gamma", sizes)]
    terms = [elementwise("normalisation", site.shape, 5 + len(weights))]
    view = statistics_along(*axes_of(site.config.get("axis", -1), site.shape))
    return counted(site.shape, terms=terms, weights=tuple(weights), view=view)


def group_normalization(site: Site) -> Effect:
    """Layer normalisation over each group of channels; ``groups=-1`` is one per channel."""
    shape = site.shape
    (axis,) = axes_of(site.config.get("axis", -1), shape)
    groups, channels = whole_number(site.config, "groups", 32), shape[axis]
    groups = channels if groups == -1 else groups
    if groups < 1 or channels % groups:
        raise ModelError(f"groups={groups} must divide the {channels} channels of axis {axis}")
    weights = _affine(site, (channels,))
    terms = [elementwise("normalisation", shape, 5 + len(weights))]
    view = statistics_along(*(other for other in range(1, len(shape)) if other != axis))
    return counted(shape, terms=terms, weights=tuple(weights), view=view)


def rms_normalization(site: Site) -> Effect:
    """y = scale x / sqrt(mean(x x) + eps): square, sum, multiply, scale: 4 per element."""
    sizes = _sizes_at(site.config.get("axis", -1), site.shape)
    terms = [elementwise("normalisation", site.shape, 4)]
    view = statistics_along(*axes_of(site.config.get("axis", -1), site.shape))
    return counted(site.shape, terms=terms, weights=(Weight("scale", sizes),), view=view)


def unit_normalization(site: Site) -> Effect:
    """y = x / sqrt(sum(x x)): square, sum, multiply: 3 per element."""
    view = statistics_along(*axes_of(site.config.get("axis", -1), site.shape))
    return counted(site.shape, terms=[elementwise("normalisation", site.shape, 3)], view=view)


def feature_normalization(site: Site) -> Effect:
    """``Normalization``: y = (x - mean) / std, or its inverse std x + mean: 2 per element.

    Mean, variance and the number of examples seen are state that ``adapt`` fills; statistics given
    to the layer are constants of its config, not weights. The number is an int64 on TensorFlow, an int32
    on the other backends, which no config says: it is an int32 where the layer's weights were not read.
    """
    axis, shape = site.config.get("axis", -1), site.shape
    sizes = () if axis is None else _sizes_at(axis, shape)
    weights: tuple[Weight, ...] = ()
    if site.config.get("mean") is None:
        weights = (
            Weight("mean", sizes, trainable=False),
            Weight("variance", sizes, trainable=False),
            Weight("count", (), trainable=False, dtype=_dtype_of_count(site)),
        )
    terms = [elementwise("normalisation", shape, 2)]
    return counted(shape, terms=terms, weights=weights)


def _dtype_of_count(site: Site) -> str:
    """The dtype of the one whole number among the weights that were read; else int32."""
    read = (site.layer.weights if site.layer else None) or ()
    found = (w.dtype for w in read if not w.shape and w.dtype in ("int32", "int64"))
    return next(found, None) or "int32"


def layer_scale(site: Site) -> Effect:
    """``LayerScale`` of ConvNeXt: y = gamma x, one factor per channel (Touvron et al. 2021)."""
    width = whole_number(site.config, "projection_dim")
    if width not in (1, site.shape[-1]):
        raise ModelError(f"projection_dim={width} must be the number of channels, {site.shape[-1]}")
    terms = [elementwise("scale", site.shape)]
    return counted(site.shape, terms=terms, weights=(Weight("gamma", (width,)),))
