"""Networks compared with people, and images with their originals: files that follow the test set's order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from keraudit.data.dataset import DataError, Split

ORDER_FITS = 0.9  # of the images: people agree with 99 % of CIFAR-10's labels, by chance with 10 %


def arrays_in(path: Path) -> dict[str, Any]:
    """All arrays of an ``.npz`` file by name.

    Raises:
        DataError: the file cannot be read.
    """
    import numpy as np

    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except Exception as error:  # noqa: BLE001 - numpy and zipfile raise many kinds
        raise DataError(f"{path} cannot be read: {' '.join(str(error).split())[:150]}") from None


def arrays(path: Path, *names: str) -> tuple[Any, ...]:
    """Arrays of an ``.npz`` file by name.

    Raises:
        DataError: the file cannot be read or lacks one of them.
    """
    found = arrays_in(path)
    if missing := sorted(set(names) - set(found)):
        raise DataError(f"{path} has no {missing[0]!r}; it holds {', '.join(found)}")
    return tuple(found[name] for name in names)


def human_labels(path: Path, test: Split, classes: int) -> Any:
    """What people called each test image, (N, classes): the ``probs`` of CIFAR-10H.

    Raises:
        DataError: the file has other classes or fewer images, or follows another order: people's
            most frequent answer must be the label for ``ORDER_FITS`` of the images.
    """
    (probabilities,) = arrays(path, "probs")
    if probabilities.dtype.kind not in "fiu":
        raise DataError(f"{path}: probs are {probabilities.dtype}; expected numbers")
    if probabilities.ndim != 2 or probabilities.shape[1] != classes:
        raise DataError(
            f"{path}: probs has the shape {probabilities.shape}; expected (images, {classes})"
        )
    if len(probabilities) < len(test):
        raise DataError(
            f"{path} has {len(probabilities):,} images, the test set {len(test):,}: they differ"
        )
    labels = probabilities[: len(test)].astype("float64")
    agree = float((labels.argmax(axis=1) == test.labels).mean())
    if agree < ORDER_FITS:
        raise DataError(
            f"{path} follows another order than this test set: people's most frequent answer is the"
            f" label for {agree:.0%} of the images, expected {ORDER_FITS:.0%} or more"
        )
    return labels


def originals(path: Path, test: Split) -> Split:
    """The first test images as in the original files: ``x`` and ``y``.

    Raises:
        DataError: their number, size or labels are not those of the test set's first images.
    """
    import numpy as np

    images, labels = arrays(path, "x", "y")
    labels = labels.reshape(-1)
    if images.ndim != 4 or images.shape[1:] != test.images.shape[1:] or images.dtype != "uint8":
        raise DataError(
            f"{path}: x is {images.dtype} {images.shape}; expected bytes (images,"
            f" {', '.join(map(str, test.images.shape[1:]))})"
        )
    if len(images) != len(labels) or not len(labels):
        raise DataError(
            f"{path} has {len(images):,} images in x but {len(labels):,} labels in y; expected one"
            " label for each image, and one or more"
        )
    if not np.issubdtype(labels.dtype, np.integer):
        raise DataError(f"{path}: labels in y are {labels.dtype}; expected whole numbers")
    count = min(len(labels), len(test))
    split = Split(images=images[:count], labels=labels[:count].astype("int64"))
    if (split.labels != test.labels[:count]).any():
        raise DataError(
            f"{path} follows another order than this test set: the labels of the first {count:,}"
            " images differ"
        )
    return split
