"""Whatever is wrong with a user's model ends in one line: the layer, its class, what it raised, what to do."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import keraudit
from keraudit.model.input_sizes import Requested
from keraudit.reading.keras_worker import main
from keraudit.reading.live_errors import MOST_MESSAGE

keras = pytest.importorskip("keras")
np = pytest.importorskip("numpy")
layers = keras.layers


class Fails(layers.Layer):  # type: ignore[misc,name-defined]
    def call(self, x: Any) -> Any:
        raise ZeroDivisionError("of\nno\nuse")


class Unbuildable(layers.Layer):  # type: ignore[misc,name-defined]
    def build(self, shape: Any) -> None:
        raise ValueError("no kernel of this size")

    def call(self, x: Any) -> Any:
        return x


class Endless(layers.Layer):  # type: ignore[misc,name-defined]
    def call(self, x: Any) -> Any:
        return self(x)


class Nothing(layers.Layer):  # type: ignore[misc,name-defined]
    def call(self, x: Any) -> Any:
        return None


class Closed(layers.Layer):  # type: ignore[misc,name-defined]
    """Not to be traced, so that Keras asks for its output shape."""

    def call(self, x: Any) -> Any:
        if isinstance(x, keras.KerasTensor):
            raise TypeError("no value to look at")
        return x


class NoShape(Closed):
    def compute_output_shape(self, shape: Any) -> Any:
        return None


class Weightless(Closed):
    @property
    def weights(self) -> Any:
        raise RuntimeError("not yet")


class Unserialisable(layers.Layer):  # type: ignore[misc,name-defined]
    def call(self, x: Any) -> Any:
        return x * 2

    def get_config(self) -> Any:
        raise RuntimeError("cannot be written down")


class Holds(keras.Model):  # type: ignore[misc,name-defined]
    """A layer under test, then a Dense layer."""

    def __init__(self, layer: Any) -> None:
        super().__init__(name="holds")
        self.inner, self.dense = layer, layers.Dense(2)

    def call(self, x: Any) -> Any:
        return self.dense(self.inner(x))


class Broken(keras.Model):  # type: ignore[misc,name-defined]
    """A model whose ``call`` is passed in."""

    def __init__(self, call: Any) -> None:
        super().__init__(name="broken")
        self.dense, self.chosen = layers.Dense(2), call

    def call(self, x: Any) -> Any:
        return self.chosen(self, x)


class TwoInputs(keras.Model):  # type: ignore[misc,name-defined]
    def call(self, x: Any, y: Any) -> Any:
        return x + y


class NoSuper(keras.Model):  # type: ignore[misc,name-defined]
    def __init__(self) -> None:
        self.units = 3

    def call(self, x: Any) -> Any:
        return x


class Anything(keras.Model):  # type: ignore[misc,name-defined]
    """Once made, it raises at each attribute that it has not."""

    def __init__(self) -> None:
        super().__init__(name="anything")
        self.made = True

    def __getattr__(self, name: str) -> Any:
        if "made" in self.__dict__:
            raise RuntimeError(f"do not ask for {name}")
        raise AttributeError(name)

    def call(self, x: Any) -> Any:
        return x


class Uncountable(keras.Model):  # type: ignore[misc,name-defined]
    def count_params(self) -> int:
        raise RuntimeError("too many")

    def call(self, x: Any) -> Any:
        return x


class UnspeakableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


def called(model: Any) -> Any:
    model(np.zeros((1, 4), "float32"))
    return model


def around(layer: Any) -> Any:
    start = keras.Input((4,))
    return keras.Model(start, layers.Dense(2)(layer(start)), name="around")


def raising(error: BaseException) -> Any:
    def call(self: Any, x: Any) -> Any:
        raise error

    return Broken(call)


CALL_IT = "call it once on arrays of this size to see the whole error"
BY_RULE = "mend it, or count its class by a rule"
# A model, its input shape, and what the line must hold: who, what it raised, what to do.
CASES: dict[str, tuple[Any, Any, tuple[str, str, str]]] = {
    "call of the model": (
        lambda: raising(RuntimeError("no such\nthing")),
        (4,),
        ("model 'broken' (", "its call raised RuntimeError: no such thing", CALL_IT),
    ),
    "call of a layer": (
        lambda: Holds(Fails(name="fails")),
        (4,),
        ("layer 'fails' (", "its call raised ZeroDivisionError: of no use", BY_RULE),
    ),
    "build": (
        lambda: Holds(Unbuildable(name="none")),
        (4,),
        ("layer 'none' (", "its build raised ValueError: no kernel of this size", BY_RULE),
    ),
    "no output shape": (
        lambda: Holds(NoShape(name="lost")),
        (4,),
        ("layer 'lost' (", "`compute_output_shape()`", BY_RULE),
    ),
    "endless layer": (
        lambda: Holds(Endless(name="again")),
        (4,),
        ("layer 'again' (", "its call raised RecursionError: maximum", BY_RULE),
    ),
    "endless model": (
        lambda: Broken(lambda self, x: self.call(x)),
        (4,),
        ("model 'broken' (", "RecursionError", CALL_IT),
    ),
    "a layer returns None": (
        lambda: Holds(Nothing(name="nothing")),
        (4,),
        ("(keras.layers.Dense)", "Got 'None'", "mend what the model passes to it"),
    ),
    "the model returns None": (
        lambda: Broken(lambda self, x: None),
        (4,),
        ("model 'broken' (", "returns no tensor", "return its outputs"),
    ),
    "weights of a leaf": (
        lambda: around(Weightless(name="light")),
        None,
        ("layer 'light' (", "its weights raised RuntimeError: not yet", "mend its weights"),
    ),
    "attributes": (
        Anything,
        (4,),
        ("model 'anything' (", "its __getattr__ raised RuntimeError: do not", "mend its"),
    ),
    "count_params": (
        lambda: called(Uncountable(name="many")),
        None,
        ("model 'many' (", "its count_params raised RuntimeError: too many", "mend its"),
    ),
    "no super().__init__()": (NoSuper, (4,), ("model 'NoSuper' (", "forgot to call", CALL_IT)),
    "too few inputs": (
        lambda: TwoInputs(name="two"),
        (4,),
        ("model 'two' (", "positional argument: 'y'", "--input-shape (input_shape=) for each"),
    ),
    "too small an input": (
        lambda: Holds(layers.Conv2D(3, 7, name="wide")),
        (5, 5, 3),
        ("layer 'wide' (keras.layers.Conv2D)", "ValueError", "give another --input-shape"),
    ),
    "exit": (
        lambda: raising(SystemExit(7)),
        (4,),
        ("model 'broken' (", "its call raised SystemExit: 7", CALL_IT),
    ),
    "an error without words": (
        lambda: raising(UnspeakableError()),
        (4,),
        ("model 'broken' (", "its call raised UnspeakableError", CALL_IT),
    ),
    "a long error": (
        lambda: raising(ValueError("word " * 1000)),
        (4,),
        ("model 'broken' (", "...; ", CALL_IT),
    ),
}


def line_of(model: Any, shape: Any) -> str:
    with pytest.raises(keraudit.KerauditError) as caught:
        keraudit.audit(model, input_shape=shape)
    return str(caught.value)


@pytest.mark.parametrize("case", CASES)
def test_live_models(case: str) -> None:
    make, shape, parts = CASES[case]
    line = line_of(make(), shape)
    for part in parts:
        assert part in line
    assert re.match(r"(model|layer) '\w+' \([\w.<>]+\): ", line)
    assert "\n" not in line
    assert "\\x1b" not in line
    assert len(line) < MOST_MESSAGE + 350


def test_a_config_that_raises_is_no_obstacle() -> None:
    report = keraudit.audit(around(Unserialisable(name="unwritten")))
    assert (report.total.macs, report.bound.word) == (4 * 2, "exact")


def test_properties_of_the_model_are_no_obstacle() -> None:
    class Hidden(keras.Model):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.dense = keras.layers.Dense(2)

        @property
        def layers(self) -> Any:
            raise RuntimeError("mine")

        def call(self, x: Any) -> Any:
            return self.dense(x)

    assert keraudit.audit(Hidden(), input_shape=(4,)).total.macs == 4 * 2


@pytest.mark.parametrize(
    "thing", [3, [1], object, lambda: None], ids=["int", "list", "class", "function"]
)
def test_what_is_no_model(thing: Any) -> None:
    line = line_of(thing, None)
    assert line.startswith("model: received ")
    assert "; accepted: a name such as" in line


CODE = """
import keras

class Fails(keras.layers.Layer):
    def call(self, x):
        raise ZeroDivisionError("of no use")

class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.fails = Fails(name="fails")
    def call(self, x):
        return self.fails(x)

def nothing():
    pass

def wrong():
    raise KeyError("no such key")
"""
OPTIONS = json.dumps({"requests": [Requested(shapes=((4,),)).to_dict()], "closed": []})


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("nothing", "gave no model: TypeError: it returned a NoneType, not a keras.Model"),
        ("wrong", "gave no model: KeyError: 'no such key'"),
        (
            "absent",
            "gave no model: AttributeError: 'ownwrong' has no 'absent': "
            "expected one of Fails, Net, keras, nothing, wrong",
        ),
    ],
)
def test_a_callable_that_gives_no_model(
    name: str,
    line: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "ownwrong.py").write_text(CODE, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    assert main([str(tmp_path / "out"), "callable", f"ownwrong:{name}", OPTIONS]) == 3
    assert capsys.readouterr().err.strip().splitlines()[-1] == line


def test_a_callable_says_whose_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ownwrong.py").write_text(CODE, "utf-8")
    monkeypatch.chdir(tmp_path)
    line = line_of("ownwrong:Net", (4,))
    assert line.startswith("ownwrong:Net: layer 'fails' (ownwrong.Fails): its call raised Zero")
    assert BY_RULE in line
