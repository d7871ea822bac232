"""TensorFlow functions in files of Keras 2, as its ``to_json`` wrote them."""

from __future__ import annotations

import pytest

from keraudit.layers.infer import shaped
from keraudit.reading.config import architecture


def lambda_layer(function, inbound, kind="TFOpLambda"):
    config = {"name": "op", "trainable": True, "dtype": "float32", "function": function}
    return {"class_name": kind, "config": config, "name": "op", "inbound_nodes": inbound}


def graph_of(shapes, layer):
    names = [f"x{i}" for i in range(len(shapes))]
    inputs = [
        {
            "class_name": "InputLayer",
            "name": name,
            "config": {"batch_input_shape": [None, *shape], "dtype": "float32", "name": name},
            "inbound_nodes": [],
        }
        for name, shape in zip(names, shapes, strict=True)
    ]
    record = {
        "class_name": "Functional",
        "config": {
            "name": "m",
            "layers": [*inputs, layer],
            "input_layers": [[name, 0, 0] for name in names],
            "output_layers": [["op", 0, 0]],
        },
        "keras_version": "2.15.0",
    }
    return shaped(architecture(record, source="test"), batch=2)


def run(function, *shapes, **kwargs):
    inbound = [["x0", 0, 0, {**kwargs, "name": None}]]
    return graph_of(shapes, lambda_layer(function, inbound)).nodes[-1]


ONE = (8, 6, 3)
CASES = [
    ("math.add", {"y": ["x1", 0, 0]}, (2, 8, 6, 3), 2 * 8 * 6 * 3),
    ("__operators__.mul", {"y": 2.0}, (2, 8, 6, 3), 2 * 8 * 6 * 3),
    ("math.squared_difference", {"y": ["x1", 0, 0]}, (2, 8, 6, 3), 2 * 2 * 8 * 6 * 3),
    ("nn.relu", {}, (2, 8, 6, 3), 2 * 8 * 6 * 3),
    ("math.reduce_mean", {"axis": [1, 2], "keepdims": True}, (2, 1, 1, 3), 288 + 6),
    ("math.reduce_sum", {"axis": -1}, (2, 8, 6), 288),
    ("reshape", {"shape": [-1, 48, 3]}, (2, 48, 3), 0),
    ("transpose", {"perm": [0, 2, 1, 3]}, (2, 6, 8, 3), 0),
    ("compat.v1.transpose", {"perm": [0, 3, 1, 2]}, (2, 3, 8, 6), 0),
    ("expand_dims", {"axis": 1}, (2, 1, 8, 6, 3), 0),
    ("tile", {"multiples": [1, 2, 1, 1]}, (2, 16, 6, 3), 0),
    ("pad", {"paddings": [[0, 0], [1, 1], [1, 1], [0, 0]]}, (2, 10, 8, 3), 0),
    ("cast", {"dtype": "float16"}, (2, 8, 6, 3), 0),
    ("image.resize", {"size": [16, 12], "method": "nearest"}, (2, 16, 12, 3), 0),
    ("image.resize", {"size": [16, 12]}, (2, 16, 12, 3), 2 * 16 * 12 * 3 * 7),
    ("gather", {"indices": [0, 1], "axis": 1}, (2, 2, 6, 3), 0),
    ("gather", {"indices": [[0, 1], [1, 2]], "axis": 1, "batch_dims": 1}, (2, 2, 6, 3), 0),
    ("gather", {"indices": [[0], [1]], "batch_dims": 1}, (2, 1, 6, 3), 0),
    ("clip_by_value", {"clip_value_min": 0, "clip_value_max": 1}, (2, 8, 6, 3), 2 * 288),
    ("nn.softmax", {"axis": -1}, (2, 8, 6, 3), 5 * 288),
    ("compat.v1.shape", {}, (4,), 0),
]


@pytest.mark.parametrize(("function", "kwargs", "shape", "flops"), CASES)
def test_functions(function, kwargs, shape, flops):
    node = run(function, ONE, ONE, **kwargs)
    assert node.outputs[0].shape == shape
    assert node.effect.other_flops == flops
    assert node.effect.macs == 0
    assert node.effect.status != "unsupported"


def test_matmul_with_a_turned_operand():
    kwargs = {"b": ["x1", 0, 0], "transpose_a": False, "transpose_b": True}
    node = run("linalg.matmul", (5, 8), (7, 8), **kwargs)
    assert node.outputs[0].shape == (2, 5, 7)
    assert node.effect.macs == 2 * 5 * 8 * 7


def test_matmul_with_a_turned_constant_has_one_activation():
    constant = [[1.0] * 8] * 7
    node = run("linalg.matmul", (5, 8), b=constant, transpose_a=False, transpose_b=True)
    (term,) = node.effect.terms
    assert (node.outputs[0].shape, term.value) == ((2, 5, 7), 2 * 5 * 8 * 7)
    plain = run("linalg.matmul", (5, 7), b=constant).effect.terms[0]
    assert term.operands == plain.operands == 1


def test_concat_and_split():
    concat = [[["x0", 0, 0, {"axis": -1}], ["x1", 0, 0, {"axis": -1}]]]
    node = graph_of([ONE, (8, 6, 5)], lambda_layer("concat", concat)).nodes[-1]
    assert node.outputs[0].shape == (2, 8, 6, 8)
    node = run("split", ONE, num_or_size_splits=[2, 6], axis=1)
    assert [t.shape for t in node.outputs] == [(2, 2, 6, 3), (2, 6, 6, 3)]


def test_slicing():
    spec = [
        {"start": None, "stop": None, "step": None},
        {"start": 1, "stop": None, "step": 2},
        {"class_name": "__ellipsis__"},
        0,
    ]
    inbound = [["x0", 0, 0, {"slice_spec": spec}]]
    layer = lambda_layer("__operators__.getitem", inbound, kind="SlicingOpLambda")
    node = graph_of([ONE], layer).nodes[-1]
    assert node.outputs[0].shape == (2, 4, 6)
    assert node.effect.status == "zero"


def test_an_unknown_function_says_its_name():
    node = run("signal.stft", (100,))
    assert node.effect.status == "unsupported"
    assert "signal.stft" in node.effect.reason
