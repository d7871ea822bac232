"""Pooling of every kind."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keraudit.errors import KerauditError
from keraudit.layers.convolution import window
from keraudit.layers.infer import effect_of
from keraudit.layers.pooling import adaptive_window
from keraudit.model.graph import Layer, Tensor, Window
from one_layer import node_of, seen, window_holds

keras = pytest.importorskip("keras")
layers = keras.layers

SIZES = {1: (13,), 2: (13, 10), 3: (9, 8, 7)}
FORMATS = ["channels_last", "channels_first"]


def shape_of(rank: int, data_format: str) -> tuple[int, ...]:
    spatial = SIZES[rank]
    return (4, *spatial) if data_format == "channels_first" else (*spatial, 4)


def test_inception_s_stem_pooling() -> None:
    node = node_of(layers.MaxPooling2D(3, strides=2), (147, 147, 64))
    assert node.outputs[0].shape == (1, 73, 73, 64)
    assert node.effect.other_flops == 73 * 73 * 64 * 3 * 3
    assert node.effect.macs == 0
    assert node.effect.view == (Window(2, 0, 2), Window(2, 0, 2))


def test_global_pooling_reads_every_element_once() -> None:
    node = node_of(layers.GlobalAveragePooling2D(), (8, 8, 2048))
    assert node.effect.other_flops == 8 * 8 * 2048
    assert node.effect.view == "global"


def test_adaptive_pooling_counts_its_overlapping_bins() -> None:
    node = node_of(layers.AdaptiveAveragePooling1D(3), (7, 2))
    assert node.effect.other_flops == (3 + 3 + 3) * 2  # [0, 3), [2, 5), [4, 7)
    node = node_of(layers.AdaptiveMaxPooling2D((2, 3)), (8, 9, 5))
    assert node.effect.other_flops == 8 * 9 * 5  # they divide: no overlap


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("size", "strides"), [(2, None), (3, 2), (3, 1), (2, 3), (1, 2)])
@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("kind", ["Max", "Average"])
def test_against_keras(
    kind: str, rank: int, size: int, strides: int | None, padding: str, data_format: str
) -> None:
    layer = getattr(layers, f"{kind}Pooling{rank}D")(
        size, strides=strides, padding=padding, data_format=data_format
    )
    node = node_of(layer, shape_of(rank, data_format))
    assert node.effect.other_flops == node.outputs[0].elements * size**rank


def test_uneven_windows() -> None:
    node = node_of(layers.MaxPool2D((3, 2), strides=(1, 2), padding="same"), (7, 9, 3))
    assert node.outputs[0].shape == (1, 7, 5, 3)
    assert node.effect.other_flops == 7 * 5 * 3 * (3 * 2)


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("kind", ["Max", "Average"])
def test_global_against_keras(kind: str, rank: int, keepdims: bool, data_format: str) -> None:
    layer = getattr(layers, f"Global{kind}Pooling{rank}D")(
        keepdims=keepdims, data_format=data_format
    )
    node_of(layer, shape_of(rank, data_format))


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("size", [1, 3, 5])
@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("kind", ["Max", "Average"])
def test_adaptive_against_keras(kind: str, rank: int, size: int, data_format: str) -> None:
    layer = getattr(layers, f"Adaptive{kind}Pooling{rank}D")(size, data_format=data_format)
    node_of(layer, shape_of(rank, data_format))


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("size", "strides"), [(2, 2), (3, 2), (3, 1), (4, 3)])
def test_a_pooling_s_window_is_what_it_reads(padding: str, size: int, strides: int) -> None:
    layer = layers.AveragePooling1D(size, strides=strides, padding=padding)
    view = window(17, size, strides, padding)
    assert window_holds(view, seen(layer, 17)) == (view.low, view.high)


@pytest.mark.parametrize("out", [1, 2, 3, 4, 5, 6, 8, 12])
def test_an_adaptive_window_is_what_it_reads(out: int) -> None:
    view = adaptive_window(12, out)
    reads = seen(layers.AdaptiveAveragePooling1D(out), 12)
    assert window_holds(view, reads) == (view.low, view.high)
    assert (
        sum(map(len, reads.values()))
        == effect_of(
            Layer(name="a", kind="AdaptiveAveragePooling1D", config={"output_size": out}),
            (Tensor((1, 12, 1), "float32"),),
        ).other_flops
    )


@given(size=st.integers(1, 40), out=st.integers(1, 40))
def test_adaptive_bins(size: int, out: int) -> None:
    starts = [i * size // out for i in range(out)]
    ends = [-(-(i + 1) * size // out) for i in range(out)]
    layer = Layer(name="a", kind="AdaptiveMaxPooling1D", config={"output_size": out})
    effect = effect_of(layer, (Tensor((1, size, 1), "float32"),))
    assert effect.other_flops == sum(ends) - sum(starts)
    view, scale = adaptive_window(size, out), Fraction(size, out)
    assert view.low == min(s - i * scale for i, s in enumerate(starts))
    assert view.high == max(e - 1 - i * scale for i, e in enumerate(ends))


def test_integers_stay_integers_under_a_maximum() -> None:
    assert node_of(layers.MaxPooling2D(), (8, 8, 3), dtype="int32").outputs[0].dtype == "int32"


@pytest.mark.parametrize(
    ("kind", "config", "message"),
    [
        ("MaxPooling2D", {"pool_size": 0}, "pool_size must be from 1"),
        ("MaxPooling2D", {"pool_size": 2, "strides": 0}, "strides must be from 1"),
        ("AdaptiveMaxPooling2D", {"output_size": 0}, "output_size must be from 1"),
        ("MaxPooling3D", {"pool_size": 2}, "rank 5"),
    ],
)
def test_a_bad_config_is_told(kind: str, config: dict, message: str) -> None:
    layer = Layer(name="p", kind=kind, config=config)
    with pytest.raises(KerauditError, match=message):
        effect_of(layer, (Tensor((1, 8, 8, 3), "float32"),))
