"""Requested sizes fitted to a model's inputs; no Keras."""

from __future__ import annotations

import json
from typing import Any

import pytest

from keraudit.errors import ShapeError
from keraudit.model.input_sizes import Input, Requested

TOKENS = [Input(("ids", "keras_tensor"), (None,)), Input(("mask",), (None,))]


@pytest.mark.parametrize(
    ("requested", "inputs", "shapes"),
    [
        ({}, TOKENS, None),
        ({"length": 7}, TOKENS, [(7,), (7,)]),
        ({"shapes": ((3,), (4,))}, TOKENS, [(3,), (4,)]),
        ({"shapes": {"keras_tensor:0": (3,), "mask": (4,)}}, TOKENS, [(3,), (4,)]),
        ({"shapes": {"ids": (3,)}, "length": 9}, TOKENS, [(3,), (9,)]),
        ({"length": 7}, [Input(("x",), (None, 5)), Input(("y",), (2,))], [(7, 5), (2,)]),
        ({"length": 7}, [Input(("x",), (16,), open_length=True)], [(7,)]),
        ({"shapes": {}}, [Input(("x",), (16,))], [(16,)]),
    ],
)
def test_shapes_are_fitted(requested: dict[str, Any], inputs: list[Input], shapes: Any) -> None:
    assert Requested(**requested).fitted(inputs) == shapes


@pytest.mark.parametrize(
    ("requested", "inputs", "message"),
    [
        ({"shapes": {"none": (3,)}}, TOKENS, "inputs are ids, mask: no input is named 'none'"),
        ({"shapes": ((3,),)}, TOKENS, r"has 2 inputs \(ids, mask\), received 1"),
        ({"shapes": {"ids": (3,)}}, TOKENS, "input 'mask' has the open shape"),
        ({"length": 7}, [Input(("x",), (None, None, 3))], "no input has one: x .x.x3"),
        ({"length": 7}, [Input(("x",), (32, 32, 3), open_length=True)], "no input has one"),
        ({"length": 7}, [Input(("x",), (16,))], "no input has one: x 16"),
        ({"length": 7}, [Input(("x",), None)], "no input has one: x has no shape"),
    ],
)
def test_what_does_not_fit_is_named(
    requested: dict[str, Any], inputs: list[Input], message: str
) -> None:
    with pytest.raises(ShapeError, match=message):
        Requested(**requested).fitted(inputs)


@pytest.mark.parametrize(
    "requested",
    [
        Requested(),
        Requested(shapes=((1, 2), (3,)), length=4, batch=5),
        Requested(shapes={"a": (1, 2)}),
    ],
)
def test_a_request_survives_json(requested: Requested) -> None:
    assert Requested.from_dict(json.loads(json.dumps(requested.to_dict()))) == requested


def test_one_shape_alone_is_the_first() -> None:
    assert Requested(shapes=((3, 4),)).first == (3, 4)
    assert Requested(shapes=((3,), (4,))).first is Requested(shapes={"a": (3,)}).first is None
