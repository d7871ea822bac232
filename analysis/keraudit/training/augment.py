"""Input and augmentation: images in the device's memory, looked up by rows of a few whole numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keraudit.data.dataset import Dataset, Split
from keraudit.errors import KerauditError
from keraudit.training.devices import memory_bytes
from keraudit.training.recipe import Recipe

if TYPE_CHECKING:
    import keras

MOST_PIXELS = 2**31 - 1  # on the device at once, with padding: they are indexed by 32-bit numbers
# How Keras normalizes images for the weights that it publishes: means (red, green, blue) and a divisor.
WITH_WEIGHTS = {"tf": ((127.5,), 127.5), "caffe": ((123.68, 116.779, 103.939), 1.0)}
WHOLE = 2**16  # an image that is not mixed with another one has so many parts of itself
SHARE = 0.25  # of the device's memory, for images: the network and its gradients need the rest


class Images:
    """The padded images of both splits in the device's memory, or a part at a time if they do not all fit.

    ``layer`` turns rows (index, top, left, mirrored) into normalized images; training images come before
    test images. Cropping and mirroring are one look-up inside the compiled step, so that a
    step needs four whole numbers an image; with cutout or mixup seven, of which the last three say where
    the hole begins, and of how many of ``WHOLE`` parts the image is itself. The rest is the one before it.

    Args:
        data: both splits.
        recipe: its padding and normalization.
        capacity: images on the device at once; default: as many as fit, where its memory is known.

    Raises:
        KerauditError: fewer fit, or are allowed, than a step takes; the hole is larger than an image.
    """

    def __init__(self, data: Dataset, recipe: Recipe, *, capacity: int | None = None) -> None:
        import numpy as np

        self.data, self.padding = data, recipe.padding
        side = min(data.image_shape[:2])
        for key in ("padding", "cutout"):
            if (value := getattr(recipe, key)) > side:
                raise KerauditError(
                    f"{key} must be {side} or less, the images' side, received {value}"
                )
        count = len(data.train) + len(data.test)
        self.capacity = min(
            count, _default_capacity(data, recipe) if capacity is None else capacity
        )
        if self.capacity < recipe.batch:
            raise KerauditError(
                f"a step takes {recipe.batch:,} images, the device may hold {self.capacity:,}: lower --batch"
                " or raise --device-images"
            )
        self.is_whole = self.capacity == count
        self.layer = _lookup_layer(data, recipe, self.capacity)
        if self.is_whole:
            self.load(np.arange(count))

    def load(self, index: Any) -> None:
        """Copy the images of these numbers to the device, in this order; at most ``capacity``."""
        import numpy as np

        height, width, channels = self.data.image_shape
        pad = self.padding
        padded = np.zeros((self.capacity, height + 2 * pad, width + 2 * pad, channels), "uint8")
        inner = padded[: len(index), pad : pad + height, pad : pad + width]
        train, test = self.data.train.images, self.data.test.images
        is_test = index >= len(train)
        inner[~is_test] = train[index[~is_test]]
        inner[is_test] = test[index[is_test] - len(train)]
        self.layer.table.assign(padded.reshape(-1, channels))

    def rows(self, rows: Any) -> Any:
        """Load the images of rows (..., ``columns``); the rows as the layer takes them."""
        import numpy as np

        if self.is_whole:
            return rows
        local = np.array(rows)
        self.load(rows[..., 0].reshape(-1))
        local[..., 0] = np.arange(local[..., 0].size).reshape(local.shape[:-1])
        return local


def _default_capacity(data: Dataset, recipe: Recipe) -> int:
    """How many padded images may be on the device at once."""
    height, width, channels = data.image_shape
    pixels = (height + 2 * recipe.padding) * (width + 2 * recipe.padding)
    memory = memory_bytes()
    most = MOST_PIXELS // pixels
    return most if memory is None else min(most, int(SHARE * memory) // (pixels * channels))


def moments(data: Dataset, how: str) -> tuple[Any, Any]:
    """Mean and divisor that normalize an image, from the training images."""
    import numpy as np

    if how in WITH_WEIGHTS:
        return published_moments(how)
    images = data.train.images
    if how == "pixel":
        return images.mean(axis=0, dtype="float64").astype("float32"), np.float32(255)
    total = square = np.zeros(images.shape[-1], "int64")
    for i in range(
        0, len(images), 256
    ):  # as whole numbers a few at a time: exact, in little memory
        pixels = images[i : i + 256].reshape(-1, images.shape[-1]).astype("int64")
        total, square = total + pixels.sum(axis=0), square + (pixels**2).sum(axis=0)
    mean, square = total / images[..., 0].size, square / images[..., 0].size
    deviation = np.sqrt(square - mean**2)
    return mean.astype("float32"), np.maximum(deviation, 1e-6).astype("float32")


def published_moments(how: str) -> tuple[Any, Any]:
    """Mean and divisor of images for the weights that Keras publishes."""
    import numpy as np

    mean, scale = WITH_WEIGHTS[how]
    return np.array(mean, "float32"), np.float32(scale)


def _lookup_layer(data: Dataset, recipe: Recipe, count: int) -> keras.Layer:
    """The layer of ``Images``, with an empty table for ``count`` of them."""
    import keras
    from keras import ops

    pad = recipe.padding
    out_height, out_width, channels = data.image_shape
    height, width = out_height + 2 * pad, out_width + 2 * pad
    mean, scale = moments(data, recipe.normalize)

    class Lookup(keras.layers.Layer):  # type: ignore[misc]
        """Has the images as a weight."""

        def __init__(self) -> None:
            super().__init__(name="images", dtype="float32")
            self.table = self.add_weight(
                name="table",
                shape=(count * height * width, channels),
                dtype="uint8",
                initializer="zeros",
                trainable=False,
            )

        def call(self, rows: Any) -> Any:
            index, top, left, mirrored, *more = (
                rows[:, i][:, None, None] for i in range(columns(recipe))
            )
            y = ops.arange(out_height, dtype="int32")[None, :, None]
            x = ops.arange(out_width, dtype="int32")[None, None, :]
            source = ops.where(mirrored == 1, out_width - 1 - x, x)
            flat = index * (height * width) + (top + y) * width + (left + source)
            images = ops.cast(ops.take(self.table, flat, axis=0), "float32")
            images = (images - mean) / scale
            if recipe.cutout:
                is_hole = _inside(y, more[0], recipe.cutout) & _inside(x, more[1], recipe.cutout)
                images = ops.where(is_hole[..., None], 0.0, images)
            if recipe.mixup:
                share = ops.cast(more[2], "float32")[..., None] / WHOLE
                images = share * images + (1 - share) * ops.roll(images, 1, axis=0)
            return images

        def compute_output_shape(self, shape: Any) -> Any:
            return (shape[0], out_height, out_width, channels)

    return Lookup()


def _inside(at: Any, start: Any, size: int) -> Any:
    """Whether positions lie in the interval of ``size`` from ``start``."""
    return (at >= start) & (at < start + size)


def columns(recipe: Recipe) -> int:
    """The length of a row."""
    return 7 if recipe.cutout or recipe.mixup else 4


def plan(split: Split, recipe: Recipe, seed: int, epoch: int) -> Any:
    """The rows of an epoch: which image, which crop, mirrored or not; a function of seed and epoch.

    With cutout, the middle of the hole is any pixel, so that part of it may lie outside.

    Returns:
        Whole numbers of shape (steps, batch, ``columns``); the images left over by the last whole batch are
        others each epoch.
    """
    import numpy as np

    rng = np.random.default_rng([seed, epoch])
    count = len(split) // recipe.batch * recipe.batch
    rows = np.empty((count, columns(recipe)), "int32")
    rows[:, 0] = rng.permutation(len(split))[:count]
    rows[:, 1:3] = rng.integers(0, 2 * recipe.padding + 1, (count, 2))
    rows[:, 3] = rng.integers(0, 2, count) if recipe.flip else 0
    if columns(recipe) > 4:  # drawn last: the crops are those of a recipe without
        rows[:, 4:6] = rng.integers(0, split.images.shape[1:3], (count, 2)) - recipe.cutout // 2
        alpha = recipe.mixup
        rows[:, 6] = np.rint(WHOLE * rng.beta(alpha, alpha, count)) if alpha else WHOLE
    return rows.reshape(-1, recipe.batch, columns(recipe))


def evaluation_rows(split: Split, recipe: Recipe) -> Any:
    """The rows of an evaluation: every image once, in order, the central crop, not mirrored."""
    import numpy as np

    rows = np.full((len(split), columns(recipe)), recipe.padding, "int32")
    rows[:, 0] = np.arange(len(split))
    rows[:, 3] = 0
    rows[:, 4:6] = -recipe.cutout
    rows[:, 6:] = WHOLE
    return rows


def mixed_labels(labels: Any, rows: Any, recipe: Recipe) -> Any:
    """Labels (images, classes) of whole batches, mixed as their images are: each with the one before it.

    Args:
        labels: of each image alone.
        rows: (images, ``columns``), as ``plan`` gives them, batch after batch.
        recipe: without mixup the labels do not change.
    """
    import numpy as np

    if not recipe.mixup:
        return labels
    share = (rows[:, 6:] / np.float32(WHOLE)).astype("float32")
    before = np.roll(labels.reshape(-1, recipe.batch, labels.shape[-1]), 1, axis=1)
    return share * labels + (1 - share) * before.reshape(labels.shape)


def keras_inputs(*arrays: Any, batch: int) -> dict[str, Any]:
    """Arguments of Keras' ``fit`` and ``predict``: inputs, or inputs and labels, in order.

    On TensorFlow a data set without autotuning: with it, the end of a pass may wait for the tuning thread,
    which sleeps for up to a minute (``analysis/research/fit.py``).
    """
    import keras

    if keras.backend.backend() != "tensorflow":
        return {**dict(zip("xy", arrays, strict=False)), "batch_size": batch}
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    one = arrays[0] if len(arrays) == 1 else arrays
    return {"x": tf.data.Dataset.from_tensor_slices(one).batch(batch).with_options(options)}
