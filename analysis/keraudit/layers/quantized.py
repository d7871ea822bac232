"""Layers that Keras has quantised: the variables it keeps, and what rounding and scaling cost a call.

Counted is what Keras' own calls do on TensorFlow and JAX (``Dense._int8_call`` and its like), besides
the product itself. Casts, look-ups of a group's scale and transpositions are free.

Inputs rounded to int8 (``AbsMaxQuantizer``) take 6 FLOPs per element: abs, max, multiply, round, and a
clip of 2; each row an addition and a division more. Outputs take 2 per element, multiply the two scales
and divide by them; without rounded inputs only the division, 1.

A byte that packs two int4 takes 7 FLOPs at every call: and, shift, and, two xor, two subtractions; two
unsigned ones (GPTQ, AWQ) take 3. A kernel that is made float again before the product takes 1 per
weight where it has one scale per channel (divide), 2 in groups with a zero point (subtract, multiply),
and 3 for AWQ, which divides once more. float8 takes 4 per element of inputs and kernel: divide, a clip
of 2, multiply.

int4 is packed as Keras 3.15 packs it, along the last axis; older versions pack the first, which is as
large where both are even.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

from keraudit.errors import ModelError
from keraudit.layers.call import Shape, Term, Weight, is_whole
from keraudit.layers.convolution import from_one

ADDED = ("rounding", "scales", "scaling", "unpacking", "dequantisation")  # besides the product
ROUNDED, PER_ROW = 6, 2
UNPACKED = {"int4": 7, "gptq": 3, "awq": 3}
REAL_AGAIN = {"int4": 2, "gptq": 2, "awq": 3}
FLOAT8 = 4
HISTORY = 1024  # maxima that float8 keeps, unless its policy says otherwise
MODES = ("int8", "int4", "float8", "gptq", "awq")


class Quantization(NamedTuple):
    """How a layer is quantised. ``group`` is the size of int4's groups, 0 for one scale per channel."""

    mode: str = ""
    group: int = 0
    bits: int = 4  # of a weight of GPTQ
    history: int = HISTORY
    quantizer: str | None = ""  # of the inputs; None: none, empty: the layer's own default

    def rounds(self, default: bool) -> bool:
        """Whether the inputs are rounded."""
        return default if self.quantizer == "" else self.quantizer is not None

    @property
    def packed(self) -> bool:
        """Whether a byte holds two weights."""
        return self.mode in ("int4", "awq") or (self.mode == "gptq" and self.bits == 4)


def quantization(config: Mapping[str, Any]) -> Quantization:
    """A layer's quantisation, from its dtype policy in either notation and its own config.

    >>> quantization({"dtype": "int4/128_from_float32"})[:2]
    ('int4', 128)
    >>> quantization({"dtype": "float32"}).mode
    ''
    """
    policy, history = config.get("dtype"), HISTORY
    if isinstance(policy, str):
        stated = policy.partition("_from_")[0] if "_from_" in policy else ""
    else:
        options = policy.get("config") if isinstance(policy, Mapping) else None
        options = options if isinstance(options, Mapping) else {}
        stated = str(options.get("mode") or "")
        history = options.get("amax_history_length") or HISTORY
    mode, *numbers = stated.split("/")
    own = config.get("quantization_config")
    inside = own.get("config") if isinstance(own, Mapping) else None
    quantizer: str | None = ""
    group = whole(numbers[-1]) if numbers else 0
    if isinstance(inside, Mapping) and mode in ("int8", "int4"):
        activation = inside.get("activation_quantizer")
        quantizer = str(activation.get("class_name")) if isinstance(activation, Mapping) else None
        if mode == "int4":
            group = whole(inside.get("block_size") or 0)
    bits = whole(numbers[0]) if mode == "gptq" and numbers else 4
    return Quantization(mode, max(group, 0), bits, history, quantizer)


def whole(value: Any) -> int:
    try:
        return int(value if is_whole(value) else str(value))
    except (TypeError, ValueError):
        raise ModelError(f"a size of a quantisation must be a whole number: {value!r}") from None


def uncounted(scheme: Quantization, *modes: str) -> str:
    """The reason to give where a layer's quantisation is not counted; empty where it is.

    >>> uncounted(Quantization("float8"), "int8", "int4")
    'Keras has no float8 form of this layer: what it does is not known'
    """
    if scheme.mode and scheme.mode not in modes:
        return f"Keras has no {scheme.mode} form of this layer: what it does is not known"
    if scheme.mode in ("int8", "int4") and scheme.quantizer not in (None, "", "AbsMaxQuantizer"):
        return f"its inputs' quantizer {scheme.quantizer} is not in the table: it is left out"
    return ""


def policies_by_path(config: Mapping[str, Any]) -> str:
    """The reason to give for a layer that takes a quantised policy from a map of them, by its path."""
    policy = config.get("dtype")
    mapped = isinstance(policy, Mapping) and policy.get("class_name") == "DTypePolicyMap"
    if mapped and _names_a_mode(policy):
        return "its dtype policies are in a map by path: their quantisation is left out"
    return ""


def _names_a_mode(value: Any) -> bool:
    """Whether a serialised policy, or one inside it, is of a quantised layer."""
    if isinstance(value, Mapping):
        return "mode" in value or any(map(_names_a_mode, value.values()))
    return isinstance(value, str) and "_from_" in value


def stored_matrix(
    scheme: Quantization,
    kernel: Weight,
    rows: int,
    columns: int,
    scales: Shape,
    by_row: bool = False,
) -> list[Weight]:
    """A matrix as the layer keeps it: ``rows`` are summed over by the product, ``columns`` stay.

    ``scales`` is the shape of int8's scales. ``by_row`` stands for an embedding, which has its scales
    for each row and its groups along the columns.

    >>> [(w.name, w.shape) for w in stored_matrix(Quantization("int4", 2), Weight("kernel", (3, 5)), 3, 5, (5,))]
    [('kernel', (3, 3)), ('kernel_scale', (2, 5)), ('kernel_zero', (2, 5)), ('g_idx', (3,))]
    """
    if not scheme.mode:
        return [kernel]
    name = kernel.name
    if scheme.mode == "int8":
        frozen = kernel._replace(trainable=False, dtype="int8")
        return [frozen, Weight(f"{name}_scale", scales, trainable=False)]
    if scheme.mode == "float8":
        return [kernel, *_maxima(scheme.history)]
    if scheme.mode in ("gptq", "awq"):
        return transposed(scheme, name, rows, columns)
    packed = Weight(name, (rows, half(columns)), trainable=False, dtype="int8")
    kinds, along = (rows, columns) if by_row else (columns, rows)
    if not scheme.group:
        return [packed, Weight(f"{name}_scale", (kinds,), trainable=False)]
    groups = -(-along // scheme.group)
    shape = (kinds, groups) if by_row else (groups, kinds)
    return [
        packed,
        Weight(f"{name}_scale", shape, trainable=False),
        Weight(f"{name}_zero", shape, trainable=False, dtype="int8"),
        Weight("g_idx", (along,), trainable=False, dtype="float32"),
    ]


def half(size: int) -> int:
    return (size + 1) // 2


def _maxima(history: int) -> list[Weight]:
    """The scales and last maxima that float8 keeps of inputs, kernel and output gradients."""
    from_one(amax_history_length=(history,))
    return [
        Weight(f"{of}_{what}", shape, dtype="float32")
        for of in ("inputs", "kernel", "outputs_grad")
        for what, shape in (("scale", ()), ("amax_history", (history,)))
    ]


def transposed(scheme: Quantization, name: str, rows: int, columns: int) -> list[Weight]:
    """What GPTQ and AWQ keep: a row for each column, with scales and zero points in groups."""
    groups = -(-rows // scheme.group) if scheme.group else 1
    weights = [
        Weight(name, (half(columns) if scheme.packed else columns, rows), False, "uint8"),
        Weight(f"{name}_scale", (columns, groups), False),
        Weight(f"{name}_zero", (columns, groups), False, "uint8"),
        Weight("g_idx", (rows,), False, "float32"),
    ]
    return [*weights, Weight("awq_scales", (rows,), False)] if scheme.mode == "awq" else weights


def rounding(rows: int, width: int) -> list[Term]:
    """Inputs rounded to int8, ``rows`` of ``width`` elements each."""
    every = (("operations", ROUNDED), ("rows", rows), ("input features", width))
    return [
        Term("flop", "rounding", every),
        Term("flop", "scales", (("operations", PER_ROW), ("rows", rows))),
    ]


def scaling(output: Shape, operations: int) -> Term:
    return Term("flop", "scaling", (("operations", operations), ("elements", prod(output))))


def unpacking(scheme: Quantization, weights: Sequence[Weight]) -> list[Term]:
    """Every byte of the matrix, the first of ``weights``, taken apart; once a call."""
    if not scheme.packed:
        return []
    count = (("operations", UNPACKED[scheme.mode]), ("bytes", weights[0].elements))
    return [Term("flop", "unpacking", count)]


def real_again(elements: int, operations: int) -> Term:
    factors = (("operations", operations), ("weights", elements))
    return Term("flop", "dequantisation", factors)


def call_terms(
    scheme: Quantization,
    stored_weights: Sequence[Weight],
    *,
    rows: int,
    width: int,
    elements: int,
    output: Shape,
    as_floats: bool = False,
) -> list[Term]:
    """What a quantised product costs besides itself.

    Args:
        scheme: the layer's quantisation.
        stored_weights: its variables, the matrix first.
        rows: input vectors, each rounded with a scale of its own.
        width: elements of each.
        elements: weights of the matrix, unpacked.
        output: the product's shape.
        as_floats: whether int4 with a scale per channel is made float before the product
            (``EinsumDense``), not after it (``Dense``).
    """
    if not scheme.mode:
        return []
    if scheme.mode == "float8":
        inputs = (("operations", FLOAT8), ("rows", rows), ("input features", width))
        return [
            Term("flop", "rounding", inputs),
            Term("flop", "rounding", (("operations", FLOAT8), ("weights", elements))),
        ]
    terms = unpacking(scheme, stored_weights)
    if scheme.mode in ("gptq", "awq") or scheme.group:
        return [*terms, real_again(elements, REAL_AGAIN[scheme.mode])]
    rounds = scheme.rounds(default=scheme.mode == "int8")
    terms += rounding(rows, width) if rounds else []
    if scheme.mode == "int4" and as_floats:
        terms.append(real_again(elements, 1))
        return [*terms, scaling(output, 1)] if rounds else terms
    return [*terms, scaling(output, 1 + rounds)]
