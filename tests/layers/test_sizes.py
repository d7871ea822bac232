"""Sizes below one: refused with the option's name, before they become counts."""

from __future__ import annotations

from typing import Any

import pytest

from keraudit.errors import ModelError, ShapeError
from keraudit.layers.call import Site
from keraudit.layers.infer import effect_of, shaped
from keraudit.model.graph import Architecture, Call, Effect, Layer, Ref, Tensor, Term, Weight

ROW, STEPS, MAP, MAPS = (1, 6), (1, 5, 6), (1, 9, 8, 6), (1, 5, 9, 8, 6)
CONV = {"filters": 4, "kernel_size": [3, 3]}
HEADS = {"num_heads": 2, "key_dim": 3, "value_dim": 4}
SHARED = {"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2}
EINSUM = {"equation": "ab,bc->ac", "output_shape": 4}
IN_HALVES = {"quantization_config": {"config": {"block_size": 1.5}}}
CASES: list[tuple[str, dict[str, Any], str, tuple[int, ...]]] = [
    ("Dense", {"units": 4}, "units", ROW),
    ("EinsumDense", EINSUM, "output_shape", ROW),
    ("Conv2D", CONV, "filters", MAP),
    ("SeparableConv2D", CONV, "filters", MAP),
    ("Conv2DTranspose", CONV, "filters", MAP),
    ("LocallyConnected2D", CONV, "filters", MAP),
    ("ConvLSTM2D", CONV, "filters", MAPS),
    ("LSTM", {"units": 4}, "units", STEPS),
    ("GRUCell", {"units": 4}, "units", ROW),
    ("CuDNNLSTM", {"units": 4}, "units", STEPS),
    ("RepeatVector", {"n": 2}, "n", ROW),
    ("Discretization", {"num_bins": 3}, "num_bins", ROW),
    *(("MultiHeadAttention", HEADS, name, STEPS) for name in HEADS),
    ("MultiHeadAttention", HEADS | {"output_shape": 6}, "output_shape", STEPS),
    *(("GroupQueryAttention", SHARED, name, STEPS) for name in SHARED),
]


def effect(kind: str, config: dict[str, Any], shape: tuple[int, ...]) -> Effect:
    ref = Ref(0)
    source = Architecture(
        name="m",
        source="test",
        layers={
            "in": Layer(name="in", kind="InputLayer", config={}),
            "l": Layer(name="l", kind=kind, config=config),
        },
        calls=(
            Call(name="in", layer="in"),
            Call(name="l", layer="l", args=(ref, ref) if "Attention" in kind else (ref,)),
        ),
        inputs=(ref,),
        outputs=(Ref(1),),
        input_shapes=((None, *shape[1:]),),
    )
    return shaped(source).nodes[-1].effect


@pytest.mark.parametrize("size", [0, -2, -8])
@pytest.mark.parametrize(("kind", "config", "option", "shape"), CASES)
def test_an_option_below_one(
    kind: str, config: dict[str, Any], option: str, shape: tuple[int, ...], size: int
) -> None:
    assert effect(kind, config, shape).outputs  # with the sizes above it is a layer like any other
    if option == "value_dim" and size == 0:
        return  # Keras takes it for "as key_dim"
    if option == "output_shape" and kind == "MultiHeadAttention" and size == 0:
        return  # Keras takes it for "as the query"
    with pytest.raises(ModelError, match=rf"'l' \({kind}\): {option} must be from 1, received"):
        effect(kind, {**config, option: size}, shape)


@pytest.mark.parametrize("value", [1.5, True, "3", float("nan")])
@pytest.mark.parametrize(("kind", "config", "option", "shape"), CASES)
def test_an_option_that_is_not_a_whole_number(
    kind: str, config: dict[str, Any], option: str, shape: tuple[int, ...], value: Any
) -> None:
    told = rf"'l' \({kind}\): {option} must be (a whole number|from 1), received {value!r}"
    with pytest.raises(ModelError, match=told):
        effect(kind, {**config, option: value}, shape)


def test_a_float_without_a_fraction_is_the_whole_number() -> None:
    assert effect("Dense", {"units": 4.0}, ROW).macs == 6 * 4


@pytest.mark.parametrize(
    ("kind", "config", "shape"),
    [
        ("Conv2D", CONV | {"groups": True}, MAP),
        ("Conv2D", CONV | {"kernel_size": [True, 3]}, MAP),
        ("Conv2D", CONV | {"strides": True}, MAP),
        ("Dense", {"units": 4, "lora_rank": True}, ROW),
        ("Dense", {"units": 4, "dtype": "int4_from_float32", **IN_HALVES}, ROW),
        ("Reshape", {"target_shape": [6.5]}, ROW),
        ("LayerNormalization", {"axis": True}, ROW),
        ("GroupNormalization", {"groups": 1.5}, MAP),
    ],
)
def test_another_option_that_is_not_a_whole_number(
    kind: str, config: dict[str, Any], shape: tuple[int, ...]
) -> None:
    with pytest.raises(ModelError, match=r"whole number|must be from"):
        effect(kind, config, shape)


@pytest.mark.parametrize(
    "made",
    [
        {"terms": (Term("mac", "own", (("rows", -2), ("units", 3))),)},
        {"terms": (Term("flop", "own", (("rows", -2), ("units", -3))),)},
        {"weights": (Weight("own", (-2, 3)),)},
    ],
)
def test_a_negative_count_of_any_rule(made: dict[str, Any]) -> None:
    def rule(site: Site) -> Effect:
        return Effect(outputs=(site.shape,), **made)

    layer = Layer(name="l", kind="Own", config={}, module="")
    assert effect_of(layer, (Tensor(ROW, "float32"),), rules={"Own": rule})
    source = Architecture(
        name="m",
        source="test",
        layers={"in": Layer(name="in", kind="InputLayer", config={}), "l": layer},
        calls=(Call(name="in", layer="in"), Call(name="l", layer="l", args=(Ref(0),))),
        inputs=(Ref(0),),
        outputs=(Ref(1),),
        input_shapes=((None, 6),),
    )
    with pytest.raises(ModelError, match="negative size for own, -2x"):
        shaped(source, rules={"Own": rule})


ONE_DENSE = Architecture(
    name="m",
    source="test",
    layers={
        "i": Layer(name="i", kind="InputLayer", config={}),
        "d": Layer(name="d", kind="Dense", config={"units": 2}),
    },
    calls=(Call(name="i", layer="i"), Call(name="d", layer="d", args=(Ref(0),))),
    inputs=(Ref(0),),
    outputs=(Ref(1),),
    input_shapes=((None, None),),
)


@pytest.mark.parametrize("size", [0, 2**31, 99_999_999_999])
def test_a_size_out_of_bounds_is_told_both_bounds(size: int) -> None:
    assert shaped(ONE_DENSE, input_shapes=[(2**31 - 1,)]).nodes[1].effect.macs == 2 * (2**31 - 1)
    told = rf"input 'i': every size must be from 1 to 2,147,483,647, received \({size},\)"
    with pytest.raises(ShapeError, match=told):
        shaped(ONE_DENSE, input_shapes=[(size,)])
    with pytest.raises(ShapeError, match=f"from 1 to 2,147,483,647, received {size}"):
        shaped(ONE_DENSE, input_shapes=[(5,)], batch=size)
