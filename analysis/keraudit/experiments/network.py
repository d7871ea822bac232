"""Networks to train, and the layer that feeds them from the device's own memory."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from keraudit.errors import KerauditError
from keraudit.experiments.data import Dataset, Split
from keraudit.experiments.recipe import Recipe
from keraudit.reading.resolve import application_name

if TYPE_CHECKING:
    import keras

# Of Keras Applications, trained at one common size, with the smallest side that they accept.
LARGE = {"InceptionV3": 75, "ResNet50": 32}
# How Keras normalised their images for the published weights.
PUBLISHED = {"InceptionV3": "tf", "ResNet50": "caffe"}
LARGE_SIZE = 96  # pixels a side, where a recipe does not say another
LARGEST_SIZE = 1024
MOST_PIXELS = 2**31 - 1  # of a data set, padding included: they are looked up by 32-bit numbers


def sized(recipe: Recipe, name: str) -> Recipe:
    """The recipe with what follows from the network, for its record: size, and with published weights
    the normalisation of images.

    Raises:
        KerauditError: the network does not accept it, or takes images as they are.
    """
    least = LARGE.get(application_name(name) or "")
    if least is None:
        if recipe.size is not None:
            raise KerauditError(
                f"{name} takes images as they are: a size ({recipe.size}) is for {', '.join(LARGE)}"
            )
        if recipe.weights is not None:
            raise KerauditError(
                f"{recipe.weights} weights are of {', '.join(LARGE)}, not of {name}"
            )
        return recipe
    size = LARGE_SIZE if recipe.size is None else recipe.size
    if not least <= size <= LARGEST_SIZE:
        raise KerauditError(f"{name} takes a size of {least} to {LARGEST_SIZE}, received {size}")
    if recipe.weights is not None:
        recipe = replace(recipe, normalise=PUBLISHED[application_name(name) or ""])
    return replace(recipe, size=size)


def network(name: str, *, classes: int, shape: tuple[int, ...], recipe: Recipe) -> keras.Model:
    """A network for images of ``shape``, with fresh weights and class probabilities as output.

    InceptionV3 and ResNet50 get the same pixels, enlarged inside the model to the recipe's size;
    ``ResNet-CIFAR-n`` and ``Plain-CIFAR-n`` take them as they are. The recipe's precision is theirs.

    Raises:
        KerauditError: no network of that name can be trained here, or not at that size.
    """
    import keras

    size = sized(recipe, name).size
    known = application_name(name)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(recipe.precision)
    try:
        made = built(name, classes, shape, size)
        if recipe.weights is not None and known is not None:
            put_published(made.layers[-1], known)
        return with_float32_end(made)
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
        found = getattr(keras.applications, name)(
            weights="imagenet", include_top=False, input_shape=model.input_shape[1:]
        )
    except Exception as error:  # noqa: BLE001 - Keras raises this very class for a failed download
        raise KerauditError(
            f"cannot get the ImageNet weights of {name} ({' '.join(str(error).split())[:120]}): leave"
            " --weights out, or give access to the network once; Keras keeps them"
        ) from None
    for mine, theirs in zip(model.variables, found.variables, strict=False):
        mine.assign(theirs.value)
    if PUBLISHED[name] == "caffe":
        first = model.trainable_variables[0]
        first.assign(keras.ops.flip(first.value, axis=2))


def with_float32_end(model: keras.Model) -> keras.Model:
    """The same with its classifier in float32: near 1, bfloat16 has steps of 1/256."""
    import keras

    last = model.layers[-1]
    if isinstance(last, keras.Model):  # around it stands only what enlarges
        inner = with_float32_end(last)
        if inner is last:
            return model
        x = model.input
        for layer in model.layers[1:-1]:
            x = layer(x)
        return keras.Model(model.inputs, inner(x), name=model.name)
    if last.compute_dtype == "float32":
        return model
    config = {**last.get_config(), "dtype": "float32"}
    end = type(last).from_config(config)(last.input)
    return keras.Model(model.inputs, end, name=model.name)


def built(name: str, classes: int, shape: tuple[int, ...], side: int | None) -> keras.Model:
    import keras

    from keraudit.zoo.cifar import plain_cifar, resnet_cifar

    known = application_name(name)
    if known in LARGE and side is not None:
        if shape[-1] != 3:
            raise KerauditError(f"{known} takes images of 3 channels, received {shape[-1]}")
        size = (side, side, 3)
        body = getattr(keras.applications, known)(weights=None, input_shape=size, classes=classes)
        start = keras.Input(shape)
        wide = keras.layers.Resizing(*size[:2], interpolation="bilinear")(start)
        return keras.Model(start, body(wide), name=known.lower())
    family, _, depth = name.lower().rpartition("-")
    makers = {"resnet-cifar": resnet_cifar, "plain-cifar": plain_cifar}
    if family not in makers or not depth.isdigit():
        raise KerauditError(
            f"{name!r} cannot be trained: expected {', '.join(LARGE)}, ResNet-CIFAR-n or Plain-CIFAR-n"
        )
    made: keras.Model = makers[family](int(depth), input_shape=shape, classes=classes)
    return made


def moments(data: Dataset, how: str) -> tuple[Any, Any]:
    """What is subtracted from every image and what it is divided by, from the training images."""
    import numpy as np

    if how == "tf":  # to -1 .. 1
        return np.float32(127.5), np.float32(127.5)
    if how == "caffe":  # ImageNet's means; red, green, blue
        return np.array([123.68, 116.779, 103.939], "float32"), np.float32(1)
    images = data.train.images
    if how == "pixel":
        return images.mean(axis=0, dtype="float64").astype("float32"), np.float32(255)
    mean = images.mean(axis=(0, 1, 2), dtype="float64")
    deviation = images.std(axis=(0, 1, 2), dtype="float64")
    return mean.astype("float32"), np.maximum(deviation, 1e-6).astype("float32")


def feed(data: Dataset, recipe: Recipe) -> keras.Layer:
    """A layer that turns rows (index, top, left, mirrored) into normalised images.

    The padded images, those of training before those of the test, live in a weight of the layer, on
    the device; cropping and mirroring are one look-up inside the compiled step, so that a step needs
    four whole numbers an image.

    Raises:
        KerauditError: they have more pixels than 32-bit numbers can tell apart.
    """
    import keras
    import numpy as np
    from keras import ops

    pad = recipe.padding
    out_height, out_width, channels = data.image_shape
    height, width = out_height + 2 * pad, out_width + 2 * pad
    count = len(data.train) + len(data.test)
    if count * height * width > MOST_PIXELS:
        raise KerauditError(
            f"{count:,} images of {height}x{width} with their padding are more than the {MOST_PIXELS:,}"
            " pixels that a data set may have: take fewer with --train-images, or smaller ones"
        )
    padded = np.zeros((count, height, width, channels), "uint8")
    inner = padded[:, pad : pad + out_height, pad : pad + out_width]
    np.concatenate([data.train.images, data.test.images], out=inner)
    mean, scale = moments(data, recipe.normalise)

    class Feed(keras.layers.Layer):  # type: ignore[misc]
        """Holds both splits."""

        def __init__(self) -> None:
            super().__init__(name="images", dtype="float32")
            self.table = self.add_weight(
                name="table",
                shape=(count * height * width, channels),
                dtype="uint8",
                initializer="zeros",
                trainable=False,
            )
            self.table.assign(padded.reshape(-1, channels))

        def call(self, rows: Any) -> Any:
            index, top, left, mirrored = (rows[:, i][:, None, None] for i in range(4))
            y = ops.arange(out_height, dtype="int32")[None, :, None]
            x = ops.arange(out_width, dtype="int32")[None, None, :]
            x = ops.where(mirrored == 1, out_width - 1 - x, x)
            flat = index * (height * width) + (top + y) * width + (left + x)
            images = ops.cast(ops.take(self.table, flat, axis=0), "float32")
            return (images - mean) / scale

        def compute_output_shape(self, shape: Any) -> Any:
            return (shape[0], out_height, out_width, channels)

    return Feed()


def plan(split: Split, recipe: Recipe, seed: int, epoch: int) -> Any:
    """The rows of an epoch: which image, which crop, mirrored or not; the same whenever asked.

    Returns:
        Whole numbers of shape (steps, batch, 4); the images left over by the last whole batch are
        others each epoch.
    """
    import numpy as np

    rng = np.random.default_rng([seed, epoch])
    count = len(split) // recipe.batch * recipe.batch
    rows = np.empty((count, 4), "int32")
    rows[:, 0] = rng.permutation(len(split))[:count]
    rows[:, 1:3] = rng.integers(0, 2 * recipe.padding + 1, (count, 2))
    rows[:, 3] = rng.integers(0, 2, count) if recipe.flip else 0
    return rows.reshape(-1, recipe.batch, 4)


def still(split: Split, recipe: Recipe) -> Any:
    """The rows of an evaluation: every image once, in order, from the middle, not mirrored."""
    import numpy as np

    rows = np.full((len(split), 4), recipe.padding, "int32")
    rows[:, 0] = np.arange(len(split))
    rows[:, 3] = 0
    return rows
