"""Traced models built back: the same outputs with the same weights, and gradients of every kernel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import keraudit
from keraudit.reading.arrays import array_of, packed
from own_layers import Net, Scaled

keras = pytest.importorskip("keras")
np = pytest.importorskip("numpy")
layers, ops = keras.layers, keras.ops


class ViT(keras.Model):  # type: ignore[misc,name-defined]
    """Patches, a learned table of positions, a variable and an array used in ``call``, attention."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = layers.Conv2D(8, 4, 4, name="patches")
        self.positions = layers.Embedding(16, 8, name="positions")
        self.attention = [layers.MultiHeadAttention(2, 4) for _ in range(2)]
        self.norm = layers.LayerNormalization()
        self.head = layers.Dense(3)

    def build(self, shape: Any) -> None:
        self.scale = self.add_weight(shape=(8,), name="scale")
        super().build(shape)

    def call(self, x: Any) -> Any:
        x = ops.reshape(self.patches(x), (-1, 16, 8))
        x = (
            (x + self.positions(ops.arange(16)))
            * self.scale
            * np.linspace(0, 1, 8, dtype="float32")
        )
        for attend in self.attention:
            y = self.norm(x)
            x = x + attend(y, y)
        return self.head(ops.mean(x, axis=1))


class Block(layers.Layer):  # type: ignore[misc,name-defined]
    """A transformer block as keras.io has it."""

    def __init__(self, width: int, heads: int, **options: Any) -> None:
        super().__init__(**options)
        self.attention = layers.MultiHeadAttention(heads, width)
        self.dense = keras.Sequential([layers.Dense(12, activation="relu"), layers.Dense(width)])
        self.norms = [layers.LayerNormalization(epsilon=1e-6) for _ in range(2)]
        self.drop = layers.Dropout(0.1)

    def call(self, x: Any, training: bool | None = None) -> Any:
        x = self.norms[0](x + self.drop(self.attention(x, x), training=training))
        return self.norms[1](x + self.dense(x))


def text() -> Any:
    tokens = keras.Input((9,), dtype="int32")
    x = layers.Embedding(30, 8)(tokens)
    for _ in range(2):
        x = Block(8, 2)(x)
    return keras.Model(tokens, layers.Dense(2)(layers.GlobalAveragePooling1D()(x)))


IMAGES = np.random.default_rng(0).normal(size=(2, 16, 16, 3)).astype("float32")
TOKENS = np.random.default_rng(0).integers(0, 30, (2, 9))


def moved(model: Any, data: Any) -> Any:
    """The model with every weight away from its initial value."""
    model(data)
    rng = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(np.asarray(weight) + 0.1 * rng.normal(size=weight.shape))
    return model


@pytest.mark.parametrize(("make", "data"), [(Net, IMAGES), (ViT, IMAGES), (text, TOKENS)])
def test_built_back_it_gives_the_same_outputs(make: Any, data: Any) -> None:
    model = moved(make(), data)
    graph = keraudit.read(model, batch=2)
    built = keraudit.build(graph)
    assert built.count_params() == model.count_params()
    keraudit.copy_weights(model, built, graph)
    np.testing.assert_array_equal(built(data), model(data))


def test_a_variable_that_two_calls_read_is_one() -> None:
    class Tied(layers.Layer):  # type: ignore[misc,name-defined]
        def build(self, shape: Any) -> None:
            self.table = self.add_weight(shape=(shape[-1], 3), name="table")

        def call(self, x: Any) -> Any:
            return ops.matmul(ops.matmul(x, self.table), ops.transpose(self.table))

    start = keras.Input((5,))
    model = moved(keras.Model(start, Tied()(start)), np.ones((1, 5), "float32"))
    graph = keraudit.read(model)
    built = keraudit.build(graph)
    assert built.count_params() == 15
    keraudit.copy_weights(model, built, graph)
    data = np.random.default_rng(2).normal(size=(1, 5)).astype("float32")
    np.testing.assert_allclose(built(data), model(data), rtol=1e-6)


def test_gradients_reach_what_layers_of_the_user_s_own_hold() -> None:
    report = keraudit.gradients(ViT(), input_shape=(16, 16, 3), batch=4, against=["without-skips"])
    base, plain = report.profiles
    assert "patches" in {layer.name for layer in base.layers}
    assert base.blocks[0].grad_norm != plain.blocks[0].grad_norm
    units = keraudit.gradients(Net(units=2), input_shape=(8, 8, 3), batch=4).profiles[0]
    assert [block.name for block in units.blocks][1:3] == ["unit_0", "unit_1"]


def test_norms_of_a_trace_see_the_batch() -> None:
    """``training`` stays open in a trace, so that what is built again can train."""
    graph = keraudit.read(Net(), input_shape=(8, 8, 3), batch=4)
    of_norms = [
        call
        for call, node in zip(graph.architecture.calls, graph.nodes, strict=True)
        if node.layer.kind == "BatchNormalization"
    ]
    assert [call.kwargs.get("training") for call in of_norms] == [None, None]


def test_own_weights_of_a_traced_model() -> None:
    model = moved(Net(), IMAGES)
    one, two = (
        keraudit.gradients(model, batch=4, own_weights=own, seeds=[3]).profiles[0]
        for own in (True, False)
    )
    assert one.blocks[0].grad_norm != two.blocks[0].grad_norm


def test_a_callable_is_built_in_another_process_than_it_was_traced_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(
        "import keras, numpy as np\n"
        "class Ramp(keras.layers.Layer):\n"
        "    def call(self, x):\n"
        "        return x * np.arange(6, dtype='float32')\n"
        "def make():\n"
        "    start = keras.Input((6,))\n"
        "    return keras.Model(start, Ramp()(start))\n"
    )
    built = keraudit.build(keraudit.read("mine:make"))
    np.testing.assert_array_equal(built(np.ones((1, 6), "float32"))[0], np.arange(6))


def test_a_layer_that_is_not_opened_is_built_by_its_class() -> None:
    model = keras.Model(start := keras.Input((20, 6)), Scaled()(start))
    built = keraudit.build(keraudit.read(model, opened=False), custom_objects={"Scaled": Scaled})
    assert built.count_params() == model.count_params()


@pytest.mark.parametrize("dtype", ["float32", "int64", "bool", "float16"])
def test_arrays_survive_the_way_between_processes(dtype: str) -> None:
    array = (np.arange(24).reshape(2, 3, 4) % 5).astype(dtype)
    config = {"shape": [2, 3, 4], "dtype": dtype, "value": packed(array)}
    np.testing.assert_array_equal(array_of(config), array)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shape": [2, 4]}, "does not have the bytes"),
        ({"shape": [10**9, 10**9]}, "does not have the bytes"),
        ({"shape": [-1]}, "is not read"),
        ({"shape": ["2"]}, "is not read"),
        ({"dtype": "object"}, "is not read"),
        ({"value": "no base64"}, "cannot be read"),
        ({"value": "AAAA"}, "cannot be read"),
    ],
)
def test_a_constant_that_contradicts_itself(change: dict[str, Any], message: str) -> None:
    config = {"shape": [6], "dtype": "float32", "value": packed(np.zeros(6, "float32"))}
    with pytest.raises(keraudit.KerauditError, match=message):
        array_of(config | change)
