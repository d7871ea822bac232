"""The operations of ``keras.ops.nn`` that are layers without weights: the layer's rule, no weights.

Their kernels and statistics are operands: constants of the file, or activations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from keraudit.errors import ShapeError
from keraudit.layers.call import (
    Effect,
    Rule,
    Shape,
    Site,
    Tensor,
    Term,
    channels_first,
    counted,
    elementwise,
)
from keraudit.layers.convolution import convolution, depthwise, separable, transposed
from keraudit.layers.operations.operands import axes_of, promoted, reduced_shape, shape_of
from keraudit.layers.pooling import adaptive_pooling, pooling
from keraudit.model.graph import GLOBAL, View, all_along, statistics_along


def _kernel_site(site: Site, kernel: Shape, **options: Any) -> Site:
    """The same call as a layer's, its kernel's sizes told by the operand."""
    rank = len(site.shape) - 2
    if len(kernel) != rank + 2 or not 1 <= rank <= 3:
        raise ShapeError(f"the kernel {kernel} does not fit the input {site.shape}")
    config = {
        **site.config,
        "kernel_size": kernel[:-2],
        "padding": str(site.config.get("padding", "valid")).lower(),
        "use_bias": False,
        **options,
    }
    return replace(site, kind=f"Conv{rank}D", config=config, inputs=site.inputs[:1])


def plain(site: Site, effect: Effect, *kernels: Any) -> Effect:
    """Without weights, and with two activations in each product if a kernel is one."""
    operands = 2 if any(isinstance(kernel, Tensor) for kernel in kernels) else 1
    terms = tuple(t._replace(operands=operands) if t.unit == "mac" else t for t in effect.terms)
    return replace(effect, terms=terms, weights=(), dtype=promoted(site.inputs[:1]))


def channels(site: Site) -> int:
    return site.shape[1 if channels_first(site.config) else -1]


def conv(site: Site) -> Effect:
    """A convolution whose kernel is an operand; its input channels tell the groups."""
    given = site.argument(1, "kernel")
    kernel = shape_of(given)
    if channels(site) % kernel[-2]:
        raise ShapeError(f"the kernel {kernel} does not divide the {channels(site)} channels")
    options = {"filters": kernel[-1], "groups": channels(site) // kernel[-2]}
    return plain(site, convolution(_kernel_site(site, kernel, **options)), given)


def _depthwise_conv(site: Site) -> Effect:
    given = site.argument(1, "kernel")
    kernel = shape_of(given)
    if kernel[-2] != channels(site):
        raise ShapeError(
            f"the kernel {kernel} must have the {channels(site)} channels of its input"
        )
    return plain(site, depthwise(_kernel_site(site, kernel, depth_multiplier=kernel[-1])), given)


def _separable_conv(site: Site) -> Effect:
    given = site.argument(1, "depthwise_kernel"), site.argument(2, "pointwise_kernel")
    kernel, pointwise = map(shape_of, given)
    options = {"filters": pointwise[-1], "depth_multiplier": kernel[-1]}
    return plain(site, separable(_kernel_site(site, kernel, **options)), *given)


def _conv_transpose(site: Site) -> Effect:
    given = site.argument(1, "kernel")
    kernel = shape_of(given)
    if kernel[-1] != channels(site):
        raise ShapeError(
            f"the kernel {kernel} must have the {channels(site)} channels of its input"
        )
    return plain(site, transposed(_kernel_site(site, kernel, filters=kernel[-2])), given)


def pool(site: Site) -> Effect:
    config = {**site.config, "padding": str(site.config.get("padding", "valid")).lower()}
    name = "MaxPooling" if "Max" in site.kind else "AveragePooling"
    return pooling(replace(site, kind=f"{name}{len(site.shape) - 2}D", config=config))


def _adaptive_pool(site: Site) -> Effect:
    name = "AdaptiveMaxPooling" if "Max" in site.kind else "AdaptiveAveragePooling"
    return adaptive_pooling(replace(site, kind=f"{name}{len(site.shape) - 2}D"))


def _batch_norm(site: Site) -> Effect:
    """y = a x + b: 2 per element, as for the layer; folding the statistics into a, b is left out."""
    return counted(site.shape, terms=[elementwise("normalisation", site.shape, 2)])


def _layer_norm(site: Site) -> Effect:
    """Sum, subtract, square, sum, multiply: 5 per element, and 1 for each of gamma and beta."""
    learned = [site.argument(i, name) for i, name in ((1, "gamma"), (2, "beta"))]
    flops = 5 + sum(value is not None for value in learned)
    return _normalized(site, flops)


def _rms_norm(site: Site) -> Effect:
    """Square, sum, multiply: 3 per element, and 1 for the scale."""
    return _normalized(site, 3 + (site.argument(1, "scale") is not None))


def normalize(site: Site) -> Effect:
    """x / norm(x): square, sum, multiply: 3 per element."""
    return _normalized(site, 3)


def _normalized(site: Site, flops: int) -> Effect:
    """By statistics taken over the axes that the call names, else over the last one."""
    shape = site.shape
    axes = site.config.get("axis", site.kwargs.get("axis", -1))
    view: View = statistics_along(*axes_of(axes, len(shape)))
    return counted(shape, terms=[elementwise("normalisation", shape, flops)], view=view)


def _moments(site: Site) -> Effect:
    """Mean and variance: sum, subtract, square, sum: 4 per element; one division for each result."""
    shape = site.shape
    axes = axes_of(site.argument(1, "axes"), len(shape))
    output = reduced_shape(shape, axes, bool(site.argument(2, "keepdims", False)))
    terms: list[Term | None] = [
        elementwise("reduction", shape, 4),
        elementwise("reduction", output, 2),
    ]
    view: View = all_along(*axes) if len(output) == len(shape) else GLOBAL
    return counted(output, output, terms=terms, view=view)


NETWORK: Mapping[str, Rule] = {
    "Conv": conv,
    "DepthwiseConv": _depthwise_conv,
    "SeparableConv": _separable_conv,
    "ConvTranspose": _conv_transpose,
    "MaxPool": pool,
    "AveragePool": pool,
    "AdaptiveMaxPool": _adaptive_pool,
    "AdaptiveAveragePool": _adaptive_pool,
    "BatchNorm": _batch_norm,
    "LayerNorm": _layer_norm,
    "RMSNorm": _rms_norm,
    "Normalize": normalize,
    "Moments": _moments,
}
