"""The rewrites of one idea each, checked against the arithmetic and against Keras."""

from __future__ import annotations

from typing import Any

import pytest

import keraudit
from built import NAMES, application
from keraudit.building.keras_model import build
from keraudit.errors import KerauditError, ShapeError
from keraudit.layers.infer import shaped
from keraudit.model.blocks import blocks
from keraudit.model.graph import Graph
from keraudit.rewrite.activation import with_activation
from keraudit.rewrite.edit import Rewrite
from keraudit.rewrite.factorize import WAYS, factorized
from keraudit.rewrite.input_size import at_input_shape
from keraudit.rewrite.normalization import without_normalization
from keraudit.rewrite.repeat import repeat_block
from keraudit.rewrite.skips import without_skips
from keraudit.rewrite.width import with_filters, with_width
from witness import graph_of


def macs(graph: Graph) -> int:
    return sum(node.effect.macs for node in graph.nodes)


def params(graph: Graph) -> int:
    return sum(w.elements for node in graph.nodes for w in node.weights)


REWRITES: dict[str, Any] = {
    "no norm": without_normalization,
    "gelu": lambda g: with_activation(g, "gelu"),
    "half width": lambda g: with_width(g, 0.5),
    **{way: lambda g, way=way: factorized(g, way) for way in WAYS},
    "all": lambda g: factorized(
        with_width(without_normalization(without_skips(g).graph).graph, 0.5).graph, "separable"
    ),
}


@pytest.mark.parametrize("rewrite", REWRITES)
@pytest.mark.parametrize(
    "name", ["ResNet50", "InceptionV3", "EfficientNetB0", "ConvNeXtTiny", "NASNetMobile", "VGG16"]
)
def test_keras_builds_what_was_rewritten_and_counts_alike(name: str, rewrite: str) -> None:
    import keras

    keras.utils.clear_session()
    done: Rewrite = REWRITES[rewrite](shaped(application(name)))
    model = build(done.graph, allocate=False)
    assert model.count_params() == params(done.graph)
    assert tuple(model.outputs[0].shape[1:]) == (1000,)


@pytest.mark.parametrize("name", NAMES)
def test_half_the_width_is_a_quarter_of_the_work(name: str) -> None:
    graph = shaped(application(name))
    assert 0.2 < macs(with_width(graph, 0.5).graph) / macs(graph) < 0.55


def test_width_one_changes_nothing() -> None:
    graph = shaped(application("ResNet50"))
    assert macs(with_width(graph, 1).graph) == macs(graph)


@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_a_width_must_be_positive(value: float) -> None:
    with pytest.raises(KerauditError, match="above 0"):
        with_width(shaped(application("VGG16")), value)


@pytest.mark.parametrize("value", [1e7, 1e308, float("inf")])
def test_a_width_beyond_every_axis_is_refused(value: float) -> None:
    with pytest.raises(KerauditError, match="1,000,000 or less"):
        with_width(shaped(application("VGG16")), value)


def test_without_normalisation_only_that_is_gone() -> None:
    graph = shaped(application("ResNet50"))
    done = without_normalization(graph)
    assert len(done.changes) == 53
    assert params(graph) - params(done.graph) == 2 * 53_120  # gamma, beta; mean, variance
    assert macs(done.graph) == macs(graph)
    assert without_normalization(done.graph).nothing == "no normalisation found"


def test_classifiers_and_gates_keep_their_activation() -> None:
    done = with_activation(shaped(application("EfficientNetB0")), "relu").graph
    by_name = {n.name: n.layer.config.get("activation") for n in done.nodes}
    assert by_name["predictions"] == "softmax"
    assert by_name["block1a_se_expand"] == "sigmoid"
    assert by_name["block1a_se_reduce"] == by_name["stem_activation"] == "relu"
    with pytest.raises(KerauditError, match="no activation is called 'rellu'"):
        with_activation(shaped(application("VGG16")), "rellu")


def test_another_input_size() -> None:
    graph = shaped(application("ResNet50"))
    small = at_input_shape(graph, (112, 112, 3), batch=4)
    assert small.graph.batch == 4
    assert small.graph.nodes[0].outputs[0].shape == (4, 112, 112, 3)
    with pytest.raises(ShapeError):
        at_input_shape(shaped(application("InceptionV3")), (40, 40, 3))


def test_a_deeper_resnet_is_the_real_one() -> None:
    """ResNet50 with 17 more units in its third stage costs what ResNet101 costs."""
    graph = shaped(application("ResNet50"))
    done = repeat_block(graph, "conv4_block6", 18)
    deep = shaped(application("ResNet101"))
    assert (macs(done.graph), params(done.graph)) == (macs(deep), params(deep))
    assert sum(b.kind == "fork-join" for b in blocks(done.graph)) == 33
    assert build(done.graph, allocate=False).count_params() == params(deep)


def test_a_block_taken_out() -> None:
    graph = shaped(application("ResNet50"))
    done = repeat_block(graph, "conv5_block3", 0)
    assert sum(b.kind == "fork-join" for b in blocks(done.graph)) == 15
    assert repeat_block(graph, "conv5_block3", 1).nothing


@pytest.mark.parametrize(
    ("block", "times", "message"),
    [
        ("conv9", 2, "no block is called 'conv9'"),
        ("conv3_block1", 2, "only where its output has its input's shape"),
        ("conv5_block3", -1, "0 times or more"),
        ("conv5_block3", 999_999_999, "more than 100,000 calls"),
    ],
)
def test_blocks_that_cannot_be_repeated(block: str, times: int, message: str) -> None:
    with pytest.raises(KerauditError, match=message):
        repeat_block(shaped(application("ResNet50")), block, times)


def one(kernel: int, filters: int = 64, channels: int = 64, **options: Any) -> Graph:
    import keras

    conv = keras.layers.Conv2D(filters, kernel, padding="same", use_bias=False, **options)
    return graph_of(keras.Sequential([keras.Input((28, 28, channels)), conv]))


def test_two_3x3_for_a_5x5_save_28_percent() -> None:
    """Szegedy et al. 2015, section 3.1: (9 + 9) / 25."""
    graph = one(5)
    assert macs(factorized(graph, "two-3x3").graph) * 25 == macs(graph) * 18


def test_1x3_and_3x1_for_a_3x3_save_a_third() -> None:
    """Szegedy et al. 2015, section 3.2."""
    graph = one(3)
    assert macs(factorized(graph, "asymmetric").graph) * 3 == macs(graph) * 2


def test_depthwise_separable_costs_1_over_n_plus_1_over_k2() -> None:
    """Howard et al. 2017, section 3.1: 1/N + 1/D_K^2."""
    graph = one(3, filters=128)
    share = macs(factorized(graph, "separable").graph) / macs(graph)
    assert share == pytest.approx(1 / 128 + 1 / 9)


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("kernel", [3, 5, 7])
@pytest.mark.parametrize("way", WAYS)
def test_factors_keep_every_size(way: str, kernel: int, stride: int, padding: str) -> None:
    import keras

    for size in (28, 29, 31):
        conv = keras.layers.Conv2D(8, kernel, strides=stride, padding=padding)
        graph = graph_of(keras.Sequential([keras.Input((size, size, 4)), conv]))
        done = factorized(graph, way)
        assert done.graph.nodes[-1].outputs == graph.nodes[-1].outputs
        assert bool(done.nothing) == (way == "two-3x3" and kernel != 5)


def test_an_unknown_way() -> None:
    with pytest.raises(KerauditError, match="no way to factorise"):
        factorized(one(3), "cubes")


@pytest.mark.exhaustive
def test_a_deep_network_takes_seconds() -> None:
    """ResNet-CIFAR-1202: 600 units through every rewrite."""
    graph = keraudit.read("ResNet-CIFAR-1202")
    assert len(without_skips(graph).changes) == 600
    assert len(without_normalization(graph).changes) == 1201
    assert with_activation(graph, "tanh").changes


def test_a_width_that_a_layer_fixes_is_refused_by_name() -> None:
    """Option A pads the shortcut's channels by a fixed number."""
    with pytest.raises(ShapeError, match="layer 'stage2_block1_add'"):
        with_width(keraudit.read("ResNet-CIFAR-20"), 2)


def test_one_reduction_narrower() -> None:
    graph = shaped(application("InceptionV3"))
    done = with_filters(graph, "conv2d_6", 16)  # before the 5x5 of mixed0: 48 filters
    # 35 x 35 x (192 x 32 + 5 x 5 x 32 x 64) fewer
    assert macs(graph) - macs(done.graph) == 35 * 35 * (192 * 32 + 25 * 32 * 64)
    assert [(c.layer, c.why) for c in done.changes] == [("conv2d_6", "filters 48 to 16")]
    assert with_filters(done.graph, "conv2d_6", 16).nothing == "conv2d_6 has 16 filters already"


@pytest.mark.parametrize(
    ("name", "count", "message"),
    [
        ("conv2d_6", 0, "1 filter or more"),
        ("conv2d_600", 3, "no convolution is called 'conv2d_600': did you mean conv2d_60"),
    ],
)
def test_impossible_filters_are_refused(name: str, count: int, message: str) -> None:
    with pytest.raises(KerauditError, match=message):
        with_filters(shaped(application("InceptionV3")), name, count)


def test_filters_that_do_not_fit_name_the_layer() -> None:
    with pytest.raises(ShapeError, match="conv2_block1_add"):
        with_filters(shaped(application("ResNet50")), "conv2_block1_3_conv", 7)
