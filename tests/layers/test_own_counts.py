"""``@keraudit.counts``: a class that counts itself, live and through a process of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import keraudit
from keraudit.layers.infer import shaped
from keraudit.layers.own_counts import count_of
from keraudit.layers.user_rules import rules_from
from keraudit.model.bounds import Bound

keras = pytest.importorskip("keras")
np = pytest.importorskip("numpy")
layers, ops = keras.layers, keras.ops


def gate_counts(layer: Any, shape: tuple[int, ...]) -> dict[str, Any]:
    positions = shape[0] * shape[1]
    return {
        "macs": positions * shape[2] * layer.units,
        "flops": positions * layer.units,
        "output": [*shape[:-1], layer.units],
        "view": "pointwise",
    }


@keraudit.counts(gate_counts)
class Gate(layers.Layer):  # type: ignore[misc,name-defined]
    """A matrix product that branches on values, and has no config."""

    def __init__(self, units: int, **options: Any) -> None:
        super().__init__(**options)
        self.units = units

    def build(self, shape: Any) -> None:
        self.kernel = self.add_weight(shape=(shape[-1], self.units))
        self.steps = self.add_weight(shape=(2,), trainable=False)

    def call(self, x: Any) -> Any:
        if isinstance(x, keras.KerasTensor):
            raise TypeError("no value to look at")
        return ops.matmul(x, self.kernel)

    def compute_output_shape(self, shape: Any) -> Any:
        return (*shape[:-1], self.units)

    def get_config(self) -> Any:
        raise RuntimeError("none")


class Plain(Gate):
    """Inherits ``call``, and with it the counts."""


class Double(Gate):
    """Has a ``call`` of its own, which nobody counted."""

    def call(self, x: Any) -> Any:
        return ops.matmul(x, self.kernel) * 2


def around(layer: Any, *, times: int = 1) -> Any:
    start = x = keras.Input((5, 7))
    for _ in range(times):
        x = layer(x)
    return keras.Model(start, layers.Dense(2)(x))


@pytest.mark.parametrize("kind", [Gate, Plain])
def test_its_function_counts_it(kind: Any) -> None:
    model = around(kind(3, name="gate"))
    total = keraudit.audit(model, batch=4).total
    assert total.macs == 4 * 5 * 7 * 3 + 4 * 5 * 3 * 2
    assert total.other_flops == 4 * 5 * 3 + 4 * 5 * 2  # the gate's own, and Dense's bias
    assert total.params == model.count_params()
    assert total.trainable_params == model.count_params() - 2
    assert set(total.bounds) == {Bound.EXACT}


def test_a_subclass_with_its_own_call_does_not_inherit_the_counts() -> None:
    assert count_of(Double) is None
    report = keraudit.audit(around(Double(3)))
    assert any(layer.kind == "ops.Matmul" for layer in report.layers)


def test_a_shared_layer_is_counted_at_each_call() -> None:
    report = keraudit.audit(around(Gate(7), times=2))
    assert report.total.macs == 2 * 5 * 7 * 7 + 5 * 7 * 2
    assert report.total.params == 7 * 7 + 2 + 7 * 2 + 2


def test_inside_a_subclassed_model() -> None:
    class Net(keras.Model):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.gate = Gate(3, name="gate")

        def call(self, x: Any) -> Any:
            return self.gate(x)

    report = keraudit.audit(Net(), input_shape=(5, 7))
    assert [layer.name for layer in report.layers][-1] == "gate"
    assert (report.total.macs, report.bound) == (5 * 7 * 3, Bound.EXACT)


def test_rules_go_before_it() -> None:
    rules = rules_from('[layers.Gate]\nmacs = 9\nparams = 23\noutput = ["batch", 5, 3]')
    assert keraudit.audit(around(Gate(3)), rules=rules).total.macs == 9 + 5 * 3 * 2


def test_parameters_of_the_function_s_own() -> None:
    @keraudit.counts(lambda layer, shape: {"params": 5, "frozen_params": np.int64(4)})
    class Stated(layers.Layer):  # type: ignore[misc,name-defined]
        def call(self, x: Any) -> Any:
            return x

    start = keras.Input((5,))
    total = keraudit.audit(keras.Model(start, Stated()(start))).total
    assert (total.macs, total.params, total.trainable_params) == (0, 9, 5)


def wrong(answer: Any) -> Any:
    """A model whose layer's function returns ``answer``, or raises it."""

    def count(layer: Any, shape: Any) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    @keraudit.counts(count)
    class Counted(layers.Layer):  # type: ignore[misc,name-defined]
        def call(self, x: Any) -> Any:
            return x

    return around(Counted(name="mine"))


MISTAKES = [
    (ValueError("no\nidea"), "function raised ValueError: no idea (at 1x5x7); mend it"),
    (None, "function returned None, expected a dict"),
    (7, "function returned 7, expected a dict"),
    ({"mac": 3}, "unknown key 'mac'; did you mean 'macs'?"),
    ({"macs": 1.5}, "function: macs is 1.5, expected a whole number from 0"),
    ({"flops": -1}, "function: flops is -1, expected a whole number from 0"),
    ({"params": True}, "function: params is True, expected a whole number from 0"),
    ({"view": "local"}, 'function: view is "pointwise" or "global", not \'local\''),
    ({"output": (1, 2, 3)}, "output is (1, 2, 3), but the layer gives (1, 5, 7); leave it out"),
    ({"output": None}, "output is None, but the layer gives (1, 5, 7); leave it out"),
]


@pytest.mark.parametrize(("answer", "message"), MISTAKES)
def test_mistakes_of_the_function_name_layer_and_class(answer: Any, message: str) -> None:
    with pytest.raises(keraudit.ModelError) as caught:
        keraudit.audit(wrong(answer))
    line = str(caught.value)
    assert line.startswith(
        "layer 'mine' (tests.layers.test_own_counts.wrong.<locals>.Counted): its"
    )
    assert message in line
    assert "\n" not in line


def test_mistakes_of_the_decorator() -> None:
    with pytest.raises(keraudit.KerauditError, match=r"write @keraudit.counts\(function\) above"):
        keraudit.counts(layers.Dense)
    with pytest.raises(keraudit.KerauditError, match="above a class"):
        keraudit.counts(gate_counts)(gate_counts)  # type: ignore[type-var]


def test_at_other_sizes_it_is_a_lower_bound() -> None:
    graph = keraudit.read(around(Gate(3, name="gate")))
    longer = shaped(graph.architecture, input_shapes=[(9, 7)])
    (node,) = (node for node in longer.nodes if node.name == "gate")
    assert node.effect.status == "unsupported"
    assert "its @keraudit.counts function was asked at 1x5x7 only" in node.effect.reason


def test_a_callable_brings_its_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "owncounts.py").write_text(
        "import keras, keraudit\n"
        "@keraudit.counts(lambda layer, shape: {'macs': 100 * shape[0], 'flops': layer.size})\n"
        "class Own(keras.layers.Layer):\n"
        "    size = 7\n"
        "    def call(self, x):\n"
        "        return x\n"
        "def make():\n"
        "    start = keras.Input((4,))\n"
        "    return keras.Model(start, Own()(start))\n"
    )
    monkeypatch.chdir(tmp_path)
    total = keraudit.audit("owncounts:make", batch=3).total
    assert (total.macs, total.other_flops, total.bounds.macs) == (300, 7, Bound.EXACT)
