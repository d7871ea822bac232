"""Image classification data: read, checked, and named by a fingerprint of what was decoded."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from keraudit.errors import KerauditError
from keraudit.safe_text import harmless

if TYPE_CHECKING:
    import numpy as np

CIFAR10 = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
# The first 1,017 test images of CIFAR-10 (Krizhevsky 2009) as in its own files, by ``fingerprint``.
ORIGINAL_START = 1017
ORIGINAL_PRINT = "59666ec701eb4c064142ee0a1fce1b46"


class DataError(KerauditError):
    """Data that cannot be read, or that contradicts itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Images (N, height, width, channels) as bytes 0-255, and labels (N,) as whole numbers."""

    images: np.ndarray[Any, np.dtype[np.uint8]]
    labels: np.ndarray[Any, np.dtype[np.int64]]

    def __len__(self) -> int:
        return len(self.labels)

    def first(self, count: int | None) -> Split:
        """The first ``count`` images; all of them if it is ``None``."""
        if count is None or count >= len(self):
            return self
        return Split(images=self.images[:count], labels=self.labels[:count])


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A training and a test split. ``name`` says what it is; records and figures carry it.

    Where ``validation_split`` is not 0, the test split is that many of the training images.
    """

    name: str
    classes: tuple[str, ...]
    train: Split
    test: Split
    source: str
    held_out: int = 0

    @property
    def fingerprint(self) -> str:
        """The fingerprint of both splits; the order of the images does not matter."""
        return f"{fingerprint(self.train)}-{fingerprint(self.test)}"

    @property
    def order(self) -> str:
        """A hash of the training images and labels in their order, which decides what a step sees."""
        import numpy as np

        digest = hashlib.blake2b(np.ascontiguousarray(self.train.images).data, digest_size=16)
        digest.update(np.ascontiguousarray(self.train.labels, "<i8").data)
        return digest.hexdigest()

    @property
    def judges(self) -> str:
        """What the images of the test split are called."""
        return judges({"held_out": self.held_out})

    @property
    def image_shape(self) -> tuple[int, ...]:
        return tuple(self.train.images.shape[1:])

    def describe(self) -> dict[str, Any]:
        """What a record says of it."""
        return {
            "name": self.name,
            "source": self.source,
            "fingerprint": self.fingerprint,
            "train_images": len(self.train),
            "test_images": len(self.test),
            "image_shape": list(self.image_shape),
            "classes": list(self.classes),
            **({"held_out": self.held_out} if self.held_out else {}),
        }


def judges(described: Mapping[str, Any]) -> str:
    """What a record's data set calls the images that a run is judged on.

    >>> judges({"held_out": 5000}), judges({})
    ('held-out', 'test')
    """
    return "held-out" if described.get("held_out") else "test"


def fingerprint(split: Split) -> str:
    """The sum, modulo 2^128, of a 128-bit BLAKE2b digest of each image's pixels and label.

    A sum does not depend on the order, and a single changed pixel changes it.
    """
    import numpy as np

    total = 0
    pixels = np.ascontiguousarray(split.images)
    for image, label in zip(pixels, split.labels, strict=True):
        digest = hashlib.blake2b(image.tobytes(), digest_size=16)
        digest.update(int(label).to_bytes(4, "little"))
        total += int.from_bytes(digest.digest(), "little")
    return f"{total % 2**128:032x}"


def short_fingerprint(fingerprint: str) -> str:
    """The fingerprint of a data set as it is shown: some digits of each split's.

    >>> short_fingerprint("b61c7be943080a-59666ec701eb4c"), short_fingerprint("b61c7be943080a")
    ('b61c7b-59666e', 'b61c7b')
    """
    return "-".join(part[:6] for part in fingerprint.split("-"))


def checked(data: Dataset) -> Dataset:
    """Check that nothing in a data set contradicts anything else, and return it."""
    for split_name, split in (("training", data.train), ("test", data.test)):
        images, labels = split.images, split.labels
        if images.ndim != 4 or images.shape[-1] not in (1, 3):
            raise DataError(
                f"{data.source}: the {split_name} images have the shape {images.shape}; expected"
                " (count, height, width, 1 or 3)"
            )
        if str(images.dtype) != "uint8":
            raise DataError(
                f"{data.source}: the {split_name} images are {images.dtype}; expected bytes, 0 to 255"
            )
        if len(images) != len(labels):
            raise DataError(
                f"{data.source}: {len(images):,} {split_name} images but {len(labels):,} labels"
            )
        if not len(labels):
            raise DataError(f"{data.source}: the {split_name} split is empty")
        if labels.min() < 0 or labels.max() >= len(data.classes):
            raise DataError(
                f"{data.source}: {split_name} labels run from {labels.min()} to {labels.max()};"
                f" expected 0 to {len(data.classes) - 1}, one for each class"
            )
    if data.train.images.shape[1:] != data.test.images.shape[1:]:
        raise DataError(
            f"{data.source}: training images are {data.train.images.shape[1:]}, test images"
            f" {data.test.images.shape[1:]}; they must agree"
        )
    if len(data.classes) < 2:
        raise DataError(f"{data.source} has a single class; expected two or more")
    for split_name, split in (("training", data.train), (data.judges, data.test)):
        lost = sorted(set(range(len(data.classes))) - set(split.labels.tolist()))
        if lost:
            raise DataError(f"{data.source}: no {split_name} image of {_listed(data, lost)}")
    return data


def _listed(data: Dataset, labels: Sequence[int]) -> str:
    """The names of some classes, of five at most."""
    return ", ".join(data.classes[i] for i in labels[:5])


def named(data: Dataset) -> Dataset:
    """CIFAR-10 by its name if it is the original; anything else as what it is.

    Recognised by the names of the classes, the image size, the counts of 50,000 and 10,000, and
    every pixel and label of the first ``ORIGINAL_START`` test images, in any order among
    themselves. Not checked: the training images and the other test images. The fingerprint in each
    record covers them all.
    """
    if data.classes != CIFAR10 or data.image_shape != (32, 32, 3):
        letters = "".join(c for c in data.name.lower() if c.isalnum())
        is_claimed = letters.startswith("cifar10") and not letters.startswith("cifar100")
        return replace(data, name=f"not CIFAR-10 ({data.source})") if is_claimed else data
    counts = (len(data.train), len(data.test))
    if fingerprint(data.test.first(ORIGINAL_START)) == ORIGINAL_PRINT and counts == (
        50_000,
        10_000,
    ):
        name = "CIFAR-10"
    else:
        name = f"CIFAR-10 classes, not the original files ({data.source})"
    return replace(data, name=name)


def validation_split(data: Dataset, count: int) -> Dataset:
    """The last ``count`` training images in place of the test images; the name says so.

    What settings are chosen by must not be what the chosen ones are judged on.

    Raises:
        DataError: one of the two parts is empty, or loses a class.
    """
    if not count:
        return data
    left = len(data.train) - count
    if left < 1:
        raise DataError(
            f"{data.source}: {count:,} images cannot be held out of {len(data.train):,} for training"
        )
    images, labels = data.train.images, data.train.labels
    parts = {
        "training image": Split(images=images[:left], labels=labels[:left]),
        "image held out": Split(images=images[left:], labels=labels[left:]),
    }
    for what, part in parts.items():
        lost = _missing(data.train, part)
        if lost:
            raise DataError(
                f"{data.source}: no {what} of {_listed(data, lost)} where the last {count:,} are held"
                " out: hold out another number"
            )
    train, test = parts.values()
    name = f"{data.name}, judged on the last {count:,} training images"
    return replace(data, name=name, train=train, test=test, held_out=count)


def limited(data: Dataset, *, train: int | None = None, test: int | None = None) -> Dataset:
    """Only the first images of each split; the name says so.

    Raises:
        DataError: a split is empty, or loses a class that the whole one has.
    """
    if (train or len(data.train)) >= len(data.train) and (test or len(data.test)) >= len(data.test):
        return data
    limited_data = replace(data, train=data.train.first(train), test=data.test.first(test))
    for what, part, whole in (
        ("training", limited_data.train, data.train),
        (data.judges, limited_data.test, data.test),
    ):
        lost = _missing(whole, part)
        if len(part) and lost:
            raise DataError(
                f"{data.source}: no {what} image of {_listed(data, lost)} among the first"
                f" {len(part):,}: take more"
            )
    name = f"{data.name}, the first {len(limited_data.train):,} training and {len(limited_data.test):,} {data.judges} images"
    return checked(replace(limited_data, name=name))


def _missing(whole: Split, part: Split) -> list[int]:
    """Labels of the whole that the part does not have."""
    return sorted(set(whole.labels.tolist()) - set(part.labels.tolist()))


def dataset(
    *,
    name: str,
    classes: Sequence[str],
    train: tuple[Any, Any],
    test: tuple[Any, Any],
    source: str,
) -> Dataset:
    """A data set from arrays; labels become flat whole numbers."""
    import numpy as np

    def split(images: Any, labels: Any) -> Split:
        flat = np.asarray(labels).reshape(-1)
        if flat.size and not np.issubdtype(flat.dtype, np.integer):
            raise DataError(f"{source}: labels are {flat.dtype}; expected whole numbers")
        return Split(images=np.asarray(images), labels=flat.astype("int64"))

    return Dataset(
        name=harmless(name),
        classes=tuple(map(harmless, classes)),
        train=split(*train),
        test=split(*test),
        source=harmless(source),
    )
