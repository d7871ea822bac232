"""Configs written by hand, in Keras 3's notation."""

from __future__ import annotations

from typing import Any

from keraudit.model.graph import Architecture
from keraudit.reading.config import architecture


def layer(kind: str, name: str, *inputs: str, **config: Any) -> dict[str, Any]:
    """A layer's record in Keras 3's notation, called once on ``inputs``."""
    tensors = [
        {"class_name": "__keras_tensor__", "config": {"shape": None, "keras_history": [i, 0, 0]}}
        for i in inputs
    ]
    args = [tensors] if len(tensors) > 1 else tensors
    return {
        "module": "keras.layers",
        "class_name": kind,
        "name": name,
        "config": {"name": name, **config},
        "inbound_nodes": [{"args": args, "kwargs": {}}] if inputs else [],
    }


def functional(*layers: dict[str, Any], out: str | None = None) -> dict[str, Any]:
    return {
        "module": "keras",
        "class_name": "Functional",
        "config": {
            "name": "m",
            "layers": list(layers),
            "input_layers": [["in", 0, 0]],
            "output_layers": [[out or layers[-1]["name"], 0, 0]],
        },
    }


def read(record: dict[str, Any]) -> Architecture:
    return architecture(record, source="test")
