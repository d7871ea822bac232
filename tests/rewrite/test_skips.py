"""Without skips: the shortcut goes, the residual branch stays, told by the graph alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import keraudit
from built import application
from keraudit.building.keras_model import build
from keraudit.layers.infer import shaped
from keraudit.model.blocks import blocks
from keraudit.model.graph import Architecture, Graph
from keraudit.rewrite.skips import without_skips
from witness import graph_of

# name: (skips cut, shortcuts with a projection)
UNITS = {
    "ResNet50": (16, 4),  # He et al. 2015, Table 1: 3 + 4 + 6 + 3; a projection opens each stage
    "ResNet152": (50, 4),
    "ResNet50V2": (16, 4),
    "MobileNetV2": (10, 0),  # Sandler et al. 2018, Table 2: 17 units less 7 that change size
    "EfficientNetB0": (9, 0),
    "ConvNeXtTiny": (18, 0),
    "Xception": (12, 4),  # Chollet 2017, figure 5: entry 3, middle 8, exit 1
    "InceptionResNetV2": (40, 0),
}


def macs(graph: Graph) -> int:
    return sum(node.effect.macs for node in graph.nodes)


@pytest.mark.parametrize("name", UNITS)
def test_every_unit_is_cut(name: str) -> None:
    graph = shaped(application(name))
    done = without_skips(graph)
    cut, projections = UNITS[name]
    assert len(done.changes) == cut
    assert sum("projection" in c.why for c in done.changes) == projections
    names = [node.name for node in done.graph.nodes]
    before = [node.name for node in graph.nodes]
    assert names == [n for n in before if n in set(names)]  # nothing new, nothing moved
    assert macs(done.graph) < macs(graph) if projections else macs(done.graph) == macs(graph)
    assert done.graph.nodes[-1].outputs == graph.nodes[-1].outputs
    assert without_skips(done.graph).nothing.startswith("no skip connection found")


@pytest.mark.parametrize("name", ["ResNet50", "ResNet50V2", "MobileNetV2"])
def test_what_is_left_is_one_chain(name: str) -> None:
    plain = without_skips(shaped(application(name))).graph
    assert all(block.kind == "segment" for block in blocks(plain))
    assert all(len(set(node.sources)) <= 1 for node in plain.nodes)


def test_projections_go_with_what_served_only_them() -> None:
    plain = without_skips(shaped(application("ResNet50"))).graph
    gone = {n.name for n in shaped(application("ResNet50")).nodes} - {n.name for n in plain.nodes}
    assert {f"conv{s}_block1_0_{k}" for s in (2, 3, 4, 5) for k in ("conv", "bn")} <= gone
    assert len(gone) == 16 + 2 * 4  # sixteen sums, four projections with their normalisation


def same_network(a: Architecture, b: Architecture) -> bool:
    """Whether two architectures have the same layers, options, and calls."""

    def plain(x: Architecture) -> tuple[Any, ...]:
        layers = {n: replace(v, config=dict(v.config)) for n, v in x.layers.items()}
        return layers, x.calls, x.inputs, x.outputs

    return plain(a) == plain(b)


@pytest.mark.parametrize("depth", [20, 56])
def test_plain_cifar_is_resnet_cifar_without_its_skips(depth: int) -> None:
    plain = keraudit.read(f"Plain-CIFAR-{depth}").architecture
    residual = without_skips(keraudit.read(f"ResNet-CIFAR-{depth}")).graph.architecture
    assert same_network(plain, residual)


@pytest.mark.exhaustive
@pytest.mark.parametrize("depth", [18, 34])
def test_plain_imagenet_nets_likewise(depth: int) -> None:
    plain = keraudit.read(f"Plain-{depth}").architecture
    for option in ("A", "B"):
        residual = without_skips(keraudit.read(f"ResNet-{depth}-{option}")).graph.architecture
        assert same_network(plain, residual)


def small(build_model: Any) -> Graph:
    import keras

    return graph_of(build_model(keras.layers, keras))


def test_nested_skips_are_all_cut() -> None:
    def nested(layers: Any, keras: Any) -> Any:
        start = keras.Input((8, 8, 4))
        y = layers.Conv2D(4, 3, padding="same")(start)
        z = layers.Conv2D(4, 3, padding="same")(y)
        y = layers.Add()([y, z])  # inside the outer branch
        y = layers.Conv2D(4, 3, padding="same")(y)
        return keras.Model(start, layers.Add()([start, y]))

    done = without_skips(small(nested))
    assert [node.layer.kind for node in done.graph.nodes] == ["InputLayer", *["Conv2D"] * 3]


def test_a_sum_of_three_keeps_the_longest() -> None:
    def three(layers: Any, keras: Any) -> Any:
        start = keras.Input((8, 8, 4))
        short = layers.Conv2D(4, 1)(start)
        long = layers.Conv2D(4, 3, padding="same")(layers.Conv2D(4, 3, padding="same")(start))
        return keras.Model(start, layers.Add()([short, long, start]))

    done = without_skips(small(three))
    assert len(done.changes) == 2
    assert [node.layer.kind for node in done.graph.nodes] == ["InputLayer", "Conv2D", "Conv2D"]


def test_branches_of_one_length_are_no_skip() -> None:
    def twins(layers: Any, keras: Any) -> Any:
        start = keras.Input((8, 8, 4))
        a, b = (layers.Conv2D(4, 3)(start) for _ in range(2))
        return keras.Model(start, layers.Add()([a, b]))

    graph = small(twins)
    done = without_skips(graph)
    assert done.graph is graph
    assert "equally long" in done.log[0].why
    assert done.nothing


def test_operators_are_sums_too() -> None:
    def operator(layers: Any, keras: Any) -> Any:
        start = keras.Input((8, 8, 4))
        return keras.Model(start, start + layers.Conv2D(4, 3, padding="same")(start))

    assert len(without_skips(small(operator)).changes) == 1


@pytest.mark.parametrize("name", ["VGG16", "DenseNet121", "InceptionV3"])
def test_nothing_to_do_is_said(name: str) -> None:
    graph = shaped(application(name))
    done = without_skips(graph)
    assert done.graph is graph
    assert done.nothing.startswith("no skip connection found")


@pytest.mark.parametrize("name", UNITS)
def test_keras_builds_the_plain_network(name: str) -> None:
    import keras

    keras.utils.clear_session()
    plain = without_skips(shaped(application(name))).graph
    model = build(plain, allocate=False)
    assert model.count_params() == sum(w.elements for n in plain.nodes for w in n.weights)


def test_the_plain_network_runs() -> None:
    import keras
    import numpy as np

    keras.utils.clear_session()
    graph = shaped(application("ResNet50"), input_shapes=[(32, 32, 3)])
    out = build(without_skips(graph).graph)(np.zeros((2, 32, 32, 3), "float32"))
    assert out.shape == (2, 1000)
