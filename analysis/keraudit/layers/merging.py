"""Merges of several inputs: sums, products, extremes, concatenation, and the dot product."""

from __future__ import annotations

from math import prod

from keraudit.errors import ModelError, ShapeError
from keraudit.layers.call import Effect, Shape, Site, Term, counted, elementwise, zero
from keraudit.layers.normalization import axes_of
from keraudit.layers.reshaping import MOVED, unchanged_dtype
from keraudit.model.graph import GLOBAL, laid_along


def broadcast(*shapes: Shape) -> Shape:
    """The common shape: shorter ones get ones behind the batch, then ones stretch.

    >>> broadcast((2, 8, 8, 16), (2, 1, 1, 16)), broadcast((2, 5), (2, 3, 5))
    ((2, 8, 8, 16), (2, 3, 5))
    """
    rank = max(map(len, shapes))
    padded = [(*s[:1], *(1,) * (rank - len(s)), *s[1:]) for s in shapes]
    sizes = []
    for axis in zip(*padded, strict=True):
        wide = set(axis) - {1}
        if len(wide) > 1:
            raise ShapeError(
                "the inputs must have the same shape, or 1 where they differ; received"
                f" {' and '.join(map(str, shapes))}"
            )
        sizes.append(wide.pop() if wide else 1)
    return tuple(sizes)


def several(site: Site) -> tuple[Shape, ...]:
    """The shapes of the inputs; there must be some."""
    if not site.inputs:
        raise ModelError(f"{site.kind} must be called on a list of inputs, received none")
    return tuple(t.shape for t in site.inputs)


def merge(site: Site) -> Effect:
    """Add, subtract, multiply, maximum, minimum of n inputs: n - 1 FLOPs per output element."""
    shapes = several(site)
    output = broadcast(*shapes)
    if len(shapes) == 1:
        return zero(output, reason="one input, nothing to merge")
    return counted(output, terms=[elementwise("merge", output, len(shapes) - 1)])


def average(site: Site) -> Effect:
    """The mean of n inputs: n - 1 additions and one multiplication per output element."""
    shapes = several(site)
    output = broadcast(*shapes)
    return counted(output, terms=[elementwise("merge", output, len(shapes))])


def scaled_sum(site: Site) -> Effect:
    """``CustomScaleLayer`` of InceptionResNetV2: y = a + s b (Szegedy et al. 2016, section 3.3)."""
    output = broadcast(*several(site))
    return counted(output, terms=[elementwise("merge", output, 2)])


def concatenate(site: Site) -> Effect:
    """Inputs one behind the other along an axis.

    A position stays where it is when the axis is that of the channels. Along any other axis the inputs
    lie one behind the other, each shifted by the sizes of those before it; a position counts as seeing
    what it would with any of these shifts, which is a bound.
    """
    shapes = several(site)
    first = shapes[0]
    (axis,) = axes_of(site.config.get("axis", -1), first)
    for shape in shapes[1:]:
        same = len(shape) == len(first) and all(
            a == b for i, (a, b) in enumerate(zip(first, shape, strict=True)) if i != axis
        )
        if not same:
            raise ShapeError(
                f"the inputs must agree on every axis but {axis}, received"
                f" {' and '.join(map(str, shapes))}"
            )
    output = (*first[:axis], sum(s[axis] for s in shapes), *first[axis + 1 :])
    return zero(
        output,
        reason=MOVED,
        view=laid_along(axis, [s[axis] for s in shapes]),
        dtype=unchanged_dtype(site),
    )


def dot(site: Site) -> Effect:
    """z[b, i, j] = sum over k of x[b, i, k] y[b, k, j]: the product of all sizes, each once.

    Both factors are activations. ``normalize`` first divides each input by its length along the
    axis: square, sum, multiply: 3 FLOPs per input element.
    """
    shapes = several(site)
    if len(shapes) != 2:
        raise ModelError(f"Dot must be called on 2 inputs, received {len(shapes)}")
    axes = site.config["axes"]
    pair = (axes, axes) if isinstance(axes, int) else tuple(axes)
    if len(pair) != 2:
        raise ModelError(f"axes must be one or two whole numbers, received {axes!r}")
    (one,), (two,) = axes_of(pair[0], shapes[0]), axes_of(pair[1], shapes[1])
    left, right = shapes
    if not one or not two or left[one] != right[two]:
        raise ShapeError(
            f"axes {list(pair)} must name axes of one size, not the batch; received the shapes"
            f" {left} and {right}"
        )
    rows = left[1:one] + left[one + 1 :]
    columns = right[1:two] + right[two + 1 :]
    output = (left[0], *rows, *columns)
    factors = (
        ("batch", left[0]),
        ("rows", prod(rows)),
        ("common axis", left[one]),
        ("columns", prod(columns)),
    )
    terms = [Term("mac", "dot product", factors, operands=2)]
    normalized = [
        elementwise("normalisation", shape, 3) if site.config.get("normalize") else None
        for shape in shapes
    ]
    return counted(
        output if len(output) > 1 else (*output, 1),
        terms=[*terms, *normalized],
        view=GLOBAL,
    )
