"""Bytes: worked by hand, and against a simulation that frees tensors one by one."""

from __future__ import annotations

import pytest

from built import application
from keraudit.api import audit
from keraudit.audits.memory import live_bytes, tensor_bytes
from keraudit.graph import Graph
from keraudit.shapes import shaped
from witness import graph_of


def test_a_chain_holds_two_tensors_and_a_skip_three() -> None:
    import keras

    start = keras.Input((8, 8, 4))  # 8*8*4*4 = 1024 bytes
    a = keras.layers.ReLU()(start)
    b = keras.layers.ReLU()(a)
    c = keras.layers.Add()([a, b])
    graph = graph_of(keras.Model(start, keras.layers.ReLU()(c)))
    # input; input+a; a+b; a+b+c; c+out
    assert list(live_bytes(graph)) == [1024, 2048, 2048, 3072, 2048]


def test_outputs_are_held_to_the_end() -> None:
    import keras

    start = keras.Input((8, 8, 4))
    a = keras.layers.ReLU()(start)
    b = keras.layers.ReLU()(a)
    graph = graph_of(keras.Model(start, [a, keras.layers.ReLU()(b)]))
    assert list(live_bytes(graph)) == [1024, 2048, 2048, 3072]


def simulated(graph: Graph) -> list[int]:
    """Keep a set of live tensors; after each node drop those that nobody reads any more."""
    held: set[int] = set()
    result = []
    for index in range(len(graph.nodes)):
        held.add(index)
        result.append(sum(tensor_bytes(t) for i in held for t in graph.nodes[i].outputs))
        later = {r.call for n in graph.nodes[index + 1 :] for r in n.sources}
        held &= later | {r.call for r in graph.architecture.outputs}
    return result


@pytest.mark.parametrize("name", ["ResNet50", "NASNetMobile", "MobileNetV3Small"])
def test_against_a_simulation(name: str) -> None:
    graph = shaped(application(name))
    assert list(live_bytes(graph)) == simulated(graph)


@pytest.mark.parametrize(
    ("policy", "activations", "weights"),
    [("float32", 4, 4), ("mixed_float16", 2, 4), ("bfloat16", 2, 2), ("float64", 8, 8)],
)
def test_bytes_follow_the_dtype_policy(policy: str, activations: int, weights: int) -> None:
    import keras

    layer = keras.layers.Dense(3, dtype=policy)
    report = audit(keras.Sequential([keras.Input((5,)), layer]))
    assert report.layers[-1].cost.activation_bytes == 3 * activations
    assert report.total.param_bytes == (5 * 3 + 3) * weights
