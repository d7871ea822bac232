"""Sizes of live models: by name, by length, for several inputs."""

from __future__ import annotations

from typing import Any

import pytest

import keraudit

keras = pytest.importorskip("keras")
np = pytest.importorskip("numpy")
layers, ops = keras.layers, keras.ops


class Pair(keras.Model):  # type: ignore[misc,name-defined]
    """Takes two inputs in a dict."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = layers.Embedding(20, 4)
        self.head = layers.Dense(3)

    def call(self, inputs: Any) -> Any:
        return self.head(self.embed(inputs["a"]) + self.embed(inputs["b"]))


def test_sizes_of_a_subclassed_model_are_given_by_name_or_length() -> None:
    fresh = Pair()
    assert keraudit.audit(fresh, input_shape={"b": (5,), "a": (5,)}).total.macs == 5 * 4 * 3
    called = Pair()
    called({"a": np.ones((2, 6), "int32"), "b": np.ones((2, 6), "int32")})
    for options, positions in (({}, 6), ({"length": 9}, 9), ({"input_shape": [(8,), (8,)]}, 8)):
        assert keraudit.audit(called, **options).total.macs == positions * 4 * 3
    with pytest.raises(keraudit.ShapeError, match="inputs are a, b: no input is named 'c'"):
        keraudit.audit(called, input_shape={"c": (5,)})
    with pytest.raises(keraudit.ShapeError, match="size is not known"):
        keraudit.audit(Pair(), length=4)


def test_arguments_of_call_have_sizes_by_their_names() -> None:
    class Two(keras.Model):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.head = layers.Dense(3)

        def call(self, x: Any, y: Any) -> Any:
            return self.head(ops.concatenate([x, y], axis=-1))

    found = keraudit.audit(Two(), input_shape={"y": (2,), "x": (5,)})
    assert found.total.macs == 7 * 3
    with pytest.raises(keraudit.ShapeError, match="of each of x, y"):
        keraudit.audit(Two())


def test_the_tensor_s_own_name_is_a_name_too() -> None:
    start = keras.Input((None,))
    model = keras.Model(start, layers.Dense(2)(start[..., None]))
    assert start.name != model.layers[0].name
    assert keraudit.audit(model, input_shape={start.name: (7,)}).total.macs == 7 * 2
