"""Activations: FLOPs per element, each of + - x / compare exp log sqrt tanh erf counted as one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keraudit.layers.site import Effect, Shape, Site, Term, counted, elementwise, unsupported

# name: (FLOPs per element, the formula that is counted)
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
    "sparse_plus": (6, "x <= -1 ? 0 : x >= 1 ? x : (x + 1) (x + 1) / 4"),
    "silu": (5, "x sigmoid(x)"),
    "hard_silu": (5, "x hard_sigmoid(x)"),
    "gelu": (5, "x (1 + erf(x / sqrt 2)) / 2"),
    "glu": (5, "a sigmoid(b), per output element"),
    "mish": (5, "x tanh(softplus(x))"),
    "exponential": (1, "exp(x)"),
    "soft_shrink": (3, "x > t ? x - t : x < -t ? x + t : 0"),
    "hard_shrink": (2, "abs(x) > t ? x : 0"),
    "threshold": (1, "x > t ? x : v"),
    "log_sigmoid": (4, "-log(1 + exp(-x))"),
    "softmax": (5, "max, subtract, exp, sum, divide"),
    "log_softmax": (5, "max, subtract, exp, sum, subtract (the logarithm is per row)"),
    "sparsemax": (5, "sort not counted: shift, compare, sum, subtract, max"),
}
ALIASES = {"swish": "silu", "hard_swish": "hard_silu", "log_sigmoid": "log_sigmoid"}


def activation_name(config: Any) -> str:
    """The name of a serialised activation: a string, a function's record, or a layer's record.

    >>> activation_name({"class_name": "function", "config": "relu"})
    'relu'
    """
    if config is None:
        return "linear"
    if isinstance(config, str):
        return ALIASES.get(config, config)
    inner = config.get("config")
    name = inner if isinstance(inner, str) else config.get("class_name", "")
    snake = "".join("_" + c.lower() if c.isupper() else c for c in str(name)).lstrip("_")
    snake = {"re_l_u": "relu", "leaky_re_l_u": "leaky_relu", "e_l_u": "elu"}.get(snake, snake)
    return ALIASES.get(snake, snake)


def activation_term(config: Any, shape: Shape) -> Term | None:
    """The FLOPs of the activation a layer ends with; ``None`` if it is linear.

    An unknown function has no term; ``unknown_activation`` tells.
    """
    name = activation_name(config)
    return elementwise(f"activation {name}", shape, ACTIVATIONS.get(name, (0, ""))[0])


def unknown_activation(*configs: Any) -> str:
    """The reason to give when an activation is not in the table; empty when all are."""
    for config in configs:
        name = activation_name(config)
        if name not in ACTIVATIONS:
            return f"the activation {name!r} is not in the table: its FLOPs are left out"
    return ""


def activation(site: Site) -> Effect:
    """``Activation(name)``: the named function on every element."""
    config = site.config.get("activation")
    if reason := unknown_activation(config):
        return unsupported(site.shape, reason=reason)
    return counted(site.shape, terms=[activation_term(config, site.shape)])
