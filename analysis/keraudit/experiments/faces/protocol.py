"""How recognisers of faces are judged: people seen before, and strangers.

A recogniser makes a vector of an image. Vectors are compared by the cosine of the angle between them, once the
mean of those that are known is subtracted. All of that follows from their scalar products, which are taken once.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from keraudit.errors import KerauditError

FALSE_ACCEPTS = (
    0.01  # share of pairs of two people taken for one, at which the true accepts are told
)


class Parts(NamedTuple):
    """Places of the images that are learnt from, and of those that are asked about."""

    known: Any
    asked: Any


class Verification(NamedTuple):
    """How well the cosine tells pairs of one person from pairs of two.

    Attributes:
        equal_error: the error rate where as large a part of one is wrong as of the other (EER).
        true_accepts: the part of the pairs of one person that is accepted, where ``FALSE_ACCEPTS`` of the
            other pairs are.
    """

    equal_error: float
    true_accepts: float


def people_seen(labels: Any, each: int, seed: int) -> Parts:
    """``each`` images of every person to learn from, the others to ask about: identification.

    Raises:
        KerauditError: a person has no more images than that.
    """
    import numpy as np

    few = [label for label in np.unique(labels) if (labels == label).sum() <= each]
    if each < 1 or few:
        least = min(int((labels == label).sum()) for label in np.unique(labels))
        raise KerauditError(
            f"every person needs an image to be asked about: the one with the fewest has {least} images,"
            f" so that 1 to {least - 1} can be learnt from, received {each}"
        )
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(np.flatnonzero(labels == label)) for label in np.unique(labels)]
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
        raise KerauditError(f"expected four people or more, received {len(people)}")
    known = np.random.default_rng(seed).permutation(people)[: -(-len(people) // 2)]
    is_known = np.isin(labels, known)
    return Parts(np.flatnonzero(is_known), np.flatnonzero(~is_known))


def products(vectors: Any) -> Any:
    """The scalar products of every two of N vectors, (N, N)."""
    import numpy as np

    flat = np.asarray(vectors).reshape(len(vectors), -1).astype("float64")
    return flat @ flat.T


def cosines(found: Any, known: Any) -> Any:
    """From scalar products those of vectors less the mean of the known ones, of length 1: (N, N)."""
    import numpy as np

    beside = found[:, known].mean(axis=1)
    centred = found - beside[:, None] - beside[None, :] + beside[known].mean()
    lengths = np.sqrt(np.maximum(np.diag(centred), 0))
    inverse = np.divide(1, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    return centred * inverse[:, None] * inverse[None, :]


def nearest_error(found: Any, labels: Any, parts: Parts) -> float:
    """The share of the images asked about whose nearest known image shows somebody else.

    Args:
        found: scalar products of all images' vectors.
        labels: of all images.
        parts: known and asked about.
    """
    likeness = cosines(found, parts.known)[parts.asked][:, parts.known]
    nearest = likeness.argmax(axis=1)
    return float((labels[parts.known][nearest] != labels[parts.asked]).mean())


def leave_one_out(found: Any, labels: Any, known: Any) -> float:
    """The same among the known images alone, each asked about beside the others."""
    import numpy as np

    likeness = cosines(found, known)[known][:, known]
    np.fill_diagonal(likeness, -np.inf)
    return float((labels[known][likeness.argmax(axis=1)] != labels[known]).mean())


def verification(found: Any, labels: Any, parts: Parts) -> Verification:
    """All pairs of the images asked about, told apart by a threshold on their cosine."""
    import numpy as np

    names = labels[parts.asked]
    first, second = np.triu_indices(len(names), 1)
    likeness = cosines(found, parts.known)[parts.asked][:, parts.asked][first, second]
    is_same = names[first] == names[second]
    order = np.argsort(-likeness, kind="stable")
    accepted_same = np.cumsum(is_same[order]) / is_same.sum()
    accepted_other = np.cumsum(~is_same[order]) / (~is_same).sum()
    ends = np.append(
        np.diff(likeness[order]) != 0, True
    )  # equal pairs fall on one side of a threshold
    same, other = np.append(0, accepted_same[ends]), np.append(0, accepted_other[ends])
    rejected = 1 - same
    at = np.abs(rejected - other).argmin()
    return Verification(
        equal_error=float((rejected[at] + other[at]) / 2),
        true_accepts=float(same[other <= FALSE_ACCEPTS].max()),
    )


def eigenfaces(images: Any, known: Any, count: int) -> Any:
    """Images by their first principal components (Turk and Pentland 1991), (N, at most ``count``).

    The components are those of the known images.
    """
    import numpy as np

    flat = images.reshape(len(images), -1).astype("float64")
    flat = flat - flat[known].mean(axis=0)
    components = np.linalg.svd(flat[known], full_matrices=False)[2][:count]
    return flat @ components.T
