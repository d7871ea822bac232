"""Batches to measure on: random numbers, CIFAR-10, a folder of images, or the user's own arrays."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from keraudit.audits.gradients.losses import BINARY, CROSS_ENTROPY, label_shape
from keraudit.errors import KerauditError
from keraudit.model.graph import Graph

ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp"})
RANDOM, CIFAR = "random", "cifar10"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Inputs and labels in the graph's order, and the name of the dataset."""

    inputs: tuple[Any, ...]
    labels: tuple[Any, ...]
    name: str


def batch_of(data: Any, graph: Graph, losses: Sequence[str], seed: int) -> Batch:
    """The batch of a seed.

    Args:
        data: ``"random"``, ``"cifar10"``, a folder with a folder of images for each class, or a pair
            of arrays (or of lists of arrays), inputs and labels.
        graph: says sizes and how many classes there are.
        losses: of its outputs.
        seed: of what is drawn: numbers, or which images.

    Raises:
        KerauditError: the data are missing, do not fit the model, or are not finite.
    """
    if isinstance(data, tuple):
        return checked(_of_one_length(_user_arrays(data), graph), graph, losses)
    rng = np.random.default_rng([seed, 1])
    if data == RANDOM:
        return _random_batch(graph, losses, rng)
    if len(graph.input_nodes) != 1 or len(graph.input_nodes[0].outputs[0].shape) != 4:
        raise KerauditError(
            'images are for a model with one image as its input: use --data random (data="random")'
        )
    pixels, labels, name = (
        cifar10(graph, rng) if data == CIFAR else _folder_images(Path(data), graph, rng)
    )
    labels = labels.astype("int32")
    batch = Batch(inputs=(standardized(pixels),), labels=(labels,) * len(losses), name=name)
    return checked(batch, graph, losses)


def _random_batch(graph: Graph, losses: Sequence[str], rng: np.random.Generator) -> Batch:
    """Standard normal inputs (whole numbers for a lookup), labels uniform over the classes."""
    inputs = []
    for ref in graph.architecture.inputs:
        tensor = graph.nodes[ref.call].outputs[ref.output]
        if "float" in tensor.dtype:
            inputs.append(rng.standard_normal(tensor.shape).astype("float32"))
        else:
            inputs.append(rng.integers(0, vocabulary(graph), tensor.shape).astype("int32"))
    labels: list[Any] = []
    for ref, loss in zip(graph.architecture.outputs, losses, strict=True):
        shape = label_shape(graph, ref, loss)
        classes = graph.nodes[ref.call].outputs[ref.output].shape[-1]
        if loss == CROSS_ENTROPY:
            labels.append(rng.integers(0, classes, shape).astype("int32"))
        elif loss == BINARY:
            labels.append(rng.integers(0, 2, shape).astype("float32"))
        else:
            labels.append(rng.standard_normal(shape).astype("float32"))
    return Batch(inputs=tuple(inputs), labels=tuple(labels), name="random gaussian")


def vocabulary(graph: Graph) -> int:
    """The number of indices that every lookup of a graph accepts; 2 if it has none."""
    sizes = [n.layer.config.get("input_dim") for n in graph.nodes if n.layer.kind == "Embedding"]
    return min((int(size) for size in sizes if size), default=2)


def _folder_images(folder: Path, graph: Graph, rng: np.random.Generator) -> tuple[Any, Any, str]:
    """Images drawn from ``folder/CLASS/...``, or ``folder/train/CLASS/...``, at the model's size."""
    root = folder / "train" if (folder / "train").is_dir() else folder
    if not root.is_dir():
        raise KerauditError(
            f"no data at {str(folder)!r}: expected random, cifar10, or a folder that holds a folder of"
            " images for each class"
        )
    classes = sorted(path for path in root.iterdir() if path.is_dir())
    files = [
        (path, label)
        for label, class_folder in enumerate(classes)
        for path in sorted(class_folder.iterdir())
        if path.suffix.lower() in ENDINGS
    ]
    if len(files) < graph.batch:
        raise KerauditError(
            f"{str(root)!r} holds {len(files)} images in {len(classes)} folders, a batch is"
            f" {graph.batch}: expected a folder of images for each class"
        )
    drawn = [files[i] for i in rng.permutation(len(files))[: graph.batch]]
    _, height, width, channels = graph.input_nodes[0].outputs[0].shape
    pixels = np.stack([image(path, height, width, channels) for path, _ in drawn])
    return pixels, np.array([label for _, label in drawn]), f"images in {folder.name}"


def image(path: Path, height: int, width: int, channels: int) -> Any:
    """An image file as height x width x channels, resized if need be (bilinear)."""
    try:
        from PIL import Image
    except ImportError:
        raise KerauditError("images are read with Pillow: pip install 'keraudit[train]'") from None
    try:
        with Image.open(path) as opened:
            picture = opened.convert("L" if channels == 1 else "RGB")
            if picture.size != (width, height):
                picture = picture.resize((width, height), Image.Resampling.BILINEAR)
            return np.asarray(picture, "float32").reshape(height, width, -1)
    except OSError as error:
        raise KerauditError(f"{path} is not a readable image: {error}") from None


def cifar10(graph: Graph, rng: np.random.Generator) -> tuple[Any, Any, str]:
    """Training images of CIFAR-10: a folder of images in ``KERAUDIT_DATA``, else Keras' own copy."""
    if (place := os.environ.get("KERAUDIT_DATA")) and (images := _image_folder(Path(place))):
        pixels, labels, _ = _folder_images(images, graph, rng)
        return pixels, labels, f"CIFAR-10 as images ({images.name})"
    _, height, width, channels = graph.input_nodes[0].outputs[0].shape
    if (height, width, channels) != (32, 32, 3):
        raise KerauditError(
            f"CIFAR-10 is 32,32,3; the model takes {height},{width},{channels}: give --input-shape 32,32,3"
            " (input_shape=)"
        )
    x, y = _keras_cifar10()
    drawn = rng.permutation(len(x))[: graph.batch]
    return x[drawn].astype("float32"), y[drawn].reshape(-1), "CIFAR-10"


def _image_folder(place: Path) -> Path | None:
    """The folder with ``train/CLASS/*`` that ``KERAUDIT_DATA`` names, or that lies in it."""
    return next((p for p in (place, place / "cifar10-jpeg") if (p / "train").is_dir()), None)


def _keras_cifar10() -> tuple[Any, Any]:
    """CIFAR-10's training set from Keras' cache, fetched once; what Keras prints goes to stderr."""
    import sys
    from contextlib import redirect_stdout

    import keras

    try:
        with redirect_stdout(sys.stderr):
            (x, y), _ = keras.datasets.cifar10.load_data()
    except Exception as error:  # noqa: BLE001 - Keras raises a bare Exception where it cannot fetch
        reason = " ".join(str(error).split())[:200]
        raise KerauditError(
            f"CIFAR-10 is not here and Keras cannot fetch it: {reason}; set KERAUDIT_DATA to a folder"
            " with train/CLASS/*.png"
        ) from None
    return x, y


def standardized(pixels: Any) -> Any:
    """Pixels with mean 0 and deviation 1 in each channel over the batch."""
    axes = tuple(range(pixels.ndim - 1))
    deviation = pixels.std(axes)
    return ((pixels - pixels.mean(axes)) / np.where(deviation > 0, deviation, 1)).astype("float32")


def _user_arrays(data: tuple[Any, ...]) -> Batch:
    """The user's own arrays as they are."""
    if len(data) != 2:
        raise KerauditError(f"data are a pair, inputs and labels; received {len(data)} parts")
    sides = [tuple(part) if isinstance(part, list | tuple) else (part,) for part in data]
    inputs, labels = (tuple(map(np.asarray, side)) for side in sides)
    return Batch(inputs=inputs, labels=labels, name="given arrays")


def _of_one_length(batch: Batch, graph: Graph) -> Batch:
    """The batch, if every array holds as many samples as the batch that is recorded."""
    counts = {len(x) if x.ndim else 0 for x in (*batch.inputs, *batch.labels)}
    if counts != {graph.batch}:
        found = ", ".join(map(str, sorted(counts)))
        raise KerauditError(
            f"data: expected {graph.batch} samples in each array, the batch; received {found}: pass"
            " batch=N with arrays of N samples"
        )
    return batch


def checked(batch: Batch, graph: Graph, losses: Sequence[str]) -> Batch:
    """The batch, if it fits the graph; classes given one-hot are turned into numbers."""
    nodes = graph.input_nodes
    if len(batch.inputs) != len(nodes) or len(batch.labels) != len(losses):
        raise KerauditError(
            f"the model has {len(nodes)} inputs and {len(losses)} outputs; received"
            f" {len(batch.inputs)} and {len(batch.labels)} arrays"
        )
    for node, x in zip(nodes, batch.inputs, strict=True):
        if x.shape[1:] != node.outputs[0].shape[1:]:
            raise KerauditError(
                f"input {node.name!r} has shape {node.outputs[0].shape[1:]}, the data have"
                f" {x.shape[1:]}"
            )
        if x.dtype.kind == "f" and not np.isfinite(x).all():
            raise KerauditError(
                f"the data for input {node.name!r} hold NaN or infinite numbers: clean them first"
            )
    labels = [
        _checked_labels(label, graph, index, loss)
        for index, (label, loss) in enumerate(zip(batch.labels, losses, strict=True))
    ]
    return Batch(inputs=batch.inputs, labels=tuple(labels), name=batch.name)


def _checked_labels(label: Any, graph: Graph, index: int, loss: str) -> Any:
    ref = graph.architecture.outputs[index]
    node = graph.nodes[ref.call]
    classes = node.outputs[ref.output].shape[-1]
    expected = label_shape(graph, ref, loss)[1:]
    if loss == CROSS_ENTROPY and label.shape[1:] == (*expected, classes) and label.ndim > 1:
        label = label.argmax(-1)
    if label.shape[1:] in ((*expected, 1), ()) and label.shape[1:] != expected:
        label = label.reshape(label.shape[0], *expected) if label.size == len(label) else label
    if label.shape[1:] != expected:
        raise KerauditError(
            f"{loss} for output {node.name!r} takes labels of shape {expected} each; received"
            f" {label.shape[1:]}"
        )
    if label.dtype.kind == "f" and not np.isfinite(label).all():
        raise KerauditError(
            f"the labels for output {node.name!r} hold NaN or infinite numbers: clean them first"
        )
    if loss != CROSS_ENTROPY:
        return label.astype("float32")
    if (label != np.floor(label)).any():
        raise KerauditError(
            f"output {node.name!r} takes the number of a class for each sample; received numbers with a"
            " fraction"
        )
    if label.min() < 0 or label.max() >= classes:
        raise KerauditError(
            f"output {node.name!r} has {classes} classes, 0 to {classes - 1}; the labels go from"
            f" {label.min()} to {label.max()}"
        )
    return label.astype("int32")
