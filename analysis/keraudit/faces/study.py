"""Recognisers of faces side by side: what each costs, and how often it is wrong."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from keraudit.data.dataset import Dataset, Split, fingerprint
from keraudit.environment import hardware, revision, versions
from keraudit.errors import KerauditError
from keraudit.faces.features import checked, cuts, source, three_channels
from keraudit.faces.protocol import (
    ROC_FALSE_ACCEPTS,
    identification_splits,
    strangers,
)
from keraudit.faces.recognizers import (
    CutScores,
    Question,
    Recognizer,
    best,
    cut_scores,
    from_pixels,
    nearest,
    residual,
    simple,
)
from keraudit.output.plain_data import as_dict

SCHEMA = "keraudit.faces/1"
MOST_IMAGES = 5000  # their features are held in memory


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceStudy:
    """What was compared on which faces, with which result."""

    dataset: dict[str, Any]
    each: int
    probes: int
    seeds: tuple[int, ...]
    size: int
    epochs: int
    sources: tuple[dict[str, str], ...]
    cuts: tuple[CutScores, ...]
    recognisers: tuple[Recognizer, ...]
    roc_false_accepts: tuple[float, ...]
    hardware: dict[str, Any]
    versions: dict[str, str]
    revision: str
    date: str
    command: str
    schema: str = SCHEMA

    def to_dict(self) -> dict[str, Any]:
        return as_dict(self)


Watch = Callable[[str], None]


def study(
    data: Dataset,
    specs: Sequence[str],
    *,
    each: int = 5,
    seeds: Sequence[int] = (0, 1, 2, 3, 4),
    size: int = 96,
    epochs: int = 40,
    watch: Watch = lambda _: None,
    command: str = "",
) -> FaceStudy:
    """Compare recognisers on one set of faces.

    A seed decides which images of a person are learnt from, which people are strangers, and the weights that a
    classifier begins with.

    Args:
        data: images by person; its two splits are taken together.
        specs: of sources of features, as ``features.checked`` takes them.
        each: images of a person to learn from, for identification.
        seeds: one repetition each.
        size: at which InceptionV3 and ResNet50 see the images.
        epochs: of the classifiers.
        watch: told what is done.
        command: for the record.

    Raises:
        KerauditError: too many images, too few people or images of a person, or a source that cannot be had
            or has learnt from these faces.
    """
    runs = [checked(spec, data) for spec in specs]
    faces = together(data)
    if len(faces) > MOST_IMAGES:
        raise KerauditError(
            f"{data.source} has {len(faces):,} images; expected {MOST_IMAGES:,} at most: take fewer people"
        )
    labels = faces.labels
    splits = [
        Question(identification_splits(labels, each, n, data.classes), strangers(labels, n), n)
        for n in seeds
    ]
    images = three_channels(faces.images)
    sources = [
        source(spec, run, shape=images.shape[1:], size=size, seed=seeds[0])
        for spec, run in zip(specs, runs, strict=True)
    ]
    alike = [one.label for one in sources if [o.label for o in sources].count(one.label) > 1]
    if alike:
        raise KerauditError(f"the features {alike[0]!r} are given twice: name them once")
    scored: list[CutScores] = []
    recognisers = simple(faces, splits)
    for one in sources:
        watch(f"features of {one.label}")
        features = cuts(one, images)
        scored += [cut_scores(one, cut, labels, splits) for cut in features]
        chosen = [best(features, labels, split.known_in_both) for split in splits]
        recognisers.append(nearest(one, chosen, labels, splits))
        watch(f"residual classifiers on {one.label}")
        recognisers.append(residual(one, chosen, labels, splits, epochs))
    watch("ResNets from pixels")
    recognisers.append(from_pixels(faces, splits, epochs))
    return FaceStudy(
        dataset=_described(data, faces),
        each=each,
        probes=len(splits[0].seen.probes),
        seeds=tuple(seeds),
        size=size,
        epochs=epochs,
        sources=tuple(
            {"label": one.label, "network": one.network, "origin": one.origin} for one in sources
        ),
        cuts=tuple(scored),
        recognisers=tuple(recognisers),
        roc_false_accepts=ROC_FALSE_ACCEPTS,
        hardware=hardware(),
        versions=versions(),
        revision=revision(),
        date=time.strftime("%Y-%m-%d"),
        command=command,
    )


def together(data: Dataset) -> Split:
    """Both splits as one, by person; images whose three channels are alike have one."""
    import numpy as np

    images = np.concatenate([data.train.images, data.test.images])
    labels = np.concatenate([data.train.labels, data.test.labels])
    order = np.argsort(labels, kind="stable")
    if (images == images[..., :1]).all():
        images = images[..., :1]
    return Split(images=images[order], labels=labels[order])


def _described(data: Dataset, faces: Split) -> dict[str, Any]:
    return {
        "name": data.name,
        "source": data.source,
        "fingerprint": fingerprint(faces),
        "images": len(faces),
        "people": len(data.classes),
        "image_shape": list(faces.images.shape[1:]),
    }
