"""Keras 1's ``Merge``: one class for seven operations, and for models side by side in a Sequential one.

``Merge`` in a functional model becomes the layer that its mode names. As the first layer of a
Sequential model it holds the models that it merges: the whole becomes a functional model, in which
each of them is called on an input of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from keraudit.errors import ModelError
from keraudit.reading.serialised import (
    as_list,
    histories,
    input_shape,
    is_model,
    is_sequential,
    layer_name,
    named_layers,
    options,
    sequential_input,
    text,
)

MODES: Mapping[str, str] = {
    "sum": "Add",
    "mul": "Multiply",
    "ave": "Average",
    "max": "Maximum",
    "concat": "Concatenate",
    "dot": "Dot",
    "cos": "Dot",
}
BRANCHES = "layers"  # the option that holds the models which are merged


def merged(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """The layer that a ``Merge`` is by its mode, the models that it holds kept.

    Raises:
        ModelError: its mode is a function of the user's own.
    """
    config = record["config"]
    mode = config.get("mode", "sum")
    if config.get("mode_type", "raw") != "raw" or not isinstance(mode, str) or mode not in MODES:
        raise ModelError(
            f"layer {layer_name(record)[:60]!r} is a Merge of Keras 1 by a function of the user's own, which"
            " the file does not hold: pass the code as package.module:callable"
        )
    made = {key: config[key] for key in ("name", "trainable", BRANCHES) if key in config}
    if mode == "concat":
        made["axis"] = config.get("concat_axis", -1)
    if MODES[mode] == "Dot":
        made |= {"axes": _axes(config.get("dot_axes", -1)), "normalize": mode == "cos"}
    return {**record, "class_name": MODES[mode], "config": made}


def _axes(axes: Any) -> Any:
    """The axes of a dot product, one for each input.

    >>> _axes(-1), _axes([[2], [1]])
    (-1, [2, 1])
    """
    if isinstance(axes, list):
        return [axis[0] if isinstance(axis, list) and len(axis) == 1 else axis for axis in axes]
    return axes


def is_branched(items: Sequence[Any]) -> bool:
    """Whether a Sequential model's layers begin with a merge of models."""
    first = items[0] if items and isinstance(items[0], Mapping) else {}
    config = first.get("config")
    found = isinstance(config, Mapping) and config.get(BRANCHES)
    return first.get("class_name") in MODES.values() and isinstance(found, list)


def branched(record: Mapping[str, Any], items: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The functional model that a Sequential one with a merge of models as its first layer is."""
    first = items[0]
    config = dict(first["config"])
    name = layer_name(first)
    layers: list[Mapping[str, Any]] = []
    inputs: list[str] = []
    ends: list[str] = []
    for number, branch in enumerate(as_list(config.pop(BRANCHES)), 1):
        if not isinstance(branch, Mapping) or "class_name" not in branch:
            raise ModelError(f"the merge {name!r} holds something that is not a layer")
        own = f"{name}_{number}"
        if not is_model(branch):
            branch = {"class_name": "Sequential", "config": [branch]}
        starts = [
            {**start, "name": f"{own}_{at}" if at else f"{own}_input"}
            for at, start in enumerate(_starts(branch))
        ]
        layers += [_called("InputLayer", start, start["name"], []) for start in starts]
        inputs += [start["name"] for start in starts]
        layers.append({**branch, **_place(own, [start["name"] for start in starts])})
        ends.append(own)
    for number, item in enumerate([{**first, "config": config}, *items[1:]]):
        if not isinstance(item, Mapping) or "class_name" not in item:
            raise ModelError(
                "the Sequential model's list of layers holds something that is not a layer"
            )
        own = f"{name}_then_{number}" if isinstance(item.get("config"), list) else layer_name(item)
        layers.append({**item, **_place(own, ends)})
        ends = [own]
    made = {
        "name": text(record.get("name") or "sequential"),
        "layers": layers,
        "input_layers": [[name, 0, 0] for name in inputs],
        "output_layers": [[name, 0, 0] for name in ends],
    }
    return {**record, "class_name": "Model", "config": made}


def _starts(model: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The options of an input layer for each input of a model."""
    if is_sequential(model):
        return [{"batch_input_shape": sequential_input(model), "dtype": "float32"}]
    config = model["config"]
    by_name = named_layers(config)
    found = [options(by_name.get(name, {})) for name, _, _ in histories(config.get("input_layers"))]
    return [
        {"batch_input_shape": input_shape(start), "dtype": start.get("dtype", "float32")}
        for start in found
    ]


def _called(
    kind: str, config: Mapping[str, Any], name: str, inputs: Sequence[str]
) -> dict[str, Any]:
    return {"class_name": kind, "config": config, **_place(name, inputs)}


def _place(name: str, inputs: Sequence[str]) -> dict[str, Any]:
    """A layer's name and its one call, as Keras 2 records them."""
    nodes = [[[source, 0, 0, {}] for source in inputs]] if inputs else []
    return {"name": name, "inbound_nodes": nodes}
