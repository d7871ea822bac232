"""How recognisers of faces are judged: people seen before, and strangers.

A recogniser makes a vector of an image. Vectors are compared by the cosine of the angle between them, once the
mean of those that are known is subtracted. All of that follows from their scalar products, which are taken once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from keraudit.errors import KerauditError

LEAST_KNOWN = 2  # images of a person: features are chosen by asking about one beside the others
ROUNDING = 1e-12  # of the largest square length: a shorter vector is none
FALSE_ACCEPTS = 0.01  # false accept rate (FAR) at which the true accept rate is reported
# Those of the receiver operating characteristic (ROC), ten a decade.
ROC_FALSE_ACCEPTS = tuple(round(10 ** (tenths / 10 - 3), 5) for tenths in range(31))
DIGITS = 4  # of a true accept rate


class Parts(NamedTuple):
    """Places of the images that are learnt from (the gallery), and of the probes."""

    known: Any
    probes: Any


class Verification(NamedTuple):
    """How well the cosine tells pairs of one person from pairs of two.

    Attributes:
        equal_error: the equal error rate (EER): where as large a part of the one is wrong as of the other.
        true_accepts: the true accept rate (TAR), where at most ``FALSE_ACCEPTS`` of the other pairs pass.
        roc: the same at each of ``ROC_FALSE_ACCEPTS``.
    """

    equal_error: float
    true_accepts: float
    roc: tuple[float, ...]


def identification_splits(labels: Any, each: int, seed: int, names: Sequence[str]) -> Parts:
    """``each`` images of every person to learn from, the others to ask about: identification.

    Args:
        labels: whose image each is, (N,).
        each: images of a person.
        seed: of the choice.
        names: of the people, for messages.

    Raises:
        KerauditError: a person has no more images than that, or it is fewer than ``LEAST_KNOWN``.
    """
    import numpy as np

    people, counts = np.unique(labels, return_counts=True)
    least = int(counts.min())
    if not LEAST_KNOWN <= each < least:
        raise KerauditError(
            f"{each} images of each person to learn from: expected {LEAST_KNOWN} or more, and one to ask about;"
            f" {names[people[counts.argmin()]]} has the fewest, {least}: learn from fewer, or leave out who has few"
        )
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(np.flatnonzero(labels == label)) for label in people]
    return Parts(
        np.concatenate([order[:each] for order in orders]),
        np.concatenate([order[each:] for order in orders]),
    )


def strangers(labels: Any, seed: int) -> Parts:
    """All images of half of the people to learn from, those of the others to ask about: verification.

    Raises:
        KerauditError: there are fewer than four people.
    """
    import numpy as np

    people = np.unique(labels)
    if len(people) < 4:
        raise KerauditError(
            f"{len(people)} people: expected four or more, so that two are strangers to the others"
        )
    known = np.random.default_rng(seed).permutation(people)[: -(-len(people) // 2)]
    is_known = np.isin(labels, known)
    return Parts(np.flatnonzero(is_known), np.flatnonzero(~is_known))


def products(vectors: Any) -> Any:
    """The scalar products of every two of N vectors of any shape, less their mean: (N, N) in float64.

    Which constant vector is subtracted makes no difference to ``cosines``, but fewer digits are lost.
    """
    import numpy as np

    flat = np.asarray(vectors).reshape(len(vectors), -1).astype("float64")
    flat -= flat.mean(axis=0)
    return flat @ flat.T


def cosines(products: Any, known: Any) -> Any:
    """The cosines of vectors less the mean of the known ones, from their scalar products: (N, N).

    A vector that is that mean has no direction, and a cosine of 0 with all.
    """
    import numpy as np

    means = products[:, known].mean(axis=1)
    centred = products - means[:, None] - means[None, :] + means[known].mean()
    squares = np.diag(centred)
    is_something = squares > ROUNDING * np.abs(np.diag(products)).max()
    inverse = np.where(is_something, 1 / np.sqrt(np.where(is_something, squares, 1)), 0)
    return centred * inverse[:, None] * inverse[None, :]


def nearest_error(products: Any, labels: Any, parts: Parts) -> float:
    """The share of the probes whose nearest known image shows somebody else.

    Args:
        products: scalar products of all images' vectors.
        labels: of all images.
        parts: known images and probes.
    """
    likeness = cosines(products, parts.known)[parts.probes][:, parts.known]
    nearest = likeness.argmax(axis=1)
    return float((labels[parts.known][nearest] != labels[parts.probes]).mean())


def leave_one_out(products: Any, labels: Any, known: Any) -> float:
    """The nearest-neighbour error among the known images alone, each compared with the others.

    Args:
        products: scalar products of all images' vectors.
        labels: of all images.
        known: places of the known ones.
    """
    import numpy as np

    likeness = cosines(products, known)[known][:, known]
    np.fill_diagonal(likeness, -np.inf)
    return float((labels[known][likeness.argmax(axis=1)] != labels[known]).mean())


def verification(products: Any, labels: Any, parts: Parts) -> Verification:
    """All pairs of probes, classified by a threshold on their cosine.

    Args:
        products: scalar products of all images' vectors.
        labels: of all images.
        parts: of people known, whose mean is subtracted, and of strangers.
    """
    import numpy as np

    names = labels[parts.probes]
    first, second = np.triu_indices(len(names), 1)
    likeness = cosines(products, parts.known)[parts.probes][:, parts.probes][first, second]
    is_same = names[first] == names[second]
    order = np.argsort(-likeness, kind="stable")
    accepted_same = np.cumsum(is_same[order]) / is_same.sum()
    accepted_other = np.cumsum(~is_same[order]) / (~is_same).sum()
    # pairs that are equally alike fall on one side of a threshold
    ends = np.append(np.diff(likeness[order]) != 0, True)
    same, other = np.append(0, accepted_same[ends]), np.append(0, accepted_other[ends])
    rejected = 1 - same
    at = np.abs(rejected - other).argmin()
    return Verification(
        equal_error=float((rejected[at] + other[at]) / 2),
        true_accepts=float(same[other <= FALSE_ACCEPTS].max()),
        roc=tuple(round(float(same[other <= rate].max()), DIGITS) for rate in ROC_FALSE_ACCEPTS),
    )


def eigenfaces(images: Any, known: Any, count: int) -> Any:
    """Images by their first principal components (Turk and Pentland 1991).

    Args:
        images: (N, height, width, channels).
        known: places of the images whose components they are.
        count: of components, fewer than there are known images.

    Returns:
        (N, count).
    """
    import numpy as np

    flat = images.reshape(len(images), -1).astype("float64")
    flat = flat - flat[known].mean(axis=0)
    components = np.linalg.svd(flat[known], full_matrices=False)[2][:count]
    return flat @ components.T
