"""What the peers' terms need to know of a node beside the layer table's own terms."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

from keraudit.layers.call import channels_first
from keraudit.layers.normalization import axes_of
from keraudit.model.graph import Node, Shape, Term, Window

FUSED = ("MultiHeadAttention", "GroupQueryAttention", "GroupedQueryAttention")
ATTENTION = ("attention scores", "attention output")


def config_of(node: Node) -> Mapping[str, Any]:
    """The config of the layer that computes: a wrapper's is that of what it holds."""
    return _innermost(node)[1]


def kind_of(node: Node) -> str:
    """The class of the layer that computes."""
    return _innermost(node)[0]


def _innermost(node: Node) -> tuple[str, Mapping[str, Any]]:
    layer: Any = node.layer
    while getattr(layer, "inner", ()) and layer.kind not in FUSED:
        layer = layer.inner[0]
    return getattr(layer, "kind", ""), getattr(layer, "config", {})


def factor(term: Term, name: str, default: int = 1) -> int:
    """The factor of a term with that name."""
    return dict(term.factors).get(name, default)


def elements(term: Term) -> int:
    """The elements of an elementwise term: its value without its operations for each.

    >>> elements(Term("flop", "normalisation", (("operations", 2), ("elements", 96))))
    96
    """
    return term.value // factor(term, "operations")


def kernel(term: Term) -> Shape:
    """The sizes of a term's kernel or window, one for each axis."""
    return tuple(n for name, n in term.factors if name.startswith(("kernel ", "window ")))


def positions(term: Term) -> Shape:
    """The sizes of a term's output map, one for each axis."""
    return tuple(n for name, n in term.factors if name.startswith("output "))


def spatial(shape: Shape, rank: int, config: Mapping[str, Any]) -> Shape:
    """The last ``rank`` sizes of a map that are no channels."""
    return shape[-rank:] if channels_first(config) else shape[-rank - 1 : -1]


def rows(node: Node) -> int:
    """How many rows a layer normalises, or takes a softmax of, one by one."""
    shape = node.outputs[0].shape
    axis = node.layer.config.get("axis", -1)
    return prod(shape) // prod(shape[a] for a in axes_of(axis, shape))


def has_windows(node: Node) -> bool:
    view = node.effect.view
    return not isinstance(view, str) and all(isinstance(window, Window) for window in view)
