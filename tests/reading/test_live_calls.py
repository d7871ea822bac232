"""How a subclassed model is called: optional arguments, several of them, compiled methods, wrapped graphs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import command
import keraudit
from keraudit.errors import ModelError, ShapeError

keras = pytest.importorskip("keras")
np = pytest.importorskip("numpy")
layers, ops = keras.layers, keras.ops

ATTENDING = 4 * 8 * 8  # a dense layer of 8 on 4 tokens of 8
BUILDERS = """
import os, sys, keras

def leaves(): sys.exit(3)
def dies(): os._exit(7)
def refuses(): return keras.layers.Conv2D(2, 3)(keras.Input((4,)))
"""


class Attending(keras.Model):  # type: ignore[misc]  # Keras ships no types
    """Attends to another sequence, where there is one."""

    def __init__(self) -> None:
        super().__init__()
        self.dense, self.attention = layers.Dense(8), layers.MultiHeadAttention(2, 4)

    def call(self, inputs: Any, context: Any = None, training: Any = None) -> Any:
        x = self.dense(inputs)
        return self.attention(x, x if context is None else context)


class Two(keras.Model):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.one, self.other = layers.Dense(3), layers.Dense(3)

    def call(self, a: Any, b: Any) -> Any:
        return self.one(a) + self.other(b)


class Doubles(layers.Layer):  # type: ignore[misc]
    def call(self, x: Any) -> Any:
        return x * 2


class Sums(layers.Layer):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.convolution = layers.Conv2D(4, 3)

    def build(self, shape: Any) -> None:
        self.convolution.build(shape)
        self.built = True

    def call(self, x: Any) -> Any:
        return ops.sum(self.convolution(x), axis=(1, 2))


def attention(queries: int, keys: int) -> int:
    """MACs of two heads of 4 on tokens of 8: projections of queries, keys, values, output; scores and sums."""
    return 2 * queries * 8 * 8 + 2 * keys * 8 * 8 + 2 * queries * keys * 8


def test_an_optional_argument_is_counted_where_its_size_is_given() -> None:
    model = Attending()
    model(np.zeros((1, 4, 8)), context=np.zeros((1, 9, 8)))
    without = keraudit.audit(model)
    assert without.total.macs == ATTENDING + attention(4, 4)
    assert without.costs.left_out == ("context",)
    assert "Counted without context, which its call may take too" in str(without)
    for made, sizes in (
        (model, {"context": (9, 8)}),
        (Attending(), {"inputs": (4, 8), "context": (9, 8)}),
    ):
        found = keraudit.audit(made, input_shape=sizes)
        assert found.total.macs == ATTENDING + attention(4, 9)
        assert found.costs.left_out == ()
        assert "Counted without" not in str(found)


def test_of_two_arguments_keras_keeps_one_size() -> None:
    model = Two()
    with pytest.raises(ShapeError, match=r"was not called yet.*each of a, b, or call it once"):
        keraudit.audit(model)
    model(np.zeros((1, 3)), np.zeros((1, 2)))
    with pytest.raises(ShapeError, match=r"was called, but Keras keeps.*each of a, b, by name"):
        keraudit.audit(model)
    assert keraudit.audit(model, input_shape={"a": (3,), "b": (2,)}).total.macs == 9 + 6


def test_a_wrapper_around_a_graph_beside_a_layer_of_ones_own() -> None:
    inputs = keras.Input((8, 8, 3))
    frame = keras.Model(
        inputs, layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(inputs)), name="frame"
    )
    video = keras.Input((7, 8, 8, 3))
    model = keras.Model(video, Doubles()(layers.TimeDistributed(frame)(video)))
    assert keraudit.audit(model).total.macs == 7 * 6 * 6 * 27 * 4


def test_a_size_that_its_layers_refuse_is_an_error() -> None:
    inputs = keras.Input((8, 8, 4))
    model = keras.Model(inputs, layers.Dense(2)(Sums()(inputs)))
    assert keraudit.audit(model, input_shape=(10, 10, 4)).total.macs == 8 * 8 * 36 * 4 + 8
    with pytest.raises(ModelError, match=r"expected axis -1 of input shape to have value 4"):
        keraudit.audit(model, input_shape=(8, 8, 5))


def test_what_tensorflow_compiles_and_what_calls_it() -> None:
    tf = pytest.importorskip("tensorflow")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("a method that TensorFlow compiles")

    class Compiled(keras.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.dense = layers.Dense(3)

        @tf.function  # type: ignore[untyped-decorator]
        def call(self, x: Any) -> Any:
            return self.dense(x)

    class Direct(keras.Model):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return tf.reshape(x, (-1, 4))

    compiled, direct = Compiled(), Direct()
    compiled(np.zeros((1, 4)))
    direct(np.zeros((1, 2, 2)))
    assert keraudit.audit(compiled).total.macs == 12
    with pytest.raises(ModelError, match=r"its call uses TensorFlow directly: use keras\.ops"):
        keraudit.audit(direct)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("leaves", "gave no model: it called sys.exit(3)"),
        ("dies", "the process ended with code 7: no message"),
        ("refuses", "expected min_ndim=4, found ndim=2"),
    ],
)
def test_why_a_builder_gave_no_model(
    name: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "builders_of_none.py").write_text(BUILDERS)
    monkeypatch.chdir(tmp_path)
    done = command.run("flops", f"builders_of_none:{name}")
    assert done.code == 2
    last = done.err.strip().splitlines()[-1]
    assert message in last
    assert "\x1b" not in last
    assert "\\x1b" not in last
