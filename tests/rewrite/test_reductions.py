"""Without reductions: which 1x1 goes, which stays, and the lecture's numbers to the last digit."""

from __future__ import annotations

import json
from typing import Any

import pytest

import keraudit
from built import application
from configs import functional, layer, read
from keraudit.audits.reductions.derivation import derivation
from keraudit.audits.reductions.report import reductions, reductions_grid
from keraudit.building.keras_model import build
from keraudit.errors import ShapeError
from keraudit.layers.infer import shaped
from keraudit.model.graph import Graph
from keraudit.output.table import written
from keraudit.output.terminal import grid_text
from keraudit.rewrite.reductions import without_reductions
from witness import graph_of


def macs(graph: Graph) -> int:
    return sum(node.effect.macs for node in graph.nodes)


def test_the_lecture_s_branch() -> None:
    found = reductions(keraudit.read("inception-reduced:lecture-5x5"))
    assert found.total.macs_with == 28 * 28 * 16 * 192 + 28 * 28 * 32 * 5 * 5 * 16 == 12_443_648
    assert found.total.macs_without == 28 * 28 * 32 * 5 * 5 * 192 == 120_422_400
    assert round(found.total.factor, 2) == 9.68
    (block,) = found.blocks
    assert [p.macs for p in block.products_with] == [2_408_448, 10_035_200]
    texts = [" x ".join(str(n) for _, n in p.factors) for p in block.products_without]
    assert texts == ["28 x 28 x 192 x 5 x 5 x 32"]


def test_derivations_in_three_notations() -> None:
    (block,) = reductions(keraudit.read("inception-reduced:lecture-5x5")).blocks
    text = derivation(block)
    assert "28 x 28 x 192 x 5 x 5 x 32 =     120,422,400" in text
    assert "12,443,648 MACs with its reductions" in text
    latex = derivation(block, "latex")
    assert r"28 \times 28 \times 192 \times 5 \times 5 \times 32 &= 120{,}422{,}400" in latex
    assert latex.count(r"\begin{align*}") == latex.count(r"\end{align*}") == 2
    assert "<td>28 × 28 × 192 × 5 × 5 × 32</td><td>120,422,400</td>" in derivation(block, "html")


def test_the_naive_module_and_its_reduced_twin() -> None:
    """Stanford CS231n 2017, lecture 9: 28x28x256, added up from its own terms."""
    naive = keraudit.audit("inception-naive:cs231n")
    assert naive.total.macs == sum(
        [
            28 * 28 * 128 * 1 * 1 * 256,  # 25,690,112
            28 * 28 * 192 * 3 * 3 * 256,  # 346,816,512
            28 * 28 * 96 * 5 * 5 * 256,  # 481,689,600
        ]
    )
    assert naive.total.macs == 854_196_224
    reduced = keraudit.audit("inception-reduced:cs231n")
    assert reduced.total.macs == sum(
        [
            28 * 28 * 128 * 256,  # 1x1
            28 * 28 * 64 * 256 + 28 * 28 * 192 * 9 * 64,  # 1x1, 3x3
            28 * 28 * 64 * 256 + 28 * 28 * 96 * 25 * 64,  # 1x1, 5x5
            28 * 28 * 64 * 256,  # pool, 1x1
        ]
    )


def test_a_reduced_module_made_naive_is_the_naive_one() -> None:
    """Figure 2(b) of Szegedy et al. 2014 without its reductions and projection is figure 2(a)."""
    graph = keraudit.read("inception-reduced:cs231n")
    made = without_reductions(graph, also_pool_projections=True)
    naive = keraudit.read("inception-naive:cs231n")
    assert macs(made.graph) == macs(naive) == 854_196_224
    assert made.graph.nodes[-1].outputs[0].shape == naive.nodes[-1].outputs[0].shape
    assert made.graph.nodes[-1].outputs[0].shape[-1] == 672


def test_the_1x1_branch_after_a_pooling_between_modules_stays() -> None:
    """Of GoogLeNet's nine modules each has one projection behind its own pooling, and a 1x1 branch."""
    graph = keraudit.read("GoogLeNet")
    both = {c.layer for c in without_reductions(graph, also_pool_projections=True).changes}
    projections = both - {c.layer for c in without_reductions(graph).changes}
    assert len(projections) == 9
    assert not any(name.endswith("_1x1") for name in both)
    inception = without_reductions(shaped(application("InceptionV3")), also_pool_projections=True)
    assert "conv2d_5" not in {c.layer for c in inception.changes}  # mixed0's 1x1 branch


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("InceptionV3", 21),  # two in each of eleven modules, one in mixed3
        ("GoogLeNet", 18),  # two in each of nine modules; the stem's 64 to 64 does not narrow
        ("ResNet50", 15),  # one a unit; the first keeps 64 channels
        ("InceptionResNetV2", 56),
        ("DenseNet121", 54),  # 58 layers, of which the first four widen
    ],
)
def test_how_many(name: str, count: int) -> None:
    graph = keraudit.read(name) if name == "GoogLeNet" else shaped(application(name))
    done = without_reductions(graph)
    assert len(done.changes) == count
    kept = {n.name: n.outputs for n in graph.nodes}
    assert all(
        kept[n.name][0].shape == n.outputs[0].shape for n in done.graph.nodes if n.effect.macs
    )


def test_what_is_no_reduction() -> None:
    graph = shaped(application("InceptionV3"))
    left = [c for c in without_reductions(graph).log if c.what == "left alone"]
    assert left
    assert all("is no spatial convolution" in c.why for c in left)
    resnet = without_reductions(shaped(application("ResNet50")))
    names = {c.layer for c in resnet.changes}
    assert names == {
        f"conv{s}_block{b}_1_conv"
        for s, n in ((2, 3), (3, 4), (4, 6), (5, 3))
        for b in range(1, n + 1)
    } - {"conv2_block1_1_conv"}


def test_a_removed_stride_moves_on() -> None:
    """ResNet version 1 strides in its first 1x1: without it the 3x3 must."""
    graph = shaped(application("ResNet50"))
    done = without_reductions(graph).graph
    node = next(n for n in done.nodes if n.name == "conv3_block1_2_conv")
    assert list(node.layer.config["strides"]) == [2, 2]
    assert node.inputs[0].shape == (1, 56, 56, 256)
    assert node.outputs[0].shape == (1, 28, 28, 128)
    assert node.effect.macs == 28 * 28 * 3 * 3 * 256 * 128


@pytest.mark.parametrize("pools", [False, True])
@pytest.mark.parametrize("name", ["InceptionV3", "ResNet50", "ResNet50V2", "DenseNet121"])
def test_keras_builds_it_and_counts_alike(name: str, pools: bool) -> None:
    import keras

    keras.utils.clear_session()
    done = without_reductions(shaped(application(name)), also_pool_projections=pools).graph
    model = build(done, allocate=False)
    assert model.count_params() == sum(w.elements for n in done.nodes for w in n.weights)


def test_it_runs() -> None:
    import keras
    import numpy as np

    keras.utils.clear_session()
    graph = shaped(application("InceptionV3"), input_shapes=[(75, 75, 3)])
    out = build(without_reductions(graph).graph)(np.zeros((1, 75, 75, 3), "float32"))
    assert out.shape == (1, 1000)


def test_a_reduction_before_a_shared_convolution_is_left_alone() -> None:
    start = layer("InputLayer", "in", batch_shape=[None, 8, 8, 64])
    narrow = layer("Conv2D", "narrow", "in", filters=16, kernel_size=[1, 1])
    head = layer("Conv2D", "head", "narrow", filters=8, kernel_size=[3, 3], padding="same")
    other = layer("Conv2D", "other", "in", filters=16, kernel_size=[5, 5], padding="same")
    head["inbound_nodes"] += layer("Conv2D", "head", "other")["inbound_nodes"]
    total = layer("Add", "total", "head", "head")
    total["inbound_nodes"][0]["args"][0][1]["config"]["keras_history"] = ["head", 1, 0]
    graph = shaped(read(functional(start, narrow, other, head, total)))
    done = without_reductions(graph)
    (change,) = done.log
    assert (change.layer, change.what) == ("narrow", "left alone")
    assert change.why == "head, which reads it, is called more than once"
    with pytest.raises(ShapeError, match=r"'head' .* called more than once"):
        keraudit.with_filters(graph, "narrow", 12)


def test_what_would_break_is_refused_by_name() -> None:
    with pytest.raises(ShapeError, match=r"does not fit this model: layer 'custom_scale_layer'"):
        without_reductions(shaped(application("InceptionResNetV2")), also_pool_projections=True)


def test_other_readers_save_a_1x1() -> None:
    import keras

    start = keras.Input((8, 8, 16))
    x = keras.layers.Conv2D(4, 1, name="narrow")(start)
    out = keras.layers.Concatenate()([x, keras.layers.Conv2D(8, 3, padding="same")(x)])
    done = without_reductions(graph_of(keras.Model(start, out)))
    assert done.nothing.startswith("no reduction found")
    assert "also serves" in done.log[0].why


def test_chains_behind_a_reduction() -> None:
    """1x1, normalisation, activation, padding, 1xn, nx1: only the first three go."""
    import keras

    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((9, 9, 32)),
            layers.Conv2D(8, 1, name="reduce"),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.ZeroPadding2D(),
            layers.Conv2D(16, (1, 7), name="across"),
            layers.Conv2D(16, (7, 1), name="down"),
        ]
    )
    done = without_reductions(graph_of(model)).graph
    kinds = [n.layer.kind for n in done.nodes]
    assert kinds == ["InputLayer", "ZeroPadding2D", "Conv2D", "Conv2D"]
    assert done.nodes[2].effect.macs == 11 * 5 * 7 * 32 * 16


@pytest.mark.parametrize("name", ["InceptionV3", "ResNet50"])
def test_blocks_add_up(name: str) -> None:
    graph = shaped(application(name))
    found = reductions(graph)
    assert sum(b.macs_with for b in found.blocks) == found.total.macs_with == macs(graph)
    assert sum(b.macs_without for b in found.blocks) == macs(without_reductions(graph).graph)
    for block in found.blocks:
        assert sum(p.macs for p in block.products_with) == block.macs_with
        assert sum(p.macs for p in block.products_without) == block.macs_without
        assert bool(block.removed) == bool(block.saving)
    data: dict[str, Any] = json.loads(json.dumps(found.to_dict()))
    assert data["schema"] == "keraudit.reductions/2"
    assert set(data["blocks"][0]) >= {
        "name",
        "macs_with",
        "macs_without",
        "saving",
        "factor",
        "derivation",
    }


def test_the_table_fits_and_says_what_it_shows() -> None:
    grid = reductions_grid(reductions(shaped(application("InceptionV3"))))
    text = grid_text(grid)
    assert all(len(line) <= 80 for line in text.splitlines())
    row = next(line for line in grid.lines if line.cells["name"] == "mixed0")
    assert [written(c, row) for c in grid.columns[:6]] == [
        *("mixed0", "2", "312.3 M", "703.7 M", "+391.4 M", "x2.25")
    ]
