"""Layers that move, repeat, pad or crop elements and compute nothing."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

from keraudit.errors import ModelError, ShapeError
from keraudit.layers.call import (
    Effect,
    Shape,
    Site,
    checked_whole,
    counted,
    elementwise,
    join,
    rank_of,
    split,
    tuple_of,
    unsupported,
    whole_number,
    zero,
)
from keraudit.layers.convolution import from_one
from keraudit.model.graph import GLOBAL, POINTWISE, Window
from keraudit.model.shape_text import MOST_AXES

MOVED = "data movement, no arithmetic"


def unchanged_dtype(site: Site) -> str | None:
    """The output's dtype of a layer that computes nothing: integers and strings stay as they are.

    Floats are cast to the layer's compute dtype, for which ``None`` stands.
    """
    dtypes = {t.dtype for t in site.inputs}
    dtype = dtypes.pop() if len(dtypes) == 1 else "float32"
    return None if "float" in dtype else dtype


def identity(site: Site) -> Effect:
    """y = x."""
    outputs = [t.shape for t in site.inputs]
    return zero(*outputs, reason="identity, no arithmetic", dtype=unchanged_dtype(site))


def input_layer(site: Site) -> Effect:
    """An input; the sizes it leaves open are given from outside."""
    shape = site.config.get("batch_shape", site.config.get("batch_input_shape"))
    if not shape or None in shape[1:]:
        raise ShapeError(f"an input must have a known size, received {shape!r}")
    dtype = str(site.config.get("dtype") or "float32")
    return zero((shape[0] or 1, *shape[1:]), reason="an input, no arithmetic", dtype=dtype)


def base_layer(site: Site) -> Effect:
    """``Layer`` itself, the base of all others, says nothing about what it does."""
    reason = "Layer is the base class: it does not say what it computes"
    return unsupported(site.shape, reason=reason, view=GLOBAL, guessed=True)


def masking(site: Site) -> Effect:
    """Steps whose every feature equals the mask value become zero: one comparison per element."""
    return counted(site.shape, terms=[elementwise("comparison", site.shape)])


def moved(site: Site, output: Shape) -> Effect:
    """A rearrangement of the elements."""
    view = POINTWISE if output == site.shape else GLOBAL
    return zero(output, reason=MOVED, view=view, dtype=unchanged_dtype(site))


def flatten(site: Site) -> Effect:
    """(batch, ...) to (batch, all the rest)."""
    return moved(site, (site.shape[0], prod(site.shape[1:])))


def reshape(site: Site) -> Effect:
    """(batch, ...) to (batch, *target); one size may be -1, which is what remains."""
    elements = prod(site.shape[1:])
    if len(site.config["target_shape"]) > MOST_AXES:
        raise ModelError(f"target_shape has more than {MOST_AXES} axes")
    target = [
        -1 if size is None else checked_whole("target_shape", size)
        for size in site.config["target_shape"]
    ]
    known = prod(size for size in target if size != -1)
    if -1 in target and known > 0 and elements % known == 0:
        target[target.index(-1)] = elements // known
    if min(target, default=1) < 1 or prod(target) != elements:
        raise ShapeError(
            f"target_shape {site.config['target_shape']} must hold the {elements} elements of the"
            f" input {site.shape[1:]}"
        )
    return moved(site, (site.shape[0], *target))


def permute(site: Site) -> Effect:
    """Axis i of the output is axis dims[i] of the input, the batch being axis 0."""
    dims = tuple(site.config["dims"])
    if sorted(dims) != list(range(1, len(site.shape))):
        raise ModelError(
            f"dims must be the numbers 1 to {len(site.shape) - 1} in some order, received {dims}"
        )
    output = tuple(site.shape[i] for i in (0, *dims))
    view = POINTWISE if list(dims) == sorted(dims) else GLOBAL
    return zero(output, reason=MOVED, view=view, dtype=unchanged_dtype(site))


def repeat_vector(site: Site) -> Effect:
    """(batch, features) to (batch, n, features)."""
    if len(site.shape) != 2:
        raise ShapeError(f"expected an input of rank 2, received the shape {site.shape}")
    times = whole_number(site.config, "n")
    from_one(n=(times,))
    return moved(site, (site.shape[0], times, site.shape[1]))


def _pairs_of(value: Any, rank: int) -> tuple[tuple[int, ...], ...]:
    """What is added or taken at the start and the end of each axis, in any of Keras' spellings.

    >>> _pairs_of(1, 2), _pairs_of([1, 2], 1), _pairs_of([1, 2], 2), _pairs_of([[0, 1], [2, 3]], 2)
    (((1, 1), (1, 1)), ((1, 2),), ((1, 1), (2, 2)), ((0, 1), (2, 3)))
    """
    axes = [value] * rank if isinstance(value, int) or rank == 1 else list(value)
    if len(axes) != rank:
        raise ModelError(f"expected one entry for each of {rank} axes, received {value!r}")
    pairs = tuple(tuple_of(axis, 2) for axis in axes)
    if min(min(pair) for pair in pairs) < 0:
        raise ModelError(f"sizes must not be negative, received {value!r}")
    return pairs


def zero_padding(site: Site) -> Effect:
    """Position p of the output is position p - start of the input, or zero outside it."""
    return _framed(site, "padding", lambda size, pair: size + sum(pair), -1)


def cropping(site: Site) -> Effect:
    """Position p of the output is position p + start of the input."""
    return _framed(site, "cropping", lambda size, pair: size - sum(pair), 1)


def _framed(
    site: Site, key: str, length: Callable[[int, tuple[int, ...]], int], sign: int
) -> Effect:
    rank = rank_of(site.kind)
    batch, spatial, channels = split(site.shape, site.config, rank)
    pairs = _pairs_of(site.config.get(key, 1), rank)
    out = tuple(length(size, pair) for size, pair in zip(spatial, pairs, strict=True))
    return zero(
        join(batch, out, channels, site.config),
        reason=MOVED,
        view=tuple(Window(1, sign * start, sign * start) for start, _ in pairs),
        dtype=unchanged_dtype(site),
    )
