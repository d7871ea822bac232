"""Matrices and look-ups."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keraudit.api import audit
from keraudit.audits.cost.memory import weight_bytes
from keraudit.errors import KerauditError, ModelError
from keraudit.layers.dense import einsum_letters, einsum_sizes
from keraudit.layers.infer import effect_of, shaped
from keraudit.model.graph import COUNTED, GLOBAL, Layer, Tensor, View, all_along
from keraudit.reading.config import architecture
from one_layer import flops_of, node_of
from witness import graph_of

keras = pytest.importorskip("keras")
layers = keras.layers


def test_dense() -> None:
    node = node_of(layers.Dense(1000, activation="softmax"), (2048,))
    assert node.effect.macs == 2048 * 1000 == 2_048_000
    assert node.effect.other_flops == 1000 + 5 * 1000  # bias, softmax
    assert [w.elements for w in node.weights] == [2048 * 1000, 1000]


def test_dense_on_a_sequence_multiplies_every_row() -> None:
    node = node_of(layers.Dense(16, use_bias=False), (7, 5, 8))
    assert node.outputs[0].shape == (1, 7, 5, 16)
    assert node.effect.macs == 7 * 5 * 8 * 16
    assert node.effect.other_flops == 0
    assert node.weights[0].shape == (8, 16)


def test_dense_with_low_rank_adaptation() -> None:
    node = node_of(layers.Dense(16, lora_rank=3), (8,))
    assert [w.trainable for w in node.weights] == [False, True, True, True]
    assert [w.elements for w in node.weights[1:3]] == [8 * 3, 3 * 16]
    assert node.effect.macs == 8 * 16 + 8 * 3 * 16
    assert node.effect.other_flops == 16 + 2 * 8 * 16  # the bias; the kernel's change


EINSUMS = [
    ("ab,bc->ac", 12, "c", (8,)),
    ("abc,cd->abd", (5, 12), "d", (5, 8)),
    ("abc,cd->abd", (5, 12), "bd", (5, 8)),
    ("abc,cde->abde", (5, 3, 4), "de", (5, 8)),
    ("abc,cde->abde", (5, 3, 4), "d", (5, 8)),
    ("abcd,cde->abe", (5, 6), "e", (5, 2, 4)),
    ("abc,bd->adc", (7, 8), "d", (5, 8)),
    ("...x,xy->...y", 12, "y", (8,)),
    ("...x,xy->...y", 12, "y", (5, 8)),
    ("...x,xy->...y", 12, None, (5, 6, 8)),
    ("...bx,bxy->...by", (3, 12), "by", (5, 3, 8)),
    ("ab...,bc->ac...", 12, "c", (8, 5)),
    ("ab...,bc->ac...", 12, "c", (8, 5, 6)),
    ("abc...,bcd->ad...", 12, None, (8, 5, 6)),
    ("abc,cd->adb", (12, 5), "d", (5, 8)),
]


@pytest.mark.parametrize(("equation", "output_shape", "bias", "shape"), EINSUMS)
def test_einsum_dense(equation: str, output_shape, bias, shape) -> None:
    node_of(layers.EinsumDense(equation, output_shape, bias_axes=bias), shape)


def test_einsum_dense_with_an_open_axis() -> None:
    inputs = keras.Input((5, 8))
    output = layers.EinsumDense("abc,cd->abd", (None, 12), bias_axes="d")(inputs)
    node = graph_of(keras.Model(inputs, output)).nodes[-1]
    assert node.outputs[0].shape == (1, 5, 12)  # Keras leaves the 5 open


def test_einsum_dense_counts_each_letter_once() -> None:
    node = node_of(layers.EinsumDense("abc,cde->abde", (5, 3, 4), bias_axes="de"), (5, 8))
    assert node.effect.macs == 5 * 8 * 3 * 4
    assert node.effect.other_flops == 5 * 3 * 4
    node = node_of(layers.EinsumDense("ab...,bc->ac...", 12), (8, 5, 6))
    assert node.effect.macs == 5 * 6 * 8 * 12
    node = node_of(layers.EinsumDense("...x,xy->...y", 12), (5, 6, 8))
    assert node.effect.macs == 5 * 6 * 8 * 12


@pytest.mark.parametrize(
    ("equation", "output_shape", "shape", "view"),
    [
        ("abc,cd->abd", (5, 12), (5, 8), all_along(2)),
        ("abc,cde->abde", (5, 3, 4), (5, 8), all_along(2)),
        ("ab...,bc->ac...", 12, (8, 5, 6), all_along(1)),  # the channels, where they come first
        ("abc,bd->adc", (7, 8), (5, 8), GLOBAL),  # mixes the positions b
        ("abc,cd->adb", (12, 5), (5, 8), GLOBAL),  # moves them
    ],
)
def test_einsum_dense_looks_around_when_it_mixes_positions(
    equation: str, output_shape, shape, view: View
) -> None:
    assert node_of(layers.EinsumDense(equation, output_shape), shape).effect.view == view


def test_einsum_dense_with_low_rank_adaptation() -> None:
    layer = layers.EinsumDense("abc,cde->abde", (5, 3, 4), lora_rank=2)
    node = node_of(layer, (5, 8))
    assert [w.shape for w in node.weights] == [(8, 3, 4), (8, 3, 2), (2, 4)]


@pytest.mark.parametrize("equation", ["ab,bc", "ab->ab", "", "abcde,ef->abcdf"])
def test_einsum_dense_refuses_nonsense(equation: str) -> None:
    layer = Layer(name="e", kind="EinsumDense", config={"equation": equation, "output_shape": 3})
    with pytest.raises(KerauditError):
        effect_of(layer, (Tensor((1, 8), "float32"),))


def test_an_equation_longer_than_any_alphabet_is_refused() -> None:
    with pytest.raises(KerauditError, match="2,004 characters"):
        einsum_letters("a,b->" + "a" * 1999)
    with pytest.raises(KerauditError, match="2,003 characters"):
        einsum_sizes("ab->" + "c" * 1999, (2, 3))


def test_einsum_letters() -> None:
    assert einsum_letters("...x, xy -> ...y") == ("x", "xy", "y")


def test_einsum_sizes_of_an_ellipsis() -> None:
    sizes, result = einsum_sizes("...ij,...jk->...ik", (2, 3, 4, 5), (3, 5, 6))
    assert result == "ABik"
    assert sizes == {"A": 2, "B": 3, "i": 4, "j": 5, "k": 6}


def test_einsum_sizes_of_an_ellipsis_beside_upper_case_letters() -> None:
    sizes, result = einsum_sizes("...C,CK->...K", (1, 8, 64, 64), (64, 128))
    assert result == "ABDK"
    assert sizes == {"A": 1, "B": 8, "D": 64, "C": 64, "K": 128}


@given(sizes=st.lists(st.integers(1, 6), min_size=3, max_size=3))
def test_einsum_sizes_of_a_product(sizes: list[int]) -> None:
    i, j, k = sizes
    found, result = einsum_sizes("ij,jk->ik", (i, j), (j, k))
    assert (found, result) == ({"i": i, "j": j, "k": k}, "ik")


def test_embedding_is_a_look_up() -> None:
    node = node_of(layers.Embedding(100, 16), (7,), dtype="int32")
    assert node.outputs[0].shape == (1, 7, 16)
    assert node.effect.reason == "a table look-up, no arithmetic"
    assert node.weights[0].shape == (100, 16)
    assert node.outputs[0].dtype == "float32"


def test_embedding_with_low_rank_adaptation() -> None:
    node_of(layers.Embedding(100, 16, lora_rank=2), (7,), dtype="int32")


def test_reversible_embedding_forward() -> None:
    node = node_of(layers.ReversibleEmbedding(100, 16), (7,), dtype="int32")
    assert node.effect.macs == 0
    assert len(node.weights) == 1


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("cap", [None, 30.0])
def test_reversible_embedding_in_reverse(tied: bool, cap: float | None) -> None:
    layer = layers.ReversibleEmbedding(100, 16, tie_weights=tied, logit_soft_cap=cap)
    node = node_of(layer, (7, 16), reverse=True)
    assert node.outputs[0].shape == (1, 7, 100)
    assert node.effect.macs == 7 * 16 * 100
    assert node.effect.other_flops == (3 * 7 * 100 if cap else 0)


def test_mixed_precision() -> None:
    node = node_of(layers.Dense(4, dtype="mixed_bfloat16"), (8,))
    assert node.outputs[0].dtype == "bfloat16"


@given(rows=st.integers(1, 30), features=st.integers(1, 30), units=st.integers(1, 30))
def test_dense_is_rows_times_weights(rows: int, features: int, units: int) -> None:
    layer = Layer(name="d", kind="Dense", config={"units": units})
    effect = effect_of(layer, (Tensor((rows, features), "float32"),))
    assert effect.macs == rows * effect.weights[0].elements
    assert effect.other_flops == rows * units


def test_activation_of_a_dense() -> None:
    assert flops_of(layers.Dense(10, activation="sigmoid"), (4,)) == 10 + 4 * 10


def test_a_quantised_layer_is_counted_with_its_rounding() -> None:
    inputs = keras.Input((8,))
    model = keras.Model(inputs, layers.Dense(4, dtype="int8_from_float32")(inputs))
    effect = graph_of(model).nodes[-1].effect
    assert effect.status == COUNTED
    assert effect.macs == 8 * 4
    # 6 for each input and 2 for the row; two scales and the bias for each output
    assert effect.other_flops == 6 * 8 + 2 + 3 * 4


@pytest.mark.parametrize("bias", [True, False])
def test_what_int8_keeps_of_the_weights(bias: bool) -> None:
    """A frozen byte for each weight and a scale for each channel; only the bias is trained."""
    int8 = "int8_from_float32"
    node = node_of(layers.Dense(1000, use_bias=bias, dtype=int8), (500,))
    assert weight_bytes(node) == 500 * 1000 + 4 * 1000 + 4 * 1000 * bias
    assert sum(w.elements for w in node.weights if w.trainable) == 1000 * bias
    einsum = layers.EinsumDense("abc,cde->abde", (7, 3, 4), bias_axes="de", dtype=int8)
    assert weight_bytes(node_of(einsum, (7, 5))) == 5 * 3 * 4 + 4 * 3 * 4 + 4 * 3 * 4
    table = layers.Embedding(50, 6, dtype=int8)
    assert weight_bytes(node_of(table, (7,), dtype="int32")) == 50 * 6 + 4 * 50
    both = layers.ReversibleEmbedding(50, 6, tie_weights=False, dtype=int8)
    assert weight_bytes(node_of(both, (7,), dtype="int32")) == 2 * (50 * 6 + 4 * 50)


def test_int8_is_trained_by_its_bias_alone() -> None:
    """Its kernel has no gradient; the layer behind it hands one on to its input."""
    start = keras.Input((8,))
    x = layers.Dense(4, dtype="int8_from_float32")(layers.Dense(6, use_bias=False)(start))
    report = audit(keras.Model(start, x))
    assert report.total.training_macs == 2 * 8 * 6 + 2 * 6 * 4


def test_what_int4_keeps_of_the_weights() -> None:
    inputs = keras.Input((8,))
    for policy in ("int4_from_float32", {"config": {"mode": "int4", "source_name": "float32"}}):
        model = keras.Model(inputs, layers.Dense(4)(inputs))
        record = json.loads(model.to_json())
        record["config"]["layers"][-1]["config"]["dtype"] = policy
        (node,) = shaped(architecture(record, source="test")).nodes[1:]
        assert weight_bytes(node) == 8 * 4 // 2 + 4 * 4 + 4 * 4  # packed; a scale, a bias each
        assert [w.trainable for w in node.weights] == [False, False, True]
        assert node.effect.status == COUNTED


@pytest.mark.parametrize(
    ("equation", "sizes", "shape", "room"),
    [
        ("ab...,bc->ac...", (9, None), (3, 4), 1),
        ("ab,bc->ac", (9, None), (4,), 1),
        ("...x,xy->...y", (9, None), (3, 4), 1),
        ("...x,xyz->...yz", (9, 2, None), (3, 4), 2),
    ],
)
def test_an_output_shape_that_is_too_long_is_refused(
    equation: str, sizes: tuple[int | None, ...], shape: tuple[int, ...], room: int
) -> None:
    """Keras builds it, and states an output of an axis more than it computes."""
    start = keras.Input(shape)
    output = layers.EinsumDense(equation, sizes)(start)
    assert len(output.shape) == len(shape) + 1 + room
    with pytest.raises(
        ModelError, match=rf"has {len(sizes)} sizes, where .* leaves {room} besides"
    ):
        graph_of(keras.Model(start, output))
