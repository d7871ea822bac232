"""Bytes: worked by hand, and against Keras' own order with tensors freed one by one."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from keraudit.api import audit
from keraudit.audits.cost.memory import live_bytes
from keraudit.audits.cost.running_order import running_order
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


def own_peak(model: Any, batch: int = 1) -> int:
    """The peak of a live model: its nodes in the order of Keras' own lists, tensors freed one by one.

    Its inputs are there before Keras runs anything.
    """
    from math import prod

    peak: int
    depths = sorted(model._nodes_by_depth, reverse=True)
    nodes = [n for d in depths for n in model._nodes_by_depth[d] if not n.is_input]
    last = {id(t): i for i, node in enumerate(nodes) for t in node.input_tensors}
    last |= {id(t): len(nodes) for t in model.outputs}
    live = {id(t): 4 * batch * prod(t.shape[1:]) for t in model.inputs}
    peak = sum(live.values())
    for i, node in enumerate(nodes):
        live |= {id(t): 4 * batch * prod(t.shape[1:]) for t in node.output_tensors}
        peak = max(peak, sum(live.values()))
        live = {key: size for key, size in live.items() if last.get(key, -1) > i}
    return peak


@pytest.mark.parametrize(
    ("name", "size"),
    [
        *(("MobileNetV3Small", 64), ("ResNet50", 64), ("EfficientNetB0", 64)),
        pytest.param("InceptionV3", 96, marks=pytest.mark.exhaustive),
        pytest.param("DenseNet121", 64, marks=pytest.mark.exhaustive),
        pytest.param("InceptionResNetV2", 96, marks=pytest.mark.exhaustive),
        pytest.param("NASNetMobile", 224, marks=pytest.mark.exhaustive),
    ],
)
def test_applications_peak_where_keras_own_order_does(name: str, size: int) -> None:
    import keras

    with keras.StatelessScope(initialize_variables=False):
        model = getattr(keras.applications, name)(weights=None, input_shape=(size, size, 3))
    peak = max(live_bytes(graph_of(model, batch=1)))
    assert peak == own_peak(model)
    if name == "NASNetMobile":
        assert peak == 7_417_260  # 6,030,392 in the order in which its layers are listed


@pytest.mark.parametrize("seed", range(30))
def test_random_graphs_peak_where_keras_own_order_does(seed: int) -> None:
    """Branches of unequal depth, shared layers, outputs of a split read at different times."""
    import keras

    model = random_model(keras, Random(seed))
    graph = graph_of(model, batch=1)
    assert max(live_bytes(graph)) == own_peak(model)
    assert sorted(running_order(graph.architecture)) == list(range(len(graph.nodes)))


def random_model(keras: Any, draw: Random) -> Any:
    dense = keras.layers.Dense
    starts = [keras.Input((draw.choice([4, 8]),)) for _ in range(draw.choice([1, 1, 2]))]
    shared = [dense(draw.choice([4, 8, 64]), name=f"shared{i}") for i in range(2)]
    shared_on: dict[int, list[Any]] = {0: [], 1: []}
    tensors = list(starts)
    for _ in range(draw.randint(4, 25)):
        one, two = draw.choice(tensors), draw.choice(tensors)
        kind = draw.choice(["dense", "dense", "join", "split", "shared", "add"])
        if kind == "join":
            tensors.append(keras.layers.Concatenate()([one, two]))
        elif kind == "split" and one.shape[-1] > 2:
            cut = draw.randint(1, one.shape[-1] - 1)
            tensors += keras.ops.split(one, [cut], axis=-1)
        elif kind == "shared":
            which = draw.randrange(2)
            known = shared_on[which]
            if known and known[0].shape[-1] != one.shape[-1]:
                one = dense(known[0].shape[-1])(one)
            known.append(one)
            tensors.append(shared[which](one))
        elif kind == "add":
            width = draw.choice([4, 16])
            tensors.append(keras.layers.Add()([dense(width)(one), dense(width)(two)]))
        else:
            tensors.append(dense(draw.choice([2, 4, 32, 100]))(one))
    ends = draw.sample(tensors[len(starts) :], k=min(2, len(tensors) - len(starts)))
    used = keras.layers.Concatenate()([*starts, *ends])
    return keras.Model(starts, [used, *ends] if draw.random() < 0.5 else used)


def test_outputs_of_one_call_are_freed_one_by_one() -> None:
    import keras

    dense = keras.layers.Dense
    start = keras.Input((8, 4))
    small, large = keras.ops.split(dense(400)(start), [8], axis=-1)
    end = dense(600)(dense(100)(dense(4)(large)))
    graph = graph_of(keras.Model(start, keras.layers.Concatenate()([small, end])), batch=1)
    # at the end: 8 of the split, 600, and the 608 they give; the other 392 are freed long before
    assert max(live_bytes(graph)) == 4 * 8 * (8 + 600 + 608)


def test_a_model_inside_runs_as_one_call_of_the_outer_one() -> None:
    """Keras counts it as one step of depth, however many layers it holds."""
    import keras

    dense = keras.layers.Dense
    inner_start = keras.Input((4,))
    inner = keras.Model(inner_start, dense(5)(dense(6)(dense(7)(inner_start))), name="inner")
    start = keras.Input((4,))
    side = dense(9, name="side_b")(dense(8, name="side_a")(start))
    model = keras.Model(start, keras.layers.Concatenate(name="join")([inner(start), side]))
    graph = graph_of(model)
    names = [graph.nodes[i].name for i in running_order(graph.architecture)]
    assert names[1] == "side_a"  # two steps from the join, the model inside is one
    assert [name.partition("/")[0] for name in names[2:]] == [*["inner"] * 3, "side_b", "join"]


def test_a_model_inside_called_twice_runs_one_call_after_the_other() -> None:
    import keras

    dense = keras.layers.Dense
    inner_start = keras.Input((4,))
    inner = keras.Model(inner_start, dense(4)(dense(50)(inner_start)), name="inner")
    a, b = keras.Input((4,)), keras.Input((4,))
    model = keras.Model([a, b], keras.layers.Add()([inner(a), inner(b)]))
    graph = graph_of(model, batch=1)
    # both inputs and the 50 of one call; later one input, the 50 and the 4 it gives: never both 50s
    assert max(live_bytes(graph)) == 4 * (4 + 4 + 50)
    assert {call.within for call in graph.architecture.calls} == {
        *((), (("inner", 1),), (("inner", 2),))
    }


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
