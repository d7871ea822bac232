"""The operations of ``keras.ops`` that functional models record: one row each.

An elementwise function is 1 FLOP per output element, whatever the function; those that Keras makes
of several have their sum, with the formula beside it. A comparison or a logical function is 1 too.
A reduction is counted per input element and per output element. What only moves, selects or
creates elements is zero, with its reason. An operation that is not here is reported as unsupported.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from keraudit.layers.activation import ACTIVATIONS
from keraudit.layers.call import Effect, Rule, Site, Term, counted, elementwise, unsupported
from keraudit.layers.operations.fourier import FOURIER
from keraudit.layers.operations.image import IMAGES
from keraudit.layers.operations.matrix import MATRICES
from keraudit.layers.operations.nn import NETWORK
from keraudit.layers.operations.operands import (
    axes_of,
    axis_of,
    broadcast,
    operands,
    promoted,
    reduced_shape,
    shape_of,
)
from keraudit.layers.operations.select import SELECTIONS
from keraudit.layers.operations.shape import MOVEMENTS
from keraudit.model.graph import GLOBAL, POINTWISE, View, all_along, statistics_along

# elementwise functions of one or two operands, FLOPs per output element: 1 unless it says otherwise
FUNCTIONS: Mapping[str, int] = {
    **dict.fromkeys(
        "Absolute Abs Fabs Negative Sign Square Sqrt Reciprocal Cbrt Exp Exp2 Expm1 Log Log2 Log10"
        " Log1p Sin Cos Tan Sinh Cosh Tanh Arcsin Arccos Arctan Arcsinh Arccosh Arctanh Ceil Floor"
        " Round Trunc Deg2rad Rad2deg Conj Conjugate Erf Erfc Erfinv NanToNum"
        " BitwiseInvert BitwiseNot Angle".split(),
        1,
    ),
    **dict.fromkeys(
        "Add Subtract Multiply Divide TrueDivide FloorDivide Mod Fmod Power Maximum Minimum Fmax"
        " Fmin Arctan2 BitwiseAnd BitwiseOr BitwiseXor BitwiseLeftShift LeftShift"
        " BitwiseRightShift RightShift Heaviside".split(),
        1,
    ),
    "Rsqrt": 2,  # 1 / sqrt(x)
    "Clip": 2,  # min(max(x, a), b)
    "Sinc": 3,  # sin(pi x) / (pi x)
    "DivideNoNan": 2,  # y == 0 ? 0 : x / y
    "Hypot": 4,  # sqrt(x x + y y)
    "Logaddexp": 4,  # log(exp(x) + exp(y))
    "Logaddexp2": 4,
    "SquaredDifference": 2,  # (x - y) (x - y), TensorFlow's
}
# functions whose value is true or false, FLOPs per output element
TESTS: Mapping[str, int] = {
    **dict.fromkeys(
        "Equal NotEqual Greater GreaterEqual Less LessEqual LogicalAnd LogicalOr LogicalXor"
        " LogicalNot Isnan Isinf Isfinite Isposinf Isneginf Isreal Signbit".split(),
        1,
    ),
    "Isclose": 5,  # abs(x - y) <= a + r abs(y), abs of y not counted
}
# reductions: FLOPs per input element, FLOPs per output element, dtype of the output
REDUCTIONS: Mapping[str, tuple[int, int, str | None]] = {
    "Sum": (1, 0, None),
    "Prod": (1, 0, None),
    "Max": (1, 0, None),
    "Min": (1, 0, None),
    "Amax": (1, 0, None),
    "Amin": (1, 0, None),
    "Ptp": (2, 1, None),  # max, min; subtract
    "Mean": (1, 1, "float"),  # sum; divide
    "Average": (1, 1, "float"),
    "Var": (4, 2, "float"),  # sum, subtract, square, sum; two divisions
    "Std": (4, 3, "float"),  # and a square root
    "Logsumexp": (4, 2, "float"),  # max, subtract, exp, sum; log, add
    "Any": (1, 0, "bool"),
    "All": (1, 0, "bool"),
    "CountNonzero": (1, 0, "int32"),
    "Argmax": (1, 0, "int32"),
    "Argmin": (1, 0, "int32"),
}


def function(flops: int, dtype: str | None = None) -> Rule:
    """An elementwise function of all operands, broadcast as NumPy does."""

    def rule(site: Site) -> Effect:
        given = list(operands(site))
        output = broadcast(*map(shape_of, given))
        name = site.kind.removeprefix("ops.").lower()
        terms = [elementwise(name, output, flops)]
        return counted(output, terms=terms, dtype=dtype or promoted(given))

    return rule


def _activated(name: str) -> Rule:
    """An activation of the table; a softmax looks at all along its axis."""

    def rule(site: Site) -> Effect:
        shape = site.shape
        view: View = POINTWISE
        if "max" in name:
            view = statistics_along(axis_of(site.argument(1, "axis", -1), len(shape)))
        terms = [elementwise(f"activation {name}", shape, ACTIVATIONS[name][0])]
        return counted(shape, terms=terms, view=view)

    return rule


def glu(site: Site) -> Effect:
    """a sigmoid(b), where a and b are the halves of the input along an axis: 5 per output element."""
    shape = list(site.shape)
    axis = axis_of(site.argument(1, "axis", -1), len(shape))
    shape[axis] //= 2
    terms = [elementwise("activation glu", tuple(shape), 5)]
    return counted(tuple(shape), terms=terms, view=all_along(axis))


def reduced(site: Site, per_input: int, per_output: int, dtype: str | None) -> Effect:
    shape = shape_of(site.argument(0, "x", site.inputs[0] if site.inputs else None))
    axes = axes_of(site.argument(1, "axis"), len(shape))
    keepdims = bool(site.argument(2, "keepdims", False))
    output = reduced_shape(shape, axes, keepdims)
    terms: list[Term | None] = [elementwise("reduction", shape, per_input)]
    terms.append(elementwise("reduction", output, per_output))
    if dtype == "float":
        dtype = promoted([*site.inputs, 1.0])
    view = all_along(*axes) if keepdims else GLOBAL
    return counted(output, terms=terms, dtype=dtype, view=view)


def reduction(per_input: int, per_output: int, dtype: str | None) -> Rule:
    """A reduction over the axes named in ``axis``; all of them when it names none."""

    def rule(site: Site) -> Effect:
        once = site.kind == "ops.Average" and len(site.inputs) > 1  # the weights: multiply, add
        plain = Site(
            kind=site.kind,
            config=site.config,
            inputs=site.inputs[:1],
            args=site.args[:1],
            measure=site.measure,
        )
        return reduced(plain, per_input + once, per_output, dtype)

    return rule


def norm(site: Site) -> Effect:
    """sqrt(sum(x x)): 2 per input element and 1 per output element; other norms are not counted."""
    effect = reduced(site, 2, 1, "float")
    order, axis = site.argument(1, "ord"), site.config.get("axis")
    single = axis is None or isinstance(axis, int) or len(axis) == 1
    if order in (None, "fro") or (order == 2 and single and axis is not None):
        return effect
    reason = f"the norm of order {order!r} is not in the table"
    return unsupported(*effect.outputs, reason=reason, view=GLOBAL, dtype=effect.dtype)


def _cumulative(site: Site) -> Effect:
    """Running sums or products: 1 per element; without an axis the input is laid flat."""
    shape, axis = site.shape, site.argument(1, "axis")
    terms = [elementwise("cumulation", shape)]
    if axis is None:
        return counted((prod(shape),), terms=terms, view=GLOBAL)
    return counted(shape, terms=terms, view=statistics_along(axis_of(axis, len(shape))))


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


RULES: Mapping[str, Rule] = {
    **{name: function(flops) for name, flops in FUNCTIONS.items()},
    **{name: function(flops, "bool") for name, flops in TESTS.items()},
    **{_camel(name): _activated(name) for name in ACTIVATIONS if _camel(name) not in FUNCTIONS},
    "Glu": glu,
    **{name: reduction(*row) for name, row in REDUCTIONS.items()},
    "Norm": norm,
    "Cumsum": _cumulative,
    "Cumprod": _cumulative,
    **MOVEMENTS,
    **SELECTIONS,
    **MATRICES,
    **FOURIER,
    **NETWORK,
    **IMAGES,
}
OPERATIONS: Mapping[str, Rule] = {f"ops.{name}": rule for name, rule in RULES.items()}
