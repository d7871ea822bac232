"""How far a count can be trusted: exact, a lower bound, or an estimate."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple


class Bound(IntEnum):
    """What a number is; of two that are added up, the worse holds for the sum.

    ``LOWER``: something was left out, so the truth is at least the number. ``ESTIMATE``: a size that the
    number rests on was assumed, so the truth may lie on either side of it.
    """

    EXACT = 0
    LOWER = 1
    ESTIMATE = 2

    @property
    def word(self) -> str:
        """The word of JSON and CSV: ``exact``, ``lower`` or ``estimate``."""
        return ("exact", "lower", "estimate")[self]  # not ``name``: a report has six a layer

    @property
    def sign(self) -> str:
        """What stands before a figure in a table."""
        return ("", "≥ ", "≈ ")[self]

    @property
    def phrase(self) -> str:
        """What stands before a figure in a sentence."""
        return ("", "at least ", "about ")[self]


class Bounds(NamedTuple):
    """What each figure of a cost is. ``macs`` holds for multiplications too.

    ``params`` holds for their bytes; ``activations`` for what is written and for the peak.

    >>> sum_of = Bounds(macs=Bound.LOWER) + Bounds(flops=Bound.ESTIMATE)
    >>> sum_of.macs.word, sum_of.params.word, sum_of.worst.word
    ('lower', 'exact', 'estimate')
    """

    macs: Bound = Bound.EXACT
    training_macs: Bound = Bound.EXACT
    flops: Bound = Bound.EXACT
    params: Bound = Bound.EXACT
    trainable_params: Bound = Bound.EXACT
    activations: Bound = Bound.EXACT

    def __add__(self, other: Bounds) -> Bounds:  # type: ignore[override]  # no longer tuple: a sum
        return Bounds(*map(max, self, other))

    @property
    def worst(self) -> Bound:
        return max(self)

    def words(self) -> dict[str, str]:
        """The words of the bounds, by figure."""
        return {name: bound.word for name, bound in zip(self._fields, self, strict=True)}


ALL_EXACT = Bounds()
