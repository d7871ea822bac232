"""Convolutions: shapes and parameters against Keras, counts against arithmetic written out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keraudit.errors import KerauditError
from keraudit.layers.convolution import output_length, transposed_axis, window
from keraudit.model.graph import UNSUPPORTED
from one_layer import answers, flops_of, macs_of, node_of, seen, window_holds
from witness import graph_of, witness

keras = pytest.importorskip("keras")
layers = keras.layers


# --- golden counts ---------------------------------------------------------------------------------


def test_the_lecture_s_5x5() -> None:
    node = node_of(layers.Conv2D(32, 5, padding="same"), (28, 28, 192))
    assert node.effect.macs == 28 * 28 * 5 * 5 * 192 * 32 == 120_422_400
    assert node.effect.other_flops == 28 * 28 * 32  # the bias
    assert [w.elements for w in node.weights] == [5 * 5 * 192 * 32, 32]


def test_the_lecture_s_5x5_through_a_1x1() -> None:
    first = macs_of(layers.Conv2D(16, 1), (28, 28, 192))
    second = macs_of(layers.Conv2D(32, 5, padding="same"), (28, 28, 16))
    assert first == 28 * 28 * 16 * 192 == 2_408_448
    assert second == 28 * 28 * 32 * 5 * 5 * 16 == 10_035_200


def test_same_with_stride_on_an_odd_size() -> None:
    node = node_of(layers.Conv2D(8, 3, strides=2, padding="same"), (7, 9, 4))
    assert node.outputs[0].shape == (1, 4, 5, 8)  # ceil(7 / 2), ceil(9 / 2)
    assert node.effect.macs == 4 * 5 * 3 * 3 * 4 * 8


def test_grouped() -> None:
    node = node_of(layers.Conv2D(12, 3, groups=4, use_bias=False), (10, 10, 8))
    assert node.effect.macs == 8 * 8 * 3 * 3 * (8 // 4) * 12
    assert node.weights[0].shape == (3, 3, 2, 12)
    assert node.effect.other_flops == 0


def test_dilated_has_as_many_taps() -> None:
    node = node_of(layers.Conv2D(8, 3, dilation_rate=2), (11, 11, 4))
    assert node.effect.macs == 7 * 7 * 3 * 3 * 4 * 8  # 11 - 2 (3 - 1) = 7
    assert node.effect.view[0].high == 4


def test_depthwise() -> None:
    node = node_of(layers.DepthwiseConv2D(3, depth_multiplier=2), (8, 8, 5))
    assert node.effect.macs == 6 * 6 * 3 * 3 * 5 * 2
    assert node.effect.other_flops == 6 * 6 * 5 * 2


def test_separable() -> None:
    node = node_of(layers.SeparableConv2D(16, 3, depth_multiplier=2), (8, 8, 5))
    assert node.effect.macs == 6 * 6 * 3 * 3 * 5 * 2 + 6 * 6 * (5 * 2) * 16
    assert node.effect.other_flops == 6 * 6 * 16  # one bias, after the second product


def test_transposed_counts_from_the_input_side() -> None:
    node = node_of(layers.Conv2DTranspose(16, 4, strides=2, padding="same"), (7, 7, 8))
    assert node.outputs[0].shape == (1, 14, 14, 16)
    assert node.effect.macs == 7 * 7 * 4 * 4 * 8 * 16


def test_the_batch_multiplies_and_the_open_batch_counts_as_one() -> None:
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, layers.Conv2D(4, 3)(inputs))
    one = graph_of(model).nodes[-1].effect
    eight = graph_of(model, batch=8).nodes[-1].effect
    assert one.macs == 6 * 6 * 3 * 3 * 3 * 4
    assert (eight.macs, eight.other_flops) == (8 * one.macs, 8 * one.other_flops)


def test_a_shared_layer_costs_per_call_and_weighs_once() -> None:
    shared = layers.Conv2D(4, 3, padding="same")
    inputs = keras.Input((8, 8, 4))
    graph = graph_of(keras.Model(inputs, shared(shared(inputs))))
    answers(graph)
    first, second = graph.nodes[1:]
    assert first.effect.macs == second.effect.macs == 8 * 8 * 3 * 3 * 4 * 4
    assert len(first.weights) == 2
    assert second.weights == ()


def test_the_activation_of_a_layer_is_counted() -> None:
    bias = 6 * 6 * 4
    assert flops_of(layers.Conv2D(4, 3, activation="relu"), (8, 8, 3)) == bias + 6 * 6 * 4
    assert flops_of(layers.Conv2D(4, 3, activation="gelu"), (8, 8, 3)) == bias + 5 * 6 * 6 * 4
    relu6 = layers.ReLU(6.0, negative_slope=0.1)
    assert flops_of(layers.Conv2D(4, 3, activation=relu6), (8, 8, 3)) == bias + 3 * 6 * 6 * 4


def my_own(x):
    return x + 1


def test_an_unknown_activation_makes_a_lower_bound() -> None:
    graph = witness(layers.Conv2D(4, 3, activation=my_own), (8, 8, 3))
    assert graph.nodes[-1].effect.status == UNSUPPORTED
    assert graph.nodes[-1].effect.macs == 6 * 6 * 3 * 3 * 3 * 4


def test_low_rank_adaptation() -> None:
    node = node_of(layers.Conv2D(6, 3, lora_rank=2), (8, 8, 4))
    kernel, a, b, bias = node.weights
    assert (kernel.trainable, bias.trainable) == (False, True)
    assert (a.shape, b.shape) == ((3, 3, 4, 2), (2, 6))


def test_locally_connected_of_keras_2() -> None:
    config = {"name": "l", "filters": 6, "kernel_size": [3, 3], "strides": [1, 1]}
    config |= {"padding": "valid", "use_bias": True, "activation": "linear"}
    from keraudit.layers.infer import effect_of
    from keraudit.model.graph import Layer, Tensor

    layer = Layer(name="l", kind="LocallyConnected2D", config=config)
    effect = effect_of(layer, (Tensor((1, 8, 8, 3), "float32"),))
    assert effect.outputs == ((1, 6, 6, 6),)
    assert effect.macs == 6 * 6 * 3 * 3 * 3 * 6
    assert [w.elements for w in effect.weights] == [36 * 27 * 6, 36 * 6]
    # whole maps; the same taps as a list; without those outside the map: 8 + 6 x 9 + ... of an axis
    for changes, kernel in (
        ({"implementation": 2}, 8 * 8 * 3 * 6 * 6 * 6),
        ({"implementation": 3}, 36 * 27 * 6),
        ({"implementation": 3, "padding": "same"}, (8 * 3 - 2) ** 2 * 3 * 6),
    ):
        layer = Layer(name="l", kind="LocallyConnected2D", config={**config, **changes})
        effect = effect_of(layer, (Tensor((1, 8, 8, 3), "float32"),))
        assert effect.weights[0].elements == kernel


# --- Keras as the witness ----------------------------------------------------------------------------

SIZES = {1: (13,), 2: (13, 10), 3: (9, 8, 7)}
OPTIONS = [
    {"kernel_size": 3},
    {"kernel_size": 1, "strides": 2},
    {"kernel_size": 4, "padding": "same"},
    {"kernel_size": 3, "strides": 2, "padding": "same"},
    {"kernel_size": 2, "strides": 3},
    {"kernel_size": 3, "dilation_rate": 2},
    {"kernel_size": 3, "dilation_rate": 2, "padding": "same", "use_bias": False},
]
FORMATS = ["channels_last", "channels_first"]


def shape_of(rank: int, channels: int, data_format: str) -> tuple[int, ...]:
    spatial = SIZES[rank]
    return (channels, *spatial) if data_format == "channels_first" else (*spatial, channels)


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_plain(rank: int, options: dict, data_format: str) -> None:
    if "dilation_rate" in options and options.get("padding") == "same" and rank == 3:
        pytest.skip("TensorFlow on a CPU cannot build it")
    layer = getattr(layers, f"Conv{rank}D")(6, data_format=data_format, **options)
    node = node_of(layer, shape_of(rank, 4, data_format))
    taps = options["kernel_size"] ** rank
    assert node.effect.macs == node.outputs[0].elements * taps * 4


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("rank", [1, 2])
@pytest.mark.parametrize("kind", ["DepthwiseConv", "SeparableConv"])
def test_depthwise_and_separable(kind: str, rank: int, options: dict) -> None:
    filters = (6,) if kind == "SeparableConv" else ()
    layer = getattr(layers, f"{kind}{rank}D")(*filters, depth_multiplier=2, **options)
    node_of(layer, shape_of(rank, 3, "channels_last"))


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("strides", [1, 2, 3])
@pytest.mark.parametrize("kernel", [1, 2, 3, 5])
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_transposed(rank: int, kernel: int, strides: int, padding: str, data_format: str) -> None:
    kind = getattr(layers, f"Conv{rank}DTranspose")
    layer = kind(5, kernel, strides=strides, padding=padding, data_format=data_format)
    node_of(layer, shape_of(rank, 2, data_format))


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("extra", [0, 1, (1, 0)])
@pytest.mark.parametrize("kernel", [2, 3, 5])
def test_transposed_with_output_padding(kernel: int, extra: int, padding: str) -> None:
    layer = layers.Conv2DTranspose(5, kernel, strides=2, padding=padding, output_padding=extra)
    node_of(layer, (7, 6, 2))


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("dilation", [2, 3])
def test_transposed_with_dilation(dilation: int, padding: str) -> None:
    layer = layers.Conv2DTranspose(5, 3, padding=padding, dilation_rate=dilation)
    node_of(layer, (7, 6, 2))


def test_causal() -> None:
    node = node_of(layers.Conv1D(4, 3, padding="causal", dilation_rate=2), (10, 2))
    assert node.outputs[0].shape == (1, 10, 4)
    assert node.effect.view[0][1:] == (-4, 0)  # no position sees its future


def test_aliases_have_rows() -> None:
    node_of(layers.Convolution2DTranspose(4, 3), (8, 8, 2))
    node_of(layers.SeparableConvolution1D(4, 3), (8, 2))


# --- windows -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("padding", ["valid", "same", "causal"])
@pytest.mark.parametrize(
    ("kernel", "stride", "dilation"), [(3, 1, 1), (4, 2, 1), (3, 1, 2), (5, 3, 1)]
)
def test_a_convolution_s_window_is_what_it_reads(
    padding: str, kernel: int, stride: int, dilation: int
) -> None:
    layer = layers.Conv1D(
        1, kernel, strides=stride, padding=padding, dilation_rate=dilation, use_bias=False
    )
    view = window(17, kernel, stride, padding, dilation)
    assert window_holds(view, seen(layer, 17)) == (view.low, view.high)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (4, 2), (2, 2), (5, 3), (3, 2), (2, 3)])
def test_a_transposed_window_holds_what_is_read(padding: str, kernel: int, stride: int) -> None:
    layer = layers.Conv1DTranspose(1, kernel, strides=stride, padding=padding, use_bias=False)
    length, view = transposed_axis(11, kernel, stride, padding, None)
    reads = seen(layer, 11)
    assert len(reads) == length
    low, high = window_holds(view, reads)
    if kernel >= stride:  # otherwise gaps that read nothing hide the ends
        assert (low, high) == (view.low, view.high)


# --- properties --------------------------------------------------------------------------------------


@given(
    size=st.integers(1, 60),
    kernel=st.integers(1, 7),
    stride=st.integers(1, 4),
    padding=st.sampled_from(["valid", "same"]),
    dilation=st.integers(1, 3),
)
def test_output_length_is_keras_s(
    size: int, kernel: int, stride: int, padding: str, dilation: int
) -> None:
    from keras.src.ops.operation_utils import compute_conv_output_shape

    if padding == "valid" and dilation * (kernel - 1) + 1 > size:
        assert output_length(size, kernel, stride, padding, dilation) <= 0
        return
    shape = compute_conv_output_shape(
        (None, size, 1), 1, (kernel,), stride, padding, "channels_last", dilation
    )
    assert output_length(size, kernel, stride, padding, dilation) == shape[1]


@given(
    size=st.integers(1, 60),
    kernel=st.integers(1, 7),
    stride=st.integers(1, 5),
    padding=st.sampled_from(["valid", "same"]),
    extra=st.one_of(st.none(), st.integers(0, 3)),
    dilation=st.integers(1, 3),
)
def test_transposed_length_is_keras_s(
    size: int, kernel: int, stride: int, padding: str, extra: int | None, dilation: int
) -> None:
    from keras.src.backend.common.backend_utils import _get_output_shape_given_tf_padding

    stated = _get_output_shape_given_tf_padding(size, kernel, stride, padding, extra, dilation)
    reach = dilation * (kernel - 1) + 1
    assert transposed_axis(size, reach, stride, padding, extra)[0] == stated


@given(batch=st.integers(1, 9), groups=st.sampled_from([1, 2, 4]), filters=st.integers(1, 4))
def test_macs_grow_with_the_batch_and_shrink_with_groups(
    batch: int, groups: int, filters: int
) -> None:
    from keraudit.layers.infer import effect_of
    from keraudit.model.graph import Layer, Tensor

    config = {"filters": 4 * filters, "kernel_size": 3, "groups": groups}
    layer = Layer(name="c", kind="Conv2D", config=config)
    effect = effect_of(layer, (Tensor((batch, 9, 9, 8), "float32"),))
    assert effect.macs == batch * 7 * 7 * 9 * 8 * 4 * filters // groups
    assert effect.macs == 7 * 7 * batch * effect.weights[0].elements


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kernel_size": 3, "filters": 5, "groups": 2}, "must divide"),
        ({"kernel_size": [3, 3, 3], "filters": 5}, "expected 2 whole numbers"),
        ({"kernel_size": 3, "filters": 5, "padding": "full"}, "padding must be"),
        ({"kernel_size": 3, "filters": 5, "strides": 0}, "from 1"),
    ],
)
def test_a_bad_config_is_told(options: dict, message: str) -> None:
    from keraudit.layers.infer import effect_of
    from keraudit.model.graph import Layer, Tensor

    layer = Layer(name="c", kind="Conv2D", config=options)
    with pytest.raises(KerauditError, match=message):
        effect_of(layer, (Tensor((1, 9, 9, 8), "float32"),))
