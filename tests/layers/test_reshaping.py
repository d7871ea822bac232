"""Layers that move elements, and maps at another size."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keraudit.errors import KerauditError
from keraudit.layers.infer import effect_of
from keraudit.layers.resampling import proportioned, resample_window, taps_of
from keraudit.model.graph import GLOBAL, POINTWISE, UNSUPPORTED, Layer, Tensor, Window
from one_layer import node_of, seen, window_holds

keras = pytest.importorskip("keras")
layers = keras.layers

FORMATS = ["channels_last", "channels_first"]


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("shape", [(5,), (5, 6), (5, 6, 7), (1, 1, 8)])
def test_flatten(shape, data_format: str) -> None:
    node_of(layers.Flatten(data_format=data_format), shape)


@pytest.mark.parametrize(
    ("target", "shape"),
    [((-1,), (5, 6)), ((5, -1), (10, 3)), ((3, 2, 5), (30,)), ((1, 1, 8), (8,)), ((-1, 8), (4, 6))],
)
def test_reshape(target, shape) -> None:
    assert node_of(layers.Reshape(target), shape).effect.view == GLOBAL


def test_reshape_to_itself_moves_nothing() -> None:
    assert node_of(layers.Reshape((5, 6)), (5, 6)).effect.view == POINTWISE


@pytest.mark.parametrize("dims", [(1, 2, 3), (3, 1, 2), (2, 1, 3)])
def test_permute(dims) -> None:
    node = node_of(layers.Permute(dims), (4, 5, 6))
    assert node.effect.view == (POINTWISE if dims == (1, 2, 3) else GLOBAL)


def test_repeat_vector() -> None:
    assert node_of(layers.RepeatVector(4), (7,)).outputs[0].shape == (1, 4, 7)


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("padding", [1, (2, 3), ((0, 1), (2, 3))])
def test_zero_padding_2d(padding, data_format: str) -> None:
    node_of(layers.ZeroPadding2D(padding, data_format=data_format), (7, 8, 9))


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("padding", [1, (2, 3)])
def test_zero_padding_1d(padding, data_format: str) -> None:
    node_of(layers.ZeroPadding1D(padding, data_format=data_format), (7, 8))


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("padding", [1, (1, 2, 3), ((0, 1), (2, 3), (1, 0))])
def test_zero_padding_3d(padding, data_format: str) -> None:
    node_of(layers.ZeroPadding3D(padding, data_format=data_format), (7, 8, 9, 10))


@pytest.mark.parametrize("data_format", FORMATS)
def test_cropping(data_format: str) -> None:
    node_of(layers.Cropping1D((1, 2)), (7, 8))
    for cropping in (1, (1, 2), ((0, 1), (2, 3))):
        node_of(layers.Cropping2D(cropping, data_format=data_format), (8, 8, 9))
    for cropping in (1, (1, 2, 3), ((0, 1), (2, 3), (1, 0))):
        node_of(layers.Cropping3D(cropping, data_format=data_format), (7, 8, 9, 10))


def test_padding_and_cropping_shift_the_view() -> None:
    node = node_of(layers.ZeroPadding2D(((3, 1), (2, 0))), (7, 8, 9))
    assert node.effect.view == (Window(1, -3, -3), Window(1, -2, -2))
    node = node_of(layers.Cropping2D(((3, 1), (2, 0))), (7, 8, 9))
    assert node.effect.view == (Window(1, 3, 3), Window(1, 2, 2))


@pytest.mark.parametrize("data_format", FORMATS)
def test_up_sampling_by_repetition_is_free(data_format: str) -> None:
    node_of(layers.UpSampling1D(3), (5, 4))
    node = node_of(layers.UpSampling2D((2, 3), data_format=data_format), (5, 6, 4))
    assert (node.effect.macs, node.effect.other_flops) == (0, 0)
    node_of(layers.UpSampling3D((1, 2, 3), data_format=data_format), (5, 6, 7, 4))


def test_bilinear_up_sampling_has_no_macs() -> None:
    node = node_of(layers.UpSampling2D(2, interpolation="bilinear"), (5, 6, 4))
    assert node.effect.macs == 0
    assert node.effect.other_flops == 10 * 12 * 4 * (4 + 3)  # 4 products, 3 sums
    node = node_of(layers.UpSampling2D((2, 1), interpolation="bilinear"), (5, 6, 4))
    assert node.effect.other_flops == 10 * 6 * 4 * (2 + 1)  # one axis stays
    node = node_of(layers.UpSampling2D(2, interpolation="bicubic"), (5, 6, 4))
    assert node.effect.other_flops == 10 * 12 * 4 * (16 + 15)


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize(
    "options", [{}, {"crop_to_aspect_ratio": True}, {"pad_to_aspect_ratio": True}]
)
def test_resizing(options: dict, data_format: str) -> None:
    shape = (3, 9, 20) if data_format == "channels_first" else (9, 20, 3)
    layer = layers.Resizing(6, 12, data_format=data_format, **options)
    node = node_of(layer, shape)
    assert node.effect.other_flops == 6 * 12 * 3 * 7


def test_resizing_by_nearest_neighbour_and_to_the_same_size_is_free() -> None:
    assert node_of(layers.Resizing(6, 12, interpolation="nearest"), (9, 20, 3)).effect.terms == ()
    assert node_of(layers.Resizing(9, 20), (9, 20, 3)).effect.terms == ()


def test_center_crop() -> None:
    node = node_of(layers.CenterCrop(4, 6), (9, 20, 3))
    assert node.effect.view == (Window(1, 2, 2), Window(1, 7, 7))
    node = node_of(layers.CenterCrop(12, 6), (9, 20, 3))  # too low: the middle 9x4, resized
    assert node.effect.other_flops == 12 * 6 * 3 * 7


def test_identities() -> None:
    assert node_of(layers.Identity(), (5,)).effect.reason == "identity, no arithmetic"
    assert node_of(layers.Masking(0.0), (5, 6)).effect.other_flops == 5 * 6


def test_integers_stay_integers_where_nothing_is_computed() -> None:
    for layer in (
        layers.Flatten(),
        layers.ZeroPadding2D(),
        layers.UpSampling2D(),
        layers.Dropout(0.5),
    ):
        assert node_of(layer, (5, 6, 3), dtype="uint8").outputs[0].dtype == "uint8"


def test_the_base_class_is_not_counted_in_silence() -> None:
    effect = effect_of(Layer(name="l", kind="Layer", config={}), (Tensor((1, 4), "float32"),))
    assert effect.status == UNSUPPORTED
    assert "base class" in effect.reason


# --- windows -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layer", "view"),
    [
        (lambda: layers.ZeroPadding1D((3, 1)), Window(1, -3, -3)),
        (lambda: layers.Cropping1D((3, 1)), Window(1, 3, 3)),
        (lambda: layers.UpSampling1D(3), Window(Fraction(1, 3), Fraction(-2, 3), 0)),
        (
            lambda: layers.UpSampling2D((4, 1), interpolation="bilinear"),
            resample_window(11, 44, "bilinear"),
        ),
    ],
)
def test_a_window_is_what_is_read(layer, view: Window) -> None:
    low, high = window_holds(view, seen(layer(), 11))
    assert (low, high) == (view.low, view.high)


@pytest.mark.parametrize("method", ["nearest", "bilinear", "bicubic"])
@pytest.mark.parametrize("out", [3, 5, 6, 7, 11, 12, 13, 18, 24, 30])
@pytest.mark.parametrize("antialias", [False, True])
def test_a_resized_window_holds_what_is_read(method: str, out: int, antialias: bool) -> None:
    layer = layers.Resizing(out, 1, interpolation=method, antialias=antialias)
    view = resample_window(12, out, method, antialias)
    low, high = window_holds(view, seen(layer, 12))
    if method != "bicubic" and not (antialias and out < 12):  # at most one neighbour too wide
        assert low - view.low < 1
        assert view.high - high < 1


@pytest.mark.parametrize("options", [{"crop_to_aspect_ratio": True}, {"pad_to_aspect_ratio": True}])
@pytest.mark.parametrize(("height", "width"), [(6, 12), (5, 3), (8, 8)])
def test_a_cropped_or_padded_window_holds_what_is_read(
    height: int, width: int, options: dict
) -> None:
    import numpy as np

    size, wide = 13, 10
    layer = layers.Resizing(height, width, interpolation="bilinear", **options)
    images = np.repeat(np.eye(size, dtype="float32")[:, :, None, None], wide, axis=2)
    traces = keras.ops.convert_to_numpy(layer(images))
    traces = np.abs(traces[:, :, width // 2, 0]) > 1e-6
    reads = {x: list(np.flatnonzero(traces[:, x])) for x in range(height)}
    config = {"height": height, "width": width, **options}
    view = effect_of(
        Layer(name="r", kind="Resizing", config=config), (Tensor((1, size, wide, 1), "float32"),)
    ).view
    window_holds(view[0], reads)


@given(size=st.integers(1, 40), factor=st.integers(1, 6))
def test_a_whole_factor_repeats(size: int, factor: int) -> None:
    view = resample_window(size, size * factor, "nearest")
    assert view == Window(Fraction(1, factor), Fraction(1 - factor, factor), 0)


@given(size=st.integers(1, 40), out=st.integers(1, 40))
def test_nearest_reads_the_pixel_under_the_centre(size: int, out: int) -> None:
    view, scale = resample_window(size, out, "nearest"), Fraction(size, out)
    reads = [(2 * x + 1) * size // (2 * out) - x * scale for x in range(out)]
    assert view.low == min(reads)
    assert view.high == max(reads)


@given(size=st.integers(1, 30), out=st.integers(1, 30))
def test_taps(size: int, out: int) -> None:
    assert taps_of(size, out, "nearest") == 1
    assert taps_of(size, out, "bilinear") == (1 if size == out else 2)
    assert taps_of(size, out, "bilinear", True) >= taps_of(size, out, "bilinear")


@given(*[st.integers(1, 40)] * 4)
def test_a_crop_lies_inside_and_a_frame_outside(h: int, w: int, th: int, tw: int) -> None:
    starts, used = proportioned((h, w), (th, tw), min)
    assert all(s >= 0 and s + u <= n for s, u, n in zip(starts, used, (h, w), strict=True))
    starts, used = proportioned((h, w), (th, tw), max)
    assert all(s <= 0 and s + u >= n for s, u, n in zip(starts, used, (h, w), strict=True))


# --- bad configs -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "config", "message"),
    [
        ("Reshape", {"target_shape": [7, -1]}, "must hold the 120 elements"),
        ("Reshape", {"target_shape": [0, -1]}, "must hold"),
        ("Reshape", {"target_shape": [-1, -1]}, "must hold"),
        ("Permute", {"dims": [1, 2]}, "in some order"),
        ("RepeatVector", {"n": 3}, "rank 2"),
        ("ZeroPadding2D", {"padding": [1, 2, 3]}, "one entry for each of 2 axes"),
        ("ZeroPadding2D", {"padding": -1}, "must not be negative"),
        ("Cropping3D", {"cropping": 1}, "rank 5"),
        ("UpSampling2D", {"size": 0}, "size must be from 1"),
        ("UpSampling2D", {"size": 2, "interpolation": "magic"}, "interpolation must be one of"),
        ("Resizing", {"height": 0, "width": 3}, "height must be from 1"),
        ("InputLayer", {"batch_shape": [None, None]}, "known size"),
    ],
)
def test_a_bad_config_is_told(kind: str, config: dict, message: str) -> None:
    layer = Layer(name="r", kind=kind, config=config)
    with pytest.raises(KerauditError, match=message):
        effect_of(layer, (Tensor((1, 4, 5, 6), "float32"),))


def test_a_crop_that_leaves_nothing_asks_for_a_larger_input() -> None:
    from keraudit.errors import ShapeError
    from witness import graph_of

    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, layers.Cropping2D(4)(inputs))
    with pytest.raises(ShapeError, match="too small"):
        graph_of(model, input_shapes=[(8, 9, 3)])
