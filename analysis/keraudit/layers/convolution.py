"""Convolutions in one to three dimensions: plain, grouped, depthwise, separable, transposed.

Padded taps count: a 3x3 ``same`` convolution has nine taps at every position, borders included.
That is the convention of the papers (He et al. 2015, Table 1; Szegedy et al. 2015).
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

from keraudit.errors import ModelError
from keraudit.layers.activation import activation_term, unknown_activation
from keraudit.layers.call import (
    AXIS_NAMES,
    Effect,
    Shape,
    Site,
    Term,
    Weight,
    counted,
    elementwise,
    is_whole,
    join,
    rank_of,
    split,
    tuple_of,
    whole_number,
)
from keraudit.layers.lora import adapter_rank, factors, merged_terms
from keraudit.model.graph import Window


def output_length(size: int, kernel: int, stride: int, padding: str, dilation: int = 1) -> int:
    """The length of a convolution's or pooling's output along one axis.

    >>> output_length(299, 3, 2, "valid"), output_length(7, 3, 2, "same")
    (149, 4)
    """
    if padding == "valid":
        return (size - dilation * (kernel - 1) - 1) // stride + 1
    if padding in ("same", "causal"):
        return (size - 1) // stride + 1
    raise ModelError(f"padding must be 'valid', 'same' or 'causal', received {padding!r}")


def window(size: int, kernel: int, stride: int, padding: str, dilation: int = 1) -> Window:
    """Where an output position looks along one axis; 'same' pads the odd one at the end.

    >>> window(224, 3, 2, "same")
    Window(stride=2, low=0, high=2)
    """
    reach = dilation * (kernel - 1)
    before = 0
    if padding == "causal":
        before = reach
    elif padding == "same":
        out = output_length(size, kernel, stride, padding, dilation)
        before = max((out - 1) * stride + reach + 1 - size, 0) // 2
    return Window(stride, -before, reach - before)


def positions(spatial: Shape, prefix: str = "output ") -> tuple[tuple[str, int], ...]:
    """Named factors for the sizes of a map."""
    return tuple(
        (prefix + name, size) for name, size in zip(AXIS_NAMES[len(spatial)], spatial, strict=True)
    )


def from_one(**options: Shape) -> None:
    """Refuse an option that is not made of whole numbers from 1."""
    for name, sizes in options.items():
        if not all(is_whole(size) and size > 0 for size in sizes):
            received = sizes[0] if len(sizes) == 1 else list(sizes)
            raise ModelError(f"{name} must be from 1, received {received!r}")


MOST_LOCAL = 2**20  # positions of an axis that are looked at one by one


class Geometry:
    """The kernel, stride, dilation and resulting sizes of one call."""

    __slots__ = ("batch", "channels", "kernel", "out", "rank", "spatial", "stride", "windows")

    def __init__(self, site: Site) -> None:
        config = site.config
        self.rank = rank_of(site.kind)
        self.batch, self.spatial, self.channels = split(site.shape, config, self.rank)
        self.kernel = tuple_of(config["kernel_size"], self.rank)
        self.stride = tuple_of(config.get("strides", 1), self.rank)
        dilation = tuple_of(config.get("dilation_rate", 1), self.rank)
        padding = str(config.get("padding", "valid"))
        from_one(kernel_size=self.kernel, strides=self.stride, dilation_rate=dilation)
        axes = list(zip(self.spatial, self.kernel, self.stride, dilation, strict=True))
        self.out = tuple(output_length(n, k, s, padding, d) for n, k, s, d in axes)
        self.windows = tuple(window(n, k, s, padding, d) for n, k, s, d in axes)

    def macs(self, what: str, **channels: int) -> Term:
        """Every output position times every tap times the channel factors."""
        kernel = positions(self.kernel, "kernel ")
        named = tuple((name.replace("_", " "), size) for name, size in channels.items())
        return Term("mac", what, (("batch", self.batch), *positions(self.out), *kernel, *named))


def _finish(
    config: Mapping[str, Any],
    output: Shape,
    filters: int,
    terms: list[Term | None],
    weights: list[Weight],
    view: Any,
) -> Effect:
    """Add the bias and the activation that end every convolution."""
    if config.get("use_bias", True):
        terms.append(elementwise("bias", output))
        weights.append(Weight("bias", (filters,)))
    terms.append(activation_term(config.get("activation"), output))
    unknown = unknown_activation(config.get("activation"))
    return counted(output, terms=terms, weights=tuple(weights), view=view, unknown=unknown)


def convolution(site: Site) -> Effect:
    """y[p, f] = b[f] + sum over taps t, channels c of a group: x[s p + d t, c] k[t, c, f]."""
    config, g = site.config, Geometry(site)
    filters, groups = whole_number(config, "filters"), whole_number(config, "groups", 1)
    from_one(filters=(filters,))
    if groups < 1 or g.channels % groups or filters % groups:
        raise ModelError(
            f"groups={groups} must divide the input channels ({g.channels}) and the filters"
            f" ({filters})"
        )
    per_group = g.channels // groups
    name = "input channels" if groups == 1 else "input channels per group"
    terms = [g.macs("convolution", **{name: per_group, "filters": filters})]
    rank = adapter_rank(config)
    kernel = Weight("kernel", (*g.kernel, per_group, filters), trainable=not rank)
    terms += merged_terms(kernel.shape, rank)
    weights = [kernel, *factors("kernel", kernel.shape, rank)]
    output = join(g.batch, g.out, filters, config)
    return _finish(config, output, filters, [*terms], weights, g.windows)


def depthwise(site: Site) -> Effect:
    """Each channel is filtered on its own, ``depth_multiplier`` times."""
    config, g = site.config, Geometry(site)
    multiplier = whole_number(config, "depth_multiplier", 1)
    from_one(depth_multiplier=(multiplier,))
    filters = g.channels * multiplier
    terms = [g.macs("depthwise convolution", channels=g.channels, depth_multiplier=multiplier)]
    kernel = Weight("kernel", (*g.kernel, g.channels, multiplier))
    output = join(g.batch, g.out, filters, config)
    return _finish(config, output, filters, [*terms], [kernel], g.windows)


def separable(site: Site) -> Effect:
    """A depthwise convolution, then a 1x1 convolution that mixes its channels (Chollet 2017)."""
    config, g = site.config, Geometry(site)
    multiplier = whole_number(config, "depth_multiplier", 1)
    filters = whole_number(config, "filters")
    from_one(depth_multiplier=(multiplier,), filters=(filters,))
    wide = g.channels * multiplier
    ones = (1,) * g.rank
    terms = [
        g.macs("depthwise convolution", channels=g.channels, depth_multiplier=multiplier),
        Term(
            "mac",
            "pointwise convolution",
            (
                ("batch", g.batch),
                *positions(g.out),
                ("input channels", wide),
                ("filters", filters),
            ),
        ),
    ]
    weights = [
        Weight("depthwise_kernel", (*g.kernel, g.channels, multiplier)),
        Weight("pointwise_kernel", (*ones, wide, filters)),
    ]
    output = join(g.batch, g.out, filters, config)
    return _finish(config, output, filters, [*terms], weights, g.windows)


def transposed(site: Site) -> Effect:
    """Every input position spreads one kernel over the output: count from the input side."""
    config, rank = site.config, rank_of(site.kind)
    batch, spatial, channels = split(site.shape, config, rank)
    kernel = tuple_of(config["kernel_size"], rank)
    stride = tuple_of(config.get("strides", 1), rank)
    dilation = tuple_of(config.get("dilation_rate", 1), rank)
    extra = config.get("output_padding")
    extras = (None,) * rank if extra is None else tuple_of(extra, rank)
    padding, filters = str(config.get("padding", "valid")), whole_number(config, "filters")
    from_one(kernel_size=kernel, strides=stride, dilation_rate=dilation, filters=(filters,))
    axes = [
        transposed_axis(n, (k - 1) * d + 1, s, padding, e)
        for n, k, s, d, e in zip(spatial, kernel, stride, dilation, extras, strict=True)
    ]
    output = join(batch, tuple(length for length, _ in axes), filters, config)
    term = Term(
        "mac",
        "transposed convolution",
        (
            ("batch", batch),
            *positions(spatial, "input "),
            *positions(kernel, "kernel "),
            ("input channels", channels),
            ("filters", filters),
        ),
    )
    weights = [Weight("kernel", (*kernel, filters, channels))]
    return _finish(config, output, filters, [term], weights, tuple(view for _, view in axes))


def transposed_axis(
    size: int, reach: int, stride: int, padding: str, extra: int | None
) -> tuple[int, Window]:
    """The output length and the window along one axis; ``reach`` is the dilated kernel size.

    >>> transposed_axis(7, 3, 2, "same", None)[0], transposed_axis(7, 3, 2, "valid", None)[0]
    (14, 15)
    """
    if padding == "valid":
        before = reach - 1
        length = (size - 1) * stride + (max(reach, stride) if extra is None else reach + extra)
    elif padding == "same":
        if extra is None:
            total, length = stride + reach - 2, size * stride
        else:
            total = reach + reach % 2 - 2 + extra
            length = (size - 1) * stride + reach % 2 + extra
        before = min((total + 1) // 2, reach - 1)
    else:
        raise ModelError(f"padding must be 'valid' or 'same', received {padding!r}")
    if stride == 1:
        return length, Window(1, -before, reach - 1 - before)
    from fractions import Fraction

    low, high = Fraction(-before, stride), Fraction(reach - 1 - before, stride)
    return length, Window(Fraction(1, stride), low, high)


def _local_kernel(g: Geometry, config: Mapping[str, Any], filters: int) -> Shape:
    """The kernel's shape, which Keras 2 lays out in three ways.

    1: positions x taps x filters. 2: whole maps, most of it zeros. 3: a list of the taps that are in the map.
    """
    how = whole_number(config, "implementation", 1)
    if how == 2:
        return (*g.spatial, g.channels, *g.out, filters)
    if how == 3:
        axes = zip(g.spatial, g.kernel, g.stride, g.out, strict=True)
        inside = prod(_taps_inside(*axis, str(config.get("padding"))) for axis in axes)
        return (inside * g.channels * filters,)
    return (prod(g.out), prod(g.kernel) * g.channels, filters)


def _taps_inside(length: int, size: int, step: int, out: int, padding: str) -> int:
    """Of one axis: how many taps of all positions are in the map."""
    if padding != "same":
        return out * size
    if out > MOST_LOCAL:
        raise ModelError(
            f"a local convolution at {out:,} positions of an axis; {MOST_LOCAL:,} at most"
        )
    starts = (at * step - size // 2 for at in range(out))
    return sum(max(0, min(length, start + size) - max(0, start)) for start in starts)


def locally_connected(site: Site) -> Effect:
    """``LocallyConnected`` of Keras 2: a convolution with a kernel of its own at every position.

    Its MACs are the convolution's; its weights are positions x taps x channels x filters, and its
    bias has one value per position and filter.
    """
    config, g = site.config, Geometry(site)
    filters = whole_number(config, "filters")
    from_one(filters=(filters,))
    output = join(g.batch, g.out, filters, config)
    terms = [
        g.macs("local convolution", input_channels=g.channels, filters=filters),
        elementwise("bias", output) if config.get("use_bias", True) else None,
        activation_term(config.get("activation"), output),
    ]
    weights = [Weight("kernel", _local_kernel(g, config, filters))]
    if config.get("use_bias", True):
        weights.append(Weight("bias", (*g.out, filters)))
    unknown = unknown_activation(config.get("activation"))
    return counted(output, terms=terms, weights=tuple(weights), view=g.windows, unknown=unknown)
