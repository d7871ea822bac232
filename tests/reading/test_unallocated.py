"""Models made without their weights, and those whose making needs values."""

from __future__ import annotations

from typing import Any

import pytest

import keraudit
from keraudit.reading.unallocated import unallocated

keras = pytest.importorskip("keras")


def plain() -> Any:
    return keras.Sequential([keras.Input((8,)), keras.layers.Dense(4, name="head")])


def fitted() -> Any:
    """A model that is trained where it is made."""
    model = plain()
    model.compile("sgd", "mse")
    model.fit(keras.ops.ones((2, 8)), keras.ops.ones((2, 4)), verbose=0)
    return model


def test_no_weight_is_allocated_and_all_are_counted() -> None:
    model = unallocated(plain)
    assert all(variable._value is None for variable in model.variables)
    report = keraudit.audit(model)
    assert (report.macs, report.params) == (8 * 4, 8 * 4 + 4)
    assert model(keras.ops.ones((1, 8))).shape == (1, 4)  # its weights are drawn when it is used


def test_what_needs_values_is_made_with_them() -> None:
    model = unallocated(fitted)
    assert all(variable._value is not None for variable in model.variables)
    assert keraudit.audit(model).params == 8 * 4 + 4


def test_what_raises_raises_its_own_error() -> None:
    def wrong() -> Any:
        raise ZeroDivisionError("of no use")

    with pytest.raises(ZeroDivisionError, match="of no use"):
        unallocated(wrong)


def test_what_is_no_model_passes_through() -> None:
    assert unallocated(lambda: 3) == 3
