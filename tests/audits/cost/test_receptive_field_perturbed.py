"""Receptive fields against what a live model does: change one input position, see which outputs move."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, floor
from random import Random
from typing import Any

import pytest

from keraudit.audits.cost.receptive_field import Field, receptive_fields
from witness import graph_of

SIZE = (9, 7)
CHANNELS = 4
Made = Callable[[Any, Any], Any]  # keras and a tensor to a tensor


def moved_by(model: Any, *, first: bool = False) -> dict[tuple[int, ...], set[tuple[int, ...]]]:
    """Of each position of the (single) input's map: the output positions that a change of it moves."""
    import numpy as np

    shape = model.input_shape[1:]
    rows, columns = shape[1:] if first else shape[:2]
    spots = [(r, c) for r in range(rows) for c in range(columns)]
    base = np.random.default_rng(0).uniform(0.5, 1.5, shape).astype("float32")
    batch = np.stack([base] * (len(spots) + 1))
    for index, (r, c) in enumerate(spots):
        batch[(index, slice(None), r, c) if first else (index, r, c)] += [3.0, 5.0, 9.0, 4.0]
    if first:  # TensorFlow convolves such maps on a processor only when it compiles
        import tensorflow as tf

        model = tf.function(model, jit_compile=True)
    found = np.array(model(batch))
    changed = np.abs(found[:-1] - found[-1:]).max(1 if first else -1) > 1e-5
    return {spot: set(zip(*np.nonzero(changed[i]), strict=True)) for i, spot in enumerate(spots)}


def interval(field: Field, at: int, x: int) -> tuple[int, int]:
    """What position x sees along one axis."""
    window, span = field.axes[at]
    ends = [] if span is None else [span]
    if window is not None:
        start = window.stride * x
        ends.append((floor(start + window.low), ceil(start + window.high)))
    return min(low for low, _ in ends), max(high for _, high in ends)


def check(model: Any, *, first: bool = False) -> Field:
    """Assert that the last field holds all that is seen; return it."""
    field = receptive_fields(graph_of(model))[-1]
    assert field is not None
    for spot, positions in moved_by(model, first=first).items():
        for position in positions:
            if len(position) != len(spot):  # positions are gone: all see the hull
                position = (0, 0)
            for at, (seen, x) in enumerate(zip(spot, position, strict=True)):
                low, high = interval(field, at, int(x))
                assert low <= seen <= high, (spot, position, field)
    return field


def steps(keras: Any) -> dict[str, Made]:
    layers, ops = keras.layers, keras.ops

    def split(axis: int) -> Made:
        return lambda _, x: ops.split(x, [2], axis=axis)[1]

    return {
        "conv": lambda _, x: layers.Conv2D(CHANNELS, (3, 2), padding="same")(x),
        "stride": lambda _, x: layers.Conv2D(CHANNELS, 2, strides=(2, 1), padding="same")(x),
        "pool": lambda _, x: layers.AveragePooling2D((1, 3), (1, 1), padding="same")(x),
        "dense": lambda _, x: layers.Dense(CHANNELS)(x),
        "batch norm": lambda _, x: layers.BatchNormalization()(x),
        "concatenate 1": lambda _, x: layers.Concatenate(axis=1)([x, x]),
        "concatenate -2": lambda _, x: layers.Concatenate(axis=-2)([x, layers.Dense(CHANNELS)(x)]),
        "softmax 1": lambda _, x: layers.Softmax(axis=1)(x),
        "softmax last": lambda _, x: layers.Softmax()(x),
        "ops softmax 2": lambda _, x: ops.softmax(x, axis=2),
        "layer norm 1": lambda _, x: layers.LayerNormalization(axis=1)(x),
        "layer norm": lambda _, x: layers.LayerNormalization()(x),
        "rms norm 2": lambda _, x: ops.rms_normalization(x, axis=2),
        "unit norm 2": lambda _, x: layers.UnitNormalization(axis=2)(x),
        "group norm": lambda _, x: layers.GroupNormalization(2)(x),
        "ops normalize": lambda _, x: ops.normalize(x, axis=1),
        "row mean": lambda _, x: layers.Add()([x, ops.mean(x, axis=2, keepdims=True)]),
        "column max": lambda _, x: x * ops.max(x, axis=1, keepdims=True),
        "gate": lambda _, x: layers.Multiply()(
            [x, layers.Dense(CHANNELS)(layers.GlobalAveragePooling2D(keepdims=True)(x))]
        ),
        "roll": lambda _, x: ops.roll(x, 2, axis=1),
        "flip": lambda _, x: ops.flip(x, axis=2),
        "cumsum": lambda _, x: ops.cumsum(x, axis=1),
        "sort": lambda _, x: ops.sort(x, axis=2),
        "split": lambda _, x: layers.Add()([split(2)(keras, x), x[:, :, 2:]]),
        "split 1": split(1),
        "slice": lambda _, x: x[:, 1:, ::2],
        "pad": lambda _, x: ops.pad(x, [[0, 0], [2, 0], [0, 1], [0, 0]]),
        "reflect": lambda _, x: ops.pad(x, [[0, 0], [2, 0], [0, 1], [0, 0]], mode="reflect"),
        "repeat": lambda _, x: ops.repeat(x, 2, axis=1),
        "tile": lambda _, x: ops.tile(x, [1, 1, 2, 1]),
        "take": lambda _, x: ops.take(x, [1, 0, 1], axis=1),
        "triangle": lambda _, x: ops.triu(x),
        "zero padding": lambda _, x: layers.ZeroPadding2D(((1, 0), (0, 2)))(x),
        "cropping": lambda _, x: layers.Cropping2D(((1, 0), (0, 1)))(x),
        "up": lambda _, x: layers.UpSampling2D((2, 1))(x),
        "broadcast": lambda _, x: ops.broadcast_to(x[:1, :, :1], (1, x.shape[1], 3, CHANNELS)),
        "permute": lambda _, x: layers.Permute((2, 1, 3))(x),
        "einsum": lambda _, x: layers.EinsumDense("abcd,de->abce", (None, None, CHANNELS))(x),
        "einsum 1": lambda _, x: layers.EinsumDense("abcd,be->aecd", (5, None, CHANNELS))(x),
        "attention": lambda _, x: layers.MultiHeadAttention(1, 3, attention_axes=1)(x, x),
    }


def built(keras: Any, *made: Made) -> Any:
    keras.utils.set_random_seed(1)
    x = start = keras.Input((*SIZE, CHANNELS))
    for step in made:
        x = step(keras, x)
    return keras.Model(start, x)


def names() -> list[str]:
    class Nothing:
        layers = ops = None

    return [name for name in steps(Nothing) if name != "broadcast"]


@pytest.mark.parametrize("name", names())
def test_one_step_behind_a_convolution(name: str) -> None:
    import keras

    pool = steps(keras)
    field = check(built(keras, pool["conv"], pool[name], pool["conv"]))
    assert max(field.receptive_field) <= 2 * max(SIZE)


@pytest.mark.parametrize("seed", range(25))
def test_random_chains(seed: int) -> None:
    import keras

    draw, pool = Random(seed), steps(keras)
    chosen = [pool[draw.choice(names())] for _ in range(draw.randint(2, 5))]
    check(built(keras, *chosen))


# name: the field of the step alone, and its stride
EXACT = {
    "conv": ((3, 2), (1, 1)),
    "softmax 1": ((9, 1), (1, 1)),
    "softmax last": ((1, 1), (1, 1)),
    "ops softmax 2": ((1, 7), (1, 1)),
    "layer norm 1": ((9, 1), (1, 1)),
    "layer norm": ((1, 1), (1, 1)),
    "rms norm 2": ((1, 7), (1, 1)),
    "unit norm 2": ((1, 7), (1, 1)),
    "group norm": ((9, 7), (1, 1)),
    "ops normalize": ((9, 1), (1, 1)),
    "row mean": ((1, 7), (1, 1)),
    "column max": ((9, 1), (1, 1)),
    "gate": ((9, 7), (1, 1)),
    "concatenate 1": ((10, 1), (1, 1)),  # a bound: each position sees one row
    "concatenate -2": ((1, 8), (1, 1)),
    "flip": ((1, 7), None),
    "sort": ((1, 7), None),
    "slice": ((1, 1), (1, 2)),
    "dense": ((1, 1), (1, 1)),
    "triangle": ((1, 1), (1, 1)),
}


@pytest.mark.parametrize("name", EXACT)
def test_the_extent_of_one_step(name: str) -> None:
    import keras

    field = check(built(keras, steps(keras)[name]))
    assert (field.receptive_field, field.effective_stride) == EXACT[name]


def test_what_is_concatenated_along_the_height_does_not_stay_where_it_is() -> None:
    """Row 12 of twice 12 rows sees rows 11, 0 and 1 through a 3x3: no row is left out."""
    import keras

    start = keras.Input((12, 12, 2))
    y = keras.layers.Concatenate(axis=1)([start, start])
    y = keras.layers.Conv2D(2, 3, padding="same")(y)
    field = receptive_fields(graph_of(keras.Model(start, y)))[-1]
    assert field is not None
    assert interval(field, 0, 12) == (-1, 13)  # with no shift 11 to 13, shifted by 12 -1 to 1
    assert interval(field, 1, 5) == (4, 6)
    assert field.receptive_field == (15, 3)


def test_a_map_of_one_column_is_seen_from_all_columns() -> None:
    import keras

    wide, thin = keras.Input((9, 7, 4)), keras.Input((9, 1, 4))
    y = keras.layers.Add()([wide, keras.layers.Conv2D(4, (3, 1), padding="same")(thin)])
    field = receptive_fields(graph_of(keras.Model([wide, thin], y)))[-1]
    assert field is not None
    assert field.axes[0].window == (1, -1, 1)
    assert (field.axes[1].window, field.axes[1].span) == ((1, 0, 0), (0, 0))


def first_models(keras: Any) -> dict[str, Any]:
    conv = keras.layers.Conv2D
    start = keras.Input((CHANNELS, 9, 7))
    same = {"padding": "same", "data_format": "channels_first"}
    behind = conv(CHANNELS, (3, 2), **same)(keras.layers.Rescaling(0.5)(start))
    joined = keras.layers.Concatenate(axis=1)([behind, start])
    made = {
        "rescaling first": behind,
        "joined channels": conv(CHANNELS, 1, **same)(joined),
        "joined rows": conv(CHANNELS, 1, **same)(keras.layers.Concatenate(axis=2)([behind, start])),
        "softmax of channels": conv(CHANNELS, (1, 3), **same)(keras.layers.Softmax(axis=1)(start)),
        "softmax of columns": conv(CHANNELS, (3, 1), **same)(keras.layers.Softmax()(start)),
        "dense on columns": conv(CHANNELS, 1, **same)(keras.layers.Dense(5)(start)),
        "padded": conv(CHANNELS, 1, **same)(keras.ops.pad(start, [[0, 0], [0, 0], [2, 0], [0, 1]])),
        "group norm": conv(CHANNELS, 1, **same)(keras.layers.GroupNormalization(2, axis=1)(start)),
    }
    return {name: keras.Model(start, end) for name, end in made.items()}


@pytest.mark.parametrize(
    ("name", "extent"),
    [
        ("rescaling first", (3, 2)),
        ("joined channels", (3, 2)),
        ("joined rows", (12, 2)),  # three rows, or one nine further
        ("softmax of channels", (1, 3)),
        ("softmax of columns", (3, 7)),
        ("dense on columns", (1, 7)),
        ("padded", (1, 1)),
        ("group norm", (9, 7)),
    ],
)
def test_channels_first_by_what_producers_and_readers_state(
    name: str, extent: tuple[int, int]
) -> None:
    import keras

    field = check(first_models(keras)[name], first=True)
    assert field.receptive_field == extent


def test_a_map_whose_channels_come_first_is_pooled_over_its_rows_and_columns() -> None:
    """3 x 16 x 32 is a map of 16 x 32, also behind a layer that states no format."""
    import keras

    start = keras.Input((3, 16, 32))
    x = keras.layers.Conv2D(4, 3, data_format="channels_first")(keras.layers.Rescaling(0.5)(start))
    x = keras.layers.GlobalAveragePooling2D(data_format="channels_first")(x)
    field = receptive_fields(graph_of(keras.Model(start, x)))[-1]
    assert field is not None
    assert field.receptive_field == (16, 32)


def test_channels_follow_a_transposition() -> None:
    import keras

    start = keras.Input((9, 7, 4))
    x = keras.layers.Permute((3, 1, 2))(keras.layers.Rescaling(0.5)(start))
    x = keras.layers.Softmax(axis=1)(x)
    graph = graph_of(keras.Model(start, x))
    from keraudit.model.spatial import positions

    assert positions(graph) == ((9, 7),) * 4
