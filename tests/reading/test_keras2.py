"""Configs of Keras 2, in the notation of its files."""

from __future__ import annotations

import copy

from configs import read
from keraudit.layers.infer import shaped

OLD = {  # the notation of Keras 2.15's model_config
    "class_name": "Functional",
    "keras_version": "2.15.0",
    "config": {
        "name": "model",
        "layers": [
            {
                "class_name": "InputLayer",
                "config": {"batch_input_shape": [None, 8, 8, 3], "dtype": "float32", "name": "in"},
                "name": "in",
                "inbound_nodes": [],
            },
            {
                "class_name": "Conv2D",
                "config": {"name": "c", "filters": 4, "kernel_size": [3, 3], "padding": "same"},
                "name": "c",
                "inbound_nodes": [[["in", 0, 0, {}]], [["c", 0, 0, {}]]],
            },
            {
                "class_name": "Add",
                "config": {"name": "add"},
                "name": "add",
                "inbound_nodes": [[["c", 0, 0, {}], ["c", 0, 0, {}]]],
            },
            {
                "class_name": "TFOpLambda",
                "config": {"name": "tf.math.multiply", "function": "math.multiply"},
                "name": "tf.math.multiply",
                "inbound_nodes": [["add", 0, 0, {"y": 2.0, "name": None}]],
            },
        ],
        "input_layers": [["in", 0, 0]],
        "output_layers": [["tf.math.multiply", 0, 0]],
    },
}


def test_keras_2_configs() -> None:
    record = copy.deepcopy(OLD)
    record["config"]["layers"][1]["inbound_nodes"] = [[["in", 0, 0, {}]]]
    graph = shaped(read(record))
    assert [n.layer.kind for n in graph.nodes] == ["InputLayer", "Conv2D", "Add", "TFOpLambda"]
    assert graph.nodes[-1].outputs[0].shape == (1, 8, 8, 4)
    assert graph.nodes[1].effect.macs == 8 * 8 * 3 * 3 * 3 * 4


def test_keras_2_shared_layer_runs_in_the_order_of_its_inputs() -> None:
    record = copy.deepcopy(OLD)
    del record["config"]["layers"][2:]
    record["config"]["layers"][1]["config"]["filters"] = 3
    record["config"]["output_layers"] = [["c", 1, 0]]
    graph = shaped(read(record))
    assert [n.name for n in graph.nodes] == ["in", "c", "c:2"]


def test_keras_2_counts_a_nested_model_from_one() -> None:
    inner = copy.deepcopy(OLD) | {"name": "inner", "inbound_nodes": [[["in", 0, 0, {}]]]}
    inner["config"]["name"] = "inner"
    del inner["config"]["layers"][2:]
    inner["config"]["layers"][1]["inbound_nodes"] = [[["in", 0, 0, {}]]]
    inner["config"]["output_layers"] = [["c", 0, 0]]
    record = copy.deepcopy(OLD)
    relu = {
        "class_name": "ReLU",
        "name": "r",
        "config": {"name": "r"},
        "inbound_nodes": [[["inner", 1, 0, {}]]],
    }
    record["config"]["layers"] = [record["config"]["layers"][0], inner, relu]
    record["config"]["output_layers"] = [["r", 0, 0]]
    assert [n.name for n in shaped(read(record)).nodes] == ["in", "inner/c", "r"]
    record["config"]["layers"].pop()
    record["config"]["output_layers"] = [["inner", 1, 0]]
    assert [n.name for n in shaped(read(record)).nodes] == ["in", "inner/c"]
