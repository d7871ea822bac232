"""Blocks are found from the graph; the figures below are the networks' own, from their papers."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from built import application
from keraudit.layers.infer import shaped
from keraudit.model.block import Block
from keraudit.model.blocks import blocks
from keraudit.model.graph import Architecture, Call, Graph, Layer, Ref
from witness import graph_of


def found(name: str) -> tuple[Graph, tuple[Block, ...]]:
    graph = shaped(application(name))
    return graph, blocks(graph)


def forks(parts: tuple[Block, ...]) -> list[str]:
    return [block.name for block in parts if block.kind == "fork-join"]


def test_inception_v3_has_its_eleven_modules() -> None:
    _, parts = found("InceptionV3")
    assert forks(parts) == [f"mixed{i}" for i in range(11)]
    assert [len(b.branches) for b in parts if b.kind == "fork-join"] == [
        4,
        4,
        4,
        3,
        4,
        4,
        4,
        4,
        3,
        4,
        4,
    ]
    assert (parts[0].name, parts[-1].name) == ("stem", "head")
    mixed9 = next(b for b in parts if b.name == "mixed9")
    assert [len(child.branches) for child in mixed9.children] == [2, 2]  # 1x3 beside 3x1, twice


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("ResNet50", [3, 4, 6, 3]),  # He et al. 2015, Table 1
        ("ResNet101", [3, 4, 23, 3]),
        ("ResNet152", [3, 8, 36, 3]),
        ("ResNet50V2", [3, 4, 6, 3]),
        ("DenseNet121", [6, 12, 24, 16]),  # Huang et al. 2017, Table 1
        ("ConvNeXtTiny", [3, 3, 9, 3]),  # Liu et al. 2022, Table 9
    ],
)
def test_units_per_stage(name: str, counts: list[int]) -> None:
    _, parts = found(name)
    prefixes = [label.rsplit("block", 1)[0] for label in forks(parts)]
    runs = [prefixes.count(prefix) for prefix in dict.fromkeys(prefixes)]
    assert runs == counts


def test_xception_and_inception_resnet() -> None:
    _, xception = found("Xception")
    assert forks(xception) == [f"block{i}" for i in range(2, 14)]  # Chollet 2017, figure 5
    _, mixed = found("InceptionResNetV2")
    names = forks(mixed)
    assert [sum(n.startswith(p) for n in names) for p in ("block35", "block17", "block8")] == [
        10,
        20,
        10,
    ]


def test_gates_are_no_blocks_of_their_own() -> None:
    _, parts = found("EfficientNetB0")
    names = [block.name for block in parts]
    assert [n for n in names if n.startswith("block")] == [
        *("block1a", "block2a", "block2b", "block3a", "block3b"),
        *("block4a", "block4b", "block4c", "block5a", "block5b", "block5c"),
        *("block6a", "block6b", "block6c", "block6d", "block7a"),
    ]
    assert all(block.children for block in parts if block.name.startswith("block"))


def test_cells_that_read_two_cells_back() -> None:
    _, parts = found("NASNetMobile")
    names = forks(parts)
    assert [n for n in names if n.startswith("normal")] == [
        f"normal_concat_{i}" for i in (*range(4), *range(5, 9), *range(9, 13))
    ]
    assert sum(n.startswith("reduction") for n in names) == 4


def test_chains_are_divided_by_name_or_by_size() -> None:
    assert [b.name for b in found("VGG16")[1]] == [*(f"block{i}" for i in range(1, 6)), "head"]
    assert [b.name for b in found("MobileNet")[1]] == [
        *("stem", "56x56", "28x28", "14x14", "7x7", "head")
    ]
    names = [b.name for b in found("MobileNetV2")[1]]
    assert names == ["stem", *(f"block_{i}" for i in range(1, 17)), "head"]


def small(build: Any) -> tuple[Graph, tuple[Block, ...]]:
    import keras

    graph = graph_of(build(keras))
    return graph, blocks(graph)


def test_units_end_with_their_activation_and_begin_with_their_preactivation() -> None:
    def units(keras: Any) -> Any:
        x = start = keras.Input((8, 8, 4))
        x = keras.layers.Conv2D(4, 3, padding="same")(x)
        for _ in range(2):  # version 1: add, relu
            y = keras.layers.Conv2D(4, 3, padding="same")(x)
            x = keras.layers.ReLU()(keras.layers.Add()([x, y]))
        return keras.Model(start, x)

    graph, parts = small(units)
    assert [b.kind for b in parts] == ["segment", "fork-join", "fork-join"]
    assert [graph.nodes[b.nodes[-1]].layer.kind for b in parts[1:]] == ["ReLU", "ReLU"]
    assert parts[1].branches[1] == ()


def test_an_outer_skip_shows_what_is_inside() -> None:
    def unet(keras: Any) -> Any:
        def twice(x: Any) -> Any:
            for _ in range(2):
                x = keras.layers.Conv2D(8, 3, padding="same")(x)
            return x

        def level(x: Any, depth: int) -> Any:
            x = twice(x)
            if not depth:
                return x
            y = level(keras.layers.MaxPooling2D()(x), depth - 1)
            return twice(keras.layers.Concatenate()([x, keras.layers.UpSampling2D()(y)]))

        start = keras.Input((64, 64, 3))
        return keras.Model(start, level(start, 4))

    graph, parts = small(unet)
    largest = max(len(b.nodes) for b in parts)
    assert largest < len(graph.nodes) / 2
    assert sorted(i for b in parts for i in b.nodes) == list(range(len(graph.nodes)))


def test_an_auxiliary_head_does_not_hide_the_trunk() -> None:
    def heads(keras: Any) -> Any:
        x = start = keras.Input((8, 8, 4))
        outputs = []
        for i in range(6):
            y = keras.layers.Conv2D(4, 3, padding="same")(x)
            x = keras.layers.Add(name=f"sum{i}")([x, y])
            if i in (1, 2):
                outputs.append(keras.layers.Dense(2)(keras.layers.Flatten()(x)))
        return keras.Model(start, [*outputs, x])

    graph, parts = small(heads)
    assert forks(parts) == [f"sum{i}" for i in range(6)]
    assert sorted(i for b in parts for i in b.nodes) == list(range(len(graph.nodes)))


def test_two_inputs_and_no_convolution() -> None:
    def two(keras: Any) -> Any:
        a, b = keras.Input((4,)), keras.Input((4,))
        x = keras.layers.Concatenate(name="both")([keras.layers.Dense(3)(a), b])
        return keras.Model([a, b], keras.layers.Dense(2)(x))

    graph, parts = small(two)
    assert forks(parts) == ["both"]
    assert sorted(i for b in parts for i in b.nodes) == list(range(len(graph.nodes)))


def fan(heads: int) -> Graph:
    """One input under so many Dense heads, each an output."""
    names = [f"head_{i}" for i in range(heads)]
    layers = {
        n: Layer(name=n, kind="Dense", config={"units": 2}, module="keras.layers") for n in names
    }
    layers["in"] = Layer(name="in", kind="InputLayer", config={}, module="keras.layers")
    calls = [Call(name="in", layer="in", args=(), kwargs={})]
    calls += [Call(name=n, layer=n, args=(Ref(0),), kwargs={}) for n in names]
    return shaped(
        Architecture(
            name="fan",
            source="test",
            layers=layers,
            calls=tuple(calls),
            inputs=(Ref(0),),
            outputs=tuple(Ref(i + 1) for i in range(heads)),
            input_shapes=((None, 8),),
            recorded={},
        )
    )


def lines_run(work: Callable[[], object]) -> int:
    """How many lines of Python it takes: the work done, whatever the machine is busy with."""
    count = 0

    def trace(frame: object, event: str, _: object) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def test_blocks_of_many_outputs_are_found_in_linear_time() -> None:
    graphs = {heads: fan(heads) for heads in (200, 400)}
    assert sum(len(block.nodes) for block in blocks(graphs[200])) == 201
    lines = {heads: lines_run(lambda g=graph: blocks(g)) for heads, graph in graphs.items()}
    assert (
        lines[400] < 2.5 * lines[200]
    )  # what looks at all nodes for each head takes 4 times as many
