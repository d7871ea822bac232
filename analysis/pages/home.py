"""The landing page: one picture, three cards with a number each, and how to cite."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

from keraudit.output.palette import BLUE, VERMILION, color_of
from keraudit.runs.statistics import PERCENT
from pages import cifar, reductions, resnet, runs
from pages.rendering import part

CITATION = Path("CITATION.cff")
# Of bars, as in all figures: with what the chapter is about, and without.
WITH: Mapping[str, str] = {"with": BLUE, "without": VERMILION}


def hero() -> str:
    """The picture of the whole report: plain and residual networks, shallow and deep, in training."""
    return resnet.degradation()


def cards() -> str:
    """Cheaper, trainable, compared: a number, two bars and a link each."""
    return part("home-cards.html", cards=[_cheaper(), _trainable(), _compared()])


def _cheaper() -> Mapping[str, Any]:
    """What GoogLeNet would take without its reductions."""
    totals = reductions.record("GoogLeNet")["totals"]
    return {
        "title": "Cheaper",
        "number": f"{totals['factor']:.1f}×",
        "text": "as many multiplications without GoogLeNet's 1×1 reductions.",
        "colors": WITH,
        "bars": {"with": totals["macs_with"] / 1e9, "without": totals["macs_without"] / 1e9},
        "unit": "G",
        "page": "inception.html",
        "link": "Inception",
    }


def _trainable() -> Mapping[str, Any]:
    """What 36 more layers do to training error, with skips and without; of the paper where none was trained."""
    found = runs.planned()
    plain, skips = resnet.rise(found, "Plain"), resnet.rise(found, "ResNet")
    if plain is None or skips is None:
        plain, skips = (deep - shallow for shallow, deep in zip(*_of_the_paper(), strict=True))
        layers, what = (18, 34), "ImageNet top-1 error (He et al. 2015)"
        bars = dict(zip(("without", "with"), _of_the_paper()[1], strict=True))
    else:
        layers = (20, 56)
        what = f"training error after {runs.epochs(found['Plain-CIFAR-56'][0])} epochs"
        bars = {
            key: PERCENT
            * fmean(run.evaluation["train_error"] for run in found[f"{family}-CIFAR-56"])
            for key, family in (("with", "ResNet"), ("without", "Plain"))
        }
    return {
        "title": "Trainable",
        "number": f"{signed(plain)} points",
        "text": f"{what} from {layers[0]} to {layers[1]} layers without skips; {signed(skips)} points with them. With {layers[1]} layers:",
        "colors": WITH,
        "bars": bars,
        "unit": "%",
        "page": "resnet.html",
        "link": "ResNet",
    }


def signed(points: float) -> str:
    """A change with its sign.

    >>> signed(37.27), signed(-1.8)
    ('+37.3', '−1.8')
    """
    return f"{points:+.1f}".replace("-", "−")


def _of_the_paper() -> tuple[tuple[float, float], tuple[float, float]]:
    return resnet.IMAGENET_ERROR[18], resnet.IMAGENET_ERROR[34]


def _compared() -> Mapping[str, Any]:
    """The accuracy of the two networks, trained alike; without runs, where to see how."""
    found = runs.comparable(runs.BIG)
    shares = {name: 100 * cifar.accuracy(members) for name, members in found.items()}
    apart = (
        abs(shares["ResNet50"] - shares["InceptionV3"]) if len(shares) == len(runs.BIG) else None
    )
    return {
        "title": "Compared",
        "number": "trained alike" if apart is None else f"{apart:.1f} points",
        "text": "separate InceptionV3 and ResNet50 on CIFAR-10, trained alike from random initialisation."
        if apart is not None
        else "InceptionV3 and ResNet50 on CIFAR-10, on the same images by the same recipe.",
        "colors": {name: color_of(name) for name in shares},
        "bars": shares,
        "unit": "%",
        "page": "cifar.html",
        "link": "CIFAR-10",
    }


def citation() -> str:
    """Licence, date and an entry for a bibliography, of the repository's ``CITATION.cff``."""
    cited = dict(re.findall(r'(?m)^([\w-]+): "?(.*?)"?$', CITATION.read_text("utf-8")))
    date, version, licence = (cited[key] for key in ("date-released", "version", "license"))
    return (
        f"keraudit {version}, {licence}, {date}.\n\n"
        "```bibtex\n"
        "@software{keraudit,\n"
        f"  title   = {{{cited['title']}}},\n"
        "  author  = {The keraudit authors},\n"
        f"  version = {{{version}}},\n"
        f"  year    = {{{date[:4]}}},\n"
        f"  license = {{{licence}}}\n"
        "}\n"
        "```"
    )
