"""TensorFlow.js layers models: where the model's own record is in them, and the shapes of its weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keraudit.errors import ModelError
from keraudit.reading.hdf5 import H5Shapes
from keraudit.reading.serialised import sizes, text

MANIFEST = "weightsManifest"


def unwrapped(record: Mapping[str, Any]) -> Any:
    """The model's own record in a TensorFlow.js file: under ``modelTopology``, ``model_config`` or both.

    What is no such file is returned as it is.

    Raises:
        ModelError: it holds a TensorFlow graph, not layers, or weights alone.
    """
    topology = record.get("modelTopology", record)
    if record.get("format") == "graph-model" or (
        isinstance(topology, Mapping) and isinstance(topology.get("node"), list)
    ):
        raise ModelError(
            "a TensorFlow.js graph model holds TensorFlow operations, not Keras layers: convert the"
            " model with tensorflowjs_converter --output_format=tfjs_layers_model, or save it as .keras"
        )
    if topology is None and MANIFEST in record:
        raise ModelError(
            "a TensorFlow.js file with the list of its weights alone, no layers ('modelTopology' is empty):"
            " pass the model.json of the whole model"
        )
    if isinstance(topology, Mapping) and "class_name" not in topology:
        return topology.get("model_config", topology)
    return topology


def manifest_shapes(manifest: Any) -> H5Shapes:
    """Name, shape and dtype of every weight that the manifest lists; those of an optimizer left out.

    Raises:
        ModelError: it is no such list.
    """
    found: dict[str, tuple[str, tuple[int, ...], str]] = {}
    for group in manifest if isinstance(manifest, list) else [manifest]:
        weights = group.get("weights") if isinstance(group, Mapping) else None
        if not isinstance(weights, list):
            raise ModelError(
                f"expected groups of weights as {MANIFEST!r}, received {str(group)[:60]!r}"
            )
        for weight in weights:
            if not isinstance(weight, Mapping):
                raise ModelError(f"{MANIFEST!r} lists {str(weight)[:60]!r}, which is no weight")
            if weight.get("group") == "optimizer":
                continue
            name, shape = text(weight.get("name")), sizes(weight.get("shape"))
            if None in shape:
                raise ModelError(f"{MANIFEST!r} leaves a size of {name[:60]!r} open")
            found[name] = (name, tuple(size or 0 for size in shape), text(weight.get("dtype")))
    return tuple(found.values())
