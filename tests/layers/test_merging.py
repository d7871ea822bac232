"""Merges, with broadcasting, and the dot product."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keraudit.errors import KerauditError
from keraudit.layers.infer import effect_of
from keraudit.layers.merging import broadcast
from keraudit.model.graph import POINTWISE, Layer, Tensor, laid_along
from one_layer import flops_of, node_of

keras = pytest.importorskip("keras")
layers = keras.layers

MAP = 6 * 5 * 8


@pytest.mark.parametrize("kind", ["Add", "Multiply", "Maximum", "Minimum"])
@pytest.mark.parametrize("inputs", [2, 3, 4])
def test_merge(kind: str, inputs: int) -> None:
    assert flops_of(getattr(layers, kind)(), *[(6, 5, 8)] * inputs) == (inputs - 1) * MAP


def test_subtract_and_average() -> None:
    assert flops_of(layers.Subtract(), (6, 5, 8), (6, 5, 8)) == MAP
    assert flops_of(layers.Average(), *[(6, 5, 8)] * 3) == (2 + 1) * MAP  # two sums, one division


@pytest.mark.parametrize(
    "shapes",
    [
        [(6, 5, 8), (1, 1, 8)],
        [(1, 1, 8), (6, 5, 8)],
        [(6, 1, 8), (1, 5, 1)],
        [(6, 5, 8), (8,)],
        [(5, 8), (6, 5, 8)],
        [(1,), (6, 5, 8), (5, 1)],
    ],
)
def test_broadcasting_against_keras(shapes: list) -> None:
    assert flops_of(layers.Multiply(), *shapes) == (len(shapes) - 1) * MAP


def test_a_squeeze_excite_gate_is_one_product_per_element_of_the_map() -> None:
    node = node_of(layers.Multiply(), (6, 5, 8), (1, 1, 8))
    assert node.effect.other_flops == MAP
    assert node.effect.view == POINTWISE


@pytest.mark.parametrize("axis", [-1, 1, 2, 3])
def test_concatenate(axis: int) -> None:
    shapes = [[6, 5, 8], [6, 5, 8]]
    shapes[1][axis if axis < 0 else axis - 1] = 3
    node = node_of(layers.Concatenate(axis=axis), *map(tuple, shapes))
    assert node.effect.reason == "data movement, no arithmetic"


def test_concatenate_looks_around_along_positions_only() -> None:
    """Along its axis; whether that holds positions, the layout says."""
    assert node_of(layers.Concatenate(), (6, 5, 8), (6, 5, 3)).effect.view == laid_along(3, [8, 3])
    assert node_of(layers.Concatenate(axis=-2), (6, 5, 8), (6, 3, 8)).effect.view == laid_along(
        2, [5, 3]
    )
    assert node_of(layers.Concatenate(axis=1), (6, 8), (1, 8)).effect.view == laid_along(1, [6, 1])


def test_concatenate_keeps_integers() -> None:
    node = node_of(layers.Concatenate(), (3,), (4,), dtype="int32")
    assert node.outputs[0].dtype == "int32"


@pytest.mark.parametrize(
    ("axes", "one", "two", "macs"),
    [
        (1, (8,), (8,), 8),
        (-1, (8,), (8,), 8),
        (2, (5, 8), (6, 8), 5 * 8 * 6),
        ((2, 1), (5, 8), (8, 6), 5 * 8 * 6),
        ((1, 2), (8, 5), (6, 8), 5 * 8 * 6),
        ((-1, -2), (5, 8), (8, 6), 5 * 8 * 6),
        ((3, 1), (4, 5, 8), (8, 6), 4 * 5 * 8 * 6),
        ((1, 1), (8,), (8, 6), 8 * 6),
        ((2, 1), (5, 8), (8,), 5 * 8),
    ],
)
def test_dot(axes, one, two, macs: int) -> None:
    node = node_of(layers.Dot(axes=axes), one, two)
    assert node.effect.macs == macs
    assert node.effect.terms[0].operands == 2


def test_dot_of_normalised_inputs() -> None:
    node = node_of(layers.Dot(axes=1, normalize=True), (8,), (8,))
    assert node.outputs[0].shape == (1, 1)
    assert node.effect.other_flops == 3 * 8 + 3 * 8


def effect(kind: str, config: dict, *shapes: tuple[int, ...]):
    layer = Layer(name="m", kind=kind, config=config)
    return effect_of(layer, tuple(Tensor(s, "float32") for s in shapes))


def test_one_input_is_nothing_to_merge() -> None:
    assert effect("Add", {}, (2, 3)).reason == "one input, nothing to merge"


@pytest.mark.parametrize(
    ("kind", "config", "shapes", "message"),
    [
        ("Add", {}, [(1, 6, 5), (1, 6, 4)], "same shape"),
        ("Add", {}, [], "list of inputs"),
        ("Concatenate", {"axis": -1}, [(1, 6, 5), (1, 7, 5)], "agree on every axis but 2"),
        ("Concatenate", {"axis": 5}, [(1, 6, 5), (1, 6, 5)], "axis must be"),
        ("Dot", {"axes": 1}, [(1, 6), (1, 5)], "axes of one size"),
        ("Dot", {"axes": 0}, [(1, 6), (1, 6)], "not the batch"),
        ("Dot", {"axes": 1}, [(1, 6)], "2 inputs"),
    ],
)
def test_a_bad_merge_is_told(kind: str, config: dict, shapes: list, message: str) -> None:
    with pytest.raises(KerauditError, match=message):
        effect(kind, config, *shapes)


@given(shape=st.lists(st.integers(2, 5), min_size=1, max_size=4), data=st.data())
def test_broadcasting_is_symmetric_and_idempotent(shape: list[int], data) -> None:
    full = (3, *shape)
    ones = data.draw(st.lists(st.booleans(), min_size=len(shape), max_size=len(shape)))
    other = (3, *(1 if one else size for one, size in zip(ones, shape, strict=True)))
    assert broadcast(full, other) == broadcast(other, full) == full
    assert broadcast(full, full) == full


@given(widths=st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_concatenation_adds_widths(widths: list[int]) -> None:
    shapes = [(1, 4, 4, width) for width in widths]
    assert effect("Concatenate", {}, *shapes).outputs == ((1, 4, 4, sum(widths)),)
