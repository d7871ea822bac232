"""Features of faces: what a network holds after each of its blocks, and what it costs up to there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keraudit.errors import KerauditError
from keraudit.experiments.faces.protocol import products
from keraudit.experiments.feeding import WITH_WEIGHTS, published_moments
from keraudit.experiments.insides import convert, inner_of, split
from keraudit.experiments.network import LARGE, PUBLISHED, network
from keraudit.experiments.recipe import Recipe, recipe
from keraudit.experiments.record import read_run
from keraudit.experiments.trained import network_of
from keraudit.reading.resolve import application_name

FRESH, IMAGENET = "random", "imagenet"
FRESH_LABEL = "fresh weights"
NETWORK = "InceptionV3"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A network that features are taken from.

    Attributes:
        label: what it is called: its name, and where its weights are from.
        network: its name.
        weights: ``random``, ``imagenet``, or the data that a run trained it on.
        body: the network, from images as ``seen`` gives them to class probabilities.
        normalise: how it sees an image: ``image``, or as the published weights did.
    """

    label: str
    network: str
    weights: str
    body: Any
    normalise: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """The features after a block.

    Attributes:
        block: its name.
        shape: of one image's features: height, width, channels.
        macs: of the network up to there, for one image; ``params`` likewise.
        maps: (N, height, width, channels).
        products: scalar products of every two images' features, (N, N).
    """

    block: str
    shape: tuple[int, ...]
    macs: int
    params: int
    maps: Any
    products: Any


def source(spec: str, *, shape: tuple[int, ...], size: int, seed: int) -> Source:
    """A network with the weights that ``spec`` names.

    Args:
        spec: ``random``, InceptionV3 with fresh weights; ``imagenet``, with those that Keras publishes; or the
            folder of a finished run of ``keraudit train``.
        shape: of the images: height, width, 3.
        size: what InceptionV3 and ResNet50 see them enlarged or shrunk to.
        seed: of fresh weights.

    Raises:
        KerauditError: there is no such run, the weights cannot be had, or the network does not take the size.
    """
    import keras

    if spec in (FRESH, IMAGENET):
        keras.utils.set_random_seed(seed)
        made: Recipe = recipe("modern", size=size, weights=IMAGENET if spec == IMAGENET else None)
        body = network(NETWORK, classes=2, shape=shape, recipe=made)
        label = FRESH_LABEL if spec == FRESH else "ImageNet"
        normalise = PUBLISHED[NETWORK] if spec == IMAGENET else "image"
        return Source(
            label=f"{NETWORK}, {label}",
            network=NETWORK,
            weights=spec,
            body=body,
            normalise=normalise,
        )
    folder = Path(spec).expanduser()
    if not folder.is_dir():
        raise KerauditError(
            f"features {spec!r}: expected {FRESH}, {IMAGENET} or the folder of a finished run"
        )
    run = read_run(folder)
    found = Recipe.from_dict(run.recipe)
    if found.normalise == "pixel":
        raise KerauditError(
            f"{folder} was trained on images less their mean image, which faces do not have: give a run of"
            " recipe modern, or of --normalise channel"
        )
    is_large = application_name(run.network) in LARGE
    body = network_of(
        folder, run, shape=shape, size=size if is_large else None, precision="float32"
    )
    data = str(run.dataset["name"])
    return Source(
        label=f"{run.network}, trained on {run.dataset['source']}",
        network=run.network,
        weights=f"{data}; seed {run.seed}, {len(run.history)} epochs, test error"
        f" {100 * run.evaluation['test_error']:.1f} %",
        body=body,
        normalise=found.normalise if found.weights else "image",
    )


def seen(images: Any, normalise: str) -> Any:
    """Bytes as a network sees them; ``image``: each less its mean, in its own deviations."""
    values = images.astype("float32")
    if normalise in WITH_WEIGHTS:
        mean, scale = published_moments(normalise)
        return (values - mean) / scale
    mean = values.mean(axis=(1, 2, 3), keepdims=True)
    deviation = values.std(axis=(1, 2, 3), keepdims=True)
    return (values - mean) / (deviation + 1e-6)


def cuts(found: Source, images: Any) -> tuple[Cut, ...]:
    """The features of all images after each fork-join block: an Inception module, a residual unit.

    Args:
        found: the network.
        images: bytes, (N, height, width, channels).

    Raises:
        KerauditError: it has no such block.
    """
    import keras
    import numpy as np

    from keraudit.api import audit

    start, inner = inner_of(found.body)
    blocks = [block for block in audit(inner).blocks if block.kind == "fork-join"]
    if not blocks:
        raise KerauditError(f"{found.network} has no block to take features after")
    outputs = [inner.get_layer(block.layers[-1]).output for block in blocks]
    whole = keras.Model(inner.input, outputs)
    parts = [
        [convert(tensor) for tensor in whole(start(part), training=False)]
        for part in split(seen(images, found.normalise))
    ]
    maps = [np.concatenate(column) for column in zip(*parts, strict=True)]
    costs = [audit(keras.Model(inner.input, output), batch=1).total for output in outputs]
    return tuple(
        Cut(
            block=block.name,
            shape=values.shape[1:],
            macs=int(cost.macs),
            params=int(cost.params),
            maps=values,
            products=products(values),
        )
        for block, values, cost in zip(blocks, maps, costs, strict=True)
    )


def coloured(images: Any) -> Any:
    """Images of three channels: grey ones have the same thrice."""
    import numpy as np

    return images if images.shape[-1] == 3 else np.repeat(images, 3, axis=-1)
