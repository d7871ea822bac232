"""The numbers of the exercises on CIFAR-10 and on faces, worked out anew from the records."""

from __future__ import annotations

import json
import re
from math import comb, sqrt
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

pytest.importorskip("mkdocs")

from pages import faces, measured_exercises, runs

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "site/results"
pytestmark = pytest.mark.usefixtures("at_the_root")


def record(path: str) -> Any:
    return json.loads((RESULTS / path).read_text("utf-8"))


def run(name: str) -> Any:
    return record(f"runs/h200-adamw/{name}-modern-seed0.json")


def answers(text: str) -> list[str]:
    """Questions with their answers, in order, as one line each."""
    return [" ".join(part.split()) for part in text.split('class="ka-exercise"')[1:]]


def test_those_on_cifar() -> None:
    inception, resnet = run("inceptionv3"), run("resnet50")
    better, copies, late = answers(measured_exercises.cifar())
    right = [one["evaluation"]["test"]["accuracy"] for one in (resnet, inception)]
    assert "classifies 9,043 of 10,000" in better
    errors = [100 * sqrt(p * (1 - p) / 10_000) for p in right]
    both = 1.96 * sqrt(errors[0] ** 2 + errors[1] ** 2)
    assert f"points. That of the difference is √({errors[1]:.2f}² + {errors[0]:.2f}²)" in better
    gap = 100 * (right[0] - right[1])
    assert f"{gap - both:.1f} to {gap + both:.1f} points" in better
    assert len({one["seed"] for one in (inception, resnet)}) == 1  # "trained once"

    seen = inception["evaluated"]["originals"]
    more, less = seen["only_original_right"], seen["only_copy_right"]
    p = sum(comb(more + less, k) for k in range(less + 1)) / 2 ** (more + less - 1)
    assert f"**{p:.2g}**" in copies
    assert p < 0.01  # not chance
    assert f"The other {seen['images'] - more - less:,} images" in copies

    rows = {row["epoch"]: row for row in inception["history"]}
    tested = [100 * (1 - rows[epoch]["test_accuracy"]) for epoch in (34, 50)]
    assert f"It goes from {tested[0]:.2f} to {tested[1]:.2f} %" in late
    assert tested[1] > tested[0] - 0.1  # it does not help
    assert rows[50]["accuracy"] > rows[34]["accuracy"] + 0.02


def test_those_on_faces() -> None:
    found = record("faces.json")
    compared, steps, few, pairs = answers(measured_exercises.faces_exercises())
    pixels, features = found["recognisers"][0], found["recognisers"][2]
    assert features["source"].startswith("InceptionV3, random")
    assert set(features["blocks"]) == {"mixed0"}
    assert f"= **{39 * 5 * 92 * 112:,}**" in compared
    assert f"= {39 * 5 * 9 * 9 * 256:,} for the features" in compared
    errors = [fmean(one["scores"]["error"]) for one in (pixels, features)]
    assert errors[1] == pytest.approx(errors[0], abs=0.01)  # "about the same"

    assert re.findall(r"`(\w+)`", steps) == ["conv5_block1", "conv4_block1"]
    assert "only" not in steps

    first = next(c for c in found["cuts"] if c["source"] == "ResNet50, random initialisation")
    apart = found["probes"] * (errors[0] - fmean(first["scores"]["error"]))
    assert f"% = {apart:.0f} photographs" in few
    spread = 100 * sqrt(errors[0] * (1 - errors[0]) / found["probes"])
    assert f"= {spread:.1f} points, about the difference" in few
    assert 0.5 < apart / found["probes"] / spread * 100 < 2

    strangers = 39 // 2  # the smaller half
    genuine, others = strangers * 45, 190 * 189 // 2 - strangers * 45
    assert f"= {genuine:,} pairs show one person" in pairs
    assert f"= {others:,} show two" in pairs
    passed = genuine * fmean(pixels["scores"]["true_accepts"])
    assert f"{100 * (others / 100) / (others / 100 + passed):.0f} % are wrong" in pairs


def test_without_records_there_are_none(published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert published == runs.FOLDER
    assert measured_exercises.cifar() == ""
    monkeypatch.setattr(faces, "PATH", published / "faces.json")
    assert measured_exercises.faces_exercises() == ""
