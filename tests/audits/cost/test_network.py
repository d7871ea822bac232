"""The drawing of a network: nothing overlaps, every edge is there, every layer has one place."""

from __future__ import annotations

import time
from itertools import combinations, pairwise

import pytest

from built import application
from keraudit.audits.cost.network_layout import Box, Layout, laid_out
from keraudit.audits.cost.network_level import IN, OUT, arranged
from keraudit.audits.cost.network_tree import BRANCH, MOST, STACK, Item, network_tree, skip_edges
from keraudit.layers.infer import shaped
from keraudit.model.blocks import blocks
from keraudit.model.graph import Architecture, Call, Graph, Layer, Ref
from keraudit.model.regions import Links

NAMES = ["InceptionV3", "ResNet50", "VGG16"]


def drawn(graph: Graph, *opened: str) -> tuple[Item, Layout]:
    found, links = blocks(graph), Links.of(graph)
    root = network_tree(graph, found, links)
    keys = {item.key for item in root.walk()} if opened == ("all",) else set(opened)
    return root, laid_out(root, links, keys, skip_edges(graph, found))


def leaves(layout: Layout) -> list[Box]:
    return [box for box in layout.boxes if not box.is_open]


def overlap(a: Box, b: Box) -> bool:
    return (
        a.x < b.x + b.width
        and b.x < a.x + a.width
        and a.y < b.y + b.height
        and b.y < a.y + a.height
    )


def inside(inner: Box, outer: Box) -> bool:
    return (
        outer.x <= inner.x
        and inner.x + inner.width <= outer.x + outer.width
        and outer.y <= inner.y
        and inner.y + inner.height <= outer.y + outer.height
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("opened", [(), ("all",)])
def test_a_drawing_is_whole_and_nothing_in_it_overlaps(name: str, opened: tuple[str, ...]) -> None:
    graph = shaped(application(name))
    _, layout = drawn(graph, *opened)
    boxes = leaves(layout)
    place = {i: box.key for box in boxes for i in box.item.nodes}
    assert sorted(i for box in boxes for i in box.item.nodes) == list(range(len(graph.nodes)))
    edges = {
        (place[ref.call], place[i])
        for i, node in enumerate(graph.nodes)
        for ref in node.sources
        if place[ref.call] != place[i]
    }
    assert set(layout.edges) == edges
    assert all(layout.edges.values())
    frames = {box.key: box for box in layout.boxes}
    for a, b in combinations(layout.boxes, 2):
        if a.parent == b.parent:
            assert not overlap(a, b), (a.key, b.key)
    for box in layout.boxes:
        if box.parent:
            assert inside(box, frames[box.parent]), box.key


@pytest.mark.parametrize("name", NAMES)
def test_no_wire_crosses_a_box(name: str) -> None:
    _, layout = drawn(shaped(application(name)), "all")
    boxes = sorted(leaves(layout), key=lambda box: box.y)
    for wire in layout.wires:
        assert len(wire.points) > 1
        for (x0, y0), (x1, y1) in pairwise(wire.points):
            assert abs(x0 - x1) < 1 or abs(y0 - y1) < 1, "neither level nor upright"
            low, high = sorted((y0, y1))
            left, right = sorted((x0, x1))
            for box in boxes:
                meets = low < box.y + box.height - 1 and high > box.y + 1
                assert not (meets and left < box.x + box.width - 1 and right > box.x + 1)


@pytest.mark.parametrize("name", NAMES)
def test_the_wires_of_an_edge_lead_from_box_to_box(name: str) -> None:
    _, layout = drawn(shaped(application(name)), "all")
    boxes = {box.key: box for box in layout.boxes}
    for (source, target), numbers in layout.edges.items():
        way = [layout.wires[number] for number in numbers]
        assert (way[0].source, way[-1].target) == (source, target)
        for one, following in pairwise(way):
            (x0, y0), (x1, y1) = one.points[-1], following.points[0]
            assert abs(x0 - x1) < 1
            assert abs(y0 - y1) < 1
        (x, y), end = way[-1].points[-1], boxes[target]
        assert end.x < x < end.x + end.width
        assert abs(y - end.y) < 1


def test_sixteen_skips_are_visible_while_every_block_is_closed() -> None:
    root, layout = drawn(shaped(application("ResNet50")))
    assert root.skips == 16
    assert len(layout.arcs) == 16
    assert all(arc.whole for arc in layout.arcs)
    assert len({arc.key for arc in layout.arcs}) == 16
    _, one = drawn(shaped(application("ResNet50")), "conv3_block2")
    assert len(one.arcs) == 15
    assert [wire.within for wire in one.wires if wire.is_skip] == ["conv3_block2"]


def test_an_inception_module_opens_into_four_branches() -> None:
    graph = shaped(application("InceptionV3"))
    _, layout = drawn(graph, "mixed7")
    branches = [box for box in layout.boxes if box.item.role == BRANCH]
    assert [len(box.item.nodes) for box in branches] == [15, 9, 4, 3]
    assert len({box.y for box in branches}) == 1
    names = {graph.nodes[box.item.nodes[0]].name for box in layout.boxes if box.parent == "mixed7"}
    assert "mixed7" in names
    stacks = [box for box in layout.boxes if box.item.role == STACK]
    assert [graph.nodes[i].layer.kind for i in stacks[0].item.nodes] == [
        "Conv2D",
        "BatchNormalization",
        "Activation",
    ]


def test_a_network_of_few_blocks_shows_its_layers() -> None:
    graph = shaped(application("VGG16"))
    found = blocks(graph)[:1]
    part = network_tree(graph, found, Links.of(graph))
    assert {item.role for item in part.children} == {STACK}


def test_keys_are_unique_and_no_level_is_long() -> None:
    for name in NAMES:
        root, _ = drawn(shaped(application(name)))
        keys = [item.key for item in root.walk()]
        assert len(keys) == len(set(keys))
        assert max(len(item.children) for item in root.walk()) <= MOST


def test_a_drawing_is_the_same_each_time_and_made_at_once() -> None:
    graph = shaped(application("InceptionV3"))
    found, links = blocks(graph), Links.of(graph)
    root = network_tree(graph, found, links)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        layout = laid_out(root, links, {"mixed7"})
        times.append(time.perf_counter() - start)
        assert layout == laid_out(root, links, {"mixed7"})
    assert min(times) < 0.05


def test_a_long_wire_runs_beside_what_it_passes() -> None:
    size = (100.0, 40.0, 50.0)
    level = arranged([size] * 3, [(IN, 0), (0, 1), (1, 2), (0, 2), (2, OUT)])
    assert level.long == {(0, 2)}
    assert max(x for x, _ in level.wires[0, 2]) > 100
    assert {x for x, _ in level.wires[0, 1]} == {50.0}
    assert [y for _, y in level.places] == sorted(y for _, y in level.places)


def test_an_edge_against_the_order_is_drawn() -> None:
    level = arranged([(100.0, 40.0, 50.0)] * 2, [(0, 1), (1, 0)])
    assert level.wires[1, 0] == level.wires[0, 1][::-1]


def test_two_thousand_branches_and_ten_thousand_layers_are_opened_level_by_level(
    wide: Graph, deep: Graph
) -> None:
    for graph in (wide, deep):
        root, layout = drawn(graph)
        assert len(layout.boxes) <= MOST
        item = root
        while item.children:
            assert len(item.children) <= MOST
            item = max(item.children, key=lambda child: len(child.nodes))
    assert sum(arc.skips for arc in drawn(deep)[1].arcs) == 5000


Calls = list[tuple[str, str, tuple[int, ...]]]


def graph_of(calls: Calls) -> Graph:
    """Convolutions and merges of one size, each with the numbers of the calls that it reads."""
    convolution = {"filters": 8, "kernel_size": [1, 1], "strides": [1, 1], "padding": "same"}
    config = {"Conv2D": convolution, "Concatenate": {"axis": -1}}
    return shaped(
        Architecture(
            name="made",
            source="test",
            layers={
                n: Layer(name=n, kind=kind, config=config.get(kind, {})) for n, kind, _ in calls
            },
            calls=tuple(
                Call(
                    name=name,
                    layer=name,
                    args=([Ref(i) for i in read],) if len(read) > 1 else tuple(map(Ref, read)),
                )
                for name, _, read in calls
            ),
            inputs=(Ref(0),),
            outputs=(Ref(len(calls) - 1),),
            input_shapes=((None, 4, 4, 8),),
        )
    )


@pytest.fixture(scope="module")
def wide() -> Graph:
    branches: Calls = [(f"b{n}", "Conv2D", (0,)) for n in range(2000)]
    return graph_of(
        [("i", "InputLayer", ()), *branches, ("all", "Concatenate", (*range(1, 2001),))]
    )


@pytest.fixture(scope="module")
def deep() -> Graph:
    calls: Calls = [("i", "InputLayer", ())]
    for n in range(5000):
        calls += [(f"c{n}", "Conv2D", (2 * n,)), (f"a{n}", "Add", (2 * n, 2 * n + 1))]
    return graph_of(calls)
