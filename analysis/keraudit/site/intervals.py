"""Differences between two networks over their seeds, where both have several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from keraudit.experiments.record import loss_of
from keraudit.experiments.statistics import PERCENT, welch
from keraudit.site.markdown import code

# What the pages set against one another: the second less the first.
PAIRS = (
    ("InceptionV3", "ResNet50"),
    ("Plain-CIFAR-20", "Plain-CIFAR-56"),
    ("ResNet-CIFAR-20", "ResNet-CIFAR-56"),
    ("Plain-CIFAR-56", "ResNet-CIFAR-56"),
)
ERRORS = {"train_error": "training", "test_error": "test"}


def differences(found: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """In points of training and test error, with 95 % intervals; empty where no pair has several seeds."""
    told = []
    for first, second in PAIRS:
        runs = [*found.get(first, ()), *found.get(second, ())]
        if min(len(found.get(first, ())), len(found.get(second, ()))) < 2:
            continue
        if len(set(map(loss_of, runs))) > 1:  # they differ in more than the network
            continue
        parts = []
        for key, word in ERRORS.items():
            a, b = (
                [PERCENT * run["evaluation"][key] for run in found[name]]
                for name in (first, second)
            )
            between = welch(a, b)
            within = (
                f"{between[0]:+.2f} to {between[1]:+.2f}"
                if between and between[0] < between[1]
                else "no interval: the seeds agree"
            )
            parts.append(f"{word} error {fmean(b) - fmean(a):+.2f} points ({within})")
        told.append(f"- {code(second)} less {code(first)}: {', '.join(parts)}")
    if not told:
        return ""
    lines = "\n".join(told)
    return f"{lines}\n\nDifferences of means over seeds, in brackets the 95 % interval by Welch's t.\n{{ .ka-note }}"
