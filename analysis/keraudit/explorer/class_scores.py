"""What a trained network makes of one image: its classes, and where and in which channels each map speaks for one.

Grad-CAM (Selvaraju et al. 2017) at every feature map: a channel counts by the mean gradient of the class's
score before the softmax. One backward pass gives all of them: a zero is added to every map, and the gradient
with respect to that zero is the gradient with respect to the map. Runs in the worker; needs Keras.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from keraudit.audits.gradients.autodiff import pulled
from keraudit.building.keras_model import constants
from keraudit.model.graph import Graph, Ref
from keraudit.rewrite.edit import mapped

SOFTMAX = frozenset({"Softmax", "ops.Softmax"})
TOP = 5  # classes that are told


def scores_and_gradients(
    graph: Graph, made: Mapping[str, Any], image: Any, places: Sequence[int], chosen: int | None
) -> tuple[Any, int, list[Any]]:
    """The probabilities of one image, a class, and the gradient of its score at each place.

    Args:
        graph: with one input, and classes as its first output.
        made: its layers by path, with their weights.
        image: a batch of one, as the network takes it.
        places: calls whose outputs are feature maps.
        chosen: the class; default: the most probable.
    """
    import numpy as np
    from keras import ops

    with _linear_end(graph, made):
        scores = ops.convert_to_numpy(ops.cast(_scores(graph, made, image, {}), "float32"))[0]
        target = int(scores.argmax()) if chosen is None else chosen
        shapes = [graph.nodes[i].outputs[0].shape for i in places]
        zeros = [ops.zeros((1, *shape[1:]), dtype="float32") for shape in shapes]
        one_hot = ops.convert_to_tensor(np.eye(len(scores), dtype="float32")[target][None])

        def function(tensors: list[Any]) -> list[Any]:
            probes = dict(zip(places, tensors, strict=True))
            return [ops.cast(_scores(graph, made, image, probes), "float32")]

        gradients = pulled(function, zeros, [one_hot])
    shifted = np.exp(scores - scores.max())
    return shifted / shifted.sum(), target, gradients


def _scores(graph: Graph, made: Mapping[str, Any], image: Any, probes: Mapping[int, Any]) -> Any:
    """The first output before its softmax, run call by call, with something added to some outputs."""
    from keras import ops

    end = graph.architecture.outputs[0]
    values: list[list[Any]] = []
    for index, call in enumerate(graph.architecture.calls):
        node = graph.nodes[index]
        if node.layer.kind == "InputLayer":
            values.append([ops.convert_to_tensor(image)])
            continue

        def at(ref: Ref) -> Any:
            return values[ref.call][ref.output]

        if index == end.call and node.layer.kind in SOFTMAX:
            return at(node.sources[0])
        args, kwargs = mapped(constants((call.args, call.kwargs)), at)
        result = made[call.layer](*args, **kwargs)
        values.append(list(result) if isinstance(result, list | tuple) else [result])
        if index in probes:
            values[index][0] = values[index][0] + ops.cast(probes[index], values[index][0].dtype)
    return values[end.call][end.output]


@contextmanager
def _linear_end(graph: Graph, made: Mapping[str, Any]) -> Iterator[None]:
    """The last layer without the softmax in it, for a while."""
    import keras

    layer = made.get(graph.architecture.calls[graph.architecture.outputs[0].call].layer)
    before = getattr(layer, "activation", None)
    if before is not keras.activations.softmax:
        yield
        return
    layer.activation = keras.activations.linear  # type: ignore[union-attr]  # it has one
    try:
        yield
    finally:
        layer.activation = before  # type: ignore[union-attr]


def classifies(graph: Graph) -> bool:
    """Whether a graph gives the probabilities of two or more classes for one image."""
    if len(graph.architecture.inputs) != 1 or graph.architecture.traced:
        return False
    end = graph.architecture.outputs[0]
    node = graph.nodes[end.call]
    shape = node.outputs[end.output].shape
    ends_so = node.layer.kind in SOFTMAX or node.layer.config.get("activation") == "softmax"
    return len(shape) == 2 and shape[1] >= 2 and ends_so


def cam(values: Any, gradient: Any, most: int) -> dict[str, Any]:
    """A map's Grad-CAM: the heat, and the channels that speak most for the class or against it.

    Args:
        values: (height, width, channels).
        gradient: of the class's score, alike.
        most: channels that are kept.
    """
    import numpy as np

    weights = gradient.mean(axis=(0, 1))
    heat = np.maximum((weights * values).sum(axis=-1), 0)
    parts = weights * values.mean(axis=(0, 1))
    order = np.argsort(-np.abs(parts))[:most]
    return {"cam": heat / max(heat.max(), 1e-12), "best": order, "best_parts": parts[order]}
