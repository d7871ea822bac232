"""Activations: FLOPs per element, each of + - x / compare exp log sqrt tanh erf counted as one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keraudit.errors import ModelError
from keraudit.layers.call import (
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
from keraudit.layers.normalization import axes_of
from keraudit.model.graph import POINTWISE, View, statistics_along

# name: (FLOPs per element, the formula that is counted). A sign change counts as a subtraction, a
# choice as its comparison. ``glu`` is left out: it halves an axis, and Keras' shapes do not say so.
ACTIVATIONS: Mapping[str, tuple[int, str]] = {
    "linear": (0, "x"),
    "relu": (1, "max(x, 0)"),
    "relu6": (2, "min(max(x, 0), 6)"),
    "leaky_relu": (2, "max(x, a x)"),
    "elu": (4, "x > 0 ? x : a (exp(x) - 1)"),
    "selu": (5, "s elu(x)"),
    "celu": (5, "x > 0 ? x : a (exp(x / a) - 1)"),
    "sigmoid": (4, "1 / (1 + exp(-x))"),
    "hard_sigmoid": (4, "relu6(x + 3) / 6"),
    "sparse_sigmoid": (4, "min(max((x + 1) / 2, 0), 1)"),
    "tanh": (1, "tanh(x)"),
    "hard_tanh": (2, "min(max(x, -1), 1)"),
    "tanh_shrink": (2, "x - tanh(x)"),
    "softplus": (3, "log(exp(x) + 1)"),
    "softsign": (3, "x / (abs(x) + 1)"),
    "squareplus": (5, "(x + sqrt(x x + b)) / 2"),
    "sparse_plus": (5, "x <= -1 ? 0 : x >= 1 ? x : u u / 4 with u = x + 1"),
    "silu": (5, "x sigmoid(x)"),
    "hard_silu": (5, "x hard_sigmoid(x)"),
    "gelu": (5, "x (1 + erf(x / sqrt 2)) / 2"),
    "mish": (5, "x tanh(softplus(x))"),
    "exponential": (1, "exp(x)"),
    "soft_shrink": (3, "x > t ? x - t : x < -t ? x + t : 0"),
    "hard_shrink": (2, "abs(x) > t ? x : 0"),
    "threshold": (1, "x > t ? x : v"),
    "log_sigmoid": (5, "-log(1 + exp(-x))"),
    "softmax": (5, "max, subtract, exp, sum, divide"),
    "log_softmax": (5, "max, subtract, exp, sum, subtract (the logarithm is per row)"),
    "sparsemax": (5, "sort not counted: shift, compare, sum, subtract, max"),
}
ALIASES = {
    **{"swish": "silu", "hard_swish": "hard_silu"},
    **{"re_l_u": "relu", "leaky_re_l_u": "leaky_relu", "p_re_l_u": "prelu", "e_l_u": "elu"},
}
LAMBDA = "lambda"  # which has no name


def activation_name(config: Any) -> str:
    """The name of a serialised activation: a string, a function's record, or a layer's record.

    >>> activation_name({"class_name": "function", "config": "relu"})
    'relu'
    >>> activation_name({"class_name": "__lambda__", "config": {"code": "4wEA"}})
    'lambda'
    """
    if config is None:
        return "linear"
    if isinstance(config, str):
        return ALIASES.get(config, config)
    if not isinstance(config, Mapping):
        return str(config)
    inner = config.get("config")
    name = str(inner if isinstance(inner, str) else config.get("class_name", LAMBDA))
    if LAMBDA in (name, name.strip("_<>")):
        return LAMBDA
    snake = "".join("_" + c.lower() if c.isupper() else c for c in name).lstrip("_")
    return ALIASES.get(snake, snake)


def activation_term(config: Any, shape: Shape) -> Term | None:
    """The FLOPs of the activation a layer ends with; ``None`` if it is linear.

    An unknown function has no term; ``unknown_activation`` tells.
    """
    name = activation_name(config)
    options = config.get("config") if isinstance(config, Mapping) else None
    if isinstance(options, Mapping) and config.get("class_name") == "ReLU":
        return elementwise("activation relu", shape, _relu_operations(options))
    return elementwise(f"activation {name}", shape, ACTIVATIONS.get(name, (0, ""))[0])


def unknown_activation(*configs: Any) -> str:
    """The reason to give when an activation is not in the table; empty when all are."""
    for config in configs:
        name = activation_name(config)
        if name == LAMBDA:
            return "the activation is a lambda, which no rule counts: its FLOPs are left out"
        if name not in ACTIVATIONS:
            return f"the activation {str(name)[:60]!r} is not in the table: its FLOPs are left out"
    return ""


def activation(site: Site) -> Effect:
    """``Activation(name)``: the named function on every element."""
    config = site.config.get("activation")
    if reason := unknown_activation(config):
        return unsupported(site.shape, reason=reason)
    term = activation_term(config, site.shape)
    if term is None:
        return zero(site.shape, reason="linear, no arithmetic")
    rows = "max" in activation_name(config)  # softmax and its like, over the last axis
    view: View = statistics_along(len(site.shape) - 1) if rows else POINTWISE
    return counted(site.shape, terms=[term], view=view)


def _relu_operations(config: Mapping[str, Any]) -> int:
    """The FLOPs per element of ``x >= t ? min(x, m) : s (x - t)``.

    One comparison; one more for a maximum ``m``; one multiplication for a slope ``s``; one
    subtraction when slope and threshold ``t`` are both there.

    >>> _relu_operations({}), _relu_operations({"max_value": 6.0, "negative_slope": 0.1})
    (1, 3)
    """
    slope = config.get("negative_slope") or 0
    threshold = config.get("threshold") or 0
    capped = config.get("max_value") is not None
    return 1 + capped + bool(slope) + bool(slope and threshold)


def relu(site: Site) -> Effect:
    """``ReLU``: x >= threshold ? min(x, max_value) : negative_slope (x - threshold)."""
    operations = _relu_operations(site.config)
    return counted(site.shape, terms=[elementwise("activation relu", site.shape, operations)])


def leaky_relu(site: Site) -> Effect:
    """``LeakyReLU``: max(x, a x), one multiplication and one comparison."""
    return named(site, "leaky_relu")


def elu(site: Site) -> Effect:
    """``ELU``: x > 0 ? x : a (exp(x) - 1)."""
    return named(site, "elu")


def thresholded_relu(site: Site) -> Effect:
    """``ThresholdedReLU`` of Keras 2: x > theta ? x : 0."""
    return named(site, "threshold")


def softmax(site: Site) -> Effect:
    """``Softmax``: max, subtract, exp, sum, divide for each element, whatever the axis.

    Over the channels a position sees itself only; over any other axis it sees the others.
    """
    shape = site.shape
    view = statistics_along(*axes_of(site.config.get("axis", -1), shape))
    return counted(shape, terms=[activation_term("softmax", shape)], view=view)


def named(site: Site, name: str) -> Effect:
    """The activation ``name`` on every element of the input."""
    return counted(site.shape, terms=[activation_term(name, site.shape)])


def prelu(site: Site) -> Effect:
    """``PReLU``: x > 0 ? x : alpha x, with one alpha per position unless axes share it.

    Axes are numbered from 1, the batch being axis 0 (He et al. 2015, "Delving deep").
    """
    shape = site.shape
    shared = site.config.get("shared_axes") or ()
    shared = (shared,) if isinstance(shared, int) else tuple(shared)
    alpha = list(shape[1:])
    for axis in shared:
        if not 0 < axis < len(shape):
            raise ModelError(
                f"shared_axes must be from 1 to {len(shape) - 1}, the input's axes without the"
                f" batch; received {axis}"
            )
        alpha[axis - 1] = 1
    terms = [elementwise("activation prelu", shape, 2)]
    return counted(shape, terms=terms, weights=(Weight("alpha", tuple(alpha)),))
