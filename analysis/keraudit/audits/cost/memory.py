"""Bytes: of weights, of activations, and the most that inference holds at one time."""

from __future__ import annotations

from collections.abc import Sequence

from keraudit.audits.cost.running_order import running_order
from keraudit.layers.infer import policy_dtypes
from keraudit.model.graph import Graph, Node, Ref, Tensor

BITS = {
    **{"bool": 8, "uint8": 8, "int8": 8, "uint4": 4, "int4": 4},
    **{"float8_e4m3fn": 8, "float8_e5m2": 8, "float8": 8},
    **{"uint16": 16, "int16": 16, "float16": 16, "bfloat16": 16},
    **{"uint32": 32, "int32": 32, "float32": 32},
    **{"uint64": 64, "int64": 64, "float64": 64, "complex64": 64, "complex128": 128},
    "string": 64,  # a reference; the text itself has no fixed size
}


def _bytes_of(elements: int, dtype: str) -> int:
    """The bytes of ``elements`` values of a dtype, rounded up; an unknown dtype counts as float32.

    >>> _bytes_of(1000, "bfloat16"), _bytes_of(3, "int4")
    (2000, 2)
    """
    return (elements * BITS.get(dtype, 32) + 7) // 8


def _tensor_bytes(tensor: Tensor) -> int:
    return _bytes_of(tensor.elements, tensor.dtype)


def activation_bytes(node: Node) -> int:
    """The bytes of all outputs of one call."""
    return sum(map(_tensor_bytes, node.outputs))


def weight_bytes(node: Node) -> int:
    """The bytes of a call's weights, those without a dtype of their own in the layer's variable dtype."""
    if not node.weights:
        return 0
    usual = policy_dtypes(node.layer.config.get("dtype") or "float32")[1]
    return sum(_bytes_of(weight.elements, weight.dtype or usual) for weight in node.weights)


def live_bytes(graph: Graph) -> Sequence[int]:
    """The bytes of activations held while each node runs, in the order Keras runs them.

    Held are the node's own outputs and every earlier output still to be read, by it or by a later
    node, each freed after its last reader; the model's inputs are there from the start, its outputs
    are held to the end. Nothing is computed in place.
    """
    order = running_order(graph.architecture)
    last: dict[Ref, int] = {}
    for position, index in enumerate(order):
        for output in range(len(graph.nodes[index].outputs)):
            last[Ref(index, output)] = position
        last.update(dict.fromkeys(graph.nodes[index].sources, position))
    last.update(dict.fromkeys(graph.architecture.outputs, len(order)))
    freed = [0] * (len(order) + 1)
    for ref, position in last.items():
        freed[position] += _tensor_bytes(graph.nodes[ref.call].outputs[ref.output])
    live, result = 0, [0] * len(order)
    for position, index in enumerate(order):
        live += activation_bytes(graph.nodes[index])
        result[index] = live
        live -= freed[position]
    return result
