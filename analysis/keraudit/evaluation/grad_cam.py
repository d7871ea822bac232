"""What a trained network sees: features before its classifier, and Grad-CAM."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from keraudit.audits.gradients.autodiff import pulled
from keraudit.errors import KerauditError

LEAST_SIDE = 4  # positions a side: a smaller map has no places to point at
BATCH = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureCut:
    """A network cut at a feature map and before its classifier.

    Attributes:
        place: the layer whose map Grad-CAM explains: the last one that all paths lead through and
            that has ``LEAST_SIDE`` positions a side.
        start: from normalised images to what the innermost network is fed.
        trunk: from there to the map and to the features.
        head: from the map to the features.
        classifier: the dense layer on the features.
    """

    place: str
    start: Any
    trunk: Any
    head: Any
    classifier: Any

    def features(self, images: Any) -> Any:
        """The input of the classifier for normalised images, (N, width)."""
        import numpy as np

        parts = [convert(self.trunk(self.start(part), training=False)[1]) for part in split(images)]
        return np.concatenate(parts)

    def grad_cam(self, images: Any, classes: Any) -> Any:
        """Where in each image the score of a class comes from (Selvaraju et al. 2017).

        The map's channels are weighted by the mean gradient of the class's score before the softmax,
        added up, and clipped below 0.

        Args:
            images: normalised, (N, height, width, channels).
            classes: one for each image.

        Returns:
            (N, map height, map width), each map's highest value 1, or all 0 where nothing speaks for
            the class.
        """
        import numpy as np

        parts = [
            self.cams(part, chosen)
            for part, chosen in zip(split(images), split(np.asarray(classes)), strict=True)
        ]
        return np.concatenate(parts)

    def cams(self, images: Any, classes: Any) -> Any:
        import numpy as np
        from keras import ops

        maps = ops.stop_gradient(self.trunk(self.start(images), training=False)[0])
        count = self.classifier.kernel.shape[-1]

        def scores(tensors: list[Any]) -> list[Any]:
            features = ops.cast(self.head(tensors[0], training=False), "float32")
            return [
                ops.matmul(features, ops.cast(self.classifier.kernel, "float32"))
                + ops.cast(self.classifier.bias, "float32")
            ]

        one_hot = ops.convert_to_tensor(np.eye(count, dtype="float32")[classes])
        (gradient,) = pulled(scores, [maps], [one_hot])
        values, slopes = convert(maps), convert(gradient)
        weights = slopes.mean(axis=(1, 2), keepdims=True)
        heat = np.maximum((weights * values).sum(axis=-1), 0)
        top = heat.max(axis=(1, 2), keepdims=True)
        return heat / np.where(top > 0, top, 1)


def feature_cut(body: Any) -> FeatureCut:
    """Cut a network that ends in global pooling and a dense classifier.

    Raises:
        KerauditError: it does not end so.
    """
    import keras

    start, inner = inner_of(body)
    classifier = inner.layers[-1]
    if not isinstance(classifier, keras.layers.Dense) or not classifier.use_bias:
        raise KerauditError(
            f"{body.name} does not end in a dense layer with a bias, which Grad-CAM needs"
        )
    wide = [layer for layer in cuts(inner) if _has_places(layer.output)]
    if not wide:
        raise KerauditError(
            f"{body.name} has no feature map of {LEAST_SIDE}x{LEAST_SIDE} or larger"
        )
    place = wide[-1]
    return FeatureCut(
        place=place.name,
        start=start,
        trunk=keras.Model(inner.input, [place.output, classifier.input]),
        head=keras.Model(place.output, classifier.input),
        classifier=classifier,
    )


def inner_of(body: Any) -> tuple[Any, Any]:
    """What leads from normalised images to what the innermost network is fed, and that network."""
    import keras

    inner, start = body, _as_it_is
    for before, layer in pairwise(body.layers):
        if isinstance(layer, keras.Model):
            inner, start = layer, keras.Model(body.input, before.output)
    return start, inner


def _as_it_is(images: Any) -> Any:
    return images


def _has_places(output: Any) -> bool:
    shape = output.shape
    return len(shape) == 4 and min(shape[1:3]) >= LEAST_SIDE


def cuts(model: Any) -> Iterator[Any]:
    """The layers that every path from input to output leads through, in running order."""
    layers = model.operations  # layers, and calls of keras.ops
    places = {id(layer.output): i for i, layer in enumerate(layers)}
    reach = [0] * len(layers)  # the last layer that takes this one's output
    for i, layer in enumerate(layers):
        inputs = layer.input if isinstance(layer.input, list) else [layer.input]
        for tensor in inputs:
            source = places[id(tensor)]
            if source != i:
                reach[source] = i
    furthest = 0
    for i, layer in enumerate(layers):
        if furthest <= i:
            yield layer
        furthest = max(furthest, reach[i])


def split(values: Any) -> list[Any]:
    return [values[i : i + BATCH] for i in range(0, len(values), BATCH)]


def convert(tensor: Any) -> Any:
    """A tensor as float32 on the host."""
    import keras

    return keras.ops.convert_to_numpy(keras.ops.cast(tensor, "float32"))
