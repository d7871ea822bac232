"""Accuracy and cross-entropy of predictions, on arrays alone."""

from __future__ import annotations

from typing import Any

LEAST = 1e-7  # a probability below this counts as this in a logarithm, as in Keras


def accuracy(probabilities: Any, labels: Any) -> float:
    """The part of the images whose most probable class is their label."""
    return float((probabilities.argmax(axis=1) == labels).mean())


def cross_entropy(probabilities: Any, labels: Any) -> float:
    """The mean of -log p(label), in nats.

    >>> import numpy as np
    >>> round(cross_entropy(np.array([[0.5, 0.5], [0.25, 0.75]]), np.array([0, 1])), 4)
    0.4904
    """
    import numpy as np

    of_label = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.clip(of_label, LEAST, 1)).mean())
