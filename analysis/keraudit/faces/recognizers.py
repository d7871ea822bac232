"""The recognisers of a face study: each with its cost and the answers to every seed's questions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from keraudit.api import audit
from keraudit.data.dataset import Split
from keraudit.faces import classifier
from keraudit.faces.features import Cut, Source
from keraudit.faces.protocol import (
    Parts,
    Verification,
    eigenfaces,
    leave_one_out,
    nearest_error,
    products,
    verification,
)
from keraudit.training.step import make_deterministic

COMPONENTS = 40  # eigenfaces


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
        roc: true accept rates of verification at the study's ``roc_false_accepts``, for each seed.
    """

    name: str
    source: str
    macs: int
    params: int
    matching_macs: int
    blocks: tuple[str, ...]
    scores: Scores
    roc: tuple[tuple[float, ...], ...]


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


class Answers(NamedTuple):
    """What came of a recogniser's questions, by seed."""

    errors: Sequence[float]
    checks: Sequence[Verification]

    @property
    def scores(self) -> Scores:
        return Scores(
            error=tuple(self.errors),
            equal_error=tuple(check.equal_error for check in self.checks),
            true_accepts=tuple(check.true_accepts for check in self.checks),
        )

    @property
    def roc(self) -> tuple[tuple[float, ...], ...]:
        return tuple(check.roc for check in self.checks)


def _compared(
    products: Sequence[tuple[Any, Any]], labels: Any, splits: Sequence[Question]
) -> Answers:
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
    return Answers(errors, checks)


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
    by_pixels = _compared([(pixels, pixels)] * len(splits), labels, splits)
    by_faces = _compared(shown, labels, splits)
    return [
        Recognizer(
            name="Pixels",
            source="",
            macs=0,
            params=0,
            matching_macs=size * gallery,
            blocks=(),
            scores=by_pixels.scores,
            roc=by_pixels.roc,
        ),
        Recognizer(
            name=f"{count} eigenfaces",
            source="",
            macs=size * count,
            params=size * (count + 1),
            matching_macs=count * gallery,
            blocks=(),
            scores=by_faces.scores,
            roc=by_faces.roc,
        ),
    ]


def cut_scores(one: Source, cut: Cut, labels: Any, splits: Sequence[Question]) -> CutScores:
    return CutScores(
        source=one.label,
        block=cut.block,
        shape=cut.shape,
        macs=cut.macs,
        params=cut.params,
        scores=_compared([(cut.products, cut.products)] * len(splits), labels, splits).scores,
    )


def best(candidates: Sequence[Cut], labels: Any, known: Any) -> Cut:
    """The cut with the fewest errors among the known images; of several the cheapest."""
    return min(candidates, key=lambda cut: (leave_one_out(cut.products, labels, known), cut.macs))


def nearest(
    one: Source, chosen: Sequence[Cut], labels: Any, splits: Sequence[Question]
) -> Recognizer:
    """Features as they are, after the block that does best among what is known."""
    middle = median(chosen)
    answers = _compared([(cut.products, cut.products) for cut in chosen], labels, splits)
    return Recognizer(
        name="Features",
        source=one.label,
        macs=middle.macs,
        params=middle.params,
        matching_macs=math.prod(middle.shape) * len(splits[0].seen.known),
        blocks=tuple(cut.block for cut in chosen),
        scores=answers.scores,
        roc=answers.roc,
    )


def residual(
    one: Source, chosen: Sequence[Cut], labels: Any, splits: Sequence[Question], epochs: int
) -> Recognizer:
    """A residual classifier on the features after that block."""
    middle = median(chosen)
    people = len(set(labels.tolist()))
    cost = audit(classifier.residual_classifier(middle.shape, people), batch=1).total
    make = classifier.residual_classifier
    answers = _classified([cut.maps for cut in chosen], make, labels, splits, epochs)
    return Recognizer(
        name="Features, residual classifier",
        source=one.label,
        macs=int(middle.macs + cost.macs),
        params=int(middle.params + cost.params),
        matching_macs=0,
        blocks=tuple(cut.block for cut in chosen),
        scores=answers.scores,
        roc=answers.roc,
    )


def from_pixels(faces: Split, splits: Sequence[Question], epochs: int) -> Recognizer:
    """A whole ResNet, taught the same faces and nothing else."""
    small = classifier.shrunk(faces.images)
    people = len(set(faces.labels.tolist()))
    cost = audit(classifier.resnet_from_pixels(small.shape[1:], people), batch=1).total
    make = classifier.resnet_from_pixels
    answers = _classified([small] * len(splits), make, faces.labels, splits, epochs)
    return Recognizer(
        name=f"ResNet-CIFAR-{classifier.DEPTH} from {classifier.SIDE}x{classifier.SIDE} pixels",
        source="",
        macs=int(cost.macs),
        params=int(cost.params),
        matching_macs=0,
        blocks=(),
        scores=answers.scores,
        roc=answers.roc,
    )


Made = Callable[[tuple[int, ...], int], Any]  # a model, from the shape of its maps and its outputs


def _classified(
    maps: Sequence[Any], make: Made, labels: Any, splits: Sequence[Question], epochs: int
) -> Answers:
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
    return Answers(errors, checks)


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
