"""Maps at another size: upsampling, resizing, centre crops.

Interpolation has no MACs, by convention: its factors are no weights and no activations. Its
arithmetic goes to the other FLOPs: t taps cost t multiplications and t - 1 additions per output
element; the factors themselves depend on sizes only and are left out. Nearest neighbour is free.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import gcd, prod
from typing import Any

from keraudit.errors import ModelError
from keraudit.layers.call import (
    Effect,
    Shape,
    Site,
    Term,
    counted,
    elementwise,
    join,
    rank_of,
    split,
    tuple_of,
    whole_number,
    zero,
)
from keraudit.layers.convolution import from_one
from keraudit.layers.reshaping import MOVED, unchanged_dtype
from keraudit.model.graph import Window

# interpolation: how many neighbours it reads before and after the one at or below its centre
TAPS: Mapping[str, tuple[int, int]] = {
    "nearest": (0, 0),
    "bilinear": (0, 1),
    "bicubic": (1, 2),
    "lanczos3": (2, 3),
    "lanczos5": (4, 5),
}


def up_sampling(site: Site) -> Effect:
    """Each axis becomes a whole number of times as long, by repetition or interpolation."""
    rank = rank_of(site.kind)
    batch, spatial, channels = split(site.shape, site.config, rank)
    factors = tuple_of(site.config.get("size", 2), rank)
    from_one(size=factors)
    out = tuple(n * f for n, f in zip(spatial, factors, strict=True))
    method = _method_of(site.config, "nearest")
    return _resampled(site, join(batch, out, channels, site.config), spatial, out, method)


def _method_of(config: Mapping[str, Any], default: str) -> str:
    method = str(config.get("interpolation", default)).lower()
    if method not in TAPS:
        raise ModelError(f"interpolation must be one of {', '.join(TAPS)}; received {method!r}")
    return method


def resizing(site: Site) -> Effect:
    """A map of a given size, stretched, or cropped or padded first to keep its proportions."""
    config = site.config
    batch, spatial, channels = image(site)
    out = target(config)
    output = without_batch(site, join(batch, out, channels, config))
    method, antialias = _method_of(config, "bilinear"), bool(config.get("antialias"))
    starts: Shape = (0, 0)
    used = spatial
    if config.get("crop_to_aspect_ratio"):
        starts, used = proportioned(spatial, out, min)
    elif config.get("pad_to_aspect_ratio"):
        starts, used = proportioned(spatial, out, max)
    return _resampled(site, output, used, out, method, starts=starts, antialias=antialias)


def center_crop(site: Site) -> Effect:
    """The middle of a map; where it is too small, its largest middle of that shape, resized."""
    batch, spatial, channels = image(site)
    out = target(site.config)
    output = without_batch(site, join(batch, out, channels, site.config))
    starts = tuple((n - m) // 2 for n, m in zip(spatial, out, strict=True))
    if min(starts) >= 0 and all(n >= m for n, m in zip(spatial, out, strict=True)):
        return zero(output, reason=MOVED, view=tuple(Window(1, s, s) for s in starts))
    starts, used = proportioned(spatial, out, min)
    return _resampled(site, output, used, out, "bilinear", starts=starts, cast=True)


def target(config: Mapping[str, Any]) -> Shape:
    """The height and width a config asks for."""
    height, width = whole_number(config, "height"), whole_number(config, "width")
    from_one(height=(height,), width=(width,))
    return height, width


def image(site: Site) -> tuple[int, Shape, int]:
    """Take an image apart; one without a batch counts as a batch of one."""
    shape = site.shape if len(site.shape) != 3 else (1, *site.shape)
    return split(shape, site.config, 2)


def without_batch(site: Site, shape: Shape) -> Shape:
    return shape[1:] if len(site.shape) == 3 else shape


def proportioned(spatial: Shape, out: Shape, choose: Any) -> tuple[Shape, Shape]:
    """Start and size of the largest crop (``min``) or smallest frame (``max``) of ``out``'s shape.

    A frame starts before the map, hence at a negative position.

    >>> proportioned((10, 20), (5, 5), min), proportioned((10, 20), (5, 5), max)
    (((0, 5), (10, 10)), ((-5, 0), (20, 20)))
    """
    (height, width), (target_height, target_width) = spatial, out
    tall = max(choose(height, width * target_height // target_width), 1)
    wide = max(choose(width, height * target_width // target_height), 1)
    starts = tuple(
        (n - m) // 2 if m <= n else -((m - n) // 2)
        for n, m in zip(spatial, (tall, wide), strict=True)
    )
    # Keras pads the same number at both ends, so an odd rest is lost
    used = tuple(
        m if m <= n else n - 2 * s for n, m, s in zip(spatial, (tall, wide), starts, strict=True)
    )
    return starts, used


def _resampled(
    site: Site,
    output: Shape,
    used: Shape,
    out: Shape,
    method: str,
    *,
    starts: Shape = (),
    antialias: bool = False,
    cast: bool = False,
) -> Effect:
    """Resample ``used`` positions from ``starts`` on to ``out`` positions."""
    starts = starts or (0,) * len(out)
    axes = list(zip(used, out, strict=True))
    windows = tuple(
        _shifted(resample_window(n, m, method, antialias), start)
        for (n, m), start in zip(axes, starts, strict=True)
    )
    taps = prod([taps_of(n, m, method, antialias) for n, m in axes])
    dtype = None if cast else unchanged_dtype(site)
    if taps == 1:
        return zero(output, reason=MOVED, view=windows, dtype=dtype)
    term: Term | None = elementwise("interpolation", output, 2 * taps - 1)
    return counted(output, terms=[term], view=windows, dtype=dtype)


def taps_of(size: int, out: int, method: str, antialias: bool = False) -> int:
    """How many neighbours along an axis an output element is made of; 1 where the size stays.

    Antialiasing stretches the kernel by the factor that the axis shrinks by.

    >>> taps_of(8, 16, "bilinear"), taps_of(8, 8, "bilinear"), taps_of(9, 3, "bilinear", True)
    (2, 1, 6)
    """
    before, after = TAPS[method]
    taps = 1 if size == out else before + 1 + after
    if taps > 1 and antialias and size > out:
        taps = -(-taps * size // out)
    return taps


def resample_window(size: int, out: int, method: str, antialias: bool = False) -> Window:
    """The smallest window that holds every neighbour that is read.

    Output x has its centre at (2 x + 1) n / (2 m) in units of the input, pixel i at i + 1/2.
    Nearest takes the pixel that the centre lies in; the others the pixels around it.

    >>> resample_window(8, 16, "nearest")
    Window(stride=Fraction(1, 2), low=Fraction(-1, 2), high=Fraction(0, 1))
    >>> resample_window(8, 16, "bilinear")
    Window(stride=Fraction(1, 2), low=Fraction(-1, 1), high=Fraction(1, 2))
    """
    if size == out:
        return Window(1, 0, 0)
    from fractions import Fraction

    before, after = TAPS[method]
    stride = Fraction(size, out)
    if antialias and size > out and after:
        centre = (stride - 1) / 2
        return Window(stride, centre - after * stride, centre + after * stride)
    start = size if method == "nearest" else size - out  # the numerator at x = 0 over 2 m
    step = 2 * gcd(size, out)
    least = start % step  # remainders of the numerator by 2 m: least, least + step, ...
    most = 2 * out - step + least
    low = Fraction(start - most, 2 * out) - before
    high = Fraction(start - least, 2 * out) + after
    return Window(stride, low, high)


def _shifted(view: Window, start: int) -> Window:
    return view._replace(low=view.low + start, high=view.high + start)
