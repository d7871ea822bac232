"""Nested models and what they are called with: Keras decides which tensor goes to which input."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from keraudit.errors import ModelError
from keraudit.layers.infer import shaped
from keraudit.model.graph import Graph
from keraudit.reading.config import architecture
from witness import agree, graph_of


def two_inputs(*, by_key: bool) -> Any:
    """ids (4) to 100 units, feats (8) to 3: 4 x 100 + 8 x 3 MACs."""
    import keras

    ids, feats = keras.Input((4,), name="ids"), keras.Input((8,), name="feats")
    outputs = [
        keras.layers.Dense(100, use_bias=False)(ids),
        keras.layers.Dense(3, use_bias=False)(feats),
    ]
    inputs = {"ids": ids, "feats": feats} if by_key else [ids, feats]
    return keras.Model(inputs, outputs, name="inner")


def called_with_a_dict(*, by_key: bool) -> Any:
    import keras

    x, y = keras.Input((4,), name="x"), keras.Input((8,), name="y")
    return keras.Model([x, y], two_inputs(by_key=by_key)({"ids": x, "feats": y}))


def without_shapes(value: Any) -> Any:
    """The record with no shape at any tensor, so that only the order tells which is which."""
    if isinstance(value, list):
        return [without_shapes(item) for item in value]
    if not isinstance(value, dict):
        return value
    plain = {key: without_shapes(item) for key, item in value.items()}
    if plain.get("class_name") == "__keras_tensor__":
        plain["config"]["shape"] = None
    return plain


def macs(graph: Graph) -> int:
    return sum(node.effect.macs for node in graph.nodes)


def record_of(model: Any) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(model.to_json())
    return record


def inner_of(record: dict[str, Any]) -> dict[str, Any]:
    (inner,) = [item for item in record["config"]["layers"] if item["name"] == "inner"]
    found: dict[str, Any] = inner
    return found


@pytest.mark.parametrize("by_key", [True, False])
@pytest.mark.parametrize("backwards", [True, False])
def test_a_dict_goes_by_key_whatever_its_order(by_key: bool, backwards: bool) -> None:
    model = called_with_a_dict(by_key=by_key)
    record = without_shapes(record_of(model))
    inner = inner_of(record)
    assert isinstance(inner["config"]["input_layers"], dict) == by_key
    (call,) = inner["inbound_nodes"]
    if backwards:
        call["args"] = [dict(reversed(call["args"][0].items()))]
    for written in (record, record_of(model)):
        graph = shaped(architecture(written, source="test"))
        agree(graph, model)
        assert macs(graph) == 4 * 100 + 8 * 3


def test_inputs_by_keyword_and_a_mask_that_is_no_input() -> None:
    record = record_of(called_with_a_dict(by_key=True))
    (call,) = inner_of(record)["inbound_nodes"]
    call["kwargs"]["mask"] = copy.deepcopy(call["args"][0]["ids"])
    call["kwargs"]["inputs"] = call["args"].pop()
    assert macs(shaped(architecture(record, source="test"))) == 4 * 100 + 8 * 3


def test_a_name_that_the_dict_lacks() -> None:
    record = record_of(called_with_a_dict(by_key=False))
    (call,) = inner_of(record)["inbound_nodes"]
    call["args"][0]["wrong"] = call["args"][0].pop("ids")
    with pytest.raises(ModelError, match=r"by name, ids, feats; a call gives .*'ids' is missing"):
        architecture(record, source="test")


@pytest.mark.parametrize("bare", [True, False])
def test_a_tensor_that_the_input_refuses(bare: bool) -> None:
    """Whether Keras left its shapes in or not: the inputs' own shapes contradict each other."""
    record = record_of(called_with_a_dict(by_key=True))
    args = inner_of(record)["inbound_nodes"][0]["args"][0]
    args["ids"], args["feats"] = args["feats"], args["ids"]
    record = without_shapes(record) if bare else record
    with pytest.raises(ModelError, match=r"'inner' takes the shape \?x8 as its input 'feats', is"):
        architecture(record, source="test")


def test_a_tensor_of_unknown_shape_that_the_input_refuses() -> None:
    """A layer lies between: what it gives is known with the sizes only."""
    import keras

    start = keras.Input((5,), name="start")
    x = keras.layers.Dense(4, name="wide")(start)
    inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    model = keras.Model(start, keras.Model(inner.inputs, inner.outputs, name="inner")(x))
    record = without_shapes(record_of(model))
    assert macs(shaped(architecture(record, source="test"))) == 5 * 4 + 4 * 2
    wide = record["config"]["layers"][1]
    assert wide["name"] == "wide"
    wide["config"]["units"] = 6
    with pytest.raises(ModelError, match="'wide'"):
        shaped(architecture(record, source="test"))


def test_other_sizes_where_the_inner_model_leaves_them_open() -> None:
    import keras

    inner = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(4, 3)])
    inner = keras.Model(inner.inputs, inner.outputs, name="inner")
    a, b = keras.Input((8, 8, 3)), keras.Input((None, 16, 3))
    model = keras.Model([a, b], [inner(a), inner(b)])
    graph = graph_of(model, input_shapes=[(8, 8, 3), (12, 16, 3)])
    assert macs(graph) == (6 * 6 + 10 * 14) * 9 * 3 * 4


def test_another_size_than_recorded_may_be_asked_for() -> None:
    import keras

    start = keras.Input((8, 8, 3))
    inner = keras.Model(start, keras.layers.Conv2D(4, 3)(start), name="inner")
    begin = keras.Input((8, 8, 3))
    model = keras.Model(begin, inner(begin))
    assert macs(graph_of(model, input_shapes=[(10, 10, 3)])) == 8 * 8 * 9 * 3 * 4


@pytest.mark.parametrize(("given", "stated"), [((5, 1), (5,)), ((5,), (5, 1))])
def test_a_last_axis_of_size_one_is_dropped_or_added(
    given: tuple[int, ...], stated: tuple[int, ...]
) -> None:
    """Keras states the output as if it did not, and computes it so."""
    import keras
    import numpy as np

    own = keras.Input(stated)
    inner = keras.Model(own, keras.layers.Dense(3)(own), name="inner")
    start = keras.Input(given)
    model = keras.Model(start, inner(start))
    graph = graph_of(model)
    assert graph.nodes[-1].inputs[0].shape == (1, *stated)
    assert graph.nodes[-1].outputs[0].shape == model(np.zeros((1, *given), "float32")).shape
    assert macs(graph) == 5 * 3
    assert sum(w.elements for w in graph.nodes[-1].weights) == model.count_params()
