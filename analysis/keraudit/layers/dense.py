"""Layers that multiply by a matrix of weights, or look a row of it up."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from string import ascii_lowercase, ascii_uppercase
from typing import Any, NamedTuple

from keraudit.errors import ModelError, ShapeError
from keraudit.layers.activation import activation_term, unknown_activation
from keraudit.layers.call import (
    Effect,
    Shape,
    Site,
    Term,
    Weight,
    checked_whole,
    counted,
    elementwise,
    unsupported,
    whole_number,
    zero,
)
from keraudit.layers.convolution import from_one
from keraudit.layers.lora import adapter_rank, added_terms, factors, merged_terms
from keraudit.layers.quantized import (
    MODES,
    REAL_AGAIN,
    Quantization,
    call_terms,
    policies_by_path,
    quantization,
    real_again,
    rounding,
    scaling,
    stored_matrix,
    uncounted,
    unpacking,
)
from keraudit.model.graph import GLOBAL, all_along

TABLES = ("int8", "int4")  # what a table can be quantised to
LOOKED_UP = "a table look-up, no arithmetic"
LONGEST = 1000  # characters of an equation or a pattern; there are 52 letters


def dense(site: Site) -> Effect:
    """y = x W + b on the last axis; every leading axis is a row of x."""
    config, shape = site.config, site.shape
    units, features, rows = whole_number(config, "units"), shape[-1], prod(shape[:-1])
    from_one(units=(units,))
    output = (*shape[:-1], units)
    scheme, rank = quantization(config), adapter_rank(config)
    kernel = Weight("kernel", (features, units), trainable=not rank)
    weights = stored_matrix(scheme, kernel, features, units, (units,))
    added = (("rows", rows), ("input features", features), ("rank", rank))
    terms = [
        Term("mac", "dense", (("rows", rows), ("input features", features), ("units", units))),
        *call_terms(
            scheme, weights, rows=rows, width=features, elements=features * units, output=output
        ),
        *(added_terms(rank, added, output) if scheme.mode else merged_terms(kernel.shape, rank)),
        elementwise("bias", output) if config.get("use_bias", True) else None,
        activation_term(config.get("activation"), output),
    ]
    weights += factors("kernel", kernel.shape, rank)
    if config.get("use_bias", True):
        weights.append(Weight("bias", (units,)))
    return counted(
        output,
        terms=terms,
        weights=tuple(weights),
        view=all_along(len(shape) - 1),
        unknown=unknown_activation(config.get("activation")) or _unknown_form(config, rank),
    )


def _unknown_form(config: Mapping[str, Any], rank: int, *modes: str) -> str:
    """The reason to give for a quantisation that is not counted."""
    scheme = quantization(config)
    if rank and scheme.mode in ("float8", "gptq", "awq"):
        return (
            f"Keras adapts no layer that is quantised to {scheme.mode}: what it does is not known"
        )
    return policies_by_path(config) or uncounted(scheme, *(modes or MODES))


def embedding(site: Site) -> Effect:
    """A look-up of one row for each index: no arithmetic; a table of few bits scales what it gives."""
    return _looked_up(site, embeddings(site))


def _looked_up(site: Site, weights: list[Weight]) -> Effect:
    """One row of the table for each index.

    A float table with low-rank adaptation is adapted as a whole at every call; an int4 table is
    unpacked as a whole, and what was looked up is scaled.
    """
    config = site.config
    table = (whole_number(config, "input_dim"), whole_number(config, "output_dim"))
    rank = adapter_rank(config)
    output = (*site.shape, table[1])
    scheme = quantization(config)
    if reason := _unknown_form(config, rank, *TABLES):
        return unsupported(output, reason=reason, weights=tuple(weights))
    if not scheme.mode:
        terms = merged_terms(table, rank)
    else:
        each = REAL_AGAIN[scheme.mode] if scheme.group else 1
        terms = [*unpacking(scheme, weights), scaling(output, each)]
        terms += added_terms(rank, (), output, looked_up=True)
    if not terms:
        return zero(output, reason=LOOKED_UP, weights=tuple(weights))
    return counted(output, terms=terms, weights=tuple(weights))


def embeddings(site: Site) -> list[Weight]:
    """A table of vectors; with low-rank adaptation a frozen one and its two factors."""
    rows, width = whole_number(site.config, "input_dim"), whole_number(site.config, "output_dim")
    from_one(input_dim=(rows,), output_dim=(width,))
    rank = adapter_rank(site.config)
    table = Weight("embeddings", (rows, width), trainable=not rank)
    scheme = quantization(site.config)
    stored = [table]
    if scheme.mode in TABLES:
        stored = stored_matrix(scheme, table, rows, width, (rows,), by_row=True)
    return [*stored, *factors("embeddings", (rows, width), rank)]


def _reversed_table(site: Site) -> list[Weight]:
    """The second table of a layer that does not tie its weights, transposed."""
    rows, width = whole_number(site.config, "input_dim"), whole_number(site.config, "output_dim")
    scheme = quantization(site.config)
    second = Weight("reverse_embeddings", (width, rows))
    if scheme.mode == "int8":
        return stored_matrix(scheme, second, width, rows, (rows,))
    if scheme.mode != "int4":
        return [second]
    packed = Weight(second.name, ((width + 1) // 2, rows), trainable=False, dtype="int8")
    groups = (-(-width // scheme.group), rows) if scheme.group else (rows,)
    scales = [Weight(f"{second.name}_scale", groups, trainable=False)]
    if scheme.group:  # unlike the first table's, its zero points are floats
        scales.append(Weight(f"{second.name}_zero", groups, trainable=False))
    return [packed, *scales]


def reversible_embedding(site: Site) -> Effect:
    """A look-up; or, called with ``reverse=True``, the product with the table's transpose.

    In reverse, y = x E': rows x width x vocabulary MACs; a soft cap c tanh(y / c) adds divide,
    tanh, multiply: 3 FLOPs per output element. A float table that is tied is adapted first; one of
    few bits is not.
    """
    config, shape = site.config, site.shape
    rows, width = whole_number(config, "input_dim"), whole_number(config, "output_dim")
    first, tied = embeddings(site), bool(config.get("tie_weights", True))
    second = [] if tied else _reversed_table(site)
    if not site.argument(1, "reverse", False):
        return _looked_up(site, first + second)
    scheme, rank = quantization(config), adapter_rank(config)
    output, vectors = (*shape[:-1], rows), prod(shape[:-1])
    sizes = (("rows", vectors), ("input features", width), ("units", rows))
    terms: list[Term | None] = [Term("mac", "dense", sizes)]
    reason = _unknown_form(config, rank, *TABLES)
    if scheme.mode and not reason:
        terms += unpacking(scheme, first if tied else second)
        rounds = scheme.rounds(default=True)
        terms += rounding(vectors, width) if rounds else []
        if scheme.group:
            terms += [real_again(width * rows, REAL_AGAIN[scheme.mode]), scaling(output, 1)]
        elif rounds:
            terms.append(scaling(output, 2))
        else:  # the scales are multiplied by one 1, then divide
            terms += [Term("flop", "scales", (("units", rows),)), scaling(output, 1)]
    elif tied and not scheme.mode:
        terms += merged_terms((rows, width), rank)
    if config.get("logit_soft_cap") is not None:
        terms.append(elementwise("soft cap", output, 3))
    return counted(
        output,
        terms=terms,
        weights=tuple(first + second),
        view=all_along(len(shape) - 1),
        dtype=str(config["reverse_dtype"]) if config.get("reverse_dtype") else None,
        unknown=reason,
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
    dots = "".join(c for c in ascii_uppercase + ascii_lowercase if c not in equation)[:extra]
    if len(dots) < extra:
        raise ModelError(f"the equation {equation!r} leaves out more axes than there are letters")
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
    recorded = list(recorded) if isinstance(recorded, list | tuple) else [recorded]
    room = len(result) - (first == 0)  # output_shape leaves out the batch and the elided axes
    if len(recorded) > room:
        raise ModelError(
            f"output_shape {recorded} has {len(recorded)} sizes, where {config['equation']!r} leaves"
            f" {room} besides the batch and '...': Keras states another shape than it computes; give {room}"
        )
    for letter, size in zip(reversed(result), reversed(recorded), strict=False):
        if size is not None and letter not in own:
            sizes[letter] = checked_whole("output_shape", size)
            from_one(output_shape=(sizes[letter],))
    # Keras 3 states two or more axes elided behind the batch in reverse; the counts are the same
    stated = (*leading[:1], *reversed(leading[1:]))
    output = (*stated, *(sizes[letter] for letter in result), *trailing)
    passed = leading + trailing
    letters = dict.fromkeys(own + kernel_letters)
    products = tuple((f"axis {letter}", sizes[letter]) for letter in letters)
    if passed:
        products = (("rows", prod(passed)), *products)
    terms: list[Term | None] = [Term("mac", "dense", products)]
    kernel = tuple(sizes[letter] for letter in kernel_letters)
    rank = adapter_rank(config)
    matrix = Weight("kernel", kernel, trainable=not rank)
    around, unfit = _einsum_quantized(config, matrix, (own, kernel_letters, result), shape, output)
    terms += around.terms
    weights = list(around.weights)
    if rank and around.scheme.mode:
        last = kernel_letters[-1]
        inner = tuple(
            ("rank", rank) if name == f"axis {last}" else (name, size) for name, size in products
        )
        terms += added_terms(rank, inner, output)
        fits = result.endswith(last) and last not in own and not trailing
        unfit = unfit or ("" if fits else "its low-rank product does not fit its output")
    else:
        terms += merged_terms(kernel, rank)
    weights += factors("kernel", kernel, rank)
    terms.append(activation_term(config.get("activation"), output))
    if axes := config.get("bias_axes"):
        start = min(result.index(letter) for letter in axes)
        bias = tuple(sizes[letter] if letter in axes else 1 for letter in result[start:])
        weights.append(Weight("bias", (*bias, *(1,) * len(trailing))))
        terms.append(elementwise("bias", output))
    remain = "".join(letter for letter in own if letter in result)
    still = own.startswith(remain) and result.startswith(remain)
    still = still and (not trailing or len(own) == len(result))
    mixed = range(first + len(remain), first + len(own))
    return counted(
        output,
        terms=terms,
        weights=tuple(weights),
        view=all_along(*mixed) if still else GLOBAL,
        unknown=unknown_activation(config.get("activation")) or unfit,
    )


class Around(NamedTuple):
    """What quantisation makes of an einsum: the matrix as it is kept, and what a call adds."""

    scheme: Quantization
    weights: list[Weight]
    terms: list[Term]


def _einsum_quantized(
    config: Mapping[str, Any],
    kernel: Weight,
    letters: tuple[str, str, str],
    shape: Shape,
    output: Shape,
) -> tuple[Around, str]:
    """What is kept and added, and the reason to give where that is not known.

    The letters of the kernel that the output lacks are summed over: they are the rows of the matrix
    that int4 packs, GPTQ and AWQ take the longest axis of three for that of the model.
    """
    scheme, (own, names, result) = quantization(config), letters
    reason = _unknown_form(config, adapter_rank(config))
    if not scheme.mode:
        return Around(scheme, [kernel], []), reason
    size = dict(zip(names, kernel.shape, strict=True))
    rows = prod(size[letter] for letter in names if letter not in result)
    columns = prod(size[letter] for letter in names if letter in result)
    if scheme.mode in ("gptq", "awq") and len(names) == 3:
        most = kernel.shape.index(max(kernel.shape))
        cut = 1 if most == 0 else 2
        rows, columns = prod(kernel.shape[:cut]), prod(kernel.shape[cut:])
    elif scheme.mode in ("gptq", "awq") and len(names) != 2:
        reason = f"Keras quantises to {scheme.mode} kernels of 2 or 3 axes only"
    scales = tuple(size[letter] if letter in names else 1 for letter in result)
    scales = (*(1,) * (len(output) - len(result)), *scales)
    weights = stored_matrix(scheme, kernel, rows, columns, scales)
    width = prod(
        n
        for n, letter in zip(shape[len(shape) - len(own) :], own, strict=True)
        if letter not in result
    )
    terms = call_terms(
        scheme,
        weights,
        rows=prod(shape) // width,
        width=width,
        elements=prod(kernel.shape),
        output=output,
        as_floats=True,
    )
    return Around(scheme, weights, terms), reason


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
