"""Subclasses of Keras' layers: those that change nothing count as their base class, others are opened."""

from __future__ import annotations

from typing import Any

import pytest

import keraudit
from keraudit.layers.user_rules import rules_from
from keraudit.model.bounds import Bound
from keraudit.reading.of_keras import keras_class

keras = pytest.importorskip("keras")
layers, ops = keras.layers, keras.ops


class OwnLSTM(layers.LSTM):  # type: ignore[misc,name-defined]
    """Has a constructor and a config of its own; what it computes is an LSTM's."""

    def __init__(self, width: int, **options: Any) -> None:
        super().__init__(width, **options)

    def get_config(self) -> Any:
        return {"width": self.units, "name": self.name}


class OwnResizing(layers.Resizing):  # type: ignore[misc,name-defined]
    pass


class OwnFlip(layers.RandomFlip):  # type: ignore[misc,name-defined]
    pass


class OwnDense(layers.Dense):  # type: ignore[misc,name-defined]
    def helper(self) -> None:
        """A method that Keras does not know."""


class Doubled(layers.Conv2D):  # type: ignore[misc,name-defined]
    """Changes what ``call`` calls."""

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        return super().convolution_op(inputs, kernel) * 2


class Mixed(layers.LSTM):  # type: ignore[misc,name-defined]
    """Has the cell of another layer."""

    def __init__(self, units: int) -> None:
        super().__init__(units)
        self.cell = layers.GRUCell(units)


def around(layer: Any, *shape: int) -> Any:
    start = keras.Input(shape)
    return keras.Model(start, layer(start))


@pytest.mark.parametrize(
    ("layer", "shape", "macs", "flops"),
    [
        (lambda: OwnLSTM(3), (6, 4), 6 * 4 * 3 * (4 + 3), None),
        (lambda: OwnResizing(3, 3), (6, 6, 4), 0, 3 * 3 * 4 * 7),  # bilinear: 7 a value
        (lambda: OwnFlip(), (6, 6, 4), 0, 0),
        (lambda: OwnDense(3, activation="relu"), (4,), 4 * 3, 3 + 3),
    ],
)
def test_one_that_changes_nothing_counts_as_its_base_class(
    layer: Any, shape: tuple[int, ...], macs: int, flops: int | None
) -> None:
    made = layer()
    base = type(made).__base__
    model = around(made, *shape)
    report = keraudit.audit(model)
    assert report.bound is Bound.EXACT
    assert report.total.macs == macs
    assert flops is None or report.total.other_flops == flops
    assert report.total.params == model.count_params()
    assert report.layers[-1].kind == base.__name__
    plain = keraudit.audit(around(base.from_config(base.get_config(made)), *shape))
    assert report.total == plain.total


def test_one_that_changes_a_part_of_the_call_is_opened() -> None:
    report = keraudit.audit(around(Doubled(3, 3, padding="same", use_bias=False), 6, 6, 4))
    assert report.bound is Bound.EXACT
    assert report.total.macs == 6 * 6 * 9 * 4 * 3
    assert report.total.other_flops == 6 * 6 * 3  # times 2
    assert keras_class(Mixed(3)) is None


def test_its_own_rule_goes_first() -> None:
    rules = rules_from('[layers.OwnDense]\nmacs = 9\nparams = 15\noutput = ["batch", 3]')
    assert keraudit.audit(around(OwnDense(3), 4), rules=rules).total.macs == 9

    @keraudit.counts(lambda layer, shape: {"macs": layer.units})
    class Counted(OwnDense):
        pass

    assert keraudit.audit(around(Counted(3), 4)).total.macs == 3


def test_an_activation_of_the_user_s_in_a_subclass() -> None:
    report = keraudit.audit(around(OwnDense(3, activation=lambda x: x * 2), 5, 4))
    assert (report.total.macs, report.total.other_flops) == (5 * 4 * 3, 5 * 3 + 5 * 3)
    assert report.bound is Bound.EXACT


def test_one_whose_constructor_replaces_a_method_is_opened() -> None:
    class Replaced(layers.Dense):
        def __init__(self, units: int) -> None:
            super().__init__(units)
            self.call = lambda x: ops.matmul(ops.tile(x, (1, 10)), ops.ones((40, 3)))

    start = keras.Input((4,))
    model = keras.Model(start, Replaced(3)(start))
    assert keraudit.audit(model).total.macs == 40 * 3
