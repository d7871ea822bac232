"""Operations: Keras is the witness for shapes and dtypes; the counts are worked by hand."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers, ops

from keraudit.layers.operations.rule_table import OPERATIONS
from keraudit.model.graph import all_along
from witness import agree, graph_of

B = 2
MAP, VEC, SEQ = (8, 6, 3), (12,), (5, 8)


def run(function, *shapes, dtype="float32"):
    """Record ``function`` of fresh inputs; compare every output with Keras; the last node's effect."""
    inputs = [keras.Input(batch_shape=(B, *shape), dtype=dtype) for shape in shapes]
    outputs = keras.tree.flatten(function(*inputs))
    graph = graph_of(keras.Model(inputs, outputs))
    made = [graph.nodes[r.call].outputs[r.output] for r in graph.architecture.outputs]
    assert [t.shape for t in made] == [tuple(t.shape) for t in outputs]
    assert [t.dtype for t in made] == [t.dtype for t in outputs]
    assert not [n.name for n in graph.nodes if n.effect.status == "unsupported"]
    return graph.nodes[-1].effect


UNARY = (
    "abs negative sign square sqrt reciprocal exp expm1 log log2 log10 log1p sin cos tan sinh cosh"
    " tanh arcsin arccos arctan arcsinh arccosh arctanh ceil floor round trunc erf rsqrt"
    " relu relu6 sigmoid sparse_sigmoid softplus softsign soft_shrink sparse_plus silu squareplus"
    " log_sigmoid leaky_relu hard_sigmoid hard_silu elu selu gelu celu tanh_shrink hard_tanh"
    " hard_shrink softmax log_softmax sparsemax isnan isinf isfinite logical_not stop_gradient copy"
    " zeros_like ones_like nan_to_num sort cumsum cumprod"
).split()


@pytest.mark.parametrize("name", UNARY)
def test_one_operand(name):
    if name == "cumsum":
        effect = run(lambda x: ops.cumsum(x, axis=1), MAP)
    else:
        effect = run(getattr(ops, name), MAP)
    assert effect.macs == 0
    assert effect.other_flops or effect.reason


BINARY = (
    "add subtract multiply divide true_divide floor_divide mod power maximum minimum arctan2 equal"
    " not_equal greater greater_equal less less_equal logical_and logical_or logical_xor logaddexp"
).split()


@pytest.mark.parametrize("name", BINARY)
def test_two_operands(name):
    function = getattr(ops, name)
    one = run(function, MAP, (1, 1, 3))
    assert one.other_flops == B * 8 * 6 * 3 * (4 if name == "logaddexp" else 1)
    assert one.view == "pointwise"
    run(lambda x: function(x, 2.0), MAP)
    run(lambda x: function(x, np.ones((6, 1), "float32")), MAP)
    run(lambda x: function(np.ones((5, 1, 1, 1), "float32"), x[0]), MAP)


def test_integers_meet_floats():
    run(lambda x: x * 2, VEC, dtype="int32")
    run(lambda x: x * 2.0, VEC, dtype="int32")
    run(lambda x: ops.cast(x, "float16") + x, VEC, dtype="bfloat16")
    run(lambda x: ops.mean(x), VEC, dtype="int32")


REDUCTIONS = "sum prod max min amax amin mean var std any all logsumexp argmax argmin".split()


@pytest.mark.parametrize("name", REDUCTIONS)
@pytest.mark.parametrize("axis", [None, -1, 1, (1, 2)])
@pytest.mark.parametrize("keepdims", [True, False])
def test_reductions(name, axis, keepdims):
    if name.startswith("arg") and isinstance(axis, tuple):
        pytest.skip("one axis only")
    effect = run(lambda x: getattr(ops, name)(x, axis=axis, keepdims=keepdims), MAP)
    axes = {-1: (3,), 1: (1,), (1, 2): (1, 2), None: (0, 1, 2, 3)}[axis]
    assert effect.view == (all_along(*axes) if keepdims else "global")


def test_reduction_counts():
    n = B * 8 * 6 * 3
    assert run(lambda x: ops.sum(x, axis=(1, 2)), MAP).other_flops == n
    assert run(lambda x: ops.mean(x, axis=(1, 2)), MAP).other_flops == n + B * 3
    assert run(lambda x: ops.var(x, axis=-1), MAP).other_flops == 4 * n + 2 * B * 8 * 6
    assert run(lambda x: ops.count_nonzero(x, axis=1), MAP).other_flops == n
    assert run(lambda x: ops.norm(x, axis=-1), MAP).other_flops == 2 * n + B * 8 * 6
    assert run(lambda x: ops.moments(x, axes=[1]), MAP).other_flops == 4 * n + 2 * B * 6 * 3


MOVES = [
    lambda x: ops.reshape(x, (-1, 3)),
    lambda x: ops.reshape(x, (B, 48, 3)),
    lambda x: ops.reshape(x, (B, -1)),
    lambda x: ops.ravel(x),
    lambda x: ops.transpose(x),
    lambda x: ops.transpose(x, (0, 3, 1, 2)),
    lambda x: ops.swapaxes(x, 1, -1),
    lambda x: ops.moveaxis(x, -1, 1),
    lambda x: ops.moveaxis(x, [1, 2], [3, 1]),
    lambda x: ops.expand_dims(x, 1),
    lambda x: ops.expand_dims(x, -1),
    lambda x: ops.expand_dims(x, (0, -1)),
    lambda x: ops.squeeze(ops.expand_dims(x, 1), 1),
    lambda x: ops.squeeze(ops.expand_dims(x, (1, 2))),
    lambda x: ops.concatenate([x, x], axis=-1),
    lambda x: ops.concatenate([x, ops.zeros((B, 8, 6, 2))], axis=-1),
    lambda x: ops.append(x, x, axis=1),
    lambda x: ops.append(x, x),
    lambda x: ops.stack([x, x, x]),
    lambda x: ops.stack([x, x], axis=-1),
    lambda x: ops.split(x, 3, axis=-1),
    lambda x: ops.split(x, [2, 5], axis=1),
    lambda x: ops.array_split(x, 3, axis=1),
    lambda x: ops.unstack(x, axis=-1),
    lambda x: ops.repeat(x, 2, axis=1),
    lambda x: ops.repeat(x, 2),
    lambda x: ops.repeat(x, [1, 2, 3], axis=3),
    lambda x: ops.tile(x, (1, 2, 1, 3)),
    lambda x: ops.tile(x, 2),
    lambda x: ops.broadcast_to(x[:, :1], (B, 4, 6, 3)),
    lambda x: ops.pad(x, 1),
    lambda x: ops.pad(x, ((0, 0), (1, 2), (3, 0), (0, 0))),
    lambda x: ops.pad(x, ((1, 2),)),
    lambda x: ops.rearrange(x, "b (h p) w c -> b h w (p c)", p=2),
    lambda x: ops.rearrange(x, "b h w c -> b (h w) c"),
    lambda x: ops.roll(x, 1, axis=1),
    lambda x: ops.flip(x, axis=1),
    lambda x: ops.tril(x),
    lambda x: ops.cast(x, "float16"),
    lambda x: ops.cast(x, "bool"),
    lambda x: ops.where(x > 0, x, 0.0),
    lambda x: ops.where(x > 0, x, x[:, :1]),
    lambda x: ops.take(x, [0, 2], axis=1),
    lambda x: ops.take(x, 1, axis=-1),
    lambda x: ops.take(x, np.array([[0, 1], [2, 0]]), axis=-1),
    lambda x: ops.take_along_axis(x, ops.argmax(x, axis=-1, keepdims=True), axis=-1),
    lambda x: ops.argsort(x),
    lambda x: ops.top_k(x, 2)[0],
    lambda x: ops.diagonal(x, axis1=1, axis2=2),
    lambda x: ops.full_like(x, 3.0),
    lambda x: ops.slice(x, (0, 0, 0, 0), (B, 2, 3, 1)),
]


@pytest.mark.parametrize("function", MOVES)
def test_movements_are_free_with_a_reason(function):
    effect = run(function, MAP)
    assert effect.status == "zero"
    assert effect.reason


def test_views_of_movements():
    from keraudit.model.graph import Along, Window, laid_along, statistics_along

    one, two = Window(2, 1, 1), Window(1, 2, 2)
    assert run(lambda x: x[:, 1::2, 2:], MAP).view == Along(((1, one), (2, two)))
    assert run(lambda x: x[:, :, 1:], MAP).view == Along(((2, Window(1, 1, 1)),))
    assert run(lambda x: x[:, ::-1], MAP).view == all_along(1)
    padded = run(lambda x: ops.pad(x, ((0, 0), (1, 2), (3, 0), (0, 0))), MAP)
    assert padded.view == Along(((1, Window(1, -1, -1)), (2, Window(1, -3, -3))))
    assert run(lambda x: ops.concatenate([x, x], -1), MAP).view == laid_along(3, [3, 3])
    assert run(lambda x: ops.concatenate([x, x], 1), MAP).view == laid_along(1, [8, 8])
    assert run(lambda x: ops.softmax(x, axis=1), MAP).view == statistics_along(1)
    assert run(lambda x: ops.flip(x, axis=(1, 2)), MAP).view == all_along(1, 2)
    assert run(lambda x: ops.cumsum(x, axis=2), MAP).view == statistics_along(2)


SUBSCRIPTS = [
    lambda x: x[0],
    lambda x: x[:, -1],
    lambda x: x[1, 2, 3, 1],
    lambda x: x[..., 0],
    lambda x: x[:, None],
    lambda x: x[:, 1:-1, ::2],
    lambda x: x[..., None, 1:],
    lambda x: x[:, 0, ..., None, 1:3],
    lambda x: x[:, ::-1],
    lambda x: x[:, 5:1:-2],
]


@pytest.mark.parametrize("function", SUBSCRIPTS)
def test_subscripts(function):
    assert run(function, MAP).status == "zero"


PRODUCTS = [
    (ops.matmul, (4, 5), (5, 6), B * 4 * 5 * 6),
    (ops.matmul, (3, 4, 5), (3, 5, 6), B * 3 * 4 * 5 * 6),
    (ops.matmul, (1, 4, 5), (3, 5, 6), B * 3 * 4 * 5 * 6),
    (lambda x, y: ops.dot(x, y), (4, 5), (5, 6), B * 4 * 5 * B * 6),
    (lambda x, y: ops.tensordot(x, y, axes=[[2], [1]]), (4, 5), (5, 6), B * 4 * 5 * B * 6),
    (lambda x, y: ops.inner(x, y), (4, 5), (3, 5), B * 4 * 5 * B * 3),
    (lambda x, y: ops.einsum("bij,bjk->bik", x, y), (4, 5), (5, 6), B * 4 * 5 * 6),
    (lambda x, y: ops.einsum("...hd,...kd->...hk", x, y), (7, 4, 5), (7, 6, 5), B * 7 * 4 * 5 * 6),
    (lambda x, y: x @ ops.transpose(y, (0, 2, 1)), (4, 5), (6, 5), B * 4 * 5 * 6),
]


@pytest.mark.parametrize(("function", "one", "two", "macs"), PRODUCTS)
def test_products(function, one, two, macs):
    effect = run(function, one, two)
    assert effect.macs == macs
    assert [t.operands for t in effect.terms] == [2]
    assert effect.view == "global"


def test_products_with_a_constant():
    kernel = np.ones((8, 7), "float32")
    effect = run(lambda x: ops.matmul(x, kernel), SEQ)
    assert (effect.macs, effect.terms[0].operands) == (B * 5 * 8 * 7, 1)
    assert run(lambda x: ops.matmul(x, np.ones((8,), "float32")), SEQ).macs == B * 5 * 8
    assert run(lambda x: ops.tensordot(x, kernel, 1), SEQ).macs == B * 5 * 8 * 7
    assert run(lambda x: ops.dot(x, kernel), SEQ).macs == B * 5 * 8 * 7
    assert run(lambda x: ops.outer(x, x), VEC).other_flops == (B * 12) ** 2


def test_einsum_that_sums_nothing_is_elementwise():
    effect = run(lambda x: ops.einsum("btd,btd->btd", x, x), SEQ)
    assert (effect.macs, effect.other_flops) == (0, B * 5 * 8)
    assert run(lambda x: ops.einsum("btd->bd", x), SEQ).other_flops == B * 5 * 8
    assert run(lambda x: ops.einsum("btd->dbt", x), SEQ).other_flops == 0


def test_einsum_of_three_is_honest():
    x = keras.Input(batch_shape=(B, 4))
    graph = graph_of(keras.Model(x, ops.einsum("bi,bi,bj->bj", x, x, x)))
    assert graph.nodes[-1].effect.status == "unsupported"
    assert graph.nodes[-1].outputs[0].shape == (B, 4)


def test_dot_product_attention():
    effect = run(ops.dot_product_attention, (6, 4, 16), (9, 4, 16), (9, 4, 16))
    scores = B * 4 * 6 * 9
    assert effect.macs == 2 * scores * 16
    assert effect.other_flops == scores * (1 + 5)


CONVOLUTIONS = [
    (lambda x: ops.conv(x, np.ones((3, 3, 3, 5))), 6 * 4 * 9 * 3 * 5),
    (lambda x: ops.conv(x, np.ones((3, 3, 3, 5)), strides=2, padding="same"), 4 * 3 * 9 * 3 * 5),
    (lambda x: ops.conv(x, np.ones((3, 3, 3, 5)), dilation_rate=2), 4 * 2 * 9 * 3 * 5),
    (lambda x: ops.depthwise_conv(x, np.ones((3, 3, 3, 2))), 6 * 4 * 9 * 3 * 2),
    (
        lambda x: ops.separable_conv(x, np.ones((3, 3, 3, 2)), np.ones((1, 1, 6, 5))),
        6 * 4 * (9 * 3 * 2 + 6 * 5),
    ),
    (lambda x: ops.conv_transpose(x, np.ones((3, 3, 5, 3)), strides=2), 8 * 6 * 9 * 3 * 5),
]


@pytest.mark.parametrize(("function", "macs"), CONVOLUTIONS)
def test_convolutions(function, macs):
    effect = run(function, MAP)
    assert effect.macs == B * macs
    assert effect.weights == ()
    assert all(t.operands == 1 for t in effect.terms)
    assert isinstance(effect.view, tuple)


def test_a_kernel_that_is_an_activation():
    x, k = keras.Input(batch_shape=(B, 8, 6, 3)), keras.Input(batch_shape=(3, 3, 3, 5))
    graph = graph_of(keras.Model([x, k], ops.conv(x, k)))
    assert [t.operands for t in graph.nodes[-1].effect.terms] == [2]


OTHERS = [
    lambda x: ops.max_pool(x, 2),
    lambda x: ops.max_pool(x, (3, 2), strides=1, padding="same"),
    lambda x: ops.average_pool(x, 2, strides=2, padding="SAME"),
    lambda x: ops.adaptive_average_pool(x, (2, 3), data_format="channels_first"),
    lambda x: ops.adaptive_max_pool(x, (2, 3), data_format="channels_first"),
    lambda x: ops.normalize(x, axis=-1),
    lambda x: ops.layer_normalization(x, gamma=np.ones(3, "float32")),
    lambda x: ops.rms_normalization(x, scale=np.ones(3, "float32")),
    lambda x: ops.batch_normalization(x, np.zeros(3), np.ones(3), axis=-1),
    lambda x: ops.image.resize(x, (4, 4)),
    lambda x: ops.image.resize(x, (16, 12), interpolation="nearest"),
    lambda x: ops.image.resize(x[0], (16, 12), interpolation="bicubic", antialias=True),
    lambda x: ops.image.pad_images(x, 1, 2, target_height=12, target_width=12),
    lambda x: ops.image.crop_images(x, 1, 2, target_height=3, target_width=3),
    lambda x: ops.image.rgb_to_grayscale(x),
    lambda x: ops.image.extract_patches(x, (2, 2)),
    lambda x: ops.image.extract_patches(x, (3, 3), strides=(1, 1), padding="same"),
    lambda x: ops.space_to_depth(x, 2),
    lambda x: ops.depth_to_space(ops.space_to_depth(x, 2), 2),
    lambda x: ops.clip(x, 0, 1),
    lambda x: ops.glu(ops.concatenate([x, x], -1)),
    lambda x: keras.activations.relu(x, negative_slope=0.2, threshold=0.1, max_value=6.0),
    lambda x: ops.image.resize(x, (4, 4), crop_to_aspect_ratio=True),
    lambda x: ops.isclose(x, x),
]


@pytest.mark.parametrize("function", OTHERS)
def test_others(function):
    run(function, MAP)


def test_one_hot_and_meshgrid():
    run(lambda x: ops.one_hot(x, 10), (5,), dtype="int32")
    run(lambda x: ops.one_hot(x, 10, axis=1), (5,), dtype="int32")
    run(lambda x: ops.take(np.ones((100, 16), "float32"), x, axis=0), (5,), dtype="int32")


def test_a_transformer_written_in_operations():
    tokens = keras.Input((16, 32))
    heads = ops.reshape(layers.Dense(96)(tokens), (-1, 16, 3, 4, 8))
    q, k, v = ops.unstack(ops.transpose(heads, (2, 0, 3, 1, 4)), axis=0, num=3)
    scores = ops.softmax(q @ ops.swapaxes(k, -1, -2) / 8**0.5)
    y = ops.reshape(ops.transpose(scores @ v, (0, 2, 1, 3)), (-1, 16, 32))
    model = keras.Model(tokens, tokens + layers.Dense(32)(y))
    graph = graph_of(model, batch=3)
    agree(graph, model)
    macs = 16 * 32 * 96 + 2 * 4 * 16 * 16 * 8 + 16 * 32 * 32
    assert sum(n.effect.macs for n in graph.nodes) == 3 * macs


def test_squeeze_and_excite_written_in_operations():
    x = keras.Input((None, None, 16))
    pooled = ops.mean(x, axis=(1, 2), keepdims=True)
    gate = ops.sigmoid(layers.Conv2D(16, 1)(ops.relu(layers.Conv2D(4, 1)(pooled))))
    model = keras.Model(x, x * gate)
    graph = graph_of(model, input_shapes=[(14, 14, 16)])
    agree_weights = sum(w.elements for n in graph.nodes for w in n.weights)
    assert agree_weights == model.count_params()
    assert sum(n.effect.macs for n in graph.nodes) == 2 * 16 * 4


def test_an_unknown_operation_is_listed():
    x = keras.Input(batch_shape=(B, 8))
    graph = graph_of(keras.Model(x, layers.Dense(2)(ops.median(x, axis=1, keepdims=True))))
    assert graph.nodes[1].effect.status == "unsupported"
    assert graph.nodes[1].outputs[0].shape == (B, 1)


def test_an_unknown_operation_with_several_outputs():
    x = keras.Input(batch_shape=(B, 4, 4))
    sign, log = ops.slogdet(x)
    graph = graph_of(keras.Model(x, sign * log))
    assert [t.shape for t in graph.nodes[1].outputs] == [(), (B,)]  # as Keras states
    assert graph.nodes[1].effect.status == "unsupported"


def test_models_without_operations_do_not_import_them():
    import subprocess
    import sys

    code = (
        "import sys, keraudit.layers.infer;"
        "sys.exit(any('operations' in name for name in sys.modules if 'keraudit' in name))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_row_is_an_operation_of_keras():
    from keras.src.ops import core, einops, image, linalg, math, nn, numpy

    modules = (core, einops, image, linalg, math, nn, numpy)
    names = {name.removeprefix("ops.") for name in OPERATIONS if name.startswith("ops.")}
    unknown = {n for n in names if not any(hasattr(m, n) for m in modules)}
    # activations that are layers or plain functions only, and TensorFlow's square of a difference
    assert unknown == {"Linear", "Exponential", "Mish", "SquaredDifference"}
