"""The records of the structural audit: a claim, what became of it, and its evidence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

HOLDS, FAILS, SILENT = "holds", "does not hold", "not applicable"

T = TypeVar("T")


class Finding(NamedTuple):
    """A verdict and its evidence, a sentence each."""

    verdict: str
    evidence: tuple[str, ...]


def holds(*evidence: str) -> Finding:
    return Finding(HOLDS, evidence)


def fails(*evidence: str) -> Finding:
    return Finding(FAILS, evidence)


def silent(*evidence: str) -> Finding:
    return Finding(SILENT, evidence)


def decided(true: bool, *evidence: str) -> Finding:
    return Finding(HOLDS if true else FAILS, evidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim(Generic[T]):
    """A sentence about an architecture as a rule that can be checked.

    Attributes:
        code: what ``--require`` is given.
        name: the same in words.
        sentence: the claim, as a lecturer says it.
        source: the paper and place that it comes from.
        any_layers: whether it is about any layers; else of convolutional networks alone.
        check: from the parts of a network to a finding; its docstring says when the claim holds.
    """

    code: str
    name: str
    sentence: str
    source: str
    check: Callable[[T], Finding]
    any_layers: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A claim that was checked on one model.

    Attributes:
        code: such as ``RES04``.
        name: the same in words.
        family: ``residual`` or ``inception``.
        sentence: the claim, as a lecturer says it.
        source: the paper and place that it comes from.
        verdict: ``holds``, ``does not hold`` or ``not applicable``.
        evidence: what the verdict rests on, a sentence each.
    """

    PLAIN = ("code", "name", "family", "sentence", "source", "verdict", "holds", "evidence")

    code: str
    name: str
    family: str
    sentence: str
    source: str
    verdict: str
    evidence: tuple[str, ...]

    @property
    def holds(self) -> bool:
        return self.verdict == HOLDS
