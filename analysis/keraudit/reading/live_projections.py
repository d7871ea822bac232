"""The projections of a live attention layer that are not as the layer's config has them.

``MultiHeadAttention`` and ``GroupQueryAttention`` make their projections themselves, and write nothing
of them. Quantised, adapted or frozen afterwards (``_query_dense.enable_lora(4)``), they are known from
the live layer alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from keraudit.reading.config import PROJECTIONS
from keraudit.reading.of_keras import keras_class

ROLES = {
    "query": "_query_dense",
    "key": "_key_dense",
    "value": "_value_dense",
    "gate": "_gate_dense",
    "attention_output": "_output_dense",
}
WRAPPED = ("layer", "backward_layer")  # in a config, and of the live wrapper


def note_projections(record: dict[str, Any], live: Any) -> None:
    """Add to the record of a layer or model the projections of each attention layer that it holds.

    They stand next to the config, which stays as Keras writes it.

    Args:
        record: as Keras writes it; changed in place.
        live: the layer or model that it is of.
    """
    for inner, layer in _held(record, live):
        note_projections(inner, layer)
    if found := _projections(live):
        record[PROJECTIONS] = found


def _held(record: dict[str, Any], live: Any) -> Iterator[tuple[dict[str, Any], Any]]:
    """The records within a record, each with the layer that it is of."""
    config = record.get("config")
    if not isinstance(config, dict):
        return
    layers = {layer.name: layer for layer in getattr(live, "layers", ())}
    for item in config.get("layers", ()) if layers else ():
        if (name := item.get("config", {}).get("name")) in layers:
            yield item, layers[name]
    for key in WRAPPED:
        if isinstance(config.get(key), dict) and (layer := getattr(live, key, None)):
            yield config[key], layer


def _projections(layer: Any) -> list[dict[str, Any]]:
    """The records of a layer's projections; none where its config tells them, or where it has none."""
    import keras

    kinds = (keras.layers.MultiHeadAttention, keras.layers.GroupQueryAttention)
    if keras_class(layer) not in kinds or not layer.built:
        return []
    found = {role: getattr(layer, name, None) for role, name in ROLES.items()}
    made = {role: dense for role, dense in found.items() if dense is not None}
    if not any(_is_changed(dense, layer) for dense in made.values()):
        return []
    return [_record_of(dense, role) for role, dense in made.items()]


def _is_changed(dense: Any, layer: Any) -> bool:
    """Whether a projection is no longer as the layer's config makes it."""
    import keras

    if type(dense) is not keras.layers.EinsumDense or dense.trainable != layer.trainable:
        return True
    return bool(dense.lora_enabled) or dense.quantization_mode is not None


def _record_of(dense: Any, role: str) -> dict[str, Any]:
    """A projection as Keras writes it, under its role; of the user's own class, no more than the class."""
    import keras

    kind = type(dense)
    if kind.__module__.partition(".")[0] != "keras":
        config = {"name": role, "trainable": dense.trainable}
        return {"class_name": kind.__name__, "module": kind.__module__, "config": config}
    record: dict[str, Any] = keras.saving.serialize_keras_object(dense)
    policy = dense.dtype_policy
    if isinstance(policy, keras.dtype_policies.DTypePolicyMap):
        record["config"]["dtype"] = keras.saving.serialize_keras_object(policy[dense.path])
    record = json.loads(json.dumps(record, default=str))
    record["config"]["name"] = role
    return record
