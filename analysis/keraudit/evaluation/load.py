"""A trained network from its run's folder, with the data that it was trained on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from keraudit.data.dataset import Dataset, limited, short_fingerprint, validation_split
from keraudit.errors import KerauditError
from keraudit.training import checkpoint
from keraudit.training.augment import keras_inputs, moments
from keraudit.training.devices import reporting_out_of_memory
from keraudit.training.networks import network
from keraudit.training.recipe import Recipe
from keraudit.training.record import Run, read_run
from keraudit.training.step import load_average, make_optimizer
from keraudit.zoo.trained_weights import Shipped

BATCH = 250  # images at once
CHUNK = 5000  # images on their way to the device


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedRun:
    """A finished run, its network with the weights it is judged by, and its data.

    Attributes:
        run: the record.
        body: the network, from normalised images to class probabilities.
        data: what it was trained on, and test images.
        mean: what is subtracted from an image, before the division by ``scale``.
        scale: the divisor.
    """

    run: Run
    body: Any
    data: Dataset
    mean: Any
    scale: Any

    def normalized(self, images: Any) -> Any:
        """Bytes as the network sees them."""
        return (images.astype("float32") - self.mean) / self.scale

    def probabilities(self, images: Any, watch: Callable[[int], None] | None = None) -> Any:
        """Class probabilities of images as bytes, (N, classes) in float64.

        Args:
            images: (N, height, width, channels).
            watch: told how many images are done.
        """
        import numpy as np

        parts = []
        for start in range(0, len(images), CHUNK):
            values = self.normalized(images[start : start + CHUNK])
            with reporting_out_of_memory(BATCH, "free some, or take a device that has more"):
                predicted = self.body.predict(**keras_inputs(values, batch=BATCH), verbose=0)
            parts.append(np.asarray(predicted, "float64"))
            if watch is not None:
                watch(min(start + CHUNK, len(images)))
        together = np.concatenate(parts)
        if not np.isfinite(together).all():
            raise KerauditError(f"{self.run.network} predicts values that are not finite")
        return together


def load_run(folder: Path, data: Dataset, *, test_images: int | None = None) -> LoadedRun:
    """Read a finished run and its weights.

    Args:
        folder: the run's own.
        data: the whole data set; as many images are taken as the run took.
        test_images: how many test images, from the first; default: as many as the run took.

    Raises:
        KerauditError: there is no finished run, its checkpoint is missing or damaged, or the data
            is not what it was trained on.
    """
    run = read_run(folder)
    with_weights(folder)
    part = _same_data(run, data, test_images, folder)
    body = network_of(folder, run, shape=part.image_shape)
    mean, scale = moments(part, Recipe.from_dict(run.recipe).normalize)
    return LoadedRun(run=run, body=body, data=part, mean=mean, scale=scale)


def load_shipped(found: Shipped) -> Any:
    """A network that ships, with its weights: normalised images to class probabilities."""
    about = found.about
    body = network(
        about["network"],
        classes=len(about["classes"]),
        shape=tuple(about["image_shape"]),
        recipe=Recipe.from_dict(about["recipe"]),
    )
    body.load_weights(found.path)
    return body


def with_weights(folder: Path) -> Path:
    """The checkpoint of a run.

    Raises:
        KerauditError: the folder holds none.
    """
    path = folder / "checkpoint.npz"
    if not folder.is_dir() or not path.is_file():
        raise KerauditError(
            f"{folder} holds no checkpoint.npz: give the run's own folder, a published record has no"
            " weights"
        )
    return path


def network_of(folder: Path, run: Run, *, shape: tuple[int, ...], **changes: Any) -> Any:
    """The network of a finished run with the weights that it is judged by.

    Args:
        folder: the run's own.
        run: its record.
        shape: of the images that it is to see: height, width, channels.
        changes: of its recipe: ``size``, ``precision``.

    Raises:
        KerauditError: its checkpoint is missing or damaged.
    """
    path = with_weights(folder)
    recipe = Recipe.from_dict(run.recipe)
    fresh = replace(recipe, weights=None, **changes)  # they come from the checkpoint
    classes, images = len(run.dataset["classes"]), int(run.dataset["train_images"])
    body = network(run.network, classes=classes, shape=shape, recipe=fresh)
    optimizer = make_optimizer(recipe, recipe.epochs * max(1, images // recipe.batch))
    optimizer.build(body.trainable_variables)
    state = checkpoint.load(path, [*body.variables, *optimizer.variables])
    if len(state["history"]) != len(run.history):
        raise KerauditError(
            f"{path} is of epoch {len(state['history'])}, {folder / 'run.json'} of epoch"
            f" {len(run.history)}: they belong to two runs"
        )
    load_average(optimizer, body.trainable_variables)
    return body


def _same_data(run: Run, data: Dataset, test_images: int | None, folder: Path) -> Dataset:
    """The part of ``data`` that the run saw, once its images are found to be the same."""
    trained_on = run.dataset
    data = validation_split(data, int(trained_on.get("held_out", 0)))
    if test_images is not None and not 1 <= test_images <= len(data.test):
        raise KerauditError(
            f"test images must be 1 to {len(data.test):,}, received {test_images:,}"
        )
    train, test = int(trained_on["train_images"]), int(trained_on["test_images"])
    part = limited(data, train=train, test=test)
    if list(part.classes) != list(trained_on["classes"]):
        raise KerauditError(
            f"{folder} is of the classes {', '.join(trained_on['classes'])}, {part.name} of"
            f" {', '.join(part.classes)}: name its data with --data"
        )
    if part.fingerprint != trained_on["fingerprint"]:
        raise KerauditError(
            f"{folder} is of {trained_on['name']} (fingerprint {short_fingerprint(trained_on['fingerprint'])}), not of"
            f" {part.name} ({short_fingerprint(part.fingerprint)}): name its data with --data"
        )
    return part if test_images is None else limited(data, train=train, test=test_images)
