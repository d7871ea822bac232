"""Shares of images that are classified rightly: their intervals, and two networks on the same images."""

from __future__ import annotations

from math import sqrt
from typing import Any

NORMAL = 1.959964  # standard deviations on either side of the mean that hold 95 % of a normal distribution


def wilson(right: int, images: int) -> tuple[float, float]:
    """The 95 % interval of a binomial share (Wilson 1927).

    >>> tuple(round(end, 4) for end in wilson(932, 1017))
    (0.8978, 0.9319)
    """
    z, share = NORMAL, right / images
    middle = (share + z * z / (2 * images)) / (1 + z * z / images)
    half = z / (1 + z * z / images) * sqrt(share * (1 - share) / images + z * z / (4 * images**2))
    return max(middle - half, 0.0), min(middle + half, 1.0)


def paired_change(before: Any, after: Any) -> tuple[float, float, float]:
    """The change of the accuracy on the same images, in percentage points, with its 95 % interval.

    The adjusted Wald interval of paired shares (Bonett and Price 2012): only images count on which the two differ,
    with one more of each kind.

    Args:
        before: for each image whether it is classified rightly, (N,).
        after: the same of the changed network.

    >>> import numpy as np
    >>> before, after = np.arange(100) < 90, np.arange(100) < 85
    >>> [round(number, 2) for number in paired_change(before, after)]
    [-5.0, -9.9, 0.09]
    >>> [round(number, 2) for number in paired_change(before, before)]
    [0.0, -2.72, 2.72]
    >>> place = np.arange(48)  # 4 lost and 26 won: 25.48 to 62.52, as R's statpsych has it
    >>> [round(number, 2) for number in paired_change(place < 4, (place >= 4) & (place < 30))[1:]]
    [25.48, 62.52]
    """
    images = len(before)
    lost, won = int((before & ~after).sum()), int((after & ~before).sum())
    less, more = (lost + 1) / (images + 2), (won + 1) / (images + 2)
    middle = more - less
    half = NORMAL * sqrt((less + more - middle**2) / (images + 2))
    return 100 * (won - lost) / images, 100 * (middle - half), 100 * (middle + half)


def mcnemar(first: str, second: str) -> tuple[int, int, float]:
    """Compare two networks on the same images, by the images that only one of them is right about.

    Args:
        first: which images it is right about, as ``correct`` of an evaluation has it.
        second: the same of the other network.

    Returns:
        Images that only the first is right about, that only the second is, and the exact two-sided
        probability of a split at least as uneven by chance (McNemar 1947).

    Raises:
        ValueError: the two are of different numbers of images.

    >>> mcnemar("f8", "87")
    (4, 3, 1.0)
    """
    if len(first) != len(second):
        raise ValueError("the two evaluations are of different numbers of images")
    one, other = (int(bits, 16) for bits in (first, second))
    alone = (one & ~other).bit_count(), (other & ~one).bit_count()
    count = sum(alone)
    term = tail = 1
    for k in range(min(alone)):  # binomial coefficients, each from the one before
        term = term * (count - k) // (k + 1)
        tail += term
    return *alone, min(1.0, 2 * tail / 2**count)


def unpaired(first: float, second: float, images: int) -> tuple[float, float]:
    """The 95 % interval of the second accuracy less the first, as if they were of different images.

    >>> tuple(round(end, 4) for end in unpaired(0.8943, 0.9043, 10_000))
    (0.0017, 0.0183)
    """
    spread = NORMAL * sqrt((first * (1 - first) + second * (1 - second)) / images)
    return second - first - spread, second - first + spread
