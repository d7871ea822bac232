"""Numbers over seeds: mean, deviation, and the difference of two networks with its interval."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import sqrt
from statistics import fmean, median, stdev
from typing import Any

from keraudit.audits.gradients.growth import student
from keraudit.evaluation.intervals import mcnemar
from keraudit.output.plain_data import as_dict
from keraudit.reading.keras_worker import BACKENDS
from keraudit.training.record import Run

PERCENT = 100.0
NAMED = ("keraudit", "python", "keras", "numpy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """What is measured of a run, and whether two runs can be compared in it.

    Attributes:
        key: in JSON, where its values stand as they are.
        label: in a table, where they stand times ``scale``.
        of: its value; ``None`` if the run has none.
        scale: from there to the table: 100 for percent.
        condition: what else two runs must share for it to mean the same of both.
    """

    key: str
    label: str
    of: Callable[[Run], float | None]
    scale: float = PERCENT
    condition: Callable[[Run], Any] = lambda run: None


def evaluated(run: Run, key: str) -> float | None:
    """A number of a run's evaluation; ``None`` where it has none."""
    value = (run.evaluated or {}).get(key)
    return float(value) if isinstance(value, int | float) else None


def corrupted_error(run: Run) -> float | None:
    accuracy = evaluated(run, "corrupted_accuracy")
    return None if accuracy is None else 1 - accuracy


def _timed(versions: Mapping[str, str]) -> dict[str, str]:
    """Of a record's versions those by which times are compared; what lies beneath a backend goes with it."""
    return {name: versions[name] for name in (*BACKENDS, *NAMED) if name in versions}


def epoch_seconds(run: Run) -> float | None:
    """The seconds of the median epoch; ``None`` where the epochs were made on several machines."""
    places = [(place["hardware"], _timed(place["versions"])) for place in run.sessions or ()]
    if not run.history or any(place != places[0] for place in places):
        return None
    return float(median(row["seconds"] for row in run.history))


MEASURES = (
    Measure(key="train_error", label="Train error %", of=lambda run: run.evaluation["train_error"]),
    Measure(key="test_error", label="Test error %", of=lambda run: run.evaluation["test_error"]),
    Measure(key="gap", label="Gap %", of=lambda run: run.evaluation["gap"]),
    Measure(
        key="ece",
        label="Calibration error %",
        of=lambda run: evaluated(run, "ece"),
        condition=lambda run: (run.evaluated or {}).get("dataset", {}).get("fingerprint"),
    ),
    Measure(
        key="corrupted_error",
        label="Corrupted error %",
        of=corrupted_error,
        condition=lambda run: evaluated(run, "corruption_images"),
    ),
    Measure(
        key="epoch_seconds",
        label="Seconds an epoch",
        of=epoch_seconds,
        scale=1.0,
        condition=lambda run: (
            run.hardware,
            run.devices,
            _timed(run.versions),
            run.dataset.get("train_images"),
            run.recipe["batch"],
            (run.gradients or {}).get("every"),
        ),
    ),
)


def measured(runs: Sequence[Run]) -> tuple[Measure, ...]:
    """The measures that all of some runs have and can be compared in."""
    return tuple(
        measure
        for measure in MEASURES
        if all(measure.of(run) is not None for run in runs)
        and all(measure.condition(run) == measure.condition(runs[0]) for run in runs)
    )


def values(measure: Measure, runs: Sequence[Run]) -> list[float]:
    return [float(measure.of(run) or 0.0) for run in runs]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """A number over n seeds; ``deviation`` is ``None`` for a single one."""

    mean: float
    deviation: float | None
    n: int

    def __str__(self) -> str:
        return self.text(PERCENT)

    def text(self, scale: float) -> str:
        """Mean and deviation, times ``scale``."""
        about = "" if self.deviation is None else f" +- {scale * self.deviation:.2f}"
        return f"{scale * self.mean:.2f}{about}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How much more the second of two networks has than the first, in the mean over seeds.

    ``interval`` is the 95 % interval, ``None`` where one of them has a single seed; ``unlike`` is what
    their runs differ in besides network and seed.
    """

    first: str
    second: str
    measure: str
    mean: float
    interval: tuple[float, float] | None
    unlike: tuple[str, ...] = ()

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.interval is not None and not self.interval[0] <= 0 <= self.interval[1]

    def to_dict(self) -> dict[str, Any]:
        return as_dict(self)


def spread(values: Sequence[float]) -> Spread:
    """Mean and sample deviation.

    >>> str(spread([0.10, 0.12]))
    '11.00 +- 1.41'
    """
    return Spread(
        mean=fmean(values), deviation=stdev(values) if len(values) > 1 else None, n=len(values)
    )


def welch(first: Sequence[float], second: Sequence[float]) -> tuple[float, float] | None:
    """The 95 % interval of the difference of two means, second less first (Welch 1947).

    The deviations may differ. ``None`` where a sample has a single value.

    >>> [round(end, 3) for end in welch([1, 2, 3], [3, 4, 5])]  # 2 +- 2.776 sqrt(2/3)
    [-0.267, 4.267]
    >>> [round(end, 3) for end in welch([0.1, 0.2, 0.3], [0.3, 0.4, 0.5])]
    [-0.027, 0.427]
    """
    if min(len(first), len(second)) < 2:
        return None
    a, b = (stdev(values) ** 2 / len(values) for values in (first, second))
    middle = fmean(second) - fmean(first)
    if not a + b:
        return middle, middle
    degrees = (a + b) ** 2 / (a**2 / (len(first) - 1) + b**2 / (len(second) - 1))
    half = student(degrees) * sqrt(a + b)
    return middle - half, middle + half


def resampled(
    first: Sequence[float], second: Sequence[float], *, test_images: int, train_images: int
) -> tuple[float, float] | None:
    """The 95 % interval of the mean difference, second less first, of two that share their resamples.

    Random splits of the same images overlap, so that repeating them says less than it seems to: the
    variance of the mean is taken as (1/n + test/train) times that of the differences (Nadeau and Bengio
    2003, "Inference for the Generalization Error"). ``None`` for a single split.

    Args:
        first: an error on each split; ``second`` likewise.
        test_images: of each split.
        train_images: of each split.

    >>> [round(end, 3) for end in resampled([1, 2, 3], [2, 4, 6], test_images=1, train_images=1)]
    [-2.968, 6.968]
    """
    differences = [b - a for a, b in zip(first, second, strict=True)]
    if len(differences) < 2:
        return None
    n = len(differences)
    half = student(n - 1) * stdev(differences) * sqrt(1 / n + test_images / train_images)
    return fmean(differences) - half, fmean(differences) + half


def _setting(run: Run) -> dict[str, Any]:
    """What a run shares with those that differ from it in network and seed alone."""
    apart = ("epochs", "size", "source")
    return {
        "data": run.dataset["fingerprint"],
        "recipe": {key: value for key, value in run.recipe.items() if key not in apart},
        "image size": run.recipe["size"],
        "epochs": len(run.history),
        "budget": run.budget,
        "devices": run.devices,
        "backend": next((name for name in BACKENDS if name in run.versions), ""),
        "what the loss is taken from": run.loss,
    }


def unlike(runs: Sequence[Run]) -> tuple[str, ...]:
    """What runs differ in besides network and seed."""
    first, *others = map(_setting, runs)
    return tuple(key for key in first if any(other[key] != first[key] for other in others))


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """Two networks of one seed on the same images (McNemar 1947).

    ``images`` are those of the ``"test"`` set or the ``"originals"``; ``only_first`` and ``only_second`` count those that
    one of the two alone is right about, ``p`` is the exact probability of a split at least as uneven by chance.
    """

    first: str
    second: str
    seed: int
    images: str
    only_first: int
    only_second: int
    p: float


def paired(groups: Mapping[str, Sequence[Run]]) -> tuple[Paired, ...]:
    """Every two networks by seed, where their evaluations say which images they are right about."""
    found = []
    for (first, ours), (second, theirs) in combinations(groups.items(), 2):
        others = {run.seed: run for run in theirs}
        for run in ours:
            other = others.get(run.seed)
            for images, one, two in _same_images(run, other) if other else ():
                alone = mcnemar(one, two)
                found.append(
                    Paired(
                        first=first,
                        second=second,
                        seed=run.seed,
                        images=images,
                        only_first=alone[0],
                        only_second=alone[1],
                        p=alone[2],
                    )
                )
    return tuple(found)


def _same_images(one: Run, other: Run) -> Iterator[tuple[str, str, str]]:
    """What both were evaluated on: its name, and which of its images either is right about."""
    first, second = one.evaluated or {}, other.evaluated or {}
    if first.get("dataset", {}).get("fingerprint") != second.get("dataset", {}).get("fingerprint"):
        return
    for name, key in (("test", ""), ("originals", "originals")):
        ours, theirs = (found.get(key) if key else found for found in (first, second))
        if not isinstance(ours, Mapping) or not isinstance(theirs, Mapping):
            continue
        bits = [str(found.get("correct") or "") for found in (ours, theirs)]
        alike = len(bits[0]) == len(bits[1]) and ours.get("images") == theirs.get("images")
        if alike and all(re.fullmatch(r"[0-9a-f]+", text) for text in bits):
            yield name, bits[0], bits[1]


def differences(groups: Mapping[str, Sequence[Run]]) -> tuple[Difference, ...]:
    """Every two networks, in each measure that their runs can be compared in."""
    result = []
    for (first, ours), (second, theirs) in combinations(groups.items(), 2):
        for measure in measured([*ours, *theirs]):
            a, b = values(measure, ours), values(measure, theirs)
            result.append(
                Difference(
                    first=first,
                    second=second,
                    measure=measure.key,
                    mean=fmean(b) - fmean(a),
                    interval=welch(a, b),
                    unlike=unlike([*ours, *theirs]),
                )
            )
    return tuple(result)
