"""Pooling: each window of k elements costs k operations, be they comparisons or additions.

A maximum compares k - 1 times, an average adds k - 1 times and divides once; both are counted as
k, as TensorFlow's profiler does. Padded positions count, as they do for convolutions.
"""

from __future__ import annotations

from math import gcd

from keraudit.layers.call import (
    AXIS_NAMES,
    Effect,
    Shape,
    Site,
    Term,
    counted,
    join,
    rank_of,
    split,
    tuple_of,
)
from keraudit.layers.convolution import from_one, output_length, positions, window
from keraudit.layers.reshaping import unchanged_dtype
from keraudit.model.graph import GLOBAL, Window


def pooling(site: Site) -> Effect:
    """y[p, c] = max or mean over the taps t of x[s p + t, c]; by default the stride s is the size."""
    config, rank = site.config, rank_of(site.kind)
    batch, spatial, channels = split(site.shape, config, rank)
    size = tuple_of(config.get("pool_size", 2), rank)
    strides = config.get("strides")
    stride = size if strides is None else tuple_of(strides, rank)
    from_one(pool_size=size, strides=stride)
    padding = str(config.get("padding", "valid"))
    axes = list(zip(spatial, size, stride, strict=True))
    out = tuple(output_length(n, k, s, padding) for n, k, s in axes)
    term = Term(
        "flop",
        "pooling",
        (
            ("batch", batch),
            *positions(out),
            *positions(size, "window "),
            ("channels", channels),
        ),
    )
    return counted(
        join(batch, out, channels, config),
        terms=[term],
        view=tuple(window(n, k, s, padding) for n, k, s in axes),
        dtype=unchanged_dtype(site) if "Max" in site.kind else None,
    )


def global_pooling(site: Site) -> Effect:
    """y[c] = max or mean over all positions of x[p, c]: one operation for each input element."""
    config, rank = site.config, rank_of(site.kind)
    batch, spatial, channels = split(site.shape, config, rank)
    output: Shape = (batch, channels)
    if config.get("keepdims"):
        output = join(batch, (1,) * rank, channels, config)
    factors = (("batch", batch), *positions(spatial, "input "), ("channels", channels))
    return counted(
        output,
        terms=[Term("flop", "pooling", factors)],
        view=GLOBAL,
        dtype=unchanged_dtype(site) if "Max" in site.kind else None,
    )


def adaptive_pooling(site: Site) -> Effect:
    """y[i, c] = max or mean over the bin floor(i n / m) ... ceil((i + 1) n / m) - 1 of x.

    Along an axis of n positions the m bins hold n + m - gcd(n, m) positions, for they overlap
    where m does not divide n. Each costs one operation.
    """
    config, rank = site.config, rank_of(site.kind)
    batch, spatial, channels = split(site.shape, config, rank)
    out = tuple_of(config["output_size"], rank)
    from_one(output_size=out)
    positions = tuple(n + m - gcd(n, m) for n, m in zip(spatial, out, strict=True))
    names = [f"{name} positions in bins" for name in AXIS_NAMES[rank]]
    factors = (("batch", batch), *zip(names, positions, strict=True), ("channels", channels))
    return counted(
        join(batch, out, channels, config),
        terms=[Term("flop", "pooling", factors)],
        view=tuple(adaptive_window(n, m) for n, m in zip(spatial, out, strict=True)),
        dtype=unchanged_dtype(site) if "Max" in site.kind else None,
    )


def adaptive_window(size: int, out: int) -> Window:
    """The smallest window that holds every bin; an exact one where ``out`` divides ``size``.

    >>> adaptive_window(8, 4)
    Window(stride=2, low=0, high=1)
    >>> adaptive_window(7, 3)
    Window(stride=Fraction(7, 3), low=Fraction(-2, 3), high=Fraction(2, 1))
    """
    if size % out == 0:
        return Window(size // out, 0, size // out - 1)
    from fractions import Fraction

    slack = Fraction(out - gcd(size, out), out)  # the furthest that a bin's edge is rounded
    stride = Fraction(size, out)
    return Window(stride, -slack, stride - 1 + slack)


__all__ = ["adaptive_pooling", "adaptive_window", "global_pooling", "pooling"]
