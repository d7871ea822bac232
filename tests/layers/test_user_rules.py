"""Rules of the user's own: data in, counts out, and one clear sentence for every mistake."""

from __future__ import annotations

import keras
import pytest
from hypothesis import given
from hypothesis import strategies as st

import keraudit
from keraudit.errors import ModelError
from keraudit.layers.call import Site, Tensor
from keraudit.layers.expressions import evaluated, parsed
from keraudit.layers.user_rules import load_rules, rules_from
from witness import graph_of


@keras.saving.register_keras_serializable("tests")
class Gate(keras.layers.Layer):
    """y = x W + b, a layer that no table knows."""

    def __init__(self, units, window=(3, 3), **kwargs):
        super().__init__(**kwargs)
        self.units, self.window = units, tuple(window)

    def build(self, shape):
        self.w = self.add_weight(shape=(shape[-1], self.units), name="w")
        self.b = self.add_weight(shape=(self.units,), name="b")

    def call(self, x):
        return keras.ops.matmul(x, self.w) + self.b

    def get_config(self):
        return {**super().get_config(), "units": self.units, "window": self.window}


def gated():
    x = keras.Input((5, 7))
    return keras.Model(x, keras.layers.Dense(2)(Gate(3)(x)))


RULE = """
[layers.Gate]
output = ["batch", "input[1]", "units"]
macs = "batch * input[1] * input[-1] * units"
flops = "prod(output)"
params = "input[-1] * units + units"
view = "pointwise"
"""


def test_without_a_rule_it_is_unsupported():
    assert graph_of(gated()).nodes[1].effect.status == "unsupported"


def test_formulas(tmp_path):
    path = tmp_path / "rules.toml"
    path.write_text(RULE, encoding="utf-8")
    model = gated()
    graph = graph_of(model, rules=load_rules(path), batch=4)
    effect = graph.nodes[1].effect
    assert effect.status == "counted"
    assert effect.outputs == ((4, 5, 3),)
    assert effect.macs == 4 * 5 * 7 * 3
    assert effect.other_flops == 4 * 5 * 3
    assert effect.view == "pointwise"
    assert sum(w.elements for n in graph.nodes for w in n.weights) == model.count_params()


def test_like_a_layer_of_keras():
    graph = graph_of(gated(), rules=rules_from('[layers.Gate]\nlike = "Dense"'))
    dense = graph_of(keras.Sequential([keras.Input((5, 7)), keras.layers.Dense(3)])).nodes[-1]
    assert graph.nodes[1].effect == dense.effect


def test_like_with_options_by_other_names():
    rule = '[layers.Gate]\nlike = "Conv2D"\noptions = {filters = "units", kernel_size = "window",'
    rules = rules_from(rule + ' padding = "same", strides = 2}')
    site = Site(
        kind="Gate",
        config={"units": 6, "window": [3, 1]},
        inputs=(Tensor((2, 9, 9, 4), "float32"),),
        measure=None,
    )
    effect = rules["Gate"](site)
    assert effect.outputs == ((2, 5, 5, 6),)
    assert effect.macs == 2 * 5 * 5 * 3 * 1 * 4 * 6


def test_a_layer_in_a_trace_has_its_options():
    class Doubled(keras.layers.Layer):
        def call(self, x):
            return x * 2

    x = keras.Input((5, 7))
    model = keras.Model(x, Doubled()(Gate(3)(x)))  # traced, for no rule knows it
    total = keraudit.audit(model, rules=rules_from(RULE)).total
    assert (total.macs, total.other_flops) == (5 * 7 * 3, 2 * 5 * 3)


def test_what_is_left_out():
    effect = rules_from("[layers.Gate]")["Gate"](site())
    assert effect.outputs == ((2, 5, 7),)
    assert (effect.status, effect.view, effect.weights) == ("zero", "global", ())


def test_frozen_parameters():
    effect = rules_from('[layers.Gate]\nparams = 5\nfrozen_params = "units"')["Gate"](site())
    assert [(w.elements, w.trainable) for w in effect.weights] == [(5, True), (3, False)]


def site():
    tensors = (Tensor((2, 5, 7), "float32"), Tensor((2, 4), "float32"))
    config = {"name": "g", "units": 3, "use_bias": True, "size": [4, 6], "rate": 0.5}
    return Site(kind="Gate", config=config, inputs=tensors, measure=None)


VALUES = [
    ("1 + 2 * 3", 7),
    ("-(units - 5) % 4", 2),
    ("7 // 2", 3),
    ("ceil_div(7, 2)", 4),
    ("max(units, 2, input[1])", 5),
    ("min(size)", 4),
    ("prod(input)", 70),
    ("inputs[1][-1] * size[1]", 24),
    ("batch * use_bias", 2),
    ("output[-1]", 7),
]


@pytest.mark.parametrize(("text", "worth"), VALUES)
def test_expressions(text, worth):
    assert rules_from(f'[layers.Gate]\nmacs = "{text}"')["Gate"](site()).macs == worth


BAD_FILES = [
    ("[layers.Gate", "no valid TOML"),
    ("", "expected tables [layers.ClassName]"),
    ("[layer.Gate]\nmacs = 1", "found 'layer'"),
    ("layers = 3", "expected tables"),
    ("[layers]\nGate = 3", "layers.Gate: expected a table"),
    ('[layers.Gate]\nmac = "1"', "layers.Gate.mac: an unknown key; did you mean 'macs'?"),
    ('[layers.Gate]\nlike = "Conv2d"', "layers.Gate.like: 'Conv2d' is not in the layer table"),
    ("[layers.Gate]\nlike = 2", "layers.Gate.like"),
    ('[layers.Gate]\nlike = "Dense"\nmacs = 1', "layers.Gate.macs: a rule with 'like'"),
    ("[layers.Gate]\noptions = {a = 1}", "layers.Gate.options: only a rule with 'like'"),
    ('[layers.Gate]\nlike = "Dense"\noptions = 1', "layers.Gate.options: expected a table"),
    ('[layers.Gate]\nlike = "Dense"\noptions = {a = 1.5}', "layers.Gate.options.a"),
    ("[layers.Gate]\nmacs = 1.5", "layers.Gate.macs: expected an expression"),
    ("[layers.Gate]\nmacs = true", "layers.Gate.macs: expected an expression"),
    ("[layers.Gate]\noutput = 3", "layers.Gate.output: expected a list"),
    ('[layers.Gate]\nview = "local"', "layers.Gate.view: expected"),
]


@pytest.mark.parametrize(("text", "message"), BAD_FILES)
def test_mistakes_in_a_file(text, message):
    with pytest.raises(ModelError) as caught:
        rules_from(text, source="rules.toml")
    assert str(caught.value).startswith("rules.toml: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


BAD_EXPRESSIONS = [
    "2 ** 10",
    "units / 2",
    "__import__('os').system('true')",
    "units.real",
    "(lambda: 1)()",
    "[1, 2][0]",
    "'a' * 9",
    "1.5",
    "True",
    "1 if units else 2",
    "units <",
    "1 << 9",
    "x := 3",
    "max(a=1)",
    "max()",
    "abs(1)",
    "f(*size)",
    "-" * 200 + "1",
    "(" * 300 + "1" + ")" * 199,
    "1 +" * 200 + " 1",
    "9" * 60,
    "",
]


@pytest.mark.parametrize("text", BAD_EXPRESSIONS)
def test_expressions_refused_when_read(text):
    with pytest.raises(ModelError, match=r"^rules: layers\.Gate\.macs: "):
        rules_from(f'[layers.Gate]\nmacs = "{text}"')


BAD_VALUES = [
    ("1 // (units - 3)", "divides by zero"),
    ("unit", "the name 'unit' is unknown"),
    ("rate", "the name 'rate' is unknown"),
    ("input[3]", "names nothing"),
    ("units[0]", "names nothing"),
    ("input", "is a list"),
    ("inputs[0] + 1", "is a list"),
    ("prod(inputs)", "takes whole numbers"),
    ("ceil_div(1, 2, 3)", "takes two numbers"),
    ("units - 9", "below 0"),
    ("*".join(["9999999999"] * 20), "more than 2**127"),
]


@pytest.mark.parametrize(("text", "message"), BAD_VALUES)
def test_expressions_refused_when_used(text, message):
    rule = rules_from(f'[layers.Gate]\nmacs = "{text}"')["Gate"]
    with pytest.raises(ModelError) as caught:
        rule(site())
    assert str(caught.value).startswith("rules: layers.Gate.macs: ")
    assert message in str(caught.value)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(ModelError, match="cannot read the rules"):
        load_rules(tmp_path / "none.toml")
    odd = tmp_path / "odd.toml"
    odd.write_bytes(b"\xff\xfe")
    with pytest.raises(ModelError, match="no UTF-8"):
        load_rules(odd)
    odd.write_bytes(b"#" * 1_000_001)
    with pytest.raises(ModelError, match="larger than"):
        load_rules(odd)


@given(st.text(alphabet="0123456789+-*/%()[], abinputszeorfmx._\n", max_size=60))
def test_any_text_is_a_number_or_a_sentence(text):
    try:
        result = evaluated(parsed(text), {"batch": 2, "input": (2, 5, 7), "size": (4,)})
    except ModelError:
        return
    assert isinstance(result, int)
