"""InceptionV3 against ResNet50 in one command, at toy size: what a GPU is asked for, on a CPU in minutes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from command import process
from schemas import faults
from toys import toy, toy_file

pytest.importorskip("keras")
np = pytest.importorskip("numpy")


@pytest.mark.exhaustive
def test_the_pair_from_its_plan_to_mcnemar(tmp_path: Path) -> None:
    test = toy().test
    np.savez(tmp_path / "originals.npz", x=test.images[:10], y=test.labels[:10])
    words = (
        *("experiment", "cifar10-comparison", "--data", toy_file(tmp_path), "--fraction", 0.01),
        *("--size", 75, "--batch", 4, "--optimizer", "adamw", "--learning-rate", 0.001),
        *("--cutout", 4, "--mixup", 1, "--originals", tmp_path / "originals.npz"),
        *("--corruption-images", 0, "--backend", "tensorflow", "--format", "json"),
        *("--runs", tmp_path / "pair"),
    )
    stopped = process(*words, "--stop-after", "1s")
    assert stopped.code == 1, stopped.err
    assert "the same command resumes" in stopped.err
    done = process(*words)
    assert done.code == 0, done.err
    record = json.loads(done.out)
    assert faults(record) == []
    assert [row["name"] for row in record["networks"]] == ["InceptionV3", "ResNet50"]
    assert [(row["seed"], row["images"]) for row in record["paired"]] == [
        (0, "test"),
        (0, "originals"),
    ]
    files = sorted((tmp_path / "pair" / "published").glob("*-seed0.json"))
    assert len(files) == 2
    for file in files:
        run = json.loads(file.read_text("utf-8"))
        assert run["recipe"]["cutout"] == 4
        assert run["recipe"]["mixup"] == 1
        originals = run["evaluated"]["originals"]
        assert len(originals["correct"]) == 2 * -(
            -originals["images"] // 8
        )  # a bit each, in whole bytes
        assert run["evaluated"]["correct"]
