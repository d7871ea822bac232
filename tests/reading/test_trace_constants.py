"""Live models traced: what is made of constants alone, and operators between constants and tensors."""

from __future__ import annotations

from typing import Any

import pytest

import keraudit
from keraudit.model.bounds import Bound

keras = pytest.importorskip("keras")
pytest.importorskip("numpy")
layers, ops = keras.layers, keras.ops


def audited(layer: Any, *shape: int) -> Any:
    start = keras.Input(shape)
    return keraudit.audit(keras.Model(start, layer(start)))


class Positions(layers.Layer):  # type: ignore[misc,name-defined]
    """A table of its own, projected by a layer that sees no input."""

    def __init__(self) -> None:
        super().__init__()
        self.project = layers.Dense(6, use_bias=False)

    def build(self, shape: Any) -> None:
        self.table = self.add_weight(shape=(20, 4), name="table")
        self.project.build((20, 4))

    def call(self, x: Any) -> Any:
        return x + self.project(ops.convert_to_tensor(self.table))


def test_a_layer_on_a_constant_is_counted() -> None:
    report = audited(Positions(), 20, 6)
    assert (report.total.macs, report.bound) == (20 * 4 * 6, Bound.EXACT)
    assert report.total.params == 20 * 4 + 4 * 6


def test_an_attention_with_a_constant_query() -> None:
    class Pooling(layers.Layer):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.attention = layers.MultiHeadAttention(2, 3, use_bias=False)

        def build(self, shape: Any) -> None:
            self.probe = self.add_weight(shape=(1, 1, 6), name="probe")
            self.attention.build((1, 1, 6), shape)

        def call(self, x: Any) -> Any:
            return self.attention(ops.convert_to_tensor(self.probe), x)

    report = audited(Pooling(), 5, 6)
    projections = (1 + 5 + 5 + 1) * 6 * 2 * 3  # query, key, value, output
    assert report.total.macs == projections + 2 * 2 * 5 * 3
    assert report.total.params == 6 + 4 * 6 * 6


def test_a_product_of_constants_is_counted() -> None:
    class Angles(layers.Layer):  # type: ignore[misc,name-defined]
        def call(self, x: Any) -> Any:
            positions = ops.reshape(ops.arange(8, dtype="float32"), (8, 1))
            return x + ops.matmul(positions, ops.ones((1, 4)))

    assert audited(Angles(), 8, 4).total.macs == 8 * 4


def test_what_no_rule_counts_keeps_its_variable() -> None:
    class Indexed(layers.Layer):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.words = layers.Embedding(9, 6)

        def build(self, shape: Any) -> None:
            self.places = self.add_weight(
                shape=(5,), dtype="int32", initializer="zeros", trainable=False, name="places"
            )
            self.words.build((5,))

        def call(self, x: Any) -> Any:
            return x + self.words(self.places)

    report = audited(Indexed(), 5, 6)
    assert report.total.params == 9 * 6 + 5
    assert report.total.bounds.params is Bound.EXACT


@pytest.mark.parametrize("side", ["variable", "array"])
def test_operators_with_a_tensor_on_the_right(side: str) -> None:
    class Affine(layers.Layer):  # type: ignore[misc,name-defined]
        def build(self, shape: Any) -> None:
            self.scale = self.add_weight(shape=(6,), name="scale")

        def call(self, x: Any) -> Any:
            left = self.scale if side == "variable" else ops.convert_to_tensor(self.scale)
            return left * x - left / x

    report = audited(Affine(), 6)
    assert (report.bound, report.total.other_flops, report.total.params) == (Bound.EXACT, 18, 6)


def test_a_leaf_may_return_what_is_no_tensor() -> None:
    class Closed(layers.Layer):  # type: ignore[misc,name-defined]
        def call(self, x: Any) -> Any:
            if isinstance(x, keras.KerasTensor):
                raise TypeError("no value")
            return x, None

        def compute_output_spec(self, x: Any) -> Any:
            return keras.KerasTensor(x.shape, x.dtype), None

    class Outer(layers.Layer):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.closed, self.dense = Closed(), layers.Dense(3)
            self.closed.built = True

        def build(self, shape: Any) -> None:
            self.dense.build(shape)

        def call(self, x: Any) -> Any:
            return self.dense(self.closed(x)[0])

    report = audited(Outer(), 5)
    assert (report.total.macs, report.total.bounds.macs) == (5 * 3, Bound.LOWER)


def test_the_number_of_axes_is_a_number() -> None:
    class Ranked(layers.Layer):  # type: ignore[misc,name-defined]
        def call(self, x: Any) -> Any:
            return x * 2 if ops.ndim(x) == 3 else x

    assert audited(Ranked(), 5, 6).total.other_flops == 30


def test_an_empty_slice() -> None:
    class Prefixes(layers.Layer):  # type: ignore[misc,name-defined]
        def call(self, x: Any) -> Any:
            return ops.concatenate([x[:, :i] for i in range(3)], axis=1)

    start = keras.Input((4, 6))
    graph = keraudit.read(keras.Model(start, Prefixes()(start)))
    assert [n.outputs[0].shape for n in graph.nodes[1:]] == [(1, size, 6) for size in (0, 1, 2, 3)]


def test_a_fourier_transform() -> None:
    class Mixing(layers.Layer):  # type: ignore[misc,name-defined]
        def call(self, x: Any) -> Any:
            return ops.fft2((x, ops.zeros_like(x)))[0]

    report = audited(Mixing(), 8, 16)
    assert (report.bound, report.total.macs) == (Bound.EXACT, 0)
    assert report.total.other_flops == 5 * 8 * 16 * 7  # 5 N log2 N, N = 128


def test_no_weight_is_allocated() -> None:
    with keras.StatelessScope(initialize_variables=False):
        start = keras.Input((20, 6))
        model = keras.Model(start, Positions()(start))
    assert keraudit.audit(model).total.params == 20 * 4 + 4 * 6
    assert all(weight._value is None for weight in model.weights)


def test_mixed_precision_holds_half_of_the_bytes() -> None:
    class Unit(layers.Layer):  # type: ignore[misc,name-defined]
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.dense = layers.Dense(3, dtype=self.dtype_policy)

        def build(self, shape: Any) -> None:
            self.dense.build(shape)

        def call(self, x: Any) -> Any:
            return ops.relu(self.dense(x))

    start = keras.Input((5,))
    for policy, weight in (("mixed_bfloat16", 4), ("bfloat16", 2)):
        model = keras.Model(start, Unit(dtype=policy)(start))
        graph = keraudit.read(model)
        assert [t.dtype for n in graph.nodes[-2:] for t in n.outputs] == ["bfloat16"] * 2
        held = sum(ops.convert_to_numpy(w.value).nbytes for w in model.weights)
        assert keraudit.audit(model).total.param_bytes == held == weight * (5 * 3 + 3)


def test_a_layer_trains_where_one_around_it_does() -> None:
    class Inner(layers.Layer):  # type: ignore[misc,name-defined]
        def call(self, x: Any, training: bool | None = None) -> Any:
            return x * 2 if training else x

    class Outer(layers.Layer):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.inner = Inner()

        def call(self, x: Any, training: bool | None = None) -> Any:
            return self.inner(x)

    start = keras.Input((4,))
    for training, flops in ((True, 4), (None, 0)):
        model = keras.Model(start, layers.ReLU()(Outer()(start, training=training)))
        assert keraudit.audit(model).total.other_flops == flops + 4
