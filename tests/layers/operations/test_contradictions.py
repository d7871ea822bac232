"""Operations whose record contradicts itself."""

from __future__ import annotations

import pytest


def recorded(kind, *args, shape=(5, 8), **config):
    """The record of one operation on an input ``x``, as a file might hold it."""
    history = {"shape": [None, *shape], "dtype": "float32", "keras_history": ["x", 0, 0]}
    tensor = {"class_name": "__keras_tensor__", "config": history}
    node = {"args": [tensor, *args], "kwargs": {}}
    entry = {"batch_shape": [None, *shape], "name": "x"}
    return {
        "class_name": "Functional",
        "config": {
            "name": "m",
            "layers": [
                {"class_name": "InputLayer", "name": "x", "config": entry, "inbound_nodes": []},
                {
                    "module": "keras.src.ops.numpy",
                    "class_name": kind,
                    "name": "op",
                    "config": {"name": "op", **config},
                    "inbound_nodes": [node],
                },
            ],
            "input_layers": [["x", 0, 0]],
            "output_layers": [["op", 0, 0]],
        },
    }


HOSTILE = [
    recorded("Unstack", axis=1, shape=(2**31 - 1, 8)),
    recorded("Split", axis=1, indices_or_sections=2**31 - 1, shape=(2**31 - 1, 8)),
    recorded("Split", axis=1, indices_or_sections=0),
    recorded("Split", axis=1, indices_or_sections=[3, 1]),
    recorded("Reshape", newshape=[-1, 0]),
    recorded("Reshape"),
    recorded("GetItem", {"a": 1}),
    recorded("GetItem", [0] * 9),
    recorded("Matmul"),
    recorded("Matmul", "x"),
    recorded("Einsum", subscripts=3),
    recorded("Tile", repeats=[10**12]),
    recorded("Pad", pad_width=[[1, 2], [3]]),
    recorded("Transpose", axes=[0, 0, 1]),
    recorded("Mean", axis="x"),
    recorded("Add", {"class_name": "__numpy__", "config": {}}),
    recorded("Add", [1, 2, 3]),
    recorded("Concatenate"),
    recorded("TopK", k=-1),
    recorded("Conv", [1]),
    recorded("Rearrange", "a b"),
    recorded("Rearrange", "(" * 2000 + "-> a"),
    recorded("Repeat", repeats=0, axis=1),
    recorded("Tensordot", 3, axes=9),
]


@pytest.mark.parametrize("record", HOSTILE)
def test_a_file_that_contradicts_itself_is_one_sentence(record):
    from keraudit.errors import ModelError
    from keraudit.layers.infer import shaped
    from keraudit.reading.config import architecture

    with pytest.raises(ModelError) as caught:
        shaped(architecture(record, source="test"))
    assert "'op'" in str(caught.value)
    assert "\n" not in str(caught.value)
