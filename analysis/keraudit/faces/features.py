"""Features of faces: what a network holds after each of its blocks, and what it costs up to there."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from keraudit.api import audit, read
from keraudit.audits.gradients.variants import PLAIN, variant
from keraudit.building.keras_model import build, copy_weights
from keraudit.data.dataset import Dataset
from keraudit.errors import KerauditError
from keraudit.evaluation.grad_cam import convert, inner_of, split
from keraudit.evaluation.load import load_shipped, network_of, with_weights
from keraudit.faces.protocol import products
from keraudit.reading.resolve import application_name
from keraudit.training.augment import WITH_WEIGHTS, published_moments
from keraudit.training.networks import LARGE, PUBLISHED, network
from keraudit.training.recipe import Recipe, recipe
from keraudit.training.record import Run, read_run
from keraudit.zoo.trained_weights import Shipped, shipped, shipped_names

RANDOM, IMAGENET, TRAINED = "random", "imagenet", "trained"
RANDOM_LABEL = "random initialisation"
NETWORK = "InceptionV3"
GIB = 2**30
MOST_BYTES = 8 * GIB  # of features, held in memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A network that features are taken from.

    Attributes:
        label: what it is called: its name, and where its weights are from.
        network: its name.
        origin: more on the weights, in words.
        start: from images as ``_normalized_images`` gives them to what ``inner`` is fed.
        inner: the network.
        places: the blocks, fork-join regions such as an Inception module or a residual unit, each with its last
            layer that ``inner`` has.
        normalize: how it sees an image: ``image``, or as the published weights did.
    """

    label: str
    network: str
    origin: str
    start: Any
    inner: Any
    places: tuple[tuple[str, str], ...]
    normalize: str


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
        spec: ``random``, InceptionV3 with random initial weights; ``imagenet``, with those that Keras publishes;
            ``random:ResNet50`` and ``imagenet:ResNet50`` likewise; ``random:ResNet50+without-skips``, the same
            random initial weights in a rewritten network; ``trained:NAME``, a small network that ships with its
            weights; or the folder of a finished run of ``keraudit train``.
        data: the faces.

    Raises:
        KerauditError: there is no such network or run, the run cannot see such images, or it learnt from
            these very faces.
    """
    kind, name, words = _parsed(spec)
    if words and kind in (IMAGENET, TRAINED):  # a folder's name may have a plus
        raise KerauditError(
            f"features {spec!r}: a rewritten network has random initial weights, as in {RANDOM}:ResNet50+without-skips"
        )
    if kind in (RANDOM, IMAGENET):
        if application_name(name) not in LARGE:
            raise KerauditError(
                f"features {spec!r}: expected {kind} or {' or '.join(f'{kind}:{n}' for n in LARGE)}"
            )
        for word in words:
            if word not in PLAIN:
                raise KerauditError(f"features {spec!r}: {word!r} is not one of {', '.join(PLAIN)}")
        return None
    if kind == TRAINED:
        about = _shipped(spec, name).about
        _refuse_known_faces(spec, about["fingerprint"], about["classes"], data)
        return None
    folder = Path(spec).expanduser()
    if not folder.is_dir():
        raise KerauditError(
            f"features {spec!r}: expected {RANDOM}, {IMAGENET}, {RANDOM}:ResNet50, {TRAINED}:NAME or the folder of a"
            " finished run"
        )
    run = read_run(folder)
    with_weights(folder)
    _refuse_known_faces(str(folder), run.dataset["fingerprint"], run.dataset["classes"], data)
    if Recipe.from_dict(run.recipe).normalize == "pixel":
        raise KerauditError(
            f"{folder} was trained with mean-image subtraction, which does not carry over to faces: give a run of"
            " recipe modern, or of --normalize channel"
        )
    if run.dataset["image_shape"][-1] != 3:
        raise KerauditError(
            f"{folder} was trained on grey images: give a run on images of three channels"
        )
    if run.network.lower().startswith("plain"):
        raise KerauditError(f"{run.network} has no blocks to take features after: give another run")
    return run


def _shipped(spec: str, name: str) -> Shipped:
    """A network that ships with its weights.

    Raises:
        KerauditError: none of that name does.
    """
    found = shipped(name)
    if found is None:
        raise KerauditError(
            f"features {spec!r}: expected {' or '.join(f'{TRAINED}:{one}' for one in shipped_names())}"
        )
    return found


def _refuse_known_faces(name: str, fingerprint: str, classes: Sequence[str], data: Dataset) -> None:
    halves = {*fingerprint.split("-")} & {*data.fingerprint.split("-")}
    if halves or list(classes) == list(data.classes):
        raise KerauditError(
            f"{name} was trained on these faces, so it cannot be evaluated on them: give a network trained on other"
            " images"
        )


def _parsed(spec: str) -> tuple[str, str, tuple[str, ...]]:
    """Whose weights, which network, and how it is rewritten.

    >>> _parsed("random"), _parsed("random:ResNet50+without-skips")
    (('random', 'InceptionV3', ()), ('random', 'ResNet50', ('without-skips',)))
    """
    whole, *words = spec.split("+")
    kind, _, name = whole.partition(":")
    return kind, name or NETWORK, tuple(words)


def source(spec: str, run: Run | None, *, shape: tuple[int, ...], size: int, seed: int) -> Source:
    """A network with the weights that ``spec`` names.

    Args:
        spec: as ``checked`` takes it; ``run`` is what that gave.
        shape: of the images: height, width, 3.
        size: what InceptionV3 and ResNet50 see them enlarged or shrunk to; other networks, what they were trained on.
        seed: of random initial weights.

    Raises:
        KerauditError: the weights cannot be had, or the network does not take the size.
    """
    if run is None:
        kind, name, words = _parsed(spec)
        known = application_name(name) or name
        if words:
            return rewritten(_of_keras(RANDOM, known, shape, size, seed), "+".join(words))
        if kind == TRAINED:
            return _that_ships(_shipped(spec, name))
        return _of_keras(kind, known, shape, size, seed)
    recipe, dataset = Recipe.from_dict(run.recipe), run.dataset
    large = application_name(run.network) in LARGE
    body = network_of(
        Path(spec).expanduser(),
        run,
        shape=shape if large else tuple(dataset["image_shape"]),
        size=size if large else None,
        precision="float32",
    )
    return _of_a_run(
        body,
        {**dataset, "dataset": dataset["name"], "network": run.network, "seed": run.seed},
        replace(recipe, epochs=len(run.history)),
        run.evaluation["test_error"],
    )


def _that_ships(found: Shipped) -> Source:
    """A small network with the weights that ship."""
    about = found.about
    settings = Recipe.from_dict(about["recipe"])
    return _of_a_run(load_shipped(found), about, settings, about["test_error"])


def _of_a_run(body: Any, about: Mapping[str, Any], recipe: Recipe, test_error: float) -> Source:
    """A trained network; one without a size of its own sees images at the size that it was trained on."""
    start, inner = inner_of(body)
    return Source(
        label=f"{about['network']}, trained on {about['source']}, seed {about['seed']}",
        network=about["network"],
        origin=f"{about['dataset']}; recipe {recipe.name}, {recipe.epochs} epochs, test error {test_error:.1%}",
        start=start if inner is not body else _resized(body.input_shape[1:3]),
        inner=inner,
        places=ends(inner),
        normalize=recipe.normalize if recipe.weights else "image",
    )


def _resized(size: tuple[int, int]) -> Callable[[Any], Any]:
    """What brings images (N, height, width, channels) to a height and a width."""
    import keras

    return lambda images: keras.ops.image.resize(
        images, size, antialias=True, data_format="channels_last"
    )


def _of_keras(kind: str, name: str, shape: tuple[int, ...], size: int, seed: int) -> Source:
    """A network of Keras Applications with fresh or published weights."""
    import keras

    keras.utils.set_random_seed(seed)
    settings = recipe("modern", size=size, weights=IMAGENET if kind == IMAGENET else None)
    start, inner = inner_of(network(name, classes=2, shape=shape, recipe=settings))
    return Source(
        label=f"{name}, {RANDOM_LABEL if kind == RANDOM else 'ImageNet'}",
        network=name,
        origin=f"seed {seed}" if kind == RANDOM else "the weights that Keras publishes",
        start=start,
        inner=inner,
        places=ends(inner),
        normalize=PUBLISHED[name] if kind == IMAGENET else "image",
    )


def rewritten(one: Source, words: str) -> Source:
    """Rewrite a network with its weights; its places stay as far as they are left."""
    graph = variant(read(one.inner), words).graph
    model = build(graph)
    copy_weights(one.inner, model, graph)
    left = {layer.name for layer in model.layers}
    whole = dict(_blocks_of(one.inner))
    places = [(name, [layer for layer in whole[name] if layer in left]) for name, _ in one.places]
    return replace(
        one,
        label=f"{one.label}, {words}",
        inner=model,
        places=tuple((name, layers[-1]) for name, layers in places if layers),
    )


def _blocks_of(inner: Any) -> list[tuple[str, tuple[str, ...]]]:
    """The fork-join blocks of a network, each with its layers in running order."""
    return [(b.name, b.layers) for b in audit(inner).blocks if b.kind == "fork-join"]


def ends(inner: Any) -> tuple[tuple[str, str], ...]:
    return tuple((name, layers[-1]) for name, layers in _blocks_of(inner))


def _normalized_images(images: Any, normalize: str) -> Any:
    """Images as a network sees them.

    Args:
        images: bytes, (N, height, width, 3).
        normalize: ``image``, each less its own mean, in its own deviations; or as Keras did for weights that
            it publishes.
    """
    values = images.astype("float32")
    if normalize in WITH_WEIGHTS:
        mean, scale = published_moments(normalize)
        return (values - mean) / scale
    mean = values.mean(axis=(1, 2, 3), keepdims=True)
    deviation = values.std(axis=(1, 2, 3), keepdims=True)
    return (values - mean) / (deviation + 1e-6)


def cuts(source: Source, images: Any) -> tuple[Cut, ...]:
    """The features of all images after each of a network's places.

    Args:
        source: the network.
        images: bytes, (N, height, width, 3).

    Raises:
        KerauditError: it has no block, or the features take more memory than ``MOST_BYTES``.
    """
    import keras
    import numpy as np

    if not source.places:
        raise KerauditError(f"{source.network} has no block to take features after")
    outputs = [source.inner.get_layer(layer).output for _, layer in source.places]
    each = 4 * sum(math.prod(output.shape[1:]) for output in outputs)
    if each * len(images) > MOST_BYTES:
        raise KerauditError(
            f"the features of {len(images):,} images take {each * len(images) / GIB:.1f} GiB; expected"
            f" {MOST_BYTES / GIB:.0f} GiB at most: lower --size, or take fewer people"
        )
    whole = keras.Model(source.inner.input, outputs)
    parts = [
        [convert(tensor) for tensor in whole(source.start(part), training=False)]
        for part in split(_normalized_images(images, source.normalize))
    ]
    maps = [np.concatenate(column) for column in zip(*parts, strict=True)]
    costs = [audit(keras.Model(source.inner.input, output), batch=1).total for output in outputs]
    return tuple(
        Cut(
            block=block,
            shape=values.shape[1:],
            macs=int(cost.macs),
            params=int(cost.params),
            maps=values,
            products=products(values),
        )
        for (block, _), values, cost in zip(source.places, maps, costs, strict=True)
    )


def three_channels(images: Any) -> Any:
    """Images of three channels: grey ones have the same thrice."""
    import numpy as np

    return images if images.shape[-1] == 3 else np.repeat(images, 3, axis=-1)
