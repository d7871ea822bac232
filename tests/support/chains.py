"""Small models as Keras writes them, with classes that Keras does not have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from keraudit.layers.call import Rule
from keraudit.layers.infer import NO_RULES, shaped
from keraudit.model.graph import Graph
from keraudit.reading.config import architecture

Record = dict[str, Any]


def layer(kind: str, name: str, *, source: Record | None = None, **config: Any) -> Record:
    """One layer and, if it reads one, the layer before it; ``shape`` is the recorded output."""
    module = config.pop("module", "keras.layers")
    package = "" if module.startswith("keras") else "my>"
    nodes: list[Record] = []
    if source is not None:
        tensor = {
            "class_name": "__keras_tensor__",
            "config": {
                "shape": source["recorded"],
                "dtype": "float32",
                "keras_history": [source["name"], 0, 0],
            },
        }
        nodes = [{"args": [tensor], "kwargs": {}}]
    return {
        "module": module,
        "class_name": kind,
        "registered_name": package + kind,
        "name": name,
        "recorded": config.pop("recorded", None),
        "config": {"name": name, **config},
        "inbound_nodes": nodes,
    }


def conv(name: str, filters: int, size: int, **config: Any) -> Record:
    options = {"strides": [1, 1], "padding": "same", "use_bias": False, "activation": "linear"}
    return layer(
        "Conv2D", name, **{**options, "filters": filters, "kernel_size": [size, size], **config}
    )


def dense(name: str, units: int, **config: Any) -> Record:
    return layer("Dense", name, **{"units": units, "use_bias": False, **config})


def chain(shape: Sequence[int], *layers: Record) -> Record:
    """The model's record: each layer reads the one before it, all read from an input ``x``."""
    start = layer("InputLayer", "x", batch_shape=[None, *shape], dtype="float32")
    found = [start]
    for one in layers:
        config = {"module": one["module"], "recorded": one["recorded"], **one["config"]}
        name = config.pop("name")
        found.append(layer(one["class_name"], name, source=found[-1], **config))
    return {
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "registered_name": "Functional",
        "config": {
            "name": "m",
            "layers": [{k: v for k, v in one.items() if k != "recorded"} for one in found],
            "input_layers": [["x", 0, 0]],
            "output_layers": [[found[-1]["name"], 0, 0]],
        },
    }


def read(record: Record, rules: Mapping[str, Rule] = NO_RULES, **options: Any) -> Graph:
    return shaped(architecture(record, source="test"), rules=rules, **options)


def macs(graph: Graph) -> int:
    return sum(node.effect.macs for node in graph.nodes)
