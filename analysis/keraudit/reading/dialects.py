"""Model files of other writers than Keras 2 and 3: TensorFlow.js is unwrapped, Keras 1 is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from keraudit.errors import ModelError
from keraudit.reading.serialised import text

# Options of Keras' own layers that only Keras 1 wrote; Keras 2 calls them filters, padding, units, ...
KERAS_1_OPTIONS = (
    *("nb_filter", "nb_row", "nb_col", "nb_feature", "filter_length", "pool_length"),
    *("border_mode", "subsample", "subsample_length", "dim_ordering", "W_regularizer"),
)
KERAS_1_ONLY = frozenset({"Merge", "MaxoutDense", "Highway", "TimeDistributedDense"})
UNITS = frozenset({"Dense", "SimpleRNN", "LSTM", "GRU"})  # Keras 1 calls their units "output_dim"
# A user's own layer may have an option of any name: only these classes are asked for theirs.
KINDS = UNITS.union(
    ("Embedding", "BatchNormalization"),
    (f"{kind}{n}D" for kind in ("Convolution", "MaxPooling", "AveragePooling") for n in (1, 2, 3)),
)
MOST_LAYERS = 10_000  # that are looked at


def unwrapped(record: Mapping[str, Any]) -> Any:
    """The model's own record in a TensorFlow.js file: under ``modelTopology``, ``model_config`` or both.

    What is no such file is returned as it is.

    Raises:
        ModelError: it holds a TensorFlow graph, not layers.
    """
    topology = record.get("modelTopology", record)
    if record.get("format") == "graph-model" or (
        isinstance(topology, Mapping) and isinstance(topology.get("node"), list)
    ):
        raise ModelError(
            "a TensorFlow.js graph model holds TensorFlow operations, not Keras layers: convert the"
            " model with tensorflowjs_converter --output_format=tfjs_layers_model, or save it as .keras"
        )
    if isinstance(topology, Mapping) and "class_name" not in topology:
        return topology.get("model_config", topology)
    return topology


def refuse_keras_1(record: Mapping[str, Any]) -> None:
    """Refuse what Keras 1 wrote: its layers have other options, some of them other meanings.

    Raises:
        ModelError: the record states that version, or a layer of Keras' has an option of it.
    """
    version = record.get("keras_version")
    named = isinstance(version, str) and version.partition(".")[0] in ("0", "1")
    sign = next(_signs(record), None)
    if sign is None and not named:
        return
    why = sign or f"this one is of Keras {text(version)[:20]}"
    raise ModelError(
        f"files of Keras 1 are not read ({why}): load it with Keras 2.0 to 2.3, save it there, and pass"
        " that file"
    )


def _signs(record: Mapping[str, Any]) -> Iterator[str]:
    """Where a layer of Keras' is written as only Keras 1 does."""
    config = record.get("config")
    layers = config.get("layers") if isinstance(config, Mapping) else config
    for item in islice(layers if isinstance(layers, list) else (), MOST_LAYERS):
        own = item.get("config") if isinstance(item, Mapping) else None
        if not isinstance(own, Mapping) or "module" in item:
            continue
        kind = item.get("class_name")
        if not isinstance(kind, str):
            continue
        place = f"layer {text(own.get('name', kind))[:60]!r} ({text(kind)[:60]})"
        if kind in KERAS_1_ONLY:
            yield f"{place} is a class of Keras 1"
        found = [option for option in KERAS_1_OPTIONS if option in own]
        if kind in UNITS and "units" not in own:
            found += ["output_dim"] if "output_dim" in own else []
        if found and kind in KINDS:
            yield f"{place} has the option {found[0]!r}"
