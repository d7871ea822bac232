"""Live models traced: what is of the user's own is opened, and the model is left as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import keraudit
from keraudit.api import report_of
from keraudit.layers.infer import shaped
from keraudit.model.bounds import Bound
from keraudit.reading.config import architecture
from keraudit.reading.trace import traced
from own_layers import Net, Scaled, Unit

keras = pytest.importorskip("keras")
np = pytest.importorskip("numpy")
layers, ops = keras.layers, keras.ops


class Positions(layers.Layer):  # type: ignore[misc,name-defined]
    """Adds a variable of its own, sliced before any operation sees it."""

    def build(self, shape: Any) -> None:
        self.table = self.add_weight(shape=(50, shape[-1]), name="table")

    def call(self, x: Any) -> Any:
        return x + ops.convert_to_tensor(self.table)[: x.shape[1]]


class Closed(layers.Layer):  # type: ignore[misc,name-defined]
    """Branches on a value, which a symbolic tensor has not."""

    def build(self, shape: Any) -> None:
        self.kernel = self.add_weight(shape=(shape[-1], 7), name="kernel")

    def call(self, x: Any) -> Any:
        if isinstance(x, keras.KerasTensor):
            raise TypeError("no value to look at")
        return ops.matmul(x, self.kernel)

    def compute_output_shape(self, shape: Any) -> Any:
        return (*shape[:-1], 7)


def unit_macs(side: int) -> int:
    return 2 * side * side * 3 * 3 * 8 * 8  # two convolutions of 3x3 from 8 to 8 channels


def test_a_subclassed_model_at_the_size_it_was_called_with() -> None:
    model = Net()
    model(np.zeros((4, 16, 16, 3), "float32"))
    report = keraudit.audit(model)
    assert report.bound is Bound.EXACT
    assert report.total.macs == 16 * 16 * 3 * 3 * 3 * 8 + 2 * unit_macs(16) + 8 * 10
    assert report.total.params == model.count_params()
    assert [b.kind for b in report.blocks].count("fork-join") == 2
    assert any(layer.name.startswith("unit_1/") for layer in report.layers)


def test_names_do_not_depend_on_what_keras_counted_before() -> None:
    model = Net()
    model(np.zeros((4, 16, 16, 3), "float32"))
    once, again = ([layer.name for layer in keraudit.audit(model).layers] for _ in range(2))
    assert once == again
    assert once[0] == "x"  # as its call names it
    inside = [name.partition("/")[2] for name in once if name.startswith("unit_1/")]
    assert [name for name in inside if name.startswith(("relu", "add"))] == [
        "relu",
        "add",
        "relu_2",
    ]
    start = keras.Input((16, 16, 8))
    named = keras.Model(start, ops.log10(Unit(8, name="unit")(layers.ReLU(name="mine")(start))))
    names = [layer.name for layer in keraudit.audit(named).layers]
    assert "mine" in names
    assert names[-1] == named.operations[-1].name


def test_a_summary_sets_in_what_a_layer_holds(capsys: pytest.CaptureFixture[str]) -> None:
    start = keras.Input((16, 16, 8), name="start")
    inner = keras.Sequential([keras.Input((16, 16, 8)), layers.ReLU(name="r")], name="inner")
    x = Unit(8, name="unit")(start)
    keraudit.summary(keras.Model(start, inner(x)))
    lines = capsys.readouterr().out.splitlines()
    rows = [line[1:].partition(")")[0] for line in lines[4:]]
    assert rows[:2] == ["start (InputLayer", "unit (Unit"]
    assert rows[3] == "  relu (Relu" or rows[4] == "  relu (Relu"
    assert "inner/r (ReLU" in rows
    (unit,) = [line for line in lines if line.startswith(" unit (Unit)")]
    assert unit.split()[-1] == f"{unit_macs(16):,}"
    assert unit.split()[-2] == f"{2 * 3 * 3 * 8 * 8 + 4 * 8:,}"


def test_at_another_size_and_batch() -> None:
    report = keraudit.audit(Net(), input_shape=(8, 8, 3), batch=3)
    assert report.total.macs == 3 * (8 * 8 * 3 * 3 * 3 * 8 + 2 * unit_macs(8) + 8 * 10)


def test_a_model_that_was_not_called_needs_a_size() -> None:
    with pytest.raises(keraudit.KerauditError, match=r"was not called yet.*--input-shape"):
        keraudit.audit(Net())


@pytest.mark.parametrize("name", ["InceptionV3", "MobileNetV3Small"])
def test_the_traced_graph_is_that_of_the_config(name: str) -> None:
    """Both ways lead to the same counts, layer by layer, on a model that both can read."""
    model = getattr(keras.applications, name)(weights=None, input_shape=(96, 96, 3))
    start = keras.Input(batch_shape=(1, 96, 96, 3))
    by_trace = shaped(architecture(traced(model, (start,), {}).record, source="trace"))
    by_config = keraudit.read(model)
    ours, theirs = ({n.name: n for n in g.nodes[1:]} for g in (by_trace, by_config))
    assert ours.keys() == theirs.keys()
    for key, one in ours.items():
        other = theirs[key]
        assert (one.outputs, one.effect.macs) == (other.outputs, other.effect.macs), key
        assert one.effect.weights == other.effect.weights, key
    totals, blocks = zip(
        *(
            (r.total, {b.name: b.cost for b in r.blocks})
            for r in map(report_of, (by_trace, by_config))
        ),
        strict=True,
    )
    assert totals[0] == totals[1]
    assert blocks[0] == blocks[1]


def test_the_model_is_left_as_it_was() -> None:
    start = keras.Input((16, 16, 8))
    model = keras.Model(start, Unit(8)(layers.ReLU()(start)))
    parts = [*model._flatten_layers(), *(o for o in model.operations)]
    before = [(len(p._inbound_nodes), len(p._outbound_nodes)) for p in parts]
    weights = [w.numpy().tobytes() for w in model.weights]
    call = layers.Layer.__call__
    keraudit.audit(model)
    assert [(len(p._inbound_nodes), len(p._outbound_nodes)) for p in parts] == before
    assert [w.numpy().tobytes() for w in model.weights] == weights
    assert layers.Layer.__call__ is call


def test_variables_of_an_opened_layer_are_counted_once() -> None:
    start = keras.Input((20, 6))
    scaled = Scaled()
    model = keras.Model(start, scaled(scaled(Positions()(start))))
    report = keraudit.audit(model)
    assert report.total.params == model.count_params() == 50 * 6 + 6
    assert report.total.trainable_params == 50 * 6
    assert report.total.bounds.params is Bound.EXACT
    assert report.total.other_flops == 3 * 20 * 6  # an addition, two multiplications


def test_a_layer_that_is_shared_costs_per_call_and_weighs_once() -> None:
    start = keras.Input((16, 16, 8))
    unit = Unit(8)
    model = keras.Model(start, unit(unit(start)))
    report = keraudit.audit(model)
    assert report.total.macs == 2 * unit_macs(16)
    assert report.total.params == model.count_params()


def test_a_layer_that_cannot_be_opened_says_why() -> None:
    start = keras.Input((5,))
    model = keras.Model(start, layers.Dense(3)(Closed(name="shut")(start)))
    report = keraudit.audit(model)
    assert report.bound is Bound.LOWER
    assert report.total.macs == 7 * 3
    assert report.total.params == model.count_params()
    (layer,) = report.costs.unsupported
    assert layer.name == "shut"
    assert "does not run on symbolic tensors (TypeError: no value to look at)" in layer.reason


def test_a_class_with_a_rule_stays_closed(tmp_path: Path) -> None:
    from keraudit.layers.user_rules import load_rules

    rules = tmp_path / "rules.toml"
    rules.write_text('[layers.Unit]\nmacs = "1000"\nparams = "10"\n')
    start = keras.Input((16, 16, 8))
    report = keraudit.audit(keras.Model(start, Unit(8)(start)), rules=load_rules(rules))
    assert report.total.macs == 1000


def test_a_transformer_block_as_keras_io_writes_it() -> None:
    class Block(layers.Layer):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.attention = layers.MultiHeadAttention(2, 16)
            self.feed = keras.Sequential([layers.Dense(64, activation="relu"), layers.Dense(32)])
            self.norms = [layers.LayerNormalization(), layers.LayerNormalization()]

        def call(self, x: Any) -> Any:
            x = self.norms[0](x + self.attention(x, x))
            return self.norms[1](x + self.feed(x))

    start = keras.Input((10, 32))
    model = keras.Model(start, Block()(start))
    report = keraudit.audit(model)
    projections = 4 * 10 * 32 * 2 * 16  # query, key, value, output
    scores = 2 * 10 * 10 * 2 * 16  # of each pair of positions, and their weighted sum
    assert report.total.macs == projections + scores + 2 * 10 * 32 * 64
    assert report.total.params == model.count_params()
    assert report.bound is Bound.EXACT


def test_a_callable_is_traced_in_its_own_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.py").write_text(
        "import keras\n"
        "class Own(keras.Model):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.dense = keras.layers.Dense(7)\n"
        "    def call(self, x):\n"
        "        return keras.ops.relu(self.dense(x))\n"
    )
    monkeypatch.chdir(tmp_path)
    total = keraudit.audit("mine:Own", input_shape=(5,), batch=2).total
    assert (total.macs, total.params, total.bounds.macs) == (2 * 5 * 7, 5 * 7 + 7, Bound.EXACT)


def test_what_a_call_assigns_is_dropped() -> None:
    class Counting(layers.Layer):  # type: ignore[misc,name-defined]
        def build(self, shape: Any) -> None:
            self.calls = self.add_weight(shape=(), trainable=False, initializer="zeros")

        def call(self, x: Any) -> Any:
            self.calls.assign_add(1.0)
            return x * 2

    start = keras.Input((4,))
    layer = Counting()
    model = keras.Model(start, layer(start))
    before = float(layer.calls)
    assert keraudit.audit(model).total.params == 1
    assert float(layer.calls) == before


def test_names_that_collide_stay_apart() -> None:
    class Pools(layers.Layer):  # type: ignore[misc,name-defined]
        def call(self, x: Any) -> Any:
            for size, name in ((3, "p"), (3, "p"), (7, "p_2")):
                x = layers.AveragePooling2D(size, 1, "same", name=name)(x)
            return x

    start = keras.Input((8, 8, 1))
    report = keraudit.audit(keras.Model(start, Pools()(start)))
    assert report.total.other_flops == 64 * (9 + 9 + 49)
    assert len({layer.name for layer in report.layers}) == 4


def test_masks_reach_what_asks_for_them() -> None:
    class Masked(layers.Layer):  # type: ignore[misc,name-defined]
        def call(self, x: Any, mask: Any = None) -> Any:
            return x if mask is None else x * ops.expand_dims(ops.cast(mask, x.dtype), -1)

    class Reader(keras.Model):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.words, self.own = layers.Embedding(10, 4, mask_zero=True), Masked()
            self.state = layers.LSTM(3)

        def call(self, x: Any) -> Any:
            return self.state(self.own(self.words(x)))

    report = keraudit.audit(Reader(), input_shape=(7,))
    assert report.bound is Bound.EXACT
    assert report.total.macs == 7 * 4 * 3 * (4 + 3)
    assert any(layer.kind == "ops.Multiply" for layer in report.layers)


def test_a_loss_added_in_call_is_not_counted() -> None:
    class Regular(layers.Dense):  # type: ignore[misc,name-defined]
        def call(self, x: Any) -> Any:
            y = ops.matmul(x, self.kernel)
            self.add_loss(ops.sum(y))
            return y

    start = keras.Input((4,))
    report = keraudit.audit(keras.Model(start, Regular(3)(start)))
    assert (report.total.macs, report.total.bounds.macs) == (4 * 3, Bound.EXACT)


def test_sizes_of_numpy_s_in_operations() -> None:
    class Flat(layers.Layer):  # type: ignore[misc,name-defined]
        def call(self, x: Any) -> Any:
            return ops.reshape(x, (-1, np.prod(x.shape[1:])))

    start = keras.Input((4, 6))
    model = keras.Model(start, layers.Dense(2)(Flat()(start)))
    assert keraudit.audit(model).total.macs == 24 * 2


def test_an_output_that_is_none() -> None:
    class Two(keras.Model):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.dense = layers.Dense(3)

        def call(self, x: Any) -> Any:
            return {"y": self.dense(x), "nothing": None}

    assert keraudit.audit(Two(), input_shape=(5,)).total.macs == 15


def test_opened_layers_compute_in_their_own_dtype() -> None:
    start = keras.Input((4,))
    model = keras.Model(start, Scaled(dtype="float16")(start))
    graph = keraudit.read(model)
    assert graph.nodes[-1].outputs[0].dtype == str(model.output.dtype) == "float16"


def test_threads_do_not_meet_each_other_s_trace() -> None:
    from concurrent.futures import ThreadPoolExecutor

    call = layers.Layer.__call__
    starts = [keras.Input((16, 16, 8)) for _ in range(4)]
    models = [keras.Model(start, Unit(8)(start)) for start in starts]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda model: keraudit.audit(model).total.macs, models))
    assert found == [unit_macs(16)] * 4
    assert layers.Layer.__call__ is call


def test_sizes_by_the_input_s_name() -> None:
    class Steps(layers.Layer):  # type: ignore[misc,name-defined]
        def call(self, x: Any) -> Any:
            return ops.stack([x[:, i] * 2 for i in range(x.shape[1])], axis=1)

    start = keras.Input((4, 6), name="words")
    model = keras.Model(start, Steps()(start))
    assert keraudit.audit(model, input_shape={"words": (8, 6)}).total.other_flops == 8 * 6


def test_a_model_that_cannot_be_traced_at_all_is_one_line() -> None:
    class Broken(keras.Model):  # type: ignore[misc,name-defined]
        def call(self, x: Any) -> Any:
            raise RuntimeError("no such thing\nat all")

    with pytest.raises(
        keraudit.KerauditError, match=r"its call raised RuntimeError: no such thing"
    ):
        keraudit.audit(Broken(), input_shape=(5,))


def test_a_layer_of_the_user_s_own_is_a_block() -> None:
    graph = keraudit.read(Net(units=3), input_shape=(16, 16, 3))
    found = report_of(graph).blocks
    assert [block.name for block in found][1:4] == ["unit_0", "unit_1", "unit_2"]
    names = [name for block in found for name in block.layers]
    assert names == [node.name for node in graph.nodes]


def test_a_trace_holds_for_one_size() -> None:
    graph = keraudit.read(Net(), input_shape=(16, 16, 3))
    with pytest.raises(keraudit.ShapeError, match="was traced"):
        keraudit.at_input_shape(graph, (32, 32, 3))
