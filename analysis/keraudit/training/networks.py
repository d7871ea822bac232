"""Networks to train: of Keras Applications, He et al.'s for CIFAR-10, and a small Inception network."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from keraudit.errors import KerauditError
from keraudit.reading.resolve import application_name
from keraudit.training.recipe import Recipe
from keraudit.zoo.cifar import plain_cifar, resnet_cifar
from keraudit.zoo.inception_cifar import inception_cifar

if TYPE_CHECKING:
    import keras

# Of Keras Applications, trained at one common size, with the smallest side that they accept.
LARGE = {"InceptionV3": 75, "ResNet50": 32}
# How Keras normalised their images for the published weights.
PUBLISHED = {"InceptionV3": "tf", "ResNet50": "caffe"}
FAMILIES = {"resnet": ("ResNet", resnet_cifar), "plain": ("Plain", plain_cifar)}
LARGE_SIZE = 96  # pixels a side, where a recipe does not say another
LARGEST_SIZE = 1024


def sized(recipe: Recipe, name: str) -> Recipe:
    """The recipe with what follows from the network, for its record: size, and with published weights
    the normalisation of images.

    Raises:
        KerauditError: there is no such network, it does not accept the size, or takes images as they are.
    """
    least = LARGE.get(application_name(name) or "")
    if least is None:
        _small(name)
        if recipe.size is not None:
            raise KerauditError(
                f"{name} uses the data set's own image size: a size ({recipe.size}) is for"
                f" {', '.join(LARGE)}; leave it out"
            )
        if recipe.weights is not None:
            raise KerauditError(
                f"{recipe.weights} weights exist for {', '.join(LARGE)}, not for {name}: leave --weights out"
            )
        return recipe
    size = LARGE_SIZE if recipe.size is None else recipe.size
    if not least <= size <= LARGEST_SIZE:
        raise KerauditError(f"{name} takes a size of {least} to {LARGEST_SIZE}, received {size}")
    if recipe.weights is not None:
        recipe = replace(recipe, normalize=PUBLISHED[application_name(name) or ""])
    return replace(recipe, size=size)


def network(name: str, *, classes: int, shape: tuple[int, ...], recipe: Recipe) -> keras.Model:
    """A network for images of ``shape``, with random initial weights or published ones and class probabilities as output.

    InceptionV3 and ResNet50 get the same pixels, enlarged inside the model to the recipe's size;
    ``ResNet-CIFAR-n``, ``Plain-CIFAR-n`` and ``Inception-CIFAR`` take them as they are. The recipe's precision is theirs.

    Raises:
        KerauditError: no network of that name can be trained here, or not at that size.
    """
    import keras

    size = sized(recipe, name).size
    known = application_name(name)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(recipe.precision)
    try:
        model = built(name, classes, shape, size)
        if recipe.weights is not None and known is not None:
            put_published(model.layers[-1], known)
        return _with_float32_end(model)
    finally:
        keras.config.set_dtype_policy(before)


def put_published(model: keras.Model, name: str) -> None:
    """Give a network with a classifier of its own the ImageNet weights that Keras publishes, but for it.

    ResNet50's read blue, green, red: its first kernel is turned round, so that it reads our images.

    Raises:
        KerauditError: they cannot be had.
    """
    import keras

    try:
        with redirect_stdout(sys.stderr):  # where the progress of a download belongs
            published = getattr(keras.applications, name)(
                weights="imagenet", include_top=False, input_shape=model.input_shape[1:]
            )
    except Exception as error:  # noqa: BLE001 - Keras raises this very class for a failed download
        raise KerauditError(
            f"cannot get the ImageNet weights of {name} ({' '.join(str(error).split())[:120]}): leave"
            " --weights out, or connect to the internet once; Keras caches them"
        ) from None
    for mine, theirs in zip(model.variables, published.variables, strict=False):
        mine.assign(theirs.value)
    if PUBLISHED[name] == "caffe":
        first = model.trainable_variables[0]
        first.assign(keras.ops.flip(first.value, axis=2))


def _with_float32_end(model: keras.Model) -> keras.Model:
    """The same with its classifier in float32: near 1, bfloat16 has steps of 1/256."""
    import keras

    last = model.layers[-1]
    if isinstance(last, keras.Model):
        inner = _with_float32_end(last)
        return model if inner is last else _around(model, inner)
    if last.compute_dtype == "float32":
        return model
    config = {**last.get_config(), "dtype": "float32"}
    end = type(last).from_config(config)(last.input)
    return keras.Model(model.input, end, name=model.name)


def _around(model: keras.Model, inner: keras.Model) -> keras.Model:
    """The same with ``inner`` in the place of the model at its end, before which stands only what enlarges."""
    import keras

    x = model.input
    for layer in model.layers[1:-1]:
        x = layer(x)
    return keras.Model(model.input, inner(x), name=model.name)


def without_softmax(model: keras.Model) -> keras.Model:
    """A network up to its softmax, its weights shared.

    The loss of probabilities is clipped: Keras takes the logarithm of no less than 1e-7, so that an image whose
    class is less probable teaches nothing, and a deep residual network that overshoots has many. On TensorFlow
    Keras finds the logits behind the probabilities by itself, on JAX and PyTorch it does not.
    """
    import keras

    last = model.layers[-1]
    if isinstance(last, keras.Model):
        return _around(model, without_softmax(last))

    class Logits(keras.layers.Layer):  # type: ignore[misc]
        """A classifier without its softmax."""

        def __init__(self, classifier: keras.layers.Dense) -> None:
            super().__init__(name=classifier.name, dtype=classifier.dtype_policy)
            self.classifier = classifier
            self.built = True

        def call(self, features: Any) -> Any:
            return keras.ops.matmul(features, self.classifier.kernel) + self.classifier.bias

        def compute_output_shape(self, shape: Any) -> Any:
            return (*shape[:-1], self.classifier.units)

    return keras.Model(model.input, Logits(last)(last.input), name=model.name)


def built(name: str, classes: int, shape: tuple[int, ...], side: int | None) -> keras.Model:
    import keras

    known = application_name(name)
    if known in LARGE and side is not None:
        if shape[-1] != 3:
            raise KerauditError(f"{known} takes images of 3 channels, received {shape[-1]}")
        size = (side, side, 3)
        body = getattr(keras.applications, known)(weights=None, input_shape=size, classes=classes)
        start = keras.Input(shape)
        wide = keras.layers.Resizing(*size[:2], interpolation="bilinear")(start)
        return keras.Model(start, body(wide), name=known.lower())
    _, build = _small(name)
    model: keras.Model = build(input_shape=shape, classes=classes)
    return model


def spelled(name: str) -> str:
    """The one spelling of a network's name, which folders and records have.

    >>> spelled("resnet_50"), spelled("plain-cifar-20")
    ('ResNet50', 'Plain-CIFAR-20')

    Raises:
        KerauditError: no network of that name can be trained here.
    """
    known = application_name(name)
    return known if known in LARGE else _small(name)[0]


def _small(name: str) -> tuple[str, Callable[..., keras.Model]]:
    """The one spelling of a network for small images, and what builds it.

    >>> _small("resnet-cifar-20")[0]
    'ResNet-CIFAR-20'

    Raises:
        KerauditError: it is none of those that are made here.
    """
    if name.lower() == "inception-cifar":
        return "Inception-CIFAR", inception_cifar
    match = re.fullmatch(r"(resnet|plain)-cifar-([1-9][0-9]{0,3})", name.lower())
    if match is None:
        raise KerauditError(
            f"{name!r} cannot be trained: expected {', '.join(LARGE)}, ResNet-CIFAR-n, Plain-CIFAR-n"
            " or Inception-CIFAR"
        )
    family, build = FAMILIES[match[1]]
    return f"{family}-CIFAR-{match[2]}", partial(build, int(match[2]))
