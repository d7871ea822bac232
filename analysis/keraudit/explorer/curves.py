"""Histories of training runs, made ready to be drawn: smoothed, and over time where that is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from statistics import fmean
from typing import Any

from keraudit.training.record import Run

SMOOTHED = ("loss", "accuracy", "test_loss", "test_accuracy")


def _smoothed(values: Sequence[float], width: int) -> list[float]:
    """The mean of each value and those before it, ``width`` in all.

    >>> _smoothed([1.0, 3.0, 5.0], 2)
    [1.0, 2.0, 4.0]
    """
    return [fmean(values[max(0, at + 1 - width) : at + 1]) for at in range(len(values))]


def drawable(members: Sequence[Run], *, axis: str, smooth: int) -> list[dict[str, Any]]:
    """The histories of one network's seeds, equally long, as plain data.

    Args:
        members: runs that differ in their seed.
        axis: ``"epoch"``, or ``"time"``: minutes of training, the mean over the seeds.
        smooth: epochs that a value is the mean of.
    """
    count = min(len(run.history) for run in members)
    minutes = [
        fmean(times)
        for times in zip(
            *(accumulate(row["seconds"] / 60 for row in run.history[:count]) for run in members),
            strict=True,
        )
    ]
    result = []
    for run in members:
        columns: Mapping[str, list[float]] = {
            key: _smoothed([float(row[key]) for row in run.history[:count]], smooth)
            for key in SMOOTHED
        }
        rows = [
            {
                "epoch": minutes[at] if axis == "time" else run.history[at]["epoch"],
                **{key: columns[key][at] for key in SMOOTHED},
            }
            for at in range(count)
        ]
        result.append({"network": run.network, "seed": run.seed, "history": rows})
    return result
