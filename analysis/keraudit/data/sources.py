"""Where data comes from: keras.datasets, CIFAR-10's own batches, folders of images, .npz files."""

from __future__ import annotations

import sys
import tarfile
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from itertools import pairwise
from pathlib import Path
from typing import Any

from keraudit.data.cifar_batches import images_and_labels
from keraudit.data.dataset import CIFAR10, DataError, Dataset, dataset

IMAGE_ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif", ".tif", ".tiff", ".pgm", ".ppm")
TRAIN_BATCHES = tuple(f"data_batch_{i}" for i in range(1, 6))
TEST_BATCH = "test_batch"
LARGEST_BATCH = 64 * 2**20  # bytes; CIFAR-10's have 30 MB
PARTS = 5  # a folder without a split gives one part in so many to the test
ORDER_SEED = 0  # of the order of images that have none of their own
MOST_PIXELS = 2**24  # of an image, of which four are decoded at a time
MOST_NAMED = 5  # of the images that cannot be read
MOST_CLASSES = 1_000  # that labels without names may number, as many as ImageNet's


def from_keras() -> Dataset:
    """``keras.datasets.cifar10``: downloaded once by Keras."""
    import keras

    try:
        with redirect_stdout(sys.stderr):  # where the progress of a download belongs
            train, test = keras.datasets.cifar10.load_data()
    except Exception as error:  # noqa: BLE001 - whatever the download raises
        raise DataError(
            f"keras.datasets.cifar10 cannot be had ({_one_line(error)}):"
            " give --data a folder, an archive or an .npz file"
        ) from None
    return dataset(
        name="CIFAR-10", classes=CIFAR10, train=train, test=test, source="keras.datasets.cifar10"
    )


def _one_line(error: Exception) -> str:
    """What another library says, on one line of about 100 characters."""
    from textwrap import shorten

    return shorten(str(error), 100, placeholder=" ...") or type(error).__name__


def batches_folder(path: Path) -> Path | None:
    """The folder that holds CIFAR-10's batches: ``path`` itself or the one inside it."""
    for folder in (path, path / "cifar-10-batches-py"):
        if any((folder / name).is_file() for name in (*TRAIN_BATCHES, TEST_BATCH)):
            return folder
    return None


def from_batches(folder: Path) -> Dataset:
    """The six files of ``cifar-10-batches-py``."""

    def read(name: str) -> bytes:
        file = folder / name
        if not file.is_file():
            raise DataError(f"{folder} has no {name}: the copy is incomplete")
        try:
            if file.stat().st_size > LARGEST_BATCH:
                raise DataError(f"{file} is too large for a batch of CIFAR-10")
            return file.read_bytes()
        except OSError as error:
            raise DataError(f"{file} cannot be read: {error.strerror or error}") from None

    return joined(read, folder.name)


def from_archive(path: Path) -> Dataset:
    """A tar archive of ``cifar-10-batches-py``, read in memory: nothing is extracted."""
    try:
        with tarfile.open(path) as archive:
            members = {Path(m.name).name: m for m in archive.getmembers() if m.isfile()}

            def read(name: str) -> bytes:
                member = members.get(name)
                if member is None or member.size > LARGEST_BATCH:
                    raise DataError(f"{path} holds no {name} of CIFAR-10")
                file = archive.extractfile(member)
                return file.read() if file else b""

            return joined(read, path.name)
    except DataError:
        raise
    except Exception as error:  # noqa: BLE001 - tarfile and each decompressor raise kinds of their own
        raise DataError(
            f"{path} cannot be read as a tar archive of cifar-10-batches-py ({_one_line(error)}): give a"
            " whole one"
        ) from None


def joined(read: Callable[[str], bytes], source: str) -> Dataset:
    """Six batches as one data set."""
    import numpy as np

    def batch(name: str) -> tuple[Any, Any]:
        return images_and_labels(read(name), f"{source}/{name}")

    parts = [batch(name) for name in TRAIN_BATCHES]
    train = tuple(np.concatenate(column) for column in zip(*parts, strict=True))
    return dataset(
        name="CIFAR-10",
        classes=CIFAR10,
        train=(train[0], train[1]),
        test=batch(TEST_BATCH),
        source=source,
    )


def from_npz(path: Path) -> Dataset:
    """``x_train, y_train, x_test, y_test`` in one file; ``classes`` if it names them."""
    arrays = _npz_arrays(path)
    missing = sorted({"x_train", "y_train", "x_test", "y_test"} - arrays.keys())
    if missing:
        raise DataError(f"{path} has no {', '.join(missing)}; it holds {', '.join(sorted(arrays))}")
    return dataset(
        name=path.stem,
        classes=_npz_classes(arrays, path),
        train=(arrays["x_train"], arrays["y_train"]),
        test=(arrays["x_test"], arrays["y_test"]),
        source=path.name,
    )


def _npz_arrays(path: Path) -> Mapping[str, Any]:
    """Every array of an ``.npz`` file."""
    import numpy as np

    try:
        with path.open("rb") as opened:
            file = np.load(opened, allow_pickle=False)
            if not isinstance(file, np.ndarray):
                return dict(file)
            problem = "it holds a single array"
    except Exception as error:  # noqa: BLE001 - numpy, zipfile and zlib raise many kinds
        problem = _one_line(error)
    raise DataError(
        f"{path} cannot be read as an .npz file of arrays ({problem}): write it with numpy.savez"
    )


def _npz_classes(arrays: Mapping[str, Any], path: Path) -> list[str]:
    """The names that the file gives, or the numbers from 0 to the largest training label."""
    import numpy as np

    if "classes" in arrays:
        return [str(name) for name in arrays["classes"].reshape(-1)]
    labels = arrays["y_train"]
    if not (labels.size and np.issubdtype(labels.dtype, np.integer)):
        return ["0"]
    largest = int(labels.max())
    if largest >= MOST_CLASSES:
        raise DataError(
            f"{path}: training labels run up to {largest}; expected 0 to {MOST_CLASSES - 1} at most:"
            " number the classes from 0, or name them in classes"
        )
    return [str(number) for number in range(max(largest + 1, 1))]


def from_images(path: Path, *, seed: int) -> Dataset:
    """Folders of images by class, split already or to be split."""
    split = (path / "train").is_dir()
    if split and not (path / "test").is_dir():
        raise DataError(f"{path} has a folder 'train' but no 'test'")
    classes = _class_names(path / "train" if split else path)
    if split:
        unknown = sorted(set(_class_names(path / "test")) ^ set(classes))
        if unknown:
            raise DataError(f"{path}: train and test differ in the class {unknown[0]!r}")
        train, test = (_files_of(path / part, classes) for part in ("train", "test"))
    else:
        train, test = _divided(_files_of(path, classes), seed)
    return dataset(
        name=path.name,
        classes=classes,
        train=_decoded(train, path),
        test=_decoded(test, path),
        source=path.name,
    )


def _class_names(folder: Path) -> list[str]:
    names = sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    if len(names) < 2:
        raise DataError(
            f"{folder} holds {len(names)} folders of images; expected one for each class, two or more"
        )
    return names


Files = list[tuple[Path, int]]


def _files_of(folder: Path, classes: list[str]) -> Files:
    """Every image with its label, in an order of which any first part is fair to the classes.

    Where all files are numbered and their numbers mix the classes, as in copies of CIFAR-10, it is
    the order of the numbers; elsewhere a shuffled one, the same each time.
    """
    import numpy as np

    labelled: Files = []
    for label, name in enumerate(classes):
        files = [f for f in (folder / name).iterdir() if _is_image(f)]
        if not files:
            raise DataError(f"{folder / name} holds no image ({', '.join(IMAGE_ENDINGS)})")
        labelled.extend((file, label) for file in files)
    labelled = _in_order(labelled)
    changes = sum(one[1] != following[1] for one, following in pairwise(labelled))
    if changes >= len(classes):  # sorted by class, there is one less
        return labelled
    order = np.random.default_rng(ORDER_SEED).permutation(len(labelled))
    return [labelled[i] for i in order]


def _is_image(file: Path) -> bool:
    """By its name; a hidden file is none, such as ``._1.png`` that a Mac leaves."""
    return file.suffix.lower() in IMAGE_ENDINGS and not file.name.startswith(".")


def _in_order(files: Files) -> Files:
    """By number where all are numbered, else by class and name."""
    if all(file.stem.isdecimal() for file, _ in files):
        return sorted(files, key=lambda f: (int(f[0].stem), f[1], f[0].name))
    return sorted(files, key=lambda f: (f[1], f[0].name))


def _divided(found: Files, seed: int) -> tuple[Files, Files]:
    """One image in ``PARTS`` of each class for the test, chosen by the seed; the order stays."""
    import numpy as np

    rng = np.random.default_rng(seed)
    listed = _in_order(found)
    chosen: set[Path] = set()
    for label in sorted({label for _, label in found}):
        files = [file for file, other in listed if other == label]
        picked = rng.permutation(len(files))[: max(1, len(files) // PARTS)]
        chosen.update(files[i] for i in picked)
    return [f for f in found if f[0] not in chosen], [f for f in found if f[0] in chosen]


def _decoded(files: Files, root: Path) -> tuple[Any, Any]:
    """All images as one array; grey and transparent ones become colour if any is colour."""
    from concurrent.futures import ThreadPoolExecutor

    import numpy as np

    with ThreadPoolExecutor(4) as pool:
        images = list(pool.map(pixels, (file for file, _ in files)))
    bad = [image for image in images if isinstance(image, str)]
    if bad:
        more = f", and {len(bad) - MOST_NAMED} more" if len(bad) > MOST_NAMED else ""
        raise DataError(
            f"{root}: {len(bad)} of {len(images)} files cannot be read as images:"
            f" {'; '.join(bad[:MOST_NAMED])}{more}"
        )
    shapes = {image.shape for image in images}
    if len(shapes) > 1:
        first = images[0].shape
        odd = next(f for (f, _), image in zip(files, images, strict=True) if image.shape != first)
        raise DataError(
            f"{root}: images differ in size: {files[0][0].name} is {first}, {odd} is another"
        )
    return np.stack(images), np.asarray([label for _, label in files])


def pixels(file: Path) -> Any:
    """One image as RGB bytes; of one that cannot be read, its name and why."""
    import numpy as np
    from PIL import Image

    try:
        with Image.open(file) as image:
            if image.width * image.height > MOST_PIXELS:  # before a byte of it is decoded
                size = f"{image.width} x {image.height} pixels; {MOST_PIXELS:,} at most"
                return f"{file.parent.name}/{file.name} ({size})"
            return np.asarray(image.convert("RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        return f"{file.parent.name}/{file.name} ({_one_line(error)})"
