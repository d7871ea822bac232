"""Each claim on small models made to keep or to break it; names are Keras' own and tell nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from keraudit.audits.structure.claim import FAILS, HOLDS, SILENT
from keraudit.audits.structure.report import structure_of
from small_networks import checked, classified, conv, module, unit
from witness import graph_of

keras = pytest.importorskip("keras")
layers = keras.layers


def two_stages(x: Any) -> Any:
    return unit(unit(unit(x, 8), 8), 16, stride=2)


def test_a_small_resnet_keeps_every_claim_but_the_papers_depth() -> None:
    found = checked(two_stages)
    verdicts = {c.code: c.verdict for c in found.checks if c.family == "residual"}
    assert verdicts.pop("RES05") == SILENT
    assert verdicts.pop("RES09") == FAILS  # 1 + 3 x 2 + 1 = 8 = 6n + 2, but not in three stages
    assert set(verdicts.values()) == {HOLDS}
    assert found.facts.depth == 8


def test_three_stages_of_one_unit_are_resnet_8() -> None:
    found = checked(lambda x: unit(unit(unit(x, 8), 16, stride=2), 32, stride=2))
    assert found["RES09"].verdict == HOLDS
    assert found["RES09"].evidence[1].endswith("6n + 2 with n = 1, as in section 4.2.")


def test_one_unit_is_no_stack() -> None:
    found = checked(lambda x: unit(x, 8))
    assert found["RES01"].verdict == FAILS
    assert found["RES01"].evidence[0].startswith("There is only 1 residual unit")


def test_units_apart_are_no_stack() -> None:
    found = checked(lambda x: unit(conv(unit(conv(unit(x, 8), 8), 8), 8), 8))
    assert found["RES01"].verdict == FAILS
    assert found["RES01"].evidence[0].startswith("3 residual units in 3 runs")


def option_a(x: Any) -> Any:
    x = layers.AveragePooling2D(1, strides=2)(x)
    return keras.ops.pad(x, [[0, 0], [0, 0], [0, 0], [0, x.shape[-1]]])


def sliced(x: Any) -> Any:
    x = x[:, ::2, ::2, :]
    return keras.ops.pad(x, [[0, 0], [0, 0], [0, 0], [0, x.shape[-1]]])


@pytest.mark.parametrize("shortcut", [option_a, sliced])
def test_option_a_is_the_identity(shortcut: Callable[[Any], Any]) -> None:
    found = checked(lambda x: unit(unit(x, 8), 16, stride=2, shortcut=shortcut))
    assert found["RES02"].verdict == HOLDS
    assert found["RES02"].evidence[0].startswith("1 identity shortcut: ")
    assert found["RES02"].evidence[1].startswith("1 option A shortcut: ")


def projection_after_averaging(x: Any) -> Any:
    """ResNet-D: He et al. 2018, "Bag of Tricks", figure 2(c)."""
    return layers.BatchNormalization()(conv(layers.AveragePooling2D(2)(x), 16, 1))


def test_a_projection_may_average_and_normalise() -> None:
    found = checked(lambda x: unit(x, 16, stride=2, shortcut=projection_after_averaging))
    assert found["RES02"].evidence[0].startswith("1 projection shortcut: ")


@pytest.mark.parametrize(
    ("shortcut", "what"),
    [
        (lambda x: layers.ReLU()(x), "ReLU"),
        (lambda x: conv(x, 8, 3), "3x3"),
        (lambda x: layers.MaxPooling2D(3, strides=1, padding="same")(x), "MaxPooling2D"),
        (lambda x: layers.DepthwiseConv2D(1)(x), "1x1 depthwise"),
    ],
)
def test_a_shortcut_that_changes_values(shortcut: Callable[[Any], Any], what: str) -> None:
    found = checked(lambda x: unit(unit(x, 8), 8, shortcut=shortcut))
    assert found["RES02"].verdict == FAILS
    assert any(line.startswith(f"1 shortcut with {what}: ") for line in found["RES02"].evidence)


def test_branches_of_one_length_are_no_unit() -> None:
    found = checked(lambda x: layers.Add()([conv(x, 8), conv(x, 8)]))
    assert found.families == ()
    assert found.facts.residual_units == 0


def test_a_unit_of_three_convolutions_is_of_neither_kind() -> None:
    found = checked(lambda x: unit(unit(x, 8), 8, kernels=(3, 3, 3)))
    assert (found["RES03"].verdict, found["RES04"].verdict) == (FAILS, FAILS)
    assert found["RES04"].evidence[0].startswith("1 other unit, 3x3-3x3-3x3: ")
    assert len(found["RES04"].evidence) == 1  # not the lecture's simplification


def bottleneck(x: Any, narrow: int, groups: int = 1, wide: int = 16) -> Any:
    y = conv(conv(conv(x, narrow, 1), narrow, 3, groups=groups), wide, 1)
    return layers.Add()([x, y])


@pytest.mark.parametrize("groups", [1, 2])
def test_a_bottleneck_restores_the_channels(groups: int) -> None:
    """With groups as in ResNeXt, Xie et al. 2016."""
    found = checked(lambda x: bottleneck(x, 4, groups), stem=lambda x: conv(x, 16))
    assert (found["RES03"].verdict, found["RES04"].verdict) == (HOLDS, FAILS)
    assert "bottleneck unit" in found["RES03"].evidence[0]
    wide = checked(lambda x: bottleneck(x, 32, groups), stem=lambda x: conv(x, 16))
    assert wide["RES03"].verdict == FAILS
    depthwise = checked(lambda x: bottleneck(x, 32, 32), stem=lambda x: conv(x, 16))
    assert "inverted bottleneck unit" in depthwise["RES03"].evidence[0]


def test_deep_and_of_bottlenecks() -> None:
    def deep(x: Any, narrow: int) -> Any:
        for _ in range(16):
            x = bottleneck(x, narrow)
        return x

    def stem(x: Any) -> Any:
        return conv(x, 16)

    good, wide = checked(lambda x: deep(x, 4), stem=stem), checked(lambda x: deep(x, 16), stem=stem)
    assert good.facts.depth == 1 + 16 * 3 + 1
    assert (good["RES05"].verdict, wide["RES05"].verdict) == (HOLDS, FAILS)
    assert good["RES09"].verdict == FAILS  # 50 layers, but not in 3 + 4 + 6 + 3 units


@pytest.mark.parametrize(
    "body",
    [
        lambda x: unit(unit(x, 8), 8, stride=2),  # halved, not doubled
        lambda x: unit(unit(x, 8), 24, stride=2),  # tripled
        lambda x: unit(unit(x, 8), 16, stride=4),  # a quarter
        lambda x: unit(layers.MaxPooling2D(2)(unit(x, 8)), 16),  # by pooling
    ],
)
def test_filters_that_do_not_double_by_stride(body: Callable[[Any], Any]) -> None:
    assert checked(body)["RES06"].verdict == FAILS


def test_filters_double_in_the_next_unit() -> None:
    found = checked(lambda x: unit(unit(unit(x, 8), 8, stride=2), 16))
    assert found["RES06"].verdict == HOLDS
    assert found["RES06"].evidence[0].endswith("channels 8 to 8, and 16 in the next unit.")


def test_sizes_that_stay_say_nothing_of_doubling() -> None:
    assert checked(lambda x: unit(unit(x, 8), 16))["RES06"].verdict == SILENT


@pytest.mark.parametrize(
    ("stem", "verdict"),
    [
        (lambda x: x, FAILS),
        (lambda x: conv(x, 8), HOLDS),
        (lambda x: conv(conv(x, 8), 8), FAILS),
    ],
)
def test_the_stem_is_one_convolution(stem: Callable[[Any], Any], verdict: str) -> None:
    body = lambda x: unit(unit(x, 3), 3) if x.shape[-1] == 3 else unit(unit(x, 8), 8)  # noqa: E731
    assert checked(body, stem=stem)["RES07"].verdict == verdict


@pytest.mark.parametrize(
    ("head", "verdict"),
    [
        (classified, HOLDS),
        (lambda x: layers.Dense(10)(layers.Dense(64)(layers.GlobalAveragePooling2D()(x))), FAILS),
        (lambda x: layers.Dense(10)(layers.Flatten()(x)), FAILS),
        (lambda x: layers.Dense(10)(layers.GlobalMaxPooling2D()(x)), FAILS),
        (lambda x: layers.Dense(10)(keras.ops.mean(x, axis=(1, 2))), HOLDS),
        (lambda x: layers.Conv2D(10, 1)(layers.AveragePooling2D(32)(x)), HOLDS),
        (lambda x: x, SILENT),
    ],
)
def test_one_fully_connected_layer(head: Callable[[Any], Any], verdict: str) -> None:
    assert checked(lambda x: unit(unit(x, 8), 8), head=head)["RES08"].verdict == verdict
    assert checked(lambda x: module(module(x)), head=head)["INC09"].verdict == verdict


@pytest.mark.parametrize("dense", [True, False])
def test_an_auxiliary_classifier_is_another_output_that_classifies(dense: bool) -> None:
    start = keras.Input((32, 32, 3))
    first = module(conv(start, 8))
    side = layers.GlobalAveragePooling2D()(first)
    outputs = [classified(module(first)), layers.Dense(10)(side) if dense else side]
    found = structure_of(graph_of(keras.Model(start, outputs)))
    assert found["INC08"].verdict == (HOLDS if dense else FAILS)
    maps = layers.ReLU(name="maps")(
        first
    )  # an output behind the classifier's number, on no path of it
    several = structure_of(graph_of(keras.Model(start, [*outputs, maps])))["INC08"]
    assert "maps" not in " ".join(several.evidence)


def test_a_module_needs_a_stem() -> None:
    found = checked(lambda x: module(module(x)), stem=lambda x: x)
    assert found["INC02"].verdict == FAILS
    assert checked(lambda x: module(module(x)))["INC02"].verdict == HOLDS


def test_modules_apart_are_no_stack() -> None:
    found = checked(lambda x: module(conv(module(conv(module(x), 8)), 8)))
    assert found["INC01"].verdict == FAILS
    pooled = checked(lambda x: module(layers.MaxPooling2D(2)(module(x))))
    assert pooled["INC01"].verdict == HOLDS


def test_a_dense_block_is_no_inception_module() -> None:
    """DenseNet concatenates a branch with its own input."""
    found = checked(lambda x: layers.Concatenate()([x, conv(conv(x, 8, 1), 8)]))
    assert found.families == ()


def test_a_gated_unit_is_told_by_its_main_branch() -> None:
    """SE-ResNet, Hu et al. 2018: the two dense layers of the gate stand beside."""

    def gated(x: Any) -> Any:
        y = conv(conv(x, 8), 8)
        gate = layers.GlobalAveragePooling2D(keepdims=True)(y)
        gate = layers.Dense(8, "sigmoid")(layers.Dense(2, "relu")(gate))
        return layers.Add()([x, layers.Multiply()([y, gate])])

    found = checked(lambda x: gated(gated(x)))
    assert found["RES04"].verdict == HOLDS
    assert found.facts.depth == 1 + 2 * 2 + 1
    assert found.facts.weighted_layers == 6 + 2 * 2


def test_unknown_layers_make_a_lower_bound() -> None:
    class Odd(layers.Layer):  # type: ignore[misc,name-defined]
        def call(self, x: Any) -> Any:
            return x

    found = checked(lambda x: unit(Odd(name="odd_one")(unit(x, 8)), 8))
    assert found.unsupported == ("odd_one",)
    assert "LOWER BOUND: layers inside these are not counted: odd_one" in str(found)


def test_layers_of_one_dimension() -> None:
    start = keras.Input((64, 8))
    x = start
    for _ in range(2):
        y = layers.Conv1D(8, 3, padding="same")(layers.Conv1D(8, 3, padding="same")(x))
        x = layers.Add()([x, y])
    found = structure_of(graph_of(keras.Model(start, x)))
    assert found.facts.residual_units == 2
    assert found["RES04"].verdict == FAILS  # two kernels of 3, none of 3x3
    assert found["RES04"].evidence[0].startswith("2 other units, 3-3: ")
