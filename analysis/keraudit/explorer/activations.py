"""Weights and activations of every layer for one image, as small arrays. Runs in the worker; needs Keras."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from keraudit.building.keras_model import assembled
from keraudit.errors import KerauditError
from keraudit.explorer.class_scores import cam, classifies, scores_and_gradients
from keraudit.explorer.uploaded_weights import take
from keraudit.model.graph import Graph

MAPS, SIDE = 16, 64  # channels that are shown, pixels a side at most
KERNELS, BINS = 32, 60
VECTOR = 1000  # entries at most
SCALED = frozenset({"Rescaling", "Normalization"})
Progress = Callable[[int, int, str], None]


def layer_activations(
    graph: Graph,
    image: Any,
    *,
    shipped: Path | None = None,
    own: Path | None = None,
    mean: Any = None,
    scale: Any = None,
    chosen: int | None = None,
    progress: Progress,
) -> dict[str, Any]:
    """Build a network, give it weights, show it an image.

    Args:
        graph: at batch 1, with one input of 1 or 3 channels.
        image: (height, width, 3) as bytes.
        shipped: weights of this very network, of ``Model.save_weights``.
        own: the ``.keras`` file that the graph was read from, of which only the weights are taken.
        mean: is subtracted from the image, before the division by ``scale``; default: by the network.
        scale: the divisor.
        chosen: the class whose score is explained; default: the most probable. Networks without trained
            weights, or that do not end in a softmax, have none.
        progress: told of steps done, of how many, and what is done.

    Returns:
        Arrays by ``INDEX:WHAT``: ``maps`` (channels, height, width) as bytes, ``range`` their least and
        largest value, ``vector``, ``zeros`` (the share of exact zeros), ``counts`` and ``edges`` of the
        kernel's histogram, ``kernels`` as bytes; of a trained classifier also ``cam`` as bytes, ``best`` and
        ``best_parts`` (channels by their part in the score) and ``best_maps``. ``probabilities`` and
        ``chosen`` stand without an index.
    """
    import keras

    progress(0, 4, "building the network")
    keras.utils.set_random_seed(0)
    made, outputs = assembled(graph)
    start = outputs[graph.architecture.inputs[0].call][0]
    layers = [i for i, found in enumerate(outputs) if found and _is_shown(found[0])]
    model = keras.Model(start, [outputs[i][0] for i in layers])
    progress(1, 4, "loading the weights")
    ends = [outputs[ref.call][ref.output] for ref in graph.architecture.outputs]
    whole = keras.Model(start, ends if len(ends) > 1 else ends[0])
    if shipped is not None:
        load(whole, shipped)
    elif own is not None:
        take(own, whole, graph)
    progress(2, 4, "running the network on the image")
    fed = _fed(graph, image, mean, scale)
    found = model(fed, training=False)
    progress(3, 4, "preparing the maps")
    values = dict(zip(layers, found if isinstance(found, list) else [found], strict=True))
    _refuse_not_finite(graph, made, values)
    arrays: dict[str, Any] = {}
    for index, tensor in values.items():
        arrays |= {f"{index}:{k}": v for k, v in activation(array(tensor)).items()}
    if (shipped is not None or own is not None) and classifies(graph):
        arrays |= _explained(graph, made, fed, values, chosen)
    for index, call in enumerate(graph.architecture.calls):
        kernel = getattr(made.get(call.layer), "kernel", None)
        if kernel is None:
            kernel = getattr(made.get(call.layer), "depthwise_kernel", None)
        if kernel is not None:
            arrays |= {f"{index}:{k}": v for k, v in weights(array(kernel)).items()}
    return arrays


def _refuse_not_finite(graph: Graph, made: Mapping[str, Any], values: Mapping[int, Any]) -> None:
    """Refuse numbers that no picture shows, by the first layer that has one.

    Raises:
        KerauditError: a weight, or a feature map, is not finite.
    """
    import numpy as np

    for index, call in enumerate(graph.architecture.calls):
        weights_ = getattr(made.get(call.layer), "weights", ())
        arrays = [*weights_, *([values[index]] if index in values else [])]
        if not all(np.isfinite(array(one)).all() for one in arrays):
            raise KerauditError(
                f"layer {graph.nodes[index].name!r} has weights or outputs that are not finite (NaN or"
                " infinite): nothing can be shown"
            )


def _explained(
    graph: Graph, made: Mapping[str, Any], fed: Any, values: Mapping[int, Any], chosen: int | None
) -> dict[str, Any]:
    """The classes of an image, and at each map what speaks for one of them."""
    import numpy as np

    places = [i for i, v in values.items() if len(v.shape) == 4 and i not in _starts(graph)]
    found, target, gradients = scores_and_gradients(graph, made, fed, places, chosen)
    arrays: dict[str, Any] = {
        "probabilities": found.astype("float32"),
        "chosen": np.int64(target),
    }
    for index, gradient in zip(places, gradients, strict=True):
        if gradient is None:
            continue
        own = array(values[index])[0]
        made_of = cam(own, array(gradient)[0], MAPS)
        heat, best = made_of.pop("cam"), made_of["best"]
        step = max(1, -(-max(heat.shape) // SIDE))
        arrays |= {f"{index}:{k}": v for k, v in made_of.items()}
        arrays[f"{index}:cam"] = np.round(heat * 255).astype("uint8")
        maps = np.moveaxis(own[..., best], -1, 0)[:, ::step, ::step]
        arrays[f"{index}:best_maps"] = _as_bytes(maps)
    return arrays


def _starts(graph: Graph) -> set[int]:
    return {ref.call for ref in graph.architecture.inputs}


def load(model: Any, path: Path) -> None:
    try:
        model.load_weights(path)
    except (ValueError, KeyError, OSError) as error:
        raise KerauditError(
            f"the shipped weights do not fit: {str(error).splitlines()[0]}"
        ) from None


def _is_shown(tensor: Any) -> bool:
    return len(tensor.shape) in (2, 4) and "float" in str(tensor.dtype)


def array(tensor: Any) -> Any:
    """A tensor as float32."""
    import keras
    import numpy as np

    return np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(tensor, "float32")))


def _fed(graph: Graph, image: Any, mean: Any, scale: Any) -> Any:
    """The image as the network takes it: reduced as in training where that is known.

    A network with a rescaling of its own takes bytes as they are; any other -1 to 1.
    """
    import numpy as np

    values = np.asarray(image, "float32")
    if graph.input_nodes[0].outputs[0].shape[-1] == 1:
        values = values.mean(axis=-1, keepdims=True)
    if mean is not None or scale is not None:
        values = (values - np.asarray(mean or 0, "float32")) / np.asarray(scale or 1, "float32")
    elif not any(node.layer.kind in SCALED for node in graph.nodes[:6]):
        values = values / 127.5 - 1
    return values[None]


def activation(values: Any) -> dict[str, Any]:
    """What one layer made of the image: its first channels as bytes, on one scale."""
    import numpy as np

    made: dict[str, Any] = {
        "range": np.array([values.min(), values.max(), values.mean(), values.std()], "float32"),
        "zeros": np.float32((values == 0).mean()),
    }
    if values.ndim == 2:
        return made | {"vector": values[0, :VECTOR]}
    maps = np.moveaxis(values[0], -1, 0)[:MAPS]
    step = max(1, -(-max(maps.shape[1:]) // SIDE))
    return made | {"maps": _as_bytes(maps[:, ::step, ::step])}


def weights(kernel: Any) -> dict[str, Any]:
    """A kernel's histogram, and its first filters as pictures where they are larger than 1x1."""
    import numpy as np

    counts, edges = np.histogram(kernel, bins=BINS)
    made: dict[str, Any] = {"counts": counts, "edges": edges.astype("float32")}
    if kernel.ndim == 4 and max(kernel.shape[:2]) > 1:
        colors = kernel.shape[2] == 3
        chosen = kernel[..., :KERNELS] if colors else kernel[:, :, 0, :KERNELS]
        if kernel.shape[3] == 1 and not colors:  # depthwise: one filter for each channel
            chosen = kernel[:, :, :KERNELS, 0]
        made["kernels"] = _as_bytes(np.moveaxis(chosen, -1, 0))
    return made


def _as_bytes(values: Any) -> Any:
    """Values from their least to their largest as 0 to 255."""
    import numpy as np

    low, high = values.min(), values.max()
    return np.round((values - low) / max(high - low, 1e-12) * 255).astype("uint8")


def task(found: Mapping[str, Any], folder: Path, progress: Progress) -> str:
    """The task of a page: the arrays go to a file in ``folder``, whose name is returned."""
    import numpy as np

    own = None
    if found.get("data"):
        own = folder / "model.keras"
        own.write_bytes(found["data"])
    arrays = layer_activations(
        found["graph"],
        found["image"],
        shipped=found.get("shipped"),
        own=own,
        mean=found.get("mean"),
        scale=found.get("scale"),
        chosen=found.get("chosen"),
        progress=progress,
    )
    np.savez(folder / "insides.npz", **arrays)
    return "insides.npz"
