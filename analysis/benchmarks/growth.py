"""How time and memory grow with depth: residual networks of 20 to 10,000 layers, as config files.

The configs are written as Keras writes them, without Keras: an input, and units of a 3x3 convolution, a
batch normalisation, a ReLU and an addition.
"""

import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.processes import Run, measure

DEPTHS = (20, 100, 500, 1000, 2500, 5000, 10_000)
SHAPE = [None, 32, 32, 16]


def layer(kind: str, name: str, inputs: list[str], **config: Any) -> dict[str, Any]:
    """A layer as Keras 3 serialises it, reading the outputs of ``inputs``."""
    tensors = [
        {
            "class_name": "__keras_tensor__",
            "config": {"shape": SHAPE, "dtype": "float32", "keras_history": [source, 0, 0]},
        }
        for source in inputs
    ]
    args = [tensors] if len(tensors) > 1 else tensors
    return {
        "module": "keras.layers",
        "class_name": kind,
        "config": {"name": name, "trainable": True, "dtype": "float32", **config},
        "registered_name": None,
        "name": name,
        "inbound_nodes": [{"args": args, "kwargs": {}}] if inputs else [],
    }


def network(depth: int) -> dict[str, Any]:
    """A model record with ``depth`` layers, rounded up to whole units of four."""
    layers = [layer("InputLayer", "input", [], batch_shape=SHAPE)]
    last = "input"
    for unit in range(-(-(depth - 1) // 4)):
        names = [f"unit{unit}_{part}" for part in ("conv", "norm", "relu", "add")]
        conv, norm, relu, add = names
        options = {"filters": 16, "kernel_size": [3, 3], "padding": "same", "use_bias": False}
        layers += [
            layer("Conv2D", conv, [last], **options),
            layer("BatchNormalization", norm, [conv], axis=-1),
            layer("ReLU", relu, [norm]),
            layer("Add", add, [relu, last]),
        ]
        last = add
    config = {
        "name": f"depth{depth}",
        "trainable": True,
        "layers": layers,
        "input_layers": [["input", 0, 0]],
        "output_layers": [[last, 0, 0]],
    }
    return {"module": "keras", "class_name": "Functional", "config": config}


def growth(folder: Path, rounds: int) -> list[dict[str, Any]]:
    """The medians for each depth."""
    keraudit = str(Path(sys.executable).with_name("keraudit"))
    rows = []
    for depth in DEPTHS:
        record = network(depth)
        path = folder / f"depth{depth}.json"
        path.write_text(json.dumps(record))
        medians: Run = measure({"": [keraudit, "flops", str(path), "--by", "kind"]}, rounds)[""]
        rows.append(
            {
                "layers": len(record["config"]["layers"]),
                "file_bytes": path.stat().st_size,
                **medians._asdict(),
            }
        )
    return rows
