"""Read a data set by its name or its place, whatever form it has there."""

from __future__ import annotations

from pathlib import Path

from keraudit.data import sources
from keraudit.data.dataset import DataError, Dataset, checked, named


def load(spec: str, *, seed: int = 0) -> Dataset:
    """Read a data set, check it, and name it.

    Args:
        spec: ``"cifar10"`` (through ``keras.datasets``, downloaded on first use); the folder or
            archive ``cifar-10-batches-py``; a folder of images ``DIR/{train,test}/<class>/*`` or
            ``DIR/<class>/*``, which is then split in five, stratified and seeded; or an ``.npz`` of
            ``x_train, y_train, x_test, y_test``. Images keep the order of the file, or of the
            numbers that name them if these mix the classes; other folders of images have one
            shuffled order, the same each time.
        seed: of the split, where the folder has none.

    Raises:
        DataError: it is missing, unreadable, or contradicts itself; one line says what and where.
    """
    path = Path(spec).expanduser()
    if spec.lower().replace("-", "") == "cifar10" and not path.exists():
        data = sources.from_keras()
    elif not path.exists():
        raise DataError(f"no data at {spec}: give 'cifar10', a folder, an archive or an .npz file")
    elif path.is_dir():
        batches = sources.batches_folder(path)
        data = sources.from_batches(batches) if batches else sources.from_images(path, seed=seed)
    elif path.suffix == ".npz":
        data = sources.from_npz(path)
    else:
        data = sources.from_archive(path)
    return named(checked(data))
