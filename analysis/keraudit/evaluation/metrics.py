"""What predictions are worth: accuracy, precision, recall, calibration, entropy; on arrays alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

BINS = 15  # of a reliability diagram (Guo et al. 2017, section 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassScore:
    """One class: of the images named so, how many are so (precision), and the reverse (recall).

    ``precision`` is ``None`` where the class was never named, ``recall`` where no image has it.
    """

    name: str
    images: int
    precision: float | None
    recall: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Predictions whose confidence lies above ``low``, up to ``high``."""

    low: float
    high: float
    images: int
    confidence: float | None
    accuracy: float | None


def confusion(probabilities: Any, labels: Any) -> Any:
    """How many images of each class (row) were taken for each class (column).

    >>> import numpy as np
    >>> confusion(np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9]]), np.array([0, 1, 1])).tolist()
    [[1, 0], [1, 1]]
    """
    import numpy as np

    classes = probabilities.shape[1]
    pairs = labels * classes + probabilities.argmax(axis=1)
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def correct_bits(probabilities: Any, labels: Any) -> str:
    """Which images a network is right about, a bit for each, in hexadecimal; zeros fill the last byte.

    >>> import numpy as np
    >>> correct_bits(np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9]]), np.array([0, 1, 1]))
    'a0'
    """
    import numpy as np

    found: str = np.packbits(probabilities.argmax(axis=1) == labels).tobytes().hex()
    return found


def class_scores(matrix: Any, names: tuple[str, ...]) -> tuple[ClassScore, ...]:
    """Precision and recall of each class, from a confusion matrix."""
    named, true = matrix.sum(axis=0), matrix.sum(axis=1)
    return tuple(
        ClassScore(
            name=name,
            images=int(true[i]),
            precision=float(matrix[i, i] / named[i]) if named[i] else None,
            recall=float(matrix[i, i] / true[i]) if true[i] else None,
        )
        for i, name in enumerate(names)
    )


def reliability(probabilities: Any, labels: Any, *, bins: int = BINS) -> tuple[Bin, ...]:
    """Confidence beside accuracy, in bins of equal width (Guo et al. 2017, equations 1 and 2)."""
    import numpy as np

    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    place = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    result = []
    for i in range(bins):
        here = place == i
        some = bool(here.any())
        result.append(
            Bin(
                low=i / bins,
                high=(i + 1) / bins,
                images=int(here.sum()),
                confidence=float(confidence[here].mean()) if some else None,
                accuracy=float(right[here].mean()) if some else None,
            )
        )
    return tuple(result)


def expected_calibration_error(bins: tuple[Bin, ...]) -> float:
    """The mean over images of |accuracy - confidence| of their bin (Guo et al. 2017, equation 3).

    >>> sure = Bin(low=0.5, high=1, images=4, confidence=0.9, accuracy=0.5)
    >>> round(expected_calibration_error((sure,)), 3)
    0.4
    """
    images = sum(b.images for b in bins)
    off = sum(b.images * abs((b.accuracy or 0.0) - (b.confidence or 0.0)) for b in bins)
    return off / images


def entropy(probabilities: Any) -> Any:
    """The entropy of each row, in nats; 0 log 0 is 0."""
    from scipy.special import entr

    return entr(probabilities).sum(axis=1)


def pearson(a: Any, b: Any) -> float | None:
    """The correlation of two series; ``None`` where one of them does not vary."""
    import numpy as np

    if len(a) < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    return float(np.corrcoef(a, b)[0, 1])


def spearman(a: Any, b: Any) -> float | None:
    """The correlation of the ranks of two series; equal values share the mean of theirs."""
    from scipy.stats import rankdata

    return pearson(rankdata(a), rankdata(b))


def curvature(features: Any, probabilities: Any) -> float:
    """How sharply the cross-entropy of a softmax classifier bends at most, in the classifier's weights.

    The largest eigenvalue of the mean over images of (diag(p) - p p') x (f f'), the Hessian of the
    multinomial logistic regression (Boehning 1992); it does not depend on the labels.

    Args:
        features: (N, width), what the classifier is fed.
        probabilities: (N, classes), the predicted ones.

    >>> import numpy as np
    >>> round(curvature(np.array([[3.0, 4.0]]), np.array([[0.5, 0.5]])), 9)  # 2 p (1 - p) |f|^2
    12.5
    """
    import numpy as np
    from scipy.sparse.linalg import LinearOperator, eigsh

    shape = features.shape[1], probabilities.shape[1]

    def times_hessian(direction: Any) -> Any:
        bent = probabilities * (features @ direction.reshape(shape))
        bent -= probabilities * bent.sum(axis=1, keepdims=True)
        return (features.T @ bent / len(features)).ravel()

    start = np.random.default_rng(0).standard_normal(shape).ravel()
    if not times_hessian(start).any():  # a flat loss, with which the solver cannot begin
        return 0.0
    hessian = LinearOperator((start.size, start.size), matvec=times_hessian, dtype=start.dtype)
    return float(eigsh(hessian, k=1, which="LA", v0=start, return_eigenvectors=False)[0])
