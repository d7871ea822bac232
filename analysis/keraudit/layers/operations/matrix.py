"""Products of matrices: MACs, with two activations each, or one where an operand is a constant."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

from keraudit.errors import ModelError, ShapeError
from keraudit.layers.attention import products, scaled_softmax
from keraudit.layers.call import (
    Effect,
    Rule,
    Shape,
    Site,
    Tensor,
    Term,
    counted,
    elementwise,
    unsupported,
)
from keraudit.layers.dense import einsum_sizes
from keraudit.layers.operations.operands import axes_of, broadcast, promoted, shape_of
from keraudit.model.graph import GLOBAL


def pair(site: Site) -> tuple[Any, Any]:
    return site.argument(0, "x1"), site.argument(1, "x2")


def activations(*values: Any) -> int:
    """How many factors of a product are activations: 1 or 2."""
    return max(1, sum(isinstance(value, Tensor) for value in values))


def product(
    site: Site, output: Shape, rows: int, common: int, columns: int, *, batch: int = 1
) -> Effect:
    """rows x common times common x columns, once for each of ``batch``."""
    one, two = pair(site)
    factors = (("batch", batch), ("rows", rows), ("common axis", common), ("columns", columns))
    term = Term("mac", "matrix product", factors, operands=activations(one, two))
    return counted(output, terms=[term], view=GLOBAL, dtype=promoted([one, two]))


def matmul(site: Site) -> Effect:
    """z[..., i, j] = sum over k of x[..., i, k] y[..., k, j]; the leading axes are broadcast.

    A vector on the left is a row, on the right a column, and its axis leaves the output.
    """
    one, two = map(shape_of, pair(site))
    if not one or not two:
        raise ShapeError("a matrix product needs at least one axis on either side")
    left = (1, *one) if len(one) == 1 else one
    right = (*two, 1) if len(two) == 1 else two
    if left[-1] != right[-2]:
        raise ShapeError(f"the shapes {one} and {two} have no common axis for a matrix product")
    batch = broadcast(left[:-2], right[:-2])
    ends = (left[-2],) * (len(one) > 1) + (right[-1],) * (len(two) > 1)
    return product(site, (*batch, *ends), left[-2], left[-1], right[-1], batch=prod(batch))


def dot(site: Site) -> Effect:
    """NumPy's dot: the last axis of x with the last but one of y, every row with every column."""
    one, two = map(shape_of, pair(site))
    if not one or not two:
        return scaled(site, broadcast(one, two))
    axis = max(len(two) - 2, 0)
    return _contracted(site, (len(one) - 1,), (axis,))


def inner(site: Site) -> Effect:
    """The last axis of x with the last of y."""
    one, two = map(shape_of, pair(site))
    if not one or not two:
        return scaled(site, broadcast(one, two))
    return _contracted(site, (len(one) - 1,), (len(two) - 1,))


def scaled(site: Site, output: Shape) -> Effect:
    return counted(output, terms=[elementwise("multiply", output)], dtype=promoted(pair(site)))


def outer(site: Site) -> Effect:
    """z[i, j] = x[i] y[j], both laid flat: one multiplication for each element."""
    one, two = map(shape_of, pair(site))
    return scaled(site, (prod(one), prod(two)))


def tensordot(site: Site) -> Effect:
    """The sum of products over the named axes; a number names the last of x, the first of y."""
    axes, (one, two) = site.argument(2, "axes", 2), map(shape_of, pair(site))
    if isinstance(axes, int):
        return _contracted(site, tuple(range(len(one) - axes, len(one))), tuple(range(axes)))
    first, second = axes
    return _contracted(site, axes_of(first, len(one)), axes_of(second, len(two)))


def _contracted(site: Site, first: tuple[int, ...], second: tuple[int, ...]) -> Effect:
    one, two = map(shape_of, pair(site))
    common = [one[i] for i in first]
    if common != [two[i] for i in second]:
        raise ShapeError(f"axes {first} of {one} and {second} of {two} differ in size")
    rows = tuple(size for i, size in enumerate(one) if i not in first)
    columns = tuple(size for i, size in enumerate(two) if i not in second)
    return product(site, (*rows, *columns), prod(rows), prod(common), prod(columns))


def einsum(site: Site) -> Effect:
    """Two operands: the product of the sizes of all letters, each once; none summed: an outer or
    elementwise product, 1 FLOP per output element. One operand: its elements are added up.

    With more operands the count depends on the order in which they are contracted: unsupported.
    """
    given = [value for value in site.args if value is not None]
    equation = site.config.get("subscripts")
    if equation is None:
        equation, *given = given
    if not isinstance(equation, str):
        raise ModelError(f"expected an einsum equation, received {str(equation)[:60]!r}")
    sizes, right = einsum_sizes(equation, *map(shape_of, given))
    output = tuple(sizes[letter] for letter in right)
    dtype, summed = promoted(given), sizes.keys() - set(right)
    if len(given) > 2:
        reason = f"the cost of {equation!r} depends on the order of its contractions"
        return unsupported(output, reason=reason, view=GLOBAL, dtype=dtype)
    factors = tuple((f"axis {letter}", size) for letter, size in sizes.items())
    term: Term | None
    if len(given) == 1:
        term = Term("flop", "reduction", factors) if summed else None
    elif summed:
        term = Term("mac", "matrix product", factors, operands=activations(*given))
    else:
        term = elementwise("multiply", output)
    return counted(output, terms=[term], view=GLOBAL, dtype=dtype)


def _dot_product_attention(site: Site) -> Effect:
    """softmax(Q K^T / sqrt(width) + bias) V on (batch, length, heads, width); Vaswani et al. 2017."""
    query, key, value = (
        shape_of(site.argument(i, name)) for i, name in enumerate(("query", "key", "value"))
    )
    if not len(query) == len(key) == len(value) == 4 or query[-1] != key[-1]:
        raise ShapeError(f"query {query}, key {key} and value {value} do not fit together")
    lengths = (("query length", query[1]), ("key length", key[1]))
    scores = (("batch", query[0]), ("heads", query[2]), *lengths)
    terms: list[Term | None] = [*products(scores, query[-1], value[-1]), *scaled_softmax(scores)]
    if site.argument(3, "bias") is not None:
        terms.append(Term("flop", "bias", scores))
    return counted(query, terms=terms, view=GLOBAL)


MATRICES: Mapping[str, Rule] = {
    "Matmul": matmul,
    "Dot": dot,
    "Inner": inner,
    "Outer": outer,
    "Tensordot": tensordot,
    "Einsum": einsum,
    "DotProductAttention": _dot_product_attention,
}
