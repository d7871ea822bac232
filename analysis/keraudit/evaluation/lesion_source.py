"""What lesions are made on: a trained network of a run, that ships or of PyTorch, and images it was not trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keraudit.data.cifar10h import arrays
from keraudit.data.dataset import ORIGINAL_PRINT, DataError, Dataset, Split, fingerprint
from keraudit.data.load import load
from keraudit.errors import KerauditError
from keraudit.evaluation.gated import GatedNetwork
from keraudit.evaluation.load import load_run, load_shipped, with_weights
from keraudit.evaluation.pytorch_resnet import load_pytorch_resnet
from keraudit.layers.infer import shaped
from keraudit.model.input_sizes import Requested
from keraudit.reading.resolve import resolve
from keraudit.training.record import read_run
from keraudit.zoo.trained_weights import Shipped, shipped, shipped_names

ORIGINALS = "CIFAR-10, the first 1,017 test images of the original files"


@dataclass(frozen=True, slots=True, kw_only=True)
class LesionSource:
    """A trained network with gates, and the images it is judged on, as it takes them."""

    name: str
    params: int
    body: Any
    gated: GatedNetwork
    images: Any
    labels: Any
    dataset: Mapping[str, Any]

    def whole(self) -> Any:
        """The outputs of the network as it was loaded, without gates."""
        return self.body.predict(self.images, batch_size=250, verbose=0)


def lesion_source(
    source: Path, spec: str, originals: Path | None, test_images: int | None
) -> LesionSource:
    """Load a network and its images.

    Args:
        source: the folder of a finished run, an ``.npz`` of PyTorch's arrays, or the name of a network that ships.
        spec: the data set, by name or folder.
        originals: an ``.npz`` with images ``x`` and labels ``y`` to use in place of its test set.
        test_images: how many, from the first; default: all.

    Raises:
        KerauditError: weights, data and images do not fit.
    """
    if source.suffix == ".npz":
        body, name = load_pytorch_resnet(source), source.stem
        split, dataset = _images(originals) if originals else _test_set(load(spec))
        values = split.images.astype("float32")
    elif not source.exists() and (found := shipped(str(source))):
        body, name = load_shipped(found), str(found.about["network"])
        split, dataset = _images(originals) if originals else _test_set(_same_classes(found, spec))
        values = found.normalized(split.images)
    else:
        _run_with_weights(source)
        run = load_run(source, load(spec))
        body, name = run.body, f"{run.run.network} seed {run.run.seed}"
        split, dataset = _images(originals) if originals else _test_set(run.data)
        values = run.normalized(split.images)
    if tuple(values.shape[1:]) != tuple(body.input_shape[1:]):
        raise KerauditError(
            f"{name} takes images of {body.input_shape[1:]}, received {tuple(values.shape[1:])}"
        )
    classes = int(body.output_shape[-1])
    if split.labels.max() >= classes:
        raise DataError(
            f"{originals or spec}: {name} has {classes} classes, 0 to {classes - 1}; the labels go up to"
            f" {split.labels.max()}"
        )
    count = min(test_images or len(values), len(values))
    graph = shaped(resolve(body, requested=Requested()))
    trainable = sum(int(weight.size) for weight in map(_array, body.trainable_weights))
    return LesionSource(
        name=name,
        params=trainable,
        body=body,
        gated=GatedNetwork(body, graph),
        images=values[:count],
        labels=split.labels[:count],
        dataset={**dataset, "test_images": count},
    )


def _run_with_weights(source: Path) -> None:
    """Refuse what is no finished run before its data are read.

    Raises:
        KerauditError: it is none.
    """
    if not source.exists():
        raise KerauditError(
            f"{source}: expected the folder of a finished run, WEIGHTS.npz, or {' or '.join(shipped_names())}, whose"
            " weights ship"
        )
    read_run(source)
    with_weights(source)


def _same_classes(found: Shipped, spec: str) -> Dataset:
    """Images of the classes that a network was trained on.

    Raises:
        DataError: they are of others.
    """
    data = load(spec)
    if list(data.classes) != list(found.about["classes"]):
        raise DataError(
            f"{data.name} has other classes than {found.about['network']} was trained on: give data of"
            f" {', '.join(found.about['classes'])}"
        )
    return data


def _test_set(data: Dataset) -> tuple[Split, Mapping[str, Any]]:
    return data.test, {"name": data.name, "fingerprint": data.fingerprint}


def _images(path: Path) -> tuple[Split, Mapping[str, Any]]:
    """The images and labels of an ``.npz``."""
    images, labels = arrays(path, "x", "y")
    labels = labels.reshape(-1)
    if images.ndim != 4 or images.dtype != "uint8" or len(images) != len(labels) or not len(labels):
        raise DataError(
            f"{path}: expected bytes x (images, height, width, channels) and a label y for each;"
            f" received {images.dtype} {images.shape} and {len(labels)} labels"
        )
    if labels.dtype.kind not in "iu" or labels.min() < 0:
        raise DataError(
            f"{path}: labels in y are {labels.dtype} from {labels.min()}; expected whole numbers from 0"
        )
    split = Split(images=images, labels=labels.astype("int64"))
    mark = fingerprint(split)
    name = ORIGINALS if mark == ORIGINAL_PRINT else f"images of {path.name}"
    return split, {"name": name, "fingerprint": mark}


def _array(weight: Any) -> Any:
    import numpy as np

    return np.asarray(weight)
