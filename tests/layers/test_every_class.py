"""No layer of Keras without a decision: counted, zero for a reason, or unsupported for a reason."""

from __future__ import annotations

import inspect

import pytest

from keraudit.layers.rule_table import LAYERS, all_rules

keras = pytest.importorskip("keras")

CLASSES = {
    name: value
    for name, value in vars(keras.layers).items()
    if inspect.isclass(value) and issubclass(value, keras.layers.Layer)
}


def test_keras_has_as_many_layers_as_we_think() -> None:
    assert len(CLASSES) > 150


def test_every_class_of_keras_layers_has_a_row() -> None:
    names = {*CLASSES, *(value.__name__ for value in CLASSES.values())}
    missing = sorted(names - LAYERS.keys())
    assert not missing, f"no row in the layer table for: {', '.join(missing)}"


def test_an_alias_has_its_class_s_rule() -> None:
    for name, value in CLASSES.items():
        assert LAYERS[name] == LAYERS[value.__name__], name


def test_every_rule_states_its_equation() -> None:
    silent = sorted({r.__name__ for r in all_rules().values() if not (r.__doc__ or "").strip()})
    assert not silent, f"no docstring on: {', '.join(silent)}"


def test_nothing_is_counted_by_accident() -> None:
    """A layer class that is not in the table is unsupported, whatever it is called."""
    from keraudit.layers.infer import effect_of
    from keraudit.model.graph import UNSUPPORTED, Layer, Tensor

    effect = effect_of(Layer(name="m", kind="Mystery", config={}), (Tensor((1, 4), "float32"),))
    assert effect.status == UNSUPPORTED
    assert "Mystery" in effect.reason
