"""One layer of Keras, read by us: its node, after Keras has agreed on shapes and parameters."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from keraudit.model.graph import COUNTED, UNSUPPORTED, ZERO, Graph, Node, Window
from witness import witness


def node_of(layer: Any, *shapes: tuple[int, ...], dtype: str = "float32", **call: Any) -> Node:
    """Build ``layer`` on inputs of these shapes (no batch), compare with Keras, return its node."""
    graph = witness(layer, *shapes, dtype=dtype, **call)
    answers(graph)
    return graph.nodes[-1]


def answers(graph: Graph) -> None:
    """Every rule gives one of the three answers, and says why when it counts nothing."""
    for node in graph.nodes:
        effect = node.effect
        if effect.status == COUNTED:
            assert effect.terms, node.name
        if effect.status == ZERO:
            assert not effect.terms, node.name
        if effect.status in (ZERO, UNSUPPORTED):
            assert effect.reason, node.name
        assert all(isinstance(t.value, int) and t.value >= 0 for t in effect.terms), node.name


def flops_of(layer: Any, *shapes: tuple[int, ...], **call: Any) -> int:
    """The FLOPs of one call besides MACs."""
    return node_of(layer, *shapes, **call).effect.other_flops


def macs_of(layer: Any, *shapes: tuple[int, ...], **call: Any) -> int:
    return node_of(layer, *shapes, **call).effect.macs


def seen(layer: Any, length: int) -> dict[int, list[int]]:
    """For each output position of a linear layer on (length, 1) or (length, 1, 1): what it reads.

    A batch of unit impulses goes through the live layer; where impulse i leaves a trace, i is read.
    """
    import keras
    import numpy as np

    rank = 3 if "1D" in type(layer).__name__ else 4
    impulses = np.eye(length, dtype="float32").reshape((length, length, *(1,) * (rank - 2)))
    layer.build((None, length, *(1,) * (rank - 2)))
    for weight in layer.weights:
        assert weight.name != "bias", "a bias leaves a trace everywhere"
        weight.assign(np.ones(weight.shape))
    traces = keras.ops.convert_to_numpy(layer(impulses))
    traces = np.abs(traces).reshape(length, traces.shape[1], -1).max(axis=-1) > 1e-6
    return {x: list(np.flatnonzero(traces[:, x])) for x in range(traces.shape[1])}


def window_holds(window: Window, reads: dict[int, list[int]]) -> tuple[Any, Any]:
    """Assert that a window holds all that is read; return how far reads go, at most, either way."""
    lows, highs = [], []
    for x, positions in reads.items():
        if positions:
            lows.append(Fraction(int(positions[0])) - x * Fraction(window.stride))
            highs.append(Fraction(int(positions[-1])) - x * Fraction(window.stride))
    assert window.low <= min(lows), (window, min(lows))
    assert max(highs) <= window.high, (window, max(highs))
    return min(lows), max(highs)
