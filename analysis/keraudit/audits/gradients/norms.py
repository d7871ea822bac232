"""Statistics of a tensor: its norm, its spread, its dead channels, the similarity of its rows."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from keras import ops


class Size(NamedTuple):
    """The L2 norm of a tensor and its root mean square."""

    norm: float
    rms: float


class Activation(NamedTuple):
    """Mean, standard deviation, and the share of channels that are zero all over."""

    mean: float
    std: float
    dead: float


def size(tensor: Any) -> Size:
    """Norm and root mean square, scaled by the largest element: squares leave float32 early."""
    x = ops.cast(tensor, "float32")
    largest = ops.max(ops.abs(x))
    scale = ops.where(largest > 0, largest, ops.ones_like(largest))
    total = float(ops.sum(ops.square(x / scale)))
    norm = float(largest) * math.sqrt(total) if total >= 0 else math.nan
    return Size(norm, norm / math.sqrt(max(1, math.prod(x.shape))))


def activation(tensor: Any) -> Activation:
    """What an activation looks like; channels are its last axis."""
    x = ops.cast(tensor, "float32")
    largest = ops.max(ops.abs(x), axis=tuple(range(len(x.shape) - 1)))
    top = ops.max(largest)
    scale = ops.where(top > 0, top, ops.ones_like(top))
    x = x / scale
    mean = ops.mean(x)
    deviation = ops.sqrt(ops.mean(ops.square(x - mean)))
    dead = ops.mean(ops.cast(largest == 0, "float32"))
    return Activation(float(mean) * float(scale), float(deviation) * float(scale), float(dead))


def mean_cosine(gradient: Any) -> float:
    """The mean cosine between the gradients of two different inputs of a batch.

    1 where every input pulls in one direction, 0 where they have nothing in common: shattered
    (Balduzzi et al. 2017, "The Shattered Gradients Problem", section 3). With unit rows u of n inputs
    it is (|sum u|^2 - n) / (n (n - 1)).
    """
    x = ops.cast(gradient, "float32")
    x = ops.reshape(x, (x.shape[0], -1))
    largest = ops.max(ops.abs(x), axis=1, keepdims=True)
    x = x / ops.where(largest > 0, largest, ops.ones_like(largest))
    norms = ops.sqrt(ops.sum(ops.square(x), axis=1, keepdims=True))
    count = float(ops.sum(ops.cast(norms > 0, "float32")))
    if count < 2:
        return math.nan
    unit = x / ops.where(norms > 0, norms, ops.ones_like(norms))
    together = float(ops.sum(ops.square(ops.sum(unit, axis=0))))
    return (together - count) / (count * (count - 1))
