"""Layers that multiply by a matrix of weights, or look a row of it up."""

from __future__ import annotations

from math import prod

from keraudit.errors import ModelError
from keraudit.layers.activation import activation_term, unknown_activation
from keraudit.layers.convolution import lora
from keraudit.layers.site import (
    Effect,
    Site,
    Term,
    Weight,
    counted,
    elementwise,
    zero,
)


def dense(site: Site) -> Effect:
    """y = x W + b on the last axis; every leading axis is a row of x."""
    config, shape = site.config, site.shape
    units, features = int(config["units"]), shape[-1]
    output = (*shape[:-1], units)
    terms = [
        Term(
            "mac",
            "dense",
            (("rows", prod(shape[:-1])), ("input features", features), ("units", units)),
        ),
        elementwise("bias", output) if config.get("use_bias", True) else None,
        activation_term(config.get("activation"), output),
    ]
    weights = lora(config, Weight("kernel", (features, units)))
    if config.get("use_bias", True):
        weights.append(Weight("bias", (units,)))
    unknown = unknown_activation(config.get("activation"))
    return counted(output, terms=terms, weights=tuple(weights), unknown=unknown)


def embedding(site: Site) -> Effect:
    """A look-up of one row for each index: no arithmetic."""
    config = site.config
    rows, width = int(config["input_dim"]), int(config["output_dim"])
    weights = [Weight("embeddings", (rows, width))]
    if rank := config.get("lora_rank"):
        weights = [
            Weight("embeddings", (rows, width), trainable=False),
            Weight("lora_embeddings_a", (rows, rank)),
            Weight("lora_embeddings_b", (rank, width)),
        ]
    return zero(
        (*site.shape, width), weights=tuple(weights), reason="a table look-up, no arithmetic"
    )


def einsum_sizes(equation: str, *shapes: tuple[int, ...]) -> tuple[dict[str, int], str]:
    """The size of each letter of an einsum equation, and its output's letters.

    An ellipsis becomes upper-case letters of its own, aligned to the right.

    >>> einsum_sizes("abc,cd->abd", (2, 3, 4), (4, 5))
    ({'a': 2, 'b': 3, 'c': 4, 'd': 5}, 'abd')
    """
    left, _, right = equation.replace(" ", "").partition("->")
    operands = left.split(",")
    if len(operands) != len(shapes):
        raise ModelError(f"the equation {equation!r} needs {len(operands)} operands")
    extra = max(
        (len(s) - len(o) + 3 for o, s in zip(operands, shapes, strict=True) if "..." in o),
        default=0,
    )
    dots = "ABCDEFGHIJ"[:extra]
    sizes: dict[str, int] = {}
    for operand, shape in zip(operands, shapes, strict=True):
        own = len(shape) - len(operand) + 3
        letters = operand.replace("...", dots[extra - own :] if own else "")
        if len(letters) != len(shape):
            raise ModelError(f"the equation {equation!r} does not fit the shape {shape}")
        for letter, size in zip(letters, shape, strict=True):
            if sizes.get(letter, 1) not in (1, size) and size != 1:
                raise ModelError(
                    f"the equation {equation!r} gives {letter!r} two sizes: {sizes[letter]} and {size}"
                )
            sizes[letter] = max(size, sizes.get(letter, 1))
    if "->" not in equation:
        flat = "".join(operands).replace(".", "")
        right = dots + "".join(c for c in sorted(set(flat)) if flat.count(c) == 1)
    return sizes, right.replace("...", dots)


def einsum_dense(site: Site) -> Effect:
    """y = einsum(equation, x, W) + b: the product of the sizes of all letters, each once."""
    config, shape = site.config, site.shape
    equation = str(config["equation"]).replace(" ", "")
    left, _, right = equation.partition("->")
    data, _, kernel_letters = left.partition(",")
    recorded = config["output_shape"]
    recorded = [recorded] if isinstance(recorded, int) else list(recorded)
    dots = data.startswith("...")
    own, result = data.replace("...", ""), right.replace("...", "")
    offset = len(shape) - len(own) if dots else 0
    sizes = dict(zip(own, shape[offset:], strict=True))
    # output_shape leaves out the batch; with a leading ellipsis it is aligned to the right
    for letter, size in zip(reversed(result), reversed(recorded), strict=False):
        if size is not None and letter not in sizes:
            sizes[letter] = int(size)
    leading = shape[:offset]
    output = (*leading, *(sizes[letter] for letter in result))
    kernel = tuple(sizes[letter] for letter in kernel_letters)
    letters = dict.fromkeys(own + kernel_letters)
    factors = tuple((f"axis {letter}", sizes[letter]) for letter in letters)
    terms = [
        Term("mac", "dense", (("rows", prod(leading)), *factors) if leading else factors),
        activation_term(config.get("activation"), output),
    ]
    weights = lora(config, Weight("kernel", kernel))
    if axes := config.get("bias_axes"):
        last = len(result)
        first = min(result.index(c) for c in axes)
        bias = tuple(sizes[c] if c in axes else 1 for c in result[first:last])
        weights.append(Weight("bias", bias))
        terms.append(elementwise("bias", output))
    unknown = unknown_activation(config.get("activation"))
    return counted(output, terms=terms, weights=tuple(weights), unknown=unknown)
