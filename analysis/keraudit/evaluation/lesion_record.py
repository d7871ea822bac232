"""What lesions of a network are, as records: each deletion, probe, exchange and path length with its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from keraudit.environment import versions
from keraudit.evaluation.intervals import wilson
from keraudit.output.plain_data import as_dict

SCHEMA = "keraudit.lesions/2"


class Score(NamedTuple):
    """Images classified rightly, of how many, and the 95 % interval of the accuracy (Wilson 1927)."""

    right: int
    images: int
    accuracy: float
    low: float
    high: float


class Deletion(NamedTuple):
    """The network without one block.

    ``change`` is in percentage points of accuracy, from ``change_low`` to ``change_high`` with 95 % confidence, of the
    same images with and without the block.
    """

    block: str
    resizes: bool
    score: Score
    change: float
    change_low: float
    change_high: float


class Probe(NamedTuple):
    """How well a linear classifier tells the classes from the channel means after a block.

    ``block`` is empty for the input of the first one.
    """

    block: str
    score: Score


class Several(NamedTuple):
    """The network without ``changed`` random blocks, or with so many random exchanges, several times.

    ``orders`` are Kendall's tau between the order of the blocks and the usual one, over the pairs that may trade
    places; empty for deletions.
    """

    changed: int
    accuracies: tuple[float, ...]
    orders: tuple[float, ...] = ()


class PathLength(NamedTuple):
    """The gradient that reaches the input on paths through ``length`` residual branches.

    ``share`` of all paths have that length; ``grad_norm`` is the mean of ``draws`` random images, each on a random
    path, from ``low`` to ``high`` with 95 % confidence.
    """

    length: int
    share: float
    draws: int
    grad_norm: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesions:
    """What was found of one network.

    Attributes:
        network: its name; ``source`` is the file or the run.
        params: trainable parameters.
        dataset: the images.
        baseline: nothing deleted.
        deletions: each block deleted alone, from input to output.
        probes: linear classifiers before the first block and after each one, cross-validated.
        several: random blocks deleted together.
        exchanges: random blocks of the same shapes exchanged; empty where none can be.
        paths: by length; empty for a plain network, which has one path.
    """

    network: str
    source: str
    params: int
    dataset: Mapping[str, Any]
    baseline: Score
    deletions: Sequence[Deletion]
    probes: Sequence[Probe]
    several: Sequence[Several]
    exchanges: Sequence[Several]
    paths: Sequence[PathLength]
    seed: int
    versions: Mapping[str, str] = field(default_factory=versions)
    command: str = ""

    @property
    def median_change(self) -> float:
        """The median change of accuracy by a deleted block, in percentage points."""
        changes = sorted(row.change for row in self.deletions)
        middle = len(changes) // 2
        return (changes[middle] + changes[-middle - 1]) / 2

    @property
    def effective_length(self) -> tuple[int, int] | None:
        """The lengths between which nine tenths of the gradient come, by share and norm."""
        weights = [(row.length, row.share * row.grad_norm) for row in self.paths]
        total = sum(weight for _, weight in weights)
        if not total:
            return None
        running, low, high = 0.0, None, weights[-1][0]
        for length, weight in weights:
            running += weight
            if low is None and running >= 0.05 * total:
                low = length
            if running >= 0.95 * total:
                high = length
                break
        return (low or 0, high)

    def to_dict(self) -> dict[str, Any]:
        """The record as plain data."""
        return {
            "schema": SCHEMA,
            **as_dict(
                self, "network", "source", "params", "dataset", "seed", "command", "versions"
            ),
            "baseline": self.baseline._asdict(),
            "median_change_points": self.median_change,
            "effective_path_lengths": self.effective_length,
            "deletions": [
                {
                    **row.score._asdict(),
                    "block": row.block,
                    "resizes": row.resizes,
                    "change_points": row.change,
                    "change_low_points": row.change_low,
                    "change_high_points": row.change_high,
                }
                for row in self.deletions
            ],
            "probes": [{"block": row.block, **row.score._asdict()} for row in self.probes],
            "several": [
                {"deleted": row.changed, "accuracies": list(row.accuracies)} for row in self.several
            ],
            "exchanges": [
                {
                    "exchanges": row.changed,
                    "kendall_tau": list(row.orders),
                    "accuracies": list(row.accuracies),
                }
                for row in self.exchanges
            ],
            "paths": [row._asdict() for row in self.paths],
        }


def score(outputs: Any, labels: Any) -> Score:
    """Accuracy with its 95 % interval.

    >>> import numpy as np
    >>> score(np.eye(2), np.array([0, 1]))[:3]
    (2, 2, 1.0)
    """
    right, images = int((outputs.argmax(axis=1) == labels).sum()), len(labels)
    low, high = wilson(right, images)
    return Score(right, images, right / images, low, high)
