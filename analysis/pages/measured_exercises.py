"""Exercises of the chapters on CIFAR-10 and on faces; their numbers are those of the published records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import comb, sqrt
from statistics import fmean
from typing import Any

from keraudit.evaluation.intervals import unpaired
from keraudit.training.record import Run
from pages import faces, runs
from pages.exercises import exercise

HEADING = "## Exercises"
HALF = 2  # into so many parts the people are split: known ones and strangers


def cifar() -> str:
    """Those of the two large networks; empty where they are not both published and evaluated."""
    found = [members[0] for members in runs.comparable(runs.BIG).values()]
    if len(found) != len(runs.BIG) or not all(run.evaluated for run in found):
        return ""
    first, second = found
    parts = (_is_it_better(first, second), _copies(first), _late(first))
    return "\n\n".join((HEADING, *parts))


def _is_it_better(first: Run, second: Run) -> str:
    images = int(first.dataset["test_images"])
    less, more = (1 - run.evaluation["test_error"] for run in (first, second))
    errors = [100 * sqrt(p * (1 - p) / images) for p in (less, more)]
    low, high = (100 * end for end in unpaired(less, more, images))
    return exercise(
        f"{second.network} classifies {round(more * images):,} of {images:,} test images correctly, {first.network}"
        f" {round(less * images):,}. What is the 95 % interval of the difference, if the two are treated as independent"
        f" samples? Does it show that {second.network} is the better network?",
        f"The standard error of an accuracy is √(p(1 − p)/n): {errors[0]:.2f} and {errors[1]:.2f} points. That of the"
        f" difference is √({errors[0]:.2f}² + {errors[1]:.2f}²) = {sqrt(sum(e * e for e in errors)):.2f} points. The"
        f" interval is {100 * (more - less):.1f} ± 1.96 × {sqrt(sum(e * e for e in errors)):.2f}:"
        f" {low:.1f} to {high:.1f} points.\n\n"
        "It holds the chance of the test images only. Each network was trained once, and another seed moves an"
        " accuracy as well: a claim about the networks needs several seeds of each.",
    )


def _copies(run: Run) -> str:
    seen = (run.evaluated or {})["originals"]
    gained, lost, images = seen["only_original_right"], seen["only_copy_right"], seen["images"]
    apart = gained + lost
    p = min(1.0, 2 * sum(comb(apart, k) for k in range(min(gained, lost) + 1)) / 2**apart)
    return exercise(
        f"Of {images:,} test images both versions are at hand. {run.network} classifies {gained} of them correctly only in"
        f" the original file and {lost} only in the JPEG copy. Can that be chance?",
        f"If the copy made no difference, each of these {apart} images would be a fair coin. A split of {gained} to"
        f" {lost} or a more uneven one then has p = 2 · Σ C({apart}, k) / 2^{apart}^ over k ≤"
        f" {min(gained, lost)}, which is **{p:.2g}** (the exact test of McNemar 1947). The other {images - apart:,}"
        " images do not enter the test.".replace(f"2^{apart}^", f"2<sup>{apart}</sup>"),
    )


def _late(run: Run) -> str:
    history = run.history
    at, end = history[-(len(history) // 3) - 1], history[-1]
    before, after = (100 * (1 - row["test_accuracy"]) for row in (at, end))
    return exercise(
        f"From epoch {at['epoch']} to {end['epoch']} {run.network}'s training error falls from"
        f" {100 * (1 - at['accuracy']):.1f} to {100 * (1 - end['accuracy']):.1f} %. What does its test error do? May you"
        " stop earlier because you looked?",
        f"It goes from {before:.2f} to {after:.2f} %: the last third of the epochs memorises images and does not help on"
        " others. But an epoch that is chosen by the test error makes that error optimistic. Choose it on held-out images"
        " and use the test set once.",
    )


def faces_exercises() -> str:
    """Those on features of faces; empty without the record."""
    found = faces.record()
    if found is None:
        return ""
    data, by_name = found["dataset"], {r["name"]: r for r in reversed(found["recognisers"])}
    pixels, features = by_name["Pixels"], by_name["Features"]
    gallery, probes = data["people"] * found["each"], found["probes"]
    height, width = data["image_shape"][:2]
    lengths = features["matching_macs"] // gallery
    cut = next(c for c in found["cuts"] if c["source"] == next(iter(faces.RANDOM)))
    wrong, less = (fmean(one["scores"]["error"]) for one in (pixels, cut))
    parts = (
        exercise(
            f"How many multiplications does it take to compare the pixels of one photograph of {width}×{height} with"
            f" {gallery} known ones? And features of {lengths:,} numbers, after the first module of InceptionV3?",
            f"{gallery} × {width} × {height} = **{pixels['matching_macs']:,}** for the pixels, {gallery} × {lengths:,} ="
            f" {features['matching_macs']:,} for the features. The network in front of them takes"
            f" {features['macs']:,} more, for an error that is about the same.",
        ),
        _steps(found["cuts"]),
        exercise(
            f"A split asks about {probes} photographs. Pixels have a rank-1 error of {100 * wrong:.1f} %, features after"
            f" the first block of the random ResNet50 {100 * less:.1f} %. How many photographs apart are they, and how"
            " large is the standard error of one such number?",
            f"{probes} × ({100 * wrong:.1f} − {100 * less:.1f}) % = {probes * (wrong - less):.0f} photographs. The binomial"
            f" standard error of {100 * wrong:.1f} % is √(p(1 − p)/{probes}) ="
            f" {100 * sqrt(wrong * (1 - wrong) / probes):.1f} points, about the difference. Five splits are not five"
            f" times the data: all are drawn from the same {data['images']} photographs.",
        ),
        _pairs(data["people"], data["images"], fmean(pixels["scores"]["true_accepts"])),
    )
    return "\n\n".join((HEADING, *parts))


def _steps(cuts: Sequence[Mapping[str, Any]]) -> str:
    """Where the random network's error rises most."""
    source = next(iter(faces.RANDOM))
    rows = [(c["block"], 100 * fmean(c["scores"]["error"])) for c in cuts if c["source"] == source]
    rises = sorted(pairwise(rows), key=lambda pair: pair[0][1] - pair[1][1])[:2]
    told = " and ".join(
        f"`{block}` ({before:.1f} to {after:.1f} %)" for (_, before), (block, after) in rises
    )
    return exercise(
        "After which two blocks does the error of the random ResNet50 with skips rise most? What does the network do"
        " there?",
        f"After {told}. Each is the first of its stage: its shortcut is a 1×1 convolution of stride 2, which reads one"
        " position in four and drops the others. In the blocks between them the shortcut hands on all of its input.",
    )


def _pairs(people: int, images: int, accepted: float) -> str:
    """What an error rate means where most pairs are of two people."""
    asked = people // HALF
    each = images // people
    genuine = asked * comb(each, 2)
    others = comb(asked * each, 2) - genuine
    false, true = others / 100, accepted * genuine
    return exercise(
        f"Verification compares every two photographs of {asked} strangers, {each} of each. How many pairs show one"
        " person, how many two? At 1 % false accepts, which part of the pairs that pixels accept is wrong?",
        f"{asked} · C({each}, 2) = {genuine:,} pairs show one person, C({asked * each}, 2) − {genuine:,} = {others:,} show"
        f" two. 1 % of these are {false:.0f}. Pixels then accept {100 * accepted:.0f} % of the genuine pairs, {true:.0f}:"
        f" of all that pass, {100 * false / (false + true):.0f} % are wrong.",
    )
