"""What sentences on the pages say in words, worked out from the records that are published.

Where a record is replaced and one of these fails, the sentence it quotes is to be written anew.
"""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any

from keraudit.faces.table import recognizers_grid

ROOT = Path(__file__).parents[2]
DEPTHS = (20, 32, 44, 56)
RESULTS = ROOT / "site/results"


def record(path: str) -> Any:
    return json.loads((RESULTS / path).read_text("utf-8"))


def run(name: str, folder: str = "runs/two-cores", recipe: str = "he2015") -> Any:
    return record(f"{folder}/{name}-{recipe}-seed0.json")


def says(page: str, *sentences: str) -> None:
    """Check that a page still has these words, wherever its lines are broken."""
    text = " ".join((ROOT / "site" / page).read_text("utf-8").split())
    for sentence in sentences:
        assert sentence in text, sentence


def apart(family: str, epoch: int) -> float:
    """How much more error in training 56 layers have than 20, in points, in an epoch."""
    shallow, deep = (run(f"{family}-cifar-{depth}")["history"] for depth in (20, 56))
    return float(100 * (shallow[epoch]["accuracy"] - deep[epoch]["accuracy"]))


def ends(family: str) -> list[float]:
    """Training error at the end, by depth."""
    found = (run(f"{family}-cifar-{depth}") for depth in DEPTHS)
    return [one["evaluation"]["train_error"] for one in found]


def test_what_depth_costs_over_a_training() -> None:
    says("notes/plain-gap.md", "of 43 points in the fifth epoch, 38 are left in the last")
    assert (round(apart("plain", 4)), round(apart("plain", -1))) == (43, 38)
    says(
        "notes/plain-gap.md",
        "The residual pair starts more than 25 points apart and closes to less than 3",
    )
    assert apart("resnet", 0) > 25
    assert 0 < apart("resnet", -1) < 3
    says("notes/plain-gap.md", "The residual networks differ by less than two points")
    says("resnet.md", "A second series has four depths and 25 epochs of the paper's step schedule")
    says("resnet.md", "the residual ones stay within two points")
    assert len(run("plain-cifar-56")["history"]) == 25
    errors = ends("resnet")
    assert max(errors) - min(errors) < 0.02
    says(
        "notes/plain-gap.md",
        "Every plain network is worse than the one with twelve layers less",
        "cost more than the twelve before",
    )
    costs = [deep - shallow for shallow, deep in pairwise(ends("plain"))]
    assert [0, *costs] == sorted([0, *costs])


def test_what_clipped_cross_entropy_costs() -> None:
    def below(network: str) -> float:
        found = record("benchmark-clipped-loss.json")["runs"]
        rows = [r["below"] for r in found if r["network"] == network and not r["clipped"]]
        return max(map(fmean, zip(*rows, strict=True)))

    page = "notes/clipped-cross-entropy.md"
    says(page, "In one of 44 every seventh image of a batch does, and in one of 56 every fifth")
    assert round(1 / below("ResNet-CIFAR-44")) == 7
    assert round(1 / below("ResNet-CIFAR-56")) == 5
    says(page, "a plain network of 20 layers has no such image, and one of 56 hardly any")
    assert below("Plain-CIFAR-20") == 0 < below("Plain-CIFAR-56") < 0.01
    says(page, "layers ends five points better, though hardly any of its images is clipped")
    says(page, "that of 44 gains less than one")
    before, now = (
        [run(f"plain-cifar-{depth}", folder)["evaluation"]["train_error"] for depth in DEPTHS]
        for folder in ("clipped", "runs/two-cores")
    )
    gains = [100 * (cut - whole) for cut, whole in zip(before, now, strict=True)]
    assert max(gains[:2]) < 0 < gains[2] < 1
    assert round(gains[3]) == 5


def test_how_confident_the_large_networks_are() -> None:
    page = "notes/confidence.md"
    for name in ("inceptionv3", "resnet50"):
        found = run(name, "runs/h200-adamw", "modern")["evaluated"]
        bins = [row for row in found["calibration"] if row["images"]]
        says(page, "# Trained with label smoothing, both networks are underconfident")
        assert sum(r["images"] * (r["accuracy"] - r["confidence"]) for r in bins) > 0
        says(page, "Between a half and 87 % confidence both are overconfident")
        middle = [row for row in bins if 0.5 < row["confidence"] < 0.87]
        assert len(middle) > 4
        assert all(row["accuracy"] < row["confidence"] for row in middle)


def test_how_the_large_networks_learn() -> None:
    inception, resnet = (
        run(name, "runs/h200-adamw", "modern") for name in ("inceptionv3", "resnet50")
    )
    ours, theirs = (
        [row["accuracy"] for row in found["history"][:6]] for found in (inception, resnet)
    )
    says("cifar.md", "InceptionV3 leads for two epochs while the learning rate rises")
    assert [a > b for a, b in zip(ours, theirs, strict=True)][:3] == [True, True, False]
    says("cifar.md", "in its fourth epoch its training accuracy falls below that of the third")
    assert ours[3] < ours[2]
    says("cifar.md", "In the first epochs both test errors are far above the training errors")
    for row in (*inception["history"][:3], *resnet["history"][:3]):
        assert row["accuracy"] - row["test_accuracy"] > 0.15
    says("cifar.md", "ResNet50 passes the same rate without a step back")
    assert theirs == sorted(theirs)
    says("cifar.md", "InceptionV3 multiplies little more than half as much as ResNet50")
    macs = [found["work"]["training_macs_per_image"] for found in (inception, resnet)]
    assert 0.5 < macs[0] / macs[1] < 0.6
    speeds = [found["work"]["images_per_s"] for found in (inception, resnet)]
    assert 0.9 < speeds[0] / speeds[1] < 1.1


def test_gradients_over_a_whole_training() -> None:
    def across(network: str) -> list[float]:
        """At each look, the first block's gradient beside the last one's before the classifier."""
        steps = run(network)["gradients"]["steps"]
        return [s["blocks"][0]["grad_norm"] / s["blocks"][-2]["grad_norm"] for s in steps]

    shallow, deep = across("plain-cifar-20"), across("plain-cifar-56")
    page = "notes/gradients-in-training.md"
    says(page, "With 20 layers the gradient at the first block is 29 times that at the last one")
    says(page, "three to five times from the first epoch to the end", "With 32 it stays the larger")
    assert round(shallow[0]) == 29
    assert all(3 < ratio < 5 for ratio in shallow[1:])
    assert min(across("plain-cifar-32")) > 1
    says(
        page,
        "every twelve layers multiply the gradient at the first block, relative to the last, six to seven times",
    )
    by_depth = [across(f"plain-cifar-{depth}") for depth in DEPTHS]
    fresh, after = ([course[at] for course in by_depth] for at in (0, 1))
    assert all(5.5 < deep / less < 7.5 for less, deep in pairwise(fresh))
    says(page, "the smaller it is after an epoch", "the worse the network ends")
    assert after == sorted(after, reverse=True)
    assert ends("plain") == sorted(ends("plain"))
    says(page, "the more the first block's activations have grown")
    looks = [run(f"plain-cifar-{depth}")["gradients"]["steps"] for depth in DEPTHS]
    spreads = [[at["blocks"][0]["activation_std"] for at in (s[0], s[-1])] for s in looks]
    grown = [late / early for early, late in spreads]
    assert grown == sorted(grown)
    says(page, "Its gradient grows 7,600-fold towards the image")
    assert round(deep[0], -2) == 7_600
    says(
        page,
        "five seeds on the random inputs of the [chapter](../gradients.md) give 7,200 to 17,600",
    )
    found = profiles("resnet-cifar-56-corners", "without-skips+he")
    assert [round(end(found), -2) for end in (min, max)] == [7_200, 17_600]
    says(page, "a twentieth of that at the last block after one epoch, and half of it at the end")
    assert (round(1 / deep[1]), round(1 / deep[-1])) == (20, 2)
    says(
        "resnet.md", "after 25 epochs the gradient at the first block is [half of that at the last]"
    )
    says("gradients.md", "first layers end with gradients as small as those of its last stage")
    final = run("plain-cifar-56")["gradients"]["steps"][-1]["blocks"]
    stage = [block["grad_norm"] for block in final if block["name"].startswith("stage3")]
    assert max(block["grad_norm"] for block in final[:2]) < max(stage)
    says(page, "the gradient is small too after the first epoch and recovers in the third")
    middles = [
        s["blocks"][len(s["blocks"]) // 2] for s in run("plain-cifar-56")["gradients"]["steps"]
    ]
    norms = [middle["grad_norm"] for middle in middles]
    assert max(norms[1:3]) < norms[0] / 1000 < norms[0] / 100 < min(norms[3:])
    stds = [middle["activation_std"] for middle in middles]
    assert 0.9 < min(stds) / stds[0] < max(stds) / stds[0] < 1.3
    says(page, "more than twenty times as large as at the start")
    steps = run("plain-cifar-56")["gradients"]["steps"]
    large = [step["blocks"][0]["activation_std"] for step in (steps[0], *steps[1:])]
    assert min(large[1:]) > 20 * large[0]


def profiles(name: str, label: str) -> list[float]:
    """The first block's gradient over the last one's before the head, for each seed."""
    found = (p for p in record(f"gradients/{name}.json")["profiles"] if p["label"] == label)
    rows = ([block for block in p["blocks"] if not block["is_output"]] for p in found)
    return [blocks[0]["grad_norm"] / blocks[-1]["grad_norm"] for blocks in rows]


def test_the_eight_cases() -> None:
    def verdicts(name: str) -> dict[str, Any]:
        rows = record(f"gradients/{name}-corners.json")["verdicts"]
        return {row["label"]: row for row in rows}

    chapter, others = verdicts("resnet-cifar-56"), "notes/gradient-cases.md"
    says("gradients.md", "Under Glorot the plain gradient vanishes, and skips keep it steady")
    says("gradients.md", "Under He the plain gradient is steady; with skips activations grow")
    words = {label: row["verdict"] for label, row in chapter.items() if "without-norm" in label}
    assert words == {
        "without-norm+glorot": "healthy",
        "without-norm+he": "exploding",
        "without-skips+without-norm+glorot": "vanishing",
        "without-skips+without-norm+he": "healthy",
    }
    says(others, "The directions hold at 20 and at 110 layers. In ResNet50 one does not")
    differ = {
        name: [c for c, row in verdicts(name).items() if apart_from(row, chapter[c])]
        for name in ("resnet-cifar-20", "resnet-cifar-110", "resnet50-64")
    }
    assert differ == {
        "resnet-cifar-20": [],
        "resnet-cifar-110": [],
        "resnet50-64": ["without-norm+glorot"],
    }
    says(others, "of the networks of 20 layers only the plain one without batch norm under Glorot")
    unwell = {c: row["verdict"] for c, row in verdicts("resnet-cifar-20").items()}
    assert {c: word for c, word in unwell.items() if word != "healthy"} == {
        "without-skips+without-norm+glorot": "vanishing"
    }


def apart_from(row: Any, other: Any) -> bool:
    """Whether one gradient grows towards the image and the other shrinks."""
    return bool((row["across"] > 1) != (other["across"] > 1))


def test_how_the_optimizers_end() -> None:
    settings = ("adamw-0.001", "adamw-0.003", "sgd-0.01", "sgd-0.03")
    found = {name: run("inceptionv3", f"held-out/{name}", "modern") for name in settings}
    says("notes/optimizer.md", "In the batches of the last epoch AdamW has the higher accuracy")
    in_training = {name: one["history"][-1]["accuracy"] for name, one in found.items()}
    assert min(in_training[n] for n in settings[:2]) > max(in_training[n] for n in settings[2:])
    says("notes/optimizer.md", "Evaluated afterwards, SGD at 0.01 has the highest")
    errors = {name: one["evaluation"]["test_error"] for name, one in found.items()}
    assert min(errors, key=errors.__getitem__) == "sgd-0.01"


def test_what_the_first_steps_show() -> None:
    found = record("benchmark-first-steps.json")["runs"]
    losses = {
        (r["learning_rate"], r["precision"]): fmean(r["loss"][-20:])
        for r in found
        if r["network"] == "InceptionV3"
    }
    says("notes/first-steps.md", "the lower the rate, the sooner InceptionV3 learns")
    assert losses[0.005, "float32"] < losses[0.02, "float32"] < losses[0.1, "float32"]
    says("notes/first-steps.md", "At 0.1 its loss ends above that of guessing in either precision")
    assert min(loss for (rate, _), loss in losses.items() if rate == 0.1) > 2.30
    says("notes/first-steps.md", "At 0.02 its final loss is still above that of guessing")
    assert losses[0.02, "float32"] > 2.30


def test_what_features_of_faces_are_worth() -> None:
    found, page = record("faces.json"), "faces.md"
    rows = [(r["name"], r["source"], r["scores"]) for r in found["recognisers"]]
    plain = {s: scores for name, s, scores in rows if name == "Features"}
    taught = {s: scores for name, s, scores in rows if name == "Features, residual classifier"}
    assert len(plain) == len(taught) == 5
    says(page, "lowers the error of features from random networks and raises that of features")
    for source, scores in plain.items():
        falls = fmean(taught[source]["error"]) < fmean(scores["error"])
        assert falls == ("random" in source)
        assert fmean(taught[source]["true_accepts"]) < fmean(scores["true_accepts"])
        assert falls == (fmean(taught[source]["equal_error"]) < fmean(scores["equal_error"]))
    says(page, "it accepts fewer genuine pairs on all five kinds of features")
    says(page, "By the equal error rate it helps and hurts the same features as for known people")
    says(page, "two of twelve 95 % intervals exclude zero, both barely")
    grid = recognizers_grid(found)
    ends = [line.cells["difference"].split(" to ") for line in grid.lines[1:]]
    apart = [(float(low), float(high)) for low, high in ends if float(low) * float(high) > 0]
    apart += [(float(low), float(high)) for low, high in ends if high == "-0.0"]
    assert len(ends) == 12
    assert len(apart) == 2
    assert all(high > -0.2 for _, high in apart)
    cuts = found["cuts"]
    errors = {
        source: [fmean(c["scores"]["error"]) for c in cuts if c["source"] == source]
        for source in plain
    }
    small, other, *_ = (s for s in plain if "trained" in s)
    says(page, "Each module of a random InceptionV3 makes its features worse")
    first = errors["InceptionV3, random initialisation"]
    assert first == sorted(first)
    says(page, "their features improve towards the end")
    for source in (small, other):
        assert errors[source][-1] < errors[source][0] / 2
    says(page, "Those after the last module of Inception-CIFAR have the lowest error of all")
    assert min(e for each in errors.values() for e in each) == errors[small][-1]
    says(page, "at fewer MACs than any random network here")
    end = [c["macs"] for c in cuts if c["source"] == small][-1]
    assert end < min(c["macs"] for c in cuts if "random" in c["source"])
