"""An independent count: the multiplications that a JAX program sums, without running it.

It shares nothing with keraudit's rules: it walks the program that JAX makes of a call, and multiplies out the
sizes of every ``dot_general`` and ``conv_general_dilated``, and the length of every ``scan``. Four conventions
make it comparable:

- A ``dot_general`` that contracts nothing is a broadcast multiplication (an outer product): nothing is summed.
- A convolution over a dilated input (transposed) is counted from the input's side, without the zeros between.
- Interpolation and cutting into patches move pixels: JAX writes them as products with fixed matrices.
- Of a ``cond`` the most expensive branch counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

# Functions of JAX and Keras that write a movement of pixels as a product.
MOVEMENTS = frozenset(
    {"_resize", "_scale_and_translate", "scale_and_translate", "_extract_patches"}
)


class Unbounded(Exception):  # noqa: N818  # not an error: the count has no value
    """A loop with products in it whose number of rounds is not in the program."""


def products(program: Any) -> int:
    """The multiply-accumulates of a program.

    Args:
        program: a ``jaxpr``, as ``jax.make_jaxpr`` makes it.

    Raises:
        Unbounded: a ``while`` loop multiplies.
    """
    return sum(map(_of_equation, program.eqns))


def _of_equation(equation: Any) -> int:
    kind, options = equation.primitive.name, equation.params
    if kind == "dot_general":
        return _of_product(equation)
    if kind == "conv_general_dilated":
        return _of_convolution(equation)
    if options.get("name") in MOVEMENTS:
        return 0
    inner = [products(part) for part in _programs(options)]
    if kind == "scan":
        return int(options["length"]) * sum(inner)
    if kind == "cond":
        return max(inner, default=0)
    if kind == "while" and any(inner):
        raise Unbounded("a while loop multiplies, and its number of rounds is not known")
    return sum(inner)


def _of_product(equation: Any) -> int:
    (contracted, _), _ = equation.params["dimension_numbers"]
    if not contracted:
        return 0
    left, result = equation.invars[0].aval.shape, equation.outvars[0].aval.shape
    return int(prod(result) * prod(left[axis] for axis in contracted))


def _of_convolution(equation: Any) -> int:
    options = equation.params
    image, kernel = (variable.aval.shape for variable in equation.invars[:2])
    result = equation.outvars[0].aval.shape
    numbers = options["dimension_numbers"]
    elements = prod(kernel[axis] for axis in numbers.rhs_spec[2:])
    if any(step > 1 for step in options["lhs_dilation"]):
        made = kernel[numbers.rhs_spec[0]] // options["feature_group_count"]
        return int(prod(image) * elements * made)
    return int(prod(result) * elements * kernel[numbers.rhs_spec[1]])


def _programs(value: Any) -> Iterator[Any]:
    """Every program among an equation's parameters."""
    if hasattr(value, "eqns"):
        yield value
    elif hasattr(value, "jaxpr"):
        yield value.jaxpr
    elif isinstance(value, dict):
        for item in value.values():
            yield from _programs(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _programs(item)
