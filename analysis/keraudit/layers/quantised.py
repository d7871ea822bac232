"""Layers that Keras has quantised: what it keeps of their weights, and what is not modelled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keraudit.layers.site import Shape, Weight

FEW_BITS = ("int8", "int4")  # modes that keep a matrix in that dtype, and train it no more


def mode_of(config: Mapping[str, Any]) -> str:
    """The mode of a layer's dtype policy, in either notation; empty for a layer not quantised."""
    policy = config.get("dtype")
    if isinstance(policy, str):
        return policy.partition("_from_")[0] if "_from_" in policy else ""
    options = policy.get("config") if isinstance(policy, Mapping) else None
    mode = options.get("mode") if isinstance(options, Mapping) else None
    return str(mode or "")


def quantised(config: Mapping[str, Any]) -> str:
    """The reason to give for a layer that Keras has quantised; empty for any other.

    Its products are as many as before; what is not modelled is the scaling and rounding of its
    inputs and, but for int8, the scales among its weights.

    >>> quantised({"dtype": {"config": {"mode": "int8", "source_name": "float32"}}})
    'quantised to int8: the rounding of its inputs is left out'
    """
    mode = mode_of(config)
    if not mode:
        return ""
    if mode == "int8":
        return "quantised to int8: the rounding of its inputs is left out"
    return f"quantised to {mode}: its scales and the rounding of its inputs are left out"


def kept(config: Mapping[str, Any], weight: Weight, scales: Shape) -> list[Weight]:
    """A matrix as the layer keeps it: frozen in few bits, in int8 with a scale for each channel.

    >>> [w.dtype for w in kept({"dtype": "int8_from_float32"}, Weight("kernel", (8, 4)), (4,))]
    ['int8', None]
    """
    mode = mode_of(config)
    if mode not in FEW_BITS:
        return [weight]
    packed = weight._replace(trainable=False, dtype=mode)
    if mode != "int8":
        return [packed]
    return [packed, Weight(f"{weight.name}_scale", scales, trainable=False)]
