"""What a wrapper of Keras' own holds of the user's: traced on one step, and counted times the steps."""

from __future__ import annotations

from typing import Any

import pytest

import keraudit
from keraudit.layers.user_rules import rules_from
from keraudit.model.bounds import Bound

keras = pytest.importorskip("keras")
np = pytest.importorskip("numpy")
layers, ops = keras.layers, keras.ops


@keras.saving.register_keras_serializable("wrapped")
class Cell(layers.Layer):  # type: ignore[misc,name-defined]
    """h = tanh(W x + b + U h)."""

    def __init__(self, units: int, **options: Any) -> None:
        super().__init__(**options)
        self.state_size = self.output_size = self.units = units
        self.forth = layers.Dense(units)
        self.back = layers.Dense(units, use_bias=False)

    def build(self, shape: Any) -> None:
        self.forth.build(shape)
        self.back.build((shape[0], self.units))

    def call(self, x: Any, states: Any) -> Any:
        state = ops.tanh(self.forth(x) + self.back(states[0]))
        return state, [state]

    def get_config(self) -> Any:
        return {**super().get_config(), "units": self.units}


@keraudit.counts(lambda layer, step: {"macs": step[0] * layer.units * (step[1] + layer.units)})
class CountedCell(Cell):
    pass


class Raw(Cell):
    """Has a weight of its own, and branches on a value."""

    def call(self, x: Any, states: Any) -> Any:
        if isinstance(x, keras.KerasTensor):
            raise TypeError("no value to look at")
        return super().call(x, states)


class Peephole(layers.Layer):  # type: ignore[misc,name-defined]
    """Two states, weights of its own, and a state that it hands on."""

    state_size = (3, 2)

    def build(self, shape: Any) -> None:
        self.forth = self.add_weight(shape=(shape[-1], 3), name="forth")
        self.back = self.add_weight(shape=(3, 3), name="back", trainable=False)

    def call(self, x: Any, states: Any) -> Any:
        h, kept = states
        h = ops.matmul(x, self.forth) + ops.matmul(h, self.back)
        return h, [h, kept]


class Gate(layers.Layer):  # type: ignore[misc,name-defined]
    """Squeeze and excitation; it has no config."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.squeeze = layers.Dense(channels // 4, activation="relu")
        self.excite = layers.Dense(channels, activation="sigmoid")

    def build(self, shape: Any) -> None:
        self.squeeze.build((shape[0], shape[-1]))
        self.excite.build((shape[0], shape[-1] // 4))

    def call(self, x: Any) -> Any:
        return x * self.excite(self.squeeze(ops.mean(x, axis=(1, 2))))[:, None, None, :]

    def compute_output_shape(self, shape: Any) -> Any:
        return shape


@keraudit.counts(lambda layer, shape: {"macs": 7 * shape[0]})
class CountedGate(Gate):
    pass


class Wide(layers.Layer):  # type: ignore[misc,name-defined]
    """A product with a weight of its own."""

    def build(self, shape: Any) -> None:
        self.kernel = self.add_weight(shape=(shape[-1], 4), name="kernel")

    def call(self, x: Any) -> Any:
        return ops.matmul(x, self.kernel)

    def compute_output_shape(self, shape: Any) -> Any:
        return (*shape[:-1], 4)


@keras.saving.register_keras_serializable("wrapped")
class OwnLSTM(layers.LSTM):  # type: ignore[misc,name-defined]
    pass


def around(layer: Any, *shape: int) -> Any:
    start = keras.Input(shape)
    return keras.Model(start, layer(start))


def sequence(*kinds: Any) -> Any:
    return keras.Sequential([keras.Input((6,)), *kinds])


def graph(*kinds: Any) -> Any:
    start = keras.Input((6,))
    return keras.Model(start, sequence(*kinds)(start))


STEP = 3 * 4 + 3 * 3  # of a cell with 3 units on 4 features


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize(
    ("layer", "shape", "macs"),
    [
        (lambda: layers.RNN(Cell(3)), (6, 4), 6 * STEP),
        (lambda: layers.RNN(Cell(3), return_sequences=True), (6, 4), 6 * STEP),
        (lambda: layers.RNN(CountedCell(3)), (6, 4), 6 * STEP),
        (lambda: layers.RNN([Cell(3), layers.LSTMCell(2)]), (6, 4), 6 * (STEP + 4 * 2 * (3 + 2))),
        (lambda: layers.Bidirectional(layers.RNN(Cell(3))), (6, 4), 2 * 6 * STEP),
        (lambda: layers.Bidirectional(OwnLSTM(3)), (6, 4), 2 * 6 * 4 * STEP),
        (lambda: layers.TimeDistributed(Gate(8)), (3, 6, 6, 8), 3 * (8 * 2 + 2 * 8)),
        (lambda: layers.TimeDistributed(CountedGate(8)), (3, 6, 6, 8), 3 * 7),
        (
            lambda: layers.TimeDistributed(sequence(Wide(), layers.Dense(2))),
            (3, 6),
            3 * (6 * 4 + 4 * 2),
        ),
        (
            lambda: layers.TimeDistributed(graph(Wide(), layers.Dense(2))),
            (3, 6),
            3 * (6 * 4 + 4 * 2),
        ),
        (
            lambda: layers.TimeDistributed(layers.TimeDistributed(layers.RNN(Cell(3)))),
            (2, 5, 6, 4),
            2 * 5 * 6 * STEP,
        ),
        (
            lambda: layers.TimeDistributed(layers.Bidirectional(layers.RNN(Cell(3)))),
            (5, 6, 4),
            5 * 2 * 6 * STEP,
        ),
    ],
)
def test_it_is_counted_at_each_step(
    layer: Any, shape: tuple[int, ...], macs: int, batch: int
) -> None:
    model = around(layer(), *shape)
    report = keraudit.audit(model, batch=batch)
    assert [layer.reason for layer in report.costs.unsupported] == []
    assert report.total.macs == batch * macs
    assert report.bound is Bound.EXACT
    assert report.total.params == model.count_params()
    assert report.total.trainable_params == model.count_params()


def test_the_other_operations_and_the_outputs() -> None:
    model = around(layers.RNN(Cell(3), return_sequences=True, return_state=True), 6, 4)
    report = keraudit.audit(model)
    assert report.total.other_flops == 6 * 3 * (1 + 1 + 1)  # the bias, the sum, tanh
    shapes = [tensor.shape for tensor in keraudit.read(model).nodes[-1].outputs]
    assert shapes == [(1, 6, 3), (1, 3)]
    gated = keraudit.read(around(layers.TimeDistributed(Gate(8)), 3, 6, 6, 8))
    assert gated.nodes[-1].outputs[0].shape == (1, 3, 6, 6, 8)


@pytest.mark.parametrize("frozen", [False, True])
def test_a_training_step_is_that_of_keras_own_cell(frozen: bool) -> None:
    own, plain = (around(layers.RNN(cell), 6, 4) for cell in (Cell(3), layers.SimpleRNNCell(3)))
    own.trainable = plain.trainable = not frozen
    steps = [keraudit.audit(model).total.training_macs for model in (own, plain)]
    assert steps[0] == steps[1]
    # x W: forward and the weights' gradient; h U: that of the state, too
    assert steps[0] == 6 * (STEP if frozen else 2 * 3 * 4 + 3 * 3 * 3)


def test_a_cell_with_weights_and_states_of_its_own() -> None:
    model = around(layers.RNN(Peephole(), return_state=True), 6, 4)
    report = keraudit.audit(model)
    assert (report.total.macs, report.bound) == (6 * STEP, Bound.EXACT)
    assert (report.total.params, report.total.trainable_params) == (4 * 3 + 3 * 3, 4 * 3)
    shapes = [tensor.shape for tensor in keraudit.read(model).nodes[-1].outputs]
    assert shapes == [(1, 3), (1, 3), (1, 2)]


def test_wrappers_whose_call_can_be_run_are_opened() -> None:
    piped = keraudit.audit(around(layers.Pipeline([Wide(), layers.Dense(2)]), 6))
    assert (piped.total.macs, piped.bound) == (6 * 4 + 4 * 2, Bound.EXACT)
    model = around(layers.SpectralNormalization(Wide()), 6)
    report = keraudit.audit(model)
    assert (report.total.macs, report.bound) == (6 * 4, Bound.EXACT)
    assert report.total.params == 6 * 4 + 4 == model.count_params()  # the vector u


def test_in_a_process_of_its_own(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "wrapped_model.py").write_text(
        "import keras\n"
        "class Wide(keras.layers.Layer):\n"
        "    def __init__(self, table):\n"
        "        super().__init__()\n"
        "        self.table = table\n"
        "    def build(self, shape):\n"
        "        self.kernel = self.add_weight(shape=(shape[-1], 4))\n"
        "    def call(self, x):\n"
        "        return keras.ops.matmul(x, self.kernel) * self.table\n"
        "    def compute_output_shape(self, shape):\n"
        "        return (*shape[:-1], 4)\n"
        "def model():\n"
        "    start = keras.Input((5, 6))\n"
        "    wide = Wide(keras.ops.ones((4,)))\n"
        "    return keras.Model(start, keras.layers.TimeDistributed(wide)(start))\n"
    )
    monkeypatch.chdir(tmp_path)
    report = keraudit.audit("wrapped_model:model")
    assert (report.total.macs, report.total.other_flops) == (5 * 6 * 4, 5 * 4)
    assert (report.bound, report.total.params) == (Bound.EXACT, 6 * 4)


def test_inside_a_layer_that_is_opened() -> None:
    class Net(keras.Model):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.frames = layers.TimeDistributed(Wide())
            self.rnn = layers.RNN(Cell(3))

        def call(self, x: Any) -> Any:
            return self.rnn(self.frames(x))

    model = Net()
    model(np.zeros((1, 6, 5), "float32"))
    report = keraudit.audit(model)
    assert (report.total.macs, report.bound) == (6 * (5 * 4 + STEP), Bound.EXACT)
    assert report.total.params == model.count_params()


def test_one_that_cannot_be_traced_says_why() -> None:
    model = around(layers.RNN(Raw(3)), 6, 4)
    report = keraudit.audit(model)
    assert (report.total.macs, report.bound) == (0, Bound.LOWER)
    assert report.total.params == model.count_params()
    (layer,) = report.costs.unsupported
    assert "the call of Raw does not run on symbolic tensors (TypeError: no value" in layer.reason


def test_a_wrapper_that_is_called_at_several_sizes_says_so() -> None:
    wrapper = layers.TimeDistributed(Gate(8))
    ends = [keras.Input(shape) for shape in ((3, 6, 6, 8), (3, 5, 5, 8))]
    report = keraudit.audit(keras.Model(ends, [wrapper(end) for end in ends]))
    assert report.bound is Bound.LOWER
    assert all("traced for one size" in layer.reason for layer in report.costs.unsupported)


def test_an_activation_of_the_user_s_in_a_wrapper() -> None:
    inner = layers.Dense(4, activation=lambda x: x * 2)
    report = keraudit.audit(around(layers.TimeDistributed(inner), 5, 6))
    assert (report.total.macs, report.bound) == (5 * 6 * 4, Bound.EXACT)
    assert report.total.other_flops == 5 * 4 + 5 * 4


def test_a_rule_goes_first_and_the_model_is_left_as_it_was() -> None:
    rules = rules_from('[layers.Cell]\noutput = ["batch", "units"]\nmacs = 9\nparams = 24')
    model = around(layers.RNN(Cell(3, name="cell")), 6, 4)
    nodes = [len(layer._inbound_nodes) for layer in model._flatten_layers()]
    assert keraudit.audit(model, rules=rules).total.macs == 6 * 9
    assert keraudit.audit(model).total.macs == 6 * STEP
    assert nodes == [len(layer._inbound_nodes) for layer in model._flatten_layers()]
