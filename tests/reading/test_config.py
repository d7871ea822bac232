"""Configs to architectures: every way of nesting, sharing and referring, and every contradiction."""

from __future__ import annotations

import copy
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from configs import functional, layer, read
from keraudit.api import audit
from keraudit.errors import KerauditError, ModelError, ShapeError
from keraudit.layers.infer import shaped
from keraudit.model.graph import Ref
from witness import agree, graph_of

START = layer("InputLayer", "in", batch_shape=[None, 8, 8, 3], dtype="float32")
CONV = layer("Conv2D", "conv", "in", filters=4, kernel_size=[3, 3])


def test_the_smallest_model() -> None:
    model = read(functional(START, CONV))
    assert [call.name for call in model.calls] == ["in", "conv"]
    assert model.calls[1].inputs == (Ref(0),)
    assert shaped(model).nodes[1].outputs[0].shape == (1, 6, 6, 4)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({}, "class_name"),
        ({"class_name": "MyModel", "config": {"units": 3}}, "records no graph"),
        ({"class_name": "Sequential", "config": {"layers": [3]}}, "not a layer"),
        (functional(START, CONV, CONV), "two layers are named 'conv'"),
        (functional(START, layer("ReLU", "r", "ghost")), "'ghost', which is not in the model"),
        (functional(START, layer("ReLU", "a", "b"), layer("ReLU", "b", "a")), "cycle through"),
        (functional(START, layer("ReLU", "a", "a")), "cycle through layer 'a'"),
        (functional(CONV), "input 'in' is not among"),
        (functional(START, CONV, out="ghost"), "'ghost', which is not there"),
        (
            functional(layer("InputLayer", "in", batch_shape=[None, -8, 8, 3]), CONV),
            "sizes are whole numbers",
        ),
        (
            functional(layer("InputLayer", "in", batch_shape=[None, 1.5, 8, 3]), CONV),
            "sizes are whole numbers",
        ),
        (functional(layer("InputLayer", "in", batch_shape="big"), CONV), "expected a shape"),
        ({"class_name": ["Functional"], "config": {"layers": []}}, "records no graph"),
        (
            {"class_name": "Sequential", "config": {"layers": []}, "build_config": "x"},
            "options by name as 'build_config'",
        ),
        (
            {**functional(START), "config": functional(START)["config"] | {"output_layers": []}},
            "names no output layers",
        ),
    ],
)
def test_contradictions_are_told_in_one_line(record: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        read(record)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("history", "message"),
    [(["conv", 1, 0], "no such call"), (["conv", "x", 0], "whole number"), (["conv"], "refers to")],
)
def test_bad_references(history: list[Any], message: str) -> None:
    relu = layer("ReLU", "r", "conv")
    relu["inbound_nodes"][0]["args"][0]["config"]["keras_history"] = history
    with pytest.raises(ModelError, match=message):
        read(functional(START, CONV, relu))


def test_an_output_that_the_layer_does_not_have() -> None:
    relu = layer("ReLU", "r", "conv")
    relu["inbound_nodes"][0]["args"][0]["config"]["keras_history"] = ["conv", 0, 5]
    with pytest.raises(ModelError, match="output"):
        shaped(read(functional(START, CONV, relu)))


def test_absurd_sizes() -> None:
    huge = layer("InputLayer", "in", batch_shape=[None, 10**12, 8, 3])
    with pytest.raises(ShapeError, match="from 1"):
        shaped(read(functional(huge, CONV)))
    wide = layer("Conv2D", "conv", "in", filters=10**15, kernel_size=[1, 1])
    with pytest.raises(ModelError, match="absurd shape"):
        shaped(read(functional(START, wide)))


def test_a_layer_of_a_sequential_model_may_be_called_input() -> None:
    start = layer("InputLayer", "input_layer", batch_shape=[None, 4])
    items = [start, layer("Dense", "input", units=8), layer("Dense", "out", units=3)]
    graph = shaped(read({"class_name": "Sequential", "config": {"name": "s", "layers": items}}))
    assert [node.name for node in graph.nodes] == ["input_", "input", "out"]
    assert [node.effect.macs for node in graph.nodes] == [0, 4 * 8, 8 * 3]


def test_a_shared_layer_has_one_kernel() -> None:
    pool, head = layer("MaxPooling2D", "pool", "conv"), layer("Conv2D", "head", "in", filters=2)
    head["config"] |= {"kernel_size": [3, 3]}
    head["inbound_nodes"] += layer("Conv2D", "head", "pool")["inbound_nodes"]
    pool["config"] |= {"pool_size": [1, 1]}
    record = functional(START, CONV, pool, head)
    with pytest.raises(
        ShapeError, match=r"'head' .* more than once, .* 3x3x3x2, 2 and, at 'head:2'"
    ):
        shaped(read(record))
    record["config"]["layers"][1] = {**CONV, "config": {**CONV["config"], "filters": 3}}
    assert len(shaped(read(record)).nodes) == 5


def test_shapes_of_absurd_rank_or_size_are_refused() -> None:
    large = layer("InputLayer", "in", batch_shape=[None, *[2**31 - 1] * 35])
    with pytest.raises(ModelError, match="absurd shape"):
        shaped(read(functional(large, layer("Dropout", "d", "in", rate=0.5))))
    many = layer("Reshape", "r", "in", target_shape=[192, *[1] * 70])
    with pytest.raises(ModelError, match="more than 64 axes"):
        shaped(read(functional(START, many)))


@pytest.mark.parametrize("size", [10**400, 10**4000])
def test_numbers_that_no_network_has(size: int) -> None:
    """Neither a float nor Python's own printing of integers holds them."""
    conv = layer("Conv2D", "conv", "in", filters=4, kernel_size=[size, 3], padding="same")
    with pytest.raises(ModelError, match=r"'conv'.*more than 39 digits"):
        shaped(read(functional(START, conv)))


def test_outputs_beyond_all_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keraudit.layers.infer.MOST_TENSORS", 10)
    parts = layer("Unstack", "u", "in", axis=1)
    parts["module"] = "keras.src.ops.core"
    with pytest.raises(ModelError, match="more than 10 tensors"):
        shaped(read(functional(START, parts, layer("Unstack", "v", "in") | parts | {"name": "v"})))


def test_keras_1_lists_the_layers_of_a_sequential_model_alone() -> None:
    dense = {"name": "d", "units": 3, "batch_input_shape": [None, 4]}
    record = {"class_name": "Sequential", "config": [{"class_name": "Dense", "config": dense}]}
    graph = shaped(read(record))
    assert (graph.architecture.name, graph.nodes[-1].effect.macs) == ("Sequential", 12)


@pytest.mark.parametrize("config", [{"filters": "x"}, {"filters": None}, {}, {"filters": -4}])
def test_a_config_that_does_not_fit_names_the_layer(config: dict[str, Any]) -> None:
    with pytest.raises(KerauditError, match="'conv'"):
        shaped(read(functional(START, layer("Conv2D", "conv", "in", kernel_size=[3, 3], **config))))


def test_a_recorded_shape_that_lies_names_the_layer() -> None:
    relu = layer("ReLU", "r", "conv")
    relu["inbound_nodes"][0]["args"][0]["config"]["shape"] = [None, 6, 6, 5]
    model = read(functional(START, CONV, relu))
    with pytest.raises(ModelError, match=r"'conv'.*6x6x4.*6x6x5"):
        shaped(model)
    assert shaped(model, input_shapes=[(10, 10, 3)])  # at another size nothing is recorded


def test_names_cannot_drive_the_terminal() -> None:
    record = functional(START, layer("ReLU", "\x1b[31mred\n", "in"))
    assert read(record).calls[1].name == r"\x1b[31mred\n"


def test_models_nested_to_multiply_are_stopped() -> None:
    """Each level calls the next twice: 2^40 layers from a few kilobytes."""
    record = functional(START, layer("ReLU", "r", "in"))
    for _ in range(40):
        inner = copy.deepcopy(record) | {"name": "inner", "inbound_nodes": []}
        inner["config"]["name"] = "inner"
        inner["inbound_nodes"] = [
            {"args": layer("X", "x", source)["inbound_nodes"][0]["args"], "kwargs": {}}
            for source in ("in", "in")
        ]
        last = layer("Add", "sum", "inner", "inner")
        last["inbound_nodes"][0]["args"][0][1]["config"]["keras_history"] = ["inner", 1, 0]
        record = functional(START, inner, last)
    with pytest.raises(ModelError, match="more than"):
        read(record)


def test_wrappers_that_multiply_are_stopped() -> None:
    """Keras 2 leaves the backward layer out: each level measures the next twice, 2^40 in all."""
    held = layer("LSTM", "r", units=1, return_sequences=True)
    for depth in range(40):
        held = layer("Bidirectional", f"b{depth}", merge_mode="sum", layer=held)
    held["inbound_nodes"] = layer("X", "x", "in")["inbound_nodes"]
    start = layer("InputLayer", "in", batch_shape=[None, 2, 1])
    with pytest.raises(ModelError, match="more than"):
        read(functional(start, held))


def test_a_wrapped_model_counts_at_every_call() -> None:
    """3 layers in a model in a wrapper, called 200,000 times."""
    inner = functional(START, CONV, layer("ReLU", "r", "conv"))
    timed = layer("TimeDistributed", "t", "in", layer=inner)
    timed["inbound_nodes"] *= 200_000
    with pytest.raises(ModelError, match="more than"):
        read(functional(layer("InputLayer", "in", batch_shape=[None, 2, 8, 8, 3]), timed))


def test_shared_layer_costs_per_call_and_weighs_once() -> None:
    import keras

    a, b = keras.Input((8, 8, 3)), keras.Input((8, 8, 3))
    conv = keras.layers.Conv2D(4, 3, use_bias=False)
    graph = graph_of(keras.Model([a, b], keras.layers.Add()([conv(a), conv(b)])))
    calls = [n for n in graph.nodes if n.layer.kind == "Conv2D"]
    assert [n.effect.macs for n in calls] == [6 * 6 * 3 * 3 * 3 * 4] * 2
    assert [len(n.weights) for n in calls] == [1, 0]
    assert [n.name for n in calls] == [conv.name, f"{conv.name}:2"]


def nested() -> Any:
    """Functional in Functional in Sequential, shared, with two inputs and two outputs."""
    import keras

    i, j = keras.Input((8, 8, 3)), keras.Input((8, 8, 3))
    conv = keras.layers.Conv2D(4, 3, padding="same")
    inner = keras.Model([i, j], [conv(i), keras.layers.Concatenate()([conv(j), i])], name="pair")
    tail = keras.Sequential(
        [keras.layers.Conv2D(2, 1), keras.Sequential([keras.layers.ReLU()], name="s2")], name="tail"
    )
    a, b = keras.Input((8, 8, 3), name="a"), keras.Input((8, 8, 3), name="b")
    x, y = inner([a, b])
    z, w = inner([b, a])
    return keras.Model({"a": a, "b": b}, [tail(x), keras.layers.Concatenate()([y, z, w])])


def test_nested_and_shared_models_are_laid_flat() -> None:
    model = nested()
    graph = graph_of(model)
    agree(graph, model)
    names = [n.name for n in graph.nodes]
    assert sum("pair/conv2d" in n for n in names) == 4
    assert any(n.startswith("tail/s2/") for n in names)


@pytest.mark.parametrize("times", [1, 2, 3])
@pytest.mark.parametrize("sequential", [False, True])
def test_a_nested_model_as_the_output_called_several_times(times: int, sequential: bool) -> None:
    """Keras counts a functional model's own birth as a call, but only where it is an output."""
    import keras

    layers = keras.layers
    start = keras.Input((8, 8, 4))
    out = layers.Add()([start, layers.Conv2D(4, 3, padding="same")(start)])
    inner = keras.Model(start, out, name="unit")
    if sequential:
        inner = keras.Sequential([keras.Input((8, 8, 4)), layers.Conv2D(4, 1)], name="unit")
    x = begin = keras.Input((8, 8, 4))
    for _ in range(times):
        x = inner(x)
    model = keras.Model(begin, x)
    graph = graph_of(model)
    agree(graph, model)
    assert sum(n.layer.kind == "Conv2D" for n in graph.nodes) == times


def test_frozen_models_freeze_what_they_hold() -> None:
    import keras

    inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)], name="inner")
    inner.trainable = False
    model = keras.Sequential([keras.Input((4,)), inner, keras.layers.Dense(2)])
    agree(graph_of(model), model)
    assert audit(model).total.trainable_params == 3 * 2 + 2


def test_operations_with_constants_and_slices() -> None:
    import keras

    a = keras.Input((8, 8, 3))
    x = keras.ops.relu(2.0 * a[:, ::2, 1:] + 1)
    x = keras.ops.concatenate([x, x], axis=-1)
    model = keras.Model(a, keras.ops.mean(x, axis=(1, 2)))
    agree(graph_of(model), model)


def test_sequential_without_an_input_needs_a_shape() -> None:
    import keras

    model = keras.Sequential([keras.layers.Conv2D(4, 3), keras.layers.Flatten()])
    text = json.loads(model.to_json())
    with pytest.raises(ShapeError, match="--input-shape"):
        shaped(read(text))
    assert shaped(read(text), input_shapes=[(8, 8, 3)]).nodes[-1].outputs[0].shape == (1, 144)


def test_open_sizes_are_given_and_inputs_named() -> None:
    import keras

    a, b = keras.Input((None, None, 3), name="a"), keras.Input((5,), name="b")
    out = keras.layers.Concatenate()([keras.layers.GlobalAveragePooling2D()(a), b])
    model = keras.Model([a, b], out)
    with pytest.raises(ShapeError, match=r"'a' records the shape \?x\?x\?x3"):
        audit(model)
    named = audit(model, input_shape={"b": (5,), "a": (16, 8, 3)})
    assert named.layers[0].output_shapes == ((1, 16, 8, 3),)
    others = audit(model, input_shape={"a": (16, 8, 3)})  # b keeps its own
    assert others.layers == named.layers
    with pytest.raises(ShapeError, match="inputs are a, b: no input is named 'c'"):
        audit(model, input_shape={"a": (16, 8, 3), "c": (5,)})
    with pytest.raises(ShapeError, match="has 2 inputs"):
        audit(model, input_shape=(16, 8, 3))
    with pytest.raises(ShapeError, match="3 axes besides the batch"):
        audit(model, input_shape=[(16, 8), (5,)])


def test_a_fixed_batch_is_the_default_and_can_be_changed() -> None:
    import keras

    model = keras.Sequential([keras.Input(batch_shape=(4, 10)), keras.layers.Dense(3)])
    assert audit(model).total.macs == 4 * 10 * 3
    assert audit(model, batch=7).total.macs == 7 * 10 * 3
    with pytest.raises(ShapeError, match="batch"):
        audit(model, batch=0)


def test_too_small_an_input_names_the_layer_where_it_collapses() -> None:
    import keras

    model = keras.Sequential(
        [
            keras.Input((None, None, 3)),
            keras.layers.Conv2D(4, 5),
            keras.layers.MaxPooling2D(name="p"),
        ]
    )
    with pytest.raises(ShapeError, match=r"5x5x3 is too small: at layer 'p'"):
        audit(model, input_shape=(5, 5, 3))


def test_the_model_is_not_touched() -> None:
    import keras

    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.BatchNormalization()])
    before = [w.numpy().tobytes() for w in model.weights], model.to_json()
    audit(model)
    assert ([w.numpy().tobytes() for w in model.weights], model.to_json()) == before


def test_a_subclass_with_a_constructor_of_its_own_keeps_its_graph() -> None:
    """Its config holds the constructor's arguments, as KerasHub's models do; the graph is still there."""
    import keras

    class Head(keras.Model):
        def __init__(self, units: int) -> None:
            start = keras.Input((4,))
            super().__init__(start, keras.layers.Dense(units)(start))
            self.units = units

        def get_config(self) -> dict[str, Any]:
            return {"units": self.units}

    model = Head(3)
    nodes = [len(layer._inbound_nodes) for layer in model.layers]
    assert audit(model).total.params == 4 * 3 + 3 == model.count_params()
    assert [len(layer._inbound_nodes) for layer in model.layers] == nodes


def test_a_named_model_runs_no_code_that_lies_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ``keras.py`` in the working folder is not imported: only package.module:callable is the user's."""
    from keraudit.reading.cache import run_live

    (tmp_path / "keras.py").write_text("raise SystemExit('run from the working folder')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [p for p in sys.path if p])
    with pytest.raises(ModelError, match="holds no 'no such model'"):
        run_live("zoo", "no such model", "[8, 8, 3]")


def test_a_users_own_class_is_unsupported_even_with_a_known_name() -> None:
    own = layer("Conv2D", "conv", "in", filters=4, kernel_size=[3, 3])
    own |= {"module": "my.package", "registered_name": "my>Conv2D"}
    graph = shaped(read(functional(START, own)))
    assert graph.nodes[-1].effect.status == "unsupported"


def test_a_backend_that_is_not_installed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    from keraudit.reading import keras_worker

    monkeypatch.setattr(keras_worker, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match="the backend 'torch' is not installed"):
        keras_worker.use_backend("torch")
    with pytest.raises(ModelError, match="none is installed"):
        keras_worker.use_backend(None)
