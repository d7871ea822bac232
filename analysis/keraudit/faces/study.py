"""Recognisers of faces side by side: what each costs, and how often it is wrong."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from keraudit.api import audit
from keraudit.data.dataset import Dataset, Split, fingerprint
from keraudit.environment import hardware, revision, versions
from keraudit.errors import KerauditError
from keraudit.faces import classifier
from keraudit.faces.features import Cut, Source, checked, cuts, source, three_channels
from keraudit.faces.protocol import (
    Parts,
    Verification,
    eigenfaces,
    identification_splits,
    leave_one_out,
    nearest_error,
    products,
    strangers,
    verification,
)
from keraudit.output.plain_data import as_dict
from keraudit.training.step import make_deterministic

SCHEMA = "keraudit.faces/1"
COMPONENTS = 40  # eigenfaces
MOST_IMAGES = 5000  # their features are held in memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """One number for each seed.

    Attributes:
        error: of identification, a share of the images asked about.
        equal_error: of verification of strangers; ``true_accepts`` likewise.
    """

    error: tuple[float, ...]
    equal_error: tuple[float, ...]
    true_accepts: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CutScores:
    """The features after one block, compared as they are."""

    source: str
    block: str
    shape: tuple[int, ...]
    macs: int
    params: int
    scores: Scores


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognizer:
    """One way to tell who it is.

    Attributes:
        name: in a table.
        source: whose features it takes; empty for none.
        macs: for the answer of a classifier, or for the vector of an image; over the seeds the median.
        params: of the same seed.
        matching_macs: to compare a vector with those of all images learnt from; 0 for a classifier.
        blocks: after which the features were taken, for each seed: the one with the fewest errors among the
            images that both questions learn from.
        scores: how often it is wrong.
    """

    name: str
    source: str
    macs: int
    params: int
    matching_macs: int
    blocks: tuple[str, ...]
    scores: Scores


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
        raise KerauditError(f"two sources of features are {alike[0]!r}: give one of them")
    scored: list[CutScores] = []
    recognisers = simple(faces, splits)
    for one in sources:
        watch(f"features of {one.label}")
        features = cuts(one, images)
        scored += [_cut_scores(one, cut, labels, splits) for cut in features]
        chosen = [best(features, labels, split.known_in_both) for split in splits]
        recognisers.append(nearest(one, chosen, labels, splits))
        watch(f"residual classifiers on {one.label}")
        recognisers.append(residual(one, chosen, labels, splits, epochs))
    watch("ResNets from pixels")
    recognisers.append(_from_pixels(faces, splits, epochs))
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


class Question(NamedTuple):
    """What one seed asks: who of the people seen, and whether two images of strangers are of one person."""

    seen: Parts
    apart: Parts
    seed: int

    @property
    def known_in_both(self) -> Any:
        """The images that both may learn from: by them features are chosen."""
        import numpy as np

        return np.intersect1d(self.seen.known, self.apart.known)


def _compared(
    products: Sequence[tuple[Any, Any]], labels: Any, splits: Sequence[Question]
) -> Scores:
    """Nearest neighbours and thresholds.

    Args:
        products: for each seed the scalar products to identify by, and those to verify by.
        labels: of all images.
        splits: what each seed asks.
    """
    errors, checks = [], []
    for (seen, apart), split in zip(products, splits, strict=True):
        errors.append(nearest_error(seen, labels, split.seen))
        checks.append(verification(apart, labels, split.apart))
    return _gathered(errors, checks)


def _gathered(errors: Sequence[float], checks: Sequence[Verification]) -> Scores:
    return Scores(
        error=tuple(errors),
        equal_error=tuple(check.equal_error for check in checks),
        true_accepts=tuple(check.true_accepts for check in checks),
    )


def simple(faces: Split, splits: Sequence[Question]) -> list[Recognizer]:
    """Pixels as they are, and eigenfaces."""
    images, labels = faces.images, faces.labels
    size, pixels = images[0].size, products(images)
    least = min(len(parts.known) for split in splits for parts in (split.seen, split.apart))
    count = min(COMPONENTS, least - 1, size)  # n images less their mean span n - 1 dimensions
    shown = [
        (
            products(eigenfaces(images, split.seen.known, count)),
            products(eigenfaces(images, split.apart.known, count)),
        )
        for split in splits
    ]
    gallery = len(splits[0].seen.known)
    return [
        Recognizer(
            name="Pixels",
            source="",
            macs=0,
            params=0,
            matching_macs=size * gallery,
            blocks=(),
            scores=_compared([(pixels, pixels)] * len(splits), labels, splits),
        ),
        Recognizer(
            name=f"{count} eigenfaces",
            source="",
            macs=size * count,
            params=size * (count + 1),
            matching_macs=count * gallery,
            blocks=(),
            scores=_compared(shown, labels, splits),
        ),
    ]


def _cut_scores(one: Source, cut: Cut, labels: Any, splits: Sequence[Question]) -> CutScores:
    return CutScores(
        source=one.label,
        block=cut.block,
        shape=cut.shape,
        macs=cut.macs,
        params=cut.params,
        scores=_compared([(cut.products, cut.products)] * len(splits), labels, splits),
    )


def best(candidates: Sequence[Cut], labels: Any, known: Any) -> Cut:
    """The cut with the fewest errors among the known images; of several the cheapest."""
    return min(candidates, key=lambda cut: (leave_one_out(cut.products, labels, known), cut.macs))


def nearest(
    one: Source, chosen: Sequence[Cut], labels: Any, splits: Sequence[Question]
) -> Recognizer:
    """Features as they are, after the block that does best among what is known."""
    middle = median(chosen)
    return Recognizer(
        name="Features",
        source=one.label,
        macs=middle.macs,
        params=middle.params,
        matching_macs=math.prod(middle.shape) * len(splits[0].seen.known),
        blocks=tuple(cut.block for cut in chosen),
        scores=_compared([(cut.products, cut.products) for cut in chosen], labels, splits),
    )


def residual(
    one: Source, chosen: Sequence[Cut], labels: Any, splits: Sequence[Question], epochs: int
) -> Recognizer:
    """A residual classifier on the features after that block."""
    middle = median(chosen)
    people = len(set(labels.tolist()))
    cost = audit(classifier.residual_classifier(middle.shape, people), batch=1).total
    make = classifier.residual_classifier
    return Recognizer(
        name="Features, residual classifier",
        source=one.label,
        macs=int(middle.macs + cost.macs),
        params=int(middle.params + cost.params),
        matching_macs=0,
        blocks=tuple(cut.block for cut in chosen),
        scores=_classifier_scores([cut.maps for cut in chosen], make, labels, splits, epochs),
    )


def _from_pixels(faces: Split, splits: Sequence[Question], epochs: int) -> Recognizer:
    """A whole ResNet, taught the same faces and nothing else."""
    small = classifier.shrunk(faces.images)
    people = len(set(faces.labels.tolist()))
    cost = audit(classifier.resnet_from_pixels(small.shape[1:], people), batch=1).total
    make = classifier.resnet_from_pixels
    return Recognizer(
        name=f"ResNet-CIFAR-{classifier.DEPTH} from {classifier.SIDE}x{classifier.SIDE} pixels",
        source="",
        macs=int(cost.macs),
        params=int(cost.params),
        matching_macs=0,
        blocks=(),
        scores=_classifier_scores([small] * len(splits), make, faces.labels, splits, epochs),
    )


Made = Callable[[tuple[int, ...], int], Any]  # a model, from the shape of its maps and its outputs


def _classifier_scores(
    maps: Sequence[Any], make: Made, labels: Any, splits: Sequence[Question], epochs: int
) -> Scores:
    """A classifier for each seed and question; strangers are compared by what its last layer is fed."""
    import numpy as np

    errors, checks = [], []
    for features, (seen, apart, seed) in zip(maps, splits, strict=True):
        values = classifier.standardized(features, seen.known)
        model, people = _fitted(make, values, labels, seen.known, seed, epochs)
        named = people[classifier.named(model, values[seen.probes])]
        errors.append(float(np.mean(named != labels[seen.probes])))
        values = classifier.standardized(features, apart.known)
        model, _ = _fitted(make, values, labels, apart.known, seed, epochs)
        vectors = classifier.embedded(model, values)
        checks.append(verification(products(vectors), labels, apart))
    return _gathered(errors, checks)


def _fitted(
    make: Made, values: Any, labels: Any, known: Any, seed: int, epochs: int
) -> tuple[Any, Any]:
    """A classifier of the known images, and the people in the order of its outputs."""
    import numpy as np

    make_deterministic(seed)
    people, numbers = np.unique(labels[known], return_inverse=True)
    model = make(values.shape[1:], len(people))
    classifier.taught(model, values[known], numbers, epochs=epochs, seed=seed)
    return model, people


def median(chosen: Sequence[Cut]) -> Cut:
    """The one of middle cost; of an even number the cheaper of the two."""
    return sorted(chosen, key=lambda cut: cut.macs)[(len(chosen) - 1) // 2]
