"""Features of faces: what a network holds after each of its blocks, and what it costs up to there."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keraudit.errors import KerauditError
from keraudit.experiments.data import Dataset
from keraudit.experiments.faces.protocol import products
from keraudit.experiments.feeding import WITH_WEIGHTS, published_moments
from keraudit.experiments.insides import convert, inner_of, split
from keraudit.experiments.network import LARGE, PUBLISHED, network
from keraudit.experiments.recipe import Recipe, recipe
from keraudit.experiments.record import Run, read_run
from keraudit.experiments.trained import network_of, with_weights
from keraudit.reading.resolve import application_name

FRESH, IMAGENET = "random", "imagenet"
FRESH_LABEL = "fresh weights"
NETWORK = "InceptionV3"
GIB = 2**30
MOST_BYTES = 8 * GIB  # of features, held in memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A network that features are taken from.

    Attributes:
        label: what it is called: its name, and where its weights are from.
        network: its name.
        told: more on the weights, in words.
        body: the network, from images as ``seen`` gives them to class probabilities.
        normalise: how it sees an image: ``image``, or as the published weights did.
    """

    label: str
    network: str
    told: str
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


def checked(spec: str, data: Dataset) -> Run | None:
    """The run that ``spec`` names, ``None`` if it names none; before anything takes its time.

    Args:
        spec: ``random``, InceptionV3 with fresh weights; ``imagenet``, with those that Keras publishes;
            ``random:ResNet50`` and ``imagenet:ResNet50`` likewise; or the folder of a finished run of
            ``keraudit train``.
        data: the faces.

    Raises:
        KerauditError: there is no such network or run, the run cannot see such images, or it learnt from
            these very faces.
    """
    kind, _, name = spec.partition(":")
    if kind in (FRESH, IMAGENET):
        if application_name(name or NETWORK) not in LARGE:
            raise KerauditError(
                f"features {spec!r}: expected {kind} or {' or '.join(f'{kind}:{n}' for n in LARGE)}"
            )
        return None
    folder = Path(spec).expanduser()
    if not folder.is_dir():
        raise KerauditError(
            f"features {spec!r}: expected {FRESH}, {IMAGENET}, {FRESH}:ResNet50 or the folder of a finished run"
        )
    run = read_run(folder)
    with_weights(folder)
    halves = {*run.dataset["fingerprint"].split("-")} & {*data.fingerprint.split("-")}
    if halves or list(run.dataset["classes"]) == list(data.classes):
        raise KerauditError(
            f"{folder} learnt from these faces: what it makes of them proves nothing; give a run on other images"
        )
    if Recipe.from_dict(run.recipe).normalise == "pixel":
        raise KerauditError(
            f"{folder} was trained on images less their mean image, which faces do not have: give a run of"
            " recipe modern, or of --normalise channel"
        )
    if run.dataset["image_shape"][-1] != 3:
        raise KerauditError(
            f"{folder} was trained on grey images: give a run on images of three channels"
        )
    if run.network.lower().startswith("plain"):
        raise KerauditError(f"{run.network} has no blocks to take features after: give another run")
    return run


def source(spec: str, run: Run | None, *, shape: tuple[int, ...], size: int, seed: int) -> Source:
    """A network with the weights that ``spec`` names.

    Args:
        spec: as ``checked`` takes it; ``run`` is what that gave.
        shape: of the images: height, width, 3.
        size: what InceptionV3 and ResNet50 see them enlarged or shrunk to.
        seed: of fresh weights.

    Raises:
        KerauditError: the weights cannot be had, or the network does not take the size.
    """
    if run is None:
        kind, _, name = spec.partition(":")
        return of_keras(kind, application_name(name or NETWORK) or "", shape, size, seed)
    recipe = Recipe.from_dict(run.recipe)
    side = size if application_name(run.network) in LARGE else None
    folder = Path(spec).expanduser()
    return Source(
        label=f"{run.network}, trained on {run.dataset['source']}, seed {run.seed}",
        network=run.network,
        told=f"{run.dataset['name']}; recipe {recipe.name}, {len(run.history)} epochs, test error"
        f" {run.evaluation['test_error']:.1%}",
        body=network_of(folder, run, shape=shape, size=side, precision="float32"),
        normalise=recipe.normalise if recipe.weights else "image",
    )


def of_keras(kind: str, name: str, shape: tuple[int, ...], size: int, seed: int) -> Source:
    """A network of Keras Applications with fresh or published weights."""
    import keras

    keras.utils.set_random_seed(seed)
    made = recipe("modern", size=size, weights=IMAGENET if kind == IMAGENET else None)
    return Source(
        label=f"{name}, {FRESH_LABEL if kind == FRESH else 'ImageNet'}",
        network=name,
        told=f"seed {seed}" if kind == FRESH else "the weights that Keras publishes",
        body=network(name, classes=2, shape=shape, recipe=made),
        normalise=PUBLISHED[name] if kind == IMAGENET else "image",
    )


def seen(images: Any, normalise: str) -> Any:
    """Images as a network sees them.

    Args:
        images: bytes, (N, height, width, 3).
        normalise: ``image``, each less its own mean, in its own deviations; or as Keras did for weights that
            it publishes.
    """
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
        KerauditError: it has no such block, or they take more memory than ``MOST_BYTES``.
    """
    import keras
    import numpy as np

    from keraudit.api import audit

    start, inner = inner_of(found.body)
    blocks = [block for block in audit(inner).blocks if block.kind == "fork-join"]
    if not blocks:
        raise KerauditError(f"{found.network} has no block to take features after")
    each = 4 * sum(math.prod(block.output_shape[1:]) for block in blocks)
    if each * len(images) > MOST_BYTES:
        raise KerauditError(
            f"the features of {len(images):,} images take {each * len(images) / GIB:.1f} GiB; expected"
            f" {MOST_BYTES / GIB:.0f} GiB at most: lower --size, or take fewer people"
        )
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
