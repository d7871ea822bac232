"""Recognisers of faces side by side: what each costs, and how often it is wrong."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from keraudit.errors import KerauditError
from keraudit.experiments.data import Dataset, Split, fingerprint
from keraudit.experiments.faces import classifier
from keraudit.experiments.faces.features import Cut, Source, coloured, cuts, source
from keraudit.experiments.faces.protocol import (
    Parts,
    eigenfaces,
    leave_one_out,
    nearest_error,
    people_seen,
    products,
    strangers,
    verification,
)
from keraudit.experiments.record import hardware, revision, versions

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
class Recogniser:
    """One way to tell who it is.

    Attributes:
        name: in a table.
        source: whose features it takes; empty for none.
        macs: for the vector of an image; of the blocks chosen for the seeds the median. ``params`` likewise.
        blocks: after which the features were taken, for each seed: the one with the fewest errors among the
            images learnt from.
        scores: how often it is wrong.
    """

    name: str
    source: str
    macs: int
    params: int
    blocks: tuple[str, ...]
    scores: Scores


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceStudy:
    """What was compared on which faces, and what came out."""

    dataset: dict[str, Any]
    each: int
    asked: int
    seeds: tuple[int, ...]
    size: int
    epochs: int
    sources: tuple[dict[str, str], ...]
    cuts: tuple[CutScores, ...]
    recognisers: tuple[Recogniser, ...]
    hardware: dict[str, Any]
    versions: dict[str, str]
    revision: str
    date: str
    command: str
    schema: str = SCHEMA

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


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
        specs: of sources of features, as ``features.source`` takes them.
        each: images of a person to learn from, for identification.
        seeds: one repetition each.
        size: at which InceptionV3 and ResNet50 see the images.
        epochs: of the classifiers.
        watch: told what is done.
        command: for the record.

    Raises:
        KerauditError: too many images, too few of a person, or a source that cannot be had.
    """
    faces = together(data)
    if len(faces) > MOST_IMAGES:
        raise KerauditError(
            f"{data.source} has {len(faces):,} images; expected {MOST_IMAGES:,} at most: take fewer people"
        )
    labels = faces.labels
    splits = [(people_seen(labels, each, seed), strangers(labels, seed)) for seed in seeds]
    images = coloured(faces.images)
    found = [source(spec, shape=images.shape[1:], size=size, seed=seeds[0]) for spec in specs]
    scored: list[CutScores] = []
    recognisers = simple(faces, splits)
    for one in found:
        watch(f"features of {one.label}")
        held = cuts(one, images)
        scored += [cut_scores(one, cut, labels, splits) for cut in held]
        chosen = [tuple(best(held, labels, parts.known) for parts in pair) for pair in splits]
        recognisers.append(nearest(one, chosen, labels, splits))
        watch(f"residual classifiers on {one.label}")
        recognisers.append(residual(one, chosen, labels, splits, seeds, epochs))
    watch("ResNets from pixels")
    recognisers.append(from_pixels(faces, splits, seeds, epochs))
    return FaceStudy(
        dataset=described(data, faces),
        each=each,
        asked=len(splits[0][0].asked),
        seeds=tuple(seeds),
        size=size,
        epochs=epochs,
        sources=tuple(
            {"label": one.label, "network": one.network, "weights": one.weights} for one in found
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
    """Both splits as one, by person."""
    import numpy as np

    images = np.concatenate([data.train.images, data.test.images])
    labels = np.concatenate([data.train.labels, data.test.labels])
    order = np.argsort(labels, kind="stable")
    return Split(images=images[order], labels=labels[order])


def described(data: Dataset, faces: Split) -> dict[str, Any]:
    return {
        "name": data.name,
        "source": data.source,
        "fingerprint": fingerprint(faces),
        "images": len(faces),
        "people": len(data.classes),
        "image_shape": list(data.image_shape),
    }


Splits = Sequence[tuple[Parts, Parts]]


def compared(found: Sequence[tuple[Any, Any]], labels: Any, splits: Splits) -> Scores:
    """Nearest neighbours and thresholds, from scalar products: of each seed those to identify and to verify by."""
    pairs = list(zip(found, splits, strict=True))
    checks = [verification(apart, labels, parts) for (_, apart), (_, parts) in pairs]
    return Scores(
        error=tuple(nearest_error(seen, labels, parts) for (seen, _), (parts, _) in pairs),
        equal_error=tuple(check.equal_error for check in checks),
        true_accepts=tuple(check.true_accepts for check in checks),
    )


def simple(faces: Split, splits: Splits) -> list[Recogniser]:
    """Pixels as they are, and eigenfaces."""
    images, labels = faces.images, faces.labels
    count = min(COMPONENTS, *(len(parts.known) for pair in splits for parts in pair))
    size, pixels = images[0].size, products(images)
    shown = [
        tuple(products(eigenfaces(images, parts.known, count)) for parts in pair) for pair in splits
    ]
    return [
        Recogniser(
            name="Pixels",
            source="",
            macs=0,
            params=0,
            blocks=(),
            scores=compared([(pixels, pixels)] * len(splits), labels, splits),
        ),
        Recogniser(
            name=f"{count} eigenfaces",
            source="",
            macs=size * count,
            params=size * (count + 1),
            blocks=(),
            scores=compared(shown, labels, splits),
        ),
    ]


def cut_scores(one: Source, cut: Cut, labels: Any, splits: Splits) -> CutScores:
    return CutScores(
        source=one.label,
        block=cut.block,
        shape=cut.shape,
        macs=cut.macs,
        params=cut.params,
        scores=compared([(cut.products, cut.products)] * len(splits), labels, splits),
    )


def best(held: Sequence[Cut], labels: Any, known: Any) -> Cut:
    """The cut with the fewest errors among the known images; of several the cheapest."""
    return min(held, key=lambda cut: (leave_one_out(cut.products, labels, known), cut.macs))


Chosen = Sequence[tuple[Cut, ...]]  # for each seed: to identify by, to verify by


def nearest(one: Source, chosen: Chosen, labels: Any, splits: Splits) -> Recogniser:
    """Features as they are, after the blocks that do best among what is known."""
    used = [cut for cut, _ in chosen]
    return Recogniser(
        name="Features",
        source=one.label,
        macs=middle([cut.macs for cut in used]),
        params=middle([cut.params for cut in used]),
        blocks=tuple(cut.block for cut in used),
        scores=compared([(a.products, b.products) for a, b in chosen], labels, splits),
    )


def residual(
    one: Source,
    chosen: Chosen,
    labels: Any,
    splits: Splits,
    seeds: Sequence[int],
    epochs: int,
) -> Recogniser:
    """A residual classifier on the features after those blocks."""
    from keraudit.api import audit

    costs = [
        audit(classifier.residual_classifier(cut.shape, 2), batch=1).total for cut, _ in chosen
    ]
    return Recogniser(
        name="Features, residual classifier",
        source=one.label,
        macs=middle([cut.macs + cost.macs for (cut, _), cost in zip(chosen, costs, strict=True)]),
        params=middle(
            [cut.params + cost.params for (cut, _), cost in zip(chosen, costs, strict=True)]
        ),
        blocks=tuple(cut.block for cut, _ in chosen),
        scores=learnt(
            [(a.maps, b.maps) for a, b in chosen],
            classifier.residual_classifier,
            labels,
            splits,
            seeds,
            epochs,
        ),
    )


def from_pixels(faces: Split, splits: Splits, seeds: Sequence[int], epochs: int) -> Recogniser:
    """A whole ResNet, taught the same faces and nothing else."""
    from keraudit.api import audit

    small = classifier.shrunk(faces.images)
    cost = audit(classifier.resnet_from_pixels(small.shape[-1], 2), batch=1).total
    return Recogniser(
        name=f"ResNet-CIFAR-{classifier.DEPTH} from {classifier.SIDE}x{classifier.SIDE} pixels",
        source="",
        macs=int(cost.macs),
        params=int(cost.params),
        blocks=(),
        scores=learnt(
            [(small, small)] * len(splits),
            lambda shape, people: classifier.resnet_from_pixels(shape[-1], people),
            faces.labels,
            splits,
            seeds,
            epochs,
        ),
    )


def learnt(
    maps: Sequence[tuple[Any, Any]],
    made: Callable[[tuple[int, ...], int], Any],
    labels: Any,
    splits: Splits,
    seeds: Sequence[int],
    epochs: int,
) -> Scores:
    """A classifier for each seed and question; strangers are compared by what its last layer is fed."""
    import numpy as np

    errors, checks = [], []
    for (seen, apart), (known_people, unknown_people), seed in zip(
        maps, splits, seeds, strict=True
    ):
        model, people = fitted(made, seen, labels, known_people.known, seed, epochs)
        values = classifier.standardised(seen, known_people.known)
        found = people[classifier.named(model, values[known_people.asked])]
        errors.append(float(np.mean(found != labels[known_people.asked])))
        model, _ = fitted(made, apart, labels, unknown_people.known, seed, epochs)
        vectors = classifier.embedded(model, classifier.standardised(apart, unknown_people.known))
        checks.append(verification(products(vectors), labels, unknown_people))
    return Scores(
        error=tuple(errors),
        equal_error=tuple(check.equal_error for check in checks),
        true_accepts=tuple(check.true_accepts for check in checks),
    )


def fitted(
    made: Callable[[tuple[int, ...], int], Any],
    maps: Any,
    labels: Any,
    known: Any,
    seed: int,
    epochs: int,
) -> tuple[Any, Any]:
    """A classifier of the known images, and the people in the order of its outputs."""
    import keras
    import numpy as np

    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    people, numbers = np.unique(labels[known], return_inverse=True)
    model = made(maps.shape[1:], len(people))
    values = classifier.standardised(maps, known)[known]
    classifier.taught(model, values, numbers, epochs=epochs, seed=seed)
    return model, people


def middle(values: Sequence[int]) -> int:
    """The lower median, which is one of the values."""
    return sorted(values)[(len(values) - 1) // 2]
