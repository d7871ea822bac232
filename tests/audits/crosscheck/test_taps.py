"""Taps on padding, counted by hand along each axis."""

from __future__ import annotations

from fractions import Fraction

import pytest

from keraudit.audits.crosscheck.sizes import kind_of
from keraudit.audits.crosscheck.taps import padded_macs, real_taps, spread_taps
from keraudit.layers.convolution import output_length, window
from keraudit.model.graph import Graph, Window
from witness import witness

keras = pytest.importorskip("keras")
layers = keras.layers


@pytest.mark.parametrize("size", [1, 2, 5, 6, 11])
@pytest.mark.parametrize("taps", [1, 2, 3, 5])
@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 1), (3, 1), (1, 2)])
def test_one_axis_against_a_row_of_ones(size: int, taps: int, stride: int, dilation: int) -> None:
    out = output_length(size, taps, stride, "same", dilation)
    total = max((out - 1) * stride + dilation * (taps - 1) + 1 - size, 0)
    row = [0] * (total // 2) + [1] * size + [0] * (total - total // 2)
    by_hand = sum(row[stride * x + dilation * t] for x in range(out) for t in range(taps))
    seen = window(size, taps, stride, "same", dilation)
    assert real_taps(seen, size=size, out=out, taps=taps) == by_hand


def test_without_padding_all_taps_are_real() -> None:
    assert real_taps(Window(2, 0, 2), size=7, out=3, taps=3) == 3 * 3


def test_a_transposed_axis() -> None:
    # inputs at 0, 2, 4 of the output spread 3 taps each: 0 1 2, 2 3 4, 4 5 (6 is cut off)
    view = Window(Fraction(1, 2), Fraction(-1), Fraction(0))
    assert spread_taps(view, size=3, out=6, taps=3) == 8


def padded(graph: Graph) -> int:
    node = graph.nodes[-1]
    return sum(padded_macs(node, t) for t in node.effect.terms if t.unit == "mac")


def test_a_square_convolution() -> None:
    graph = witness(layers.Conv2D(8, 3, padding="same"), (6, 6, 4))
    # along an axis 6 x 3 taps, of which the first and the last position miss one: 16 of 18
    assert padded(graph) == (18 * 18 - 16 * 16) * 4 * 8


def test_a_strided_depthwise_convolution() -> None:
    graph = witness(layers.DepthwiseConv2D(3, strides=2, padding="same"), (6, 7, 4))
    # height 6: one row is padded at the end, 3 x 3 - 1; width 7: one column on either side, 4 x 3 - 2
    assert padded(graph) == (9 * 12 - 8 * 10) * 4


def test_a_separable_convolution_pads_its_depthwise_part_only() -> None:
    graph = witness(layers.SeparableConv2D(8, 3, padding="same"), (6, 6, 4))
    assert padded(graph) == (18 * 18 - 16 * 16) * 4


def test_a_causal_convolution_is_padded_by_keras_itself() -> None:
    graph = witness(layers.Conv1D(8, 3, padding="causal"), (6, 4))
    assert padded(graph) == 0


def test_a_transposed_convolution_loses_what_falls_off() -> None:
    graph = witness(layers.Conv2DTranspose(8, 3, strides=2, padding="same"), (6, 6, 4))
    # 6 positions spread 3 taps each over 12; one tap of the last falls off: 17 of 18
    assert padded(graph) == (18 * 18 - 17 * 17) * 4 * 8


def test_inside_a_wrapper() -> None:
    inner = layers.Conv2D(8, 3, padding="same")
    graph = witness(layers.TimeDistributed(inner), (3, 6, 6, 4))
    assert kind_of(graph.nodes[-1]) == "Conv2D"
    assert padded(graph) == 3 * (18 * 18 - 16 * 16) * 4 * 8
