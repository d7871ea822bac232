"""Layers that no rule counts: their output is known at most."""

from __future__ import annotations

from collections.abc import Sequence

from keraudit.errors import ModelError
from keraudit.layers.call import Effect, unsupported
from keraudit.model.graph import Layer, Shape, Tensor


def unlisted(
    layer: Layer, inputs: Sequence[Tensor], expected: Shape | None, reason: str = ""
) -> Effect:
    """What is known of a layer that no rule is for, or whose rule cannot be applied."""
    shape = inputs[0].shape if expected is None and inputs else expected
    if shape is None:
        raise ModelError(
            f"layer {layer.name!r} ({layer.kind}) is not in the layer table and records no output"
            " shape: give a rule for it with --rules (rules=)"
        )
    return unsupported(
        shape,
        reason=reason or layer.unknown or f"{layer.kind} is not in the layer table",
        view="global",
        guessed=True,
        weights_known=False,
    )
