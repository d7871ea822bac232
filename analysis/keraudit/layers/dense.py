"""Layers that multiply by a matrix of weights, or look a row of it up."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

from keraudit.errors import ModelError, ShapeError
from keraudit.graph import GLOBAL, POINTWISE
from keraudit.layers.activation import activation_term, unknown_activation
from keraudit.layers.convolution import from_one, lora
from keraudit.layers.quantised import kept as quantised_matrix
from keraudit.layers.quantised import quantised
from keraudit.layers.site import (
    Effect,
    Shape,
    Site,
    Term,
    Weight,
    counted,
    elementwise,
    unsupported,
    zero,
)

LOOKED_UP = "a table look-up, no arithmetic"
LONGEST = 1000  # characters of an equation or a pattern; there are 52 letters


def dense(site: Site) -> Effect:
    """y = x W + b on the last axis; every leading axis is a row of x."""
    config, shape = site.config, site.shape
    units, features = int(config["units"]), shape[-1]
    from_one(units=(units,))
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
    weights = matrix(config, Weight("kernel", (features, units)), (units,))
    if config.get("use_bias", True):
        weights.append(Weight("bias", (units,)))
    unknown = unknown_activation(config.get("activation")) or quantised(config)
    return counted(output, terms=terms, weights=tuple(weights), unknown=unknown)


def matrix(config: Mapping[str, Any], kernel: Weight, scales: Shape) -> list[Weight]:
    """A kernel, as adaptation or quantisation leave it."""
    first, *factors = lora(config, kernel)
    return [*quantised_matrix(config, first, scales), *factors]


def embedding(site: Site) -> Effect:
    """A look-up of one row for each index: no arithmetic."""
    return looked_up(site, embeddings(site))


def looked_up(site: Site, weights: list[Weight]) -> Effect:
    """One row of the table for each index."""
    output = (*site.shape, int(site.config["output_dim"]))
    if reason := quantised(site.config):
        return unsupported(output, reason=reason, weights=tuple(weights))
    return zero(output, reason=LOOKED_UP, weights=tuple(weights))


def embeddings(site: Site) -> list[Weight]:
    """A table of vectors; with low-rank adaptation a frozen one and its two factors."""
    rows, width = int(site.config["input_dim"]), int(site.config["output_dim"])
    rank = site.config.get("lora_rank")
    from_one(input_dim=(rows,), output_dim=(width,), lora_rank=(rank or 1,))
    table = Weight("embeddings", (rows, width), trainable=not rank)
    held = quantised_matrix(site.config, table, (rows,))
    if not rank:
        return held
    return [
        *held,
        Weight("lora_embeddings_a", (rows, rank), dtype="float32"),
        Weight("lora_embeddings_b", (rank, width), dtype="float32"),
    ]


def reversible_embedding(site: Site) -> Effect:
    """A look-up; or, called with ``reverse=True``, the product with the table's transpose.

    In reverse, y = x E': rows x width x vocabulary MACs; a soft cap c tanh(y / c) adds divide,
    tanh, multiply: 3 FLOPs per output element.
    """
    config = site.config
    rows, width = int(config["input_dim"]), int(config["output_dim"])
    weights = embeddings(site)
    if not config.get("tie_weights", True):
        weights += quantised_matrix(config, Weight("reverse_embeddings", (width, rows)), (rows,))
    if not site.argument(1, "reverse", False):
        return looked_up(site, weights)
    output = (*site.shape[:-1], rows)
    factors = (("rows", prod(site.shape[:-1])), ("input features", width), ("units", rows))
    capped = config.get("logit_soft_cap") is not None
    return counted(
        output,
        terms=[
            Term("mac", "dense", factors),
            elementwise("soft cap", output, 3 if capped else 0),
        ],
        weights=tuple(weights),
        dtype=str(config["reverse_dtype"]) if config.get("reverse_dtype") else None,
        unknown=quantised(config),
    )


def short_enough(equation: str) -> str:
    """The equation, unless no tensor has so many axes."""
    if len(equation) > LONGEST:
        raise ModelError(f"an equation of {len(equation):,} characters is more than {LONGEST:,}")
    return equation


def einsum_sizes(equation: str, *shapes: tuple[int, ...]) -> tuple[dict[str, int], str]:
    """The size of each letter of an einsum equation, and its output's letters.

    An ellipsis becomes upper-case letters of its own, aligned to the right.

    >>> einsum_sizes("abc,cd->abd", (2, 3, 4), (4, 5))
    ({'a': 2, 'b': 3, 'c': 4, 'd': 5}, 'abd')
    """
    left, _, right = short_enough(equation).replace(" ", "").partition("->")
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
                    f"the equation {equation!r} gives {letter!r} two sizes:"
                    f" {sizes[letter]} and {size}"
                )
            sizes[letter] = max(size, sizes.get(letter, 1))
    if "->" not in equation:
        flat = "".join(operands).replace(".", "")
        right = dots + "".join(c for c in sorted(set(flat)) if flat.count(c) == 1)
    return sizes, right.replace("...", dots)


def einsum_dense(site: Site) -> Effect:
    """y = einsum(equation, x, W) + b: the product of the sizes of all letters, each once.

    An ellipsis stands for axes that pass through, in front (``...x,xy->...y``) or behind
    (``ab...,bc->ac...``). Positions stay where they are when the axes that remain come first.
    """
    config, shape = site.config, site.shape
    own, kernel_letters, result = einsum_letters(str(config["equation"]))
    first = len(shape) - len(own) if str(config["equation"]).startswith("...") else 0
    if first < 0 or len(shape) < len(own):
        raise ShapeError(f"the equation {config['equation']!r} does not fit the shape {shape}")
    leading, trailing = shape[:first], shape[first + len(own) :]
    sizes = dict(zip(own, shape[first:], strict=False))
    recorded = config["output_shape"]
    recorded = [recorded] if isinstance(recorded, int) else list(recorded)
    # output_shape leaves out the batch and the elided axes: align it to the right
    for letter, size in zip(reversed(result), reversed(recorded), strict=False):
        if size is not None and letter not in own:
            sizes[letter] = int(size)
            from_one(output_shape=(sizes[letter],))
    # Keras 3 states two or more axes elided behind the batch in reverse; the counts are the same
    stated = (*leading[:1], *reversed(leading[1:]))
    output = (*stated, *(sizes[letter] for letter in result), *trailing)
    passed = leading + trailing
    letters = dict.fromkeys(own + kernel_letters)
    factors = tuple((f"axis {letter}", sizes[letter]) for letter in letters)
    if passed:
        factors = (("rows", prod(passed)), *factors)
    terms = [
        Term("mac", "dense", factors),
        activation_term(config.get("activation"), output),
    ]
    kernel = tuple(sizes[letter] for letter in kernel_letters)
    scales = tuple(sizes[letter] for letter in kernel_letters if letter in result)
    weights = matrix(config, Weight("kernel", kernel), scales)
    if axes := config.get("bias_axes"):
        start = min(result.index(letter) for letter in axes)
        bias = tuple(sizes[letter] if letter in axes else 1 for letter in result[start:])
        weights.append(Weight("bias", (*bias, *(1,) * len(trailing))))
        terms.append(elementwise("bias", output))
    remain = "".join(letter for letter in own if letter in result)
    still = own.startswith(remain) and result.startswith(remain)
    still = still and (not trailing or len(own) == len(result))
    return counted(
        output,
        terms=terms,
        weights=tuple(weights),
        view=POINTWISE if still else GLOBAL,
        unknown=unknown_activation(config.get("activation")) or quantised(config),
    )


def einsum_letters(equation: str) -> tuple[str, str, str]:
    """The letters of the input, the kernel and the output, without ellipses.

    >>> einsum_letters("...x,xy->...y")
    ('x', 'xy', 'y')
    """
    left, _, result = short_enough(equation).replace(" ", "").replace("...", "").partition("->")
    own, _, kernel = left.partition(",")
    if not (own and kernel and result):
        raise ModelError(f"the equation must read 'input,kernel->output', received {equation!r}")
    return own, kernel, result
