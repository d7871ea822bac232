"""The weights that ship: made from a run, small, and from a run that is published."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from keraudit.zoo import trained_weights
from records.bundle import ship
from toys import toy

pytest.importorskip("keras")
RUNS = Path(__file__).parents[2] / "site" / "results" / "runs"


def test_a_run_is_shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from keraudit.data import load
    from keraudit.training.recipe import recipe
    from keraudit.training.train import train

    made = recipe("he2015", epochs=1, batch=16)
    train("ResNet-CIFAR-8", toy(), made, seed=0, folder=tmp_path / "run")
    monkeypatch.setattr(load, "load", lambda spec: toy())
    ship(tmp_path / "run", "toy", home=tmp_path)
    monkeypatch.setattr(trained_weights, "HOME", tmp_path)
    found = trained_weights.shipped("ResNet-CIFAR-8")
    assert found is not None
    images = toy().train.images
    assert found.about["mean"] == pytest.approx(images.mean(axis=(0, 1, 2)), abs=0.01)
    assert 0 <= found.about["test_error"] <= 1
    with np.load(tmp_path / "run" / "checkpoint.npz") as kept:
        assert len(kept.files) > 1


@pytest.mark.parametrize("name", ["ResNet-CIFAR-20", "Plain-CIFAR-20"])
def test_what_ships_is_small_and_of_a_published_run(name: str) -> None:
    found = trained_weights.shipped(name)
    assert found is not None
    assert found.path.stat().st_size < 5_000_000
    record = json.loads(
        (RUNS / "depth-in-16-epochs" / f"{name.lower()}-he2015-seed0.json").read_text("utf-8")
    )
    assert found.about["fingerprint"] == record["dataset"]["fingerprint"]
    assert found.about["test_error_of_the_run"] == record["evaluation"]["test_error"]
    assert found.about["command"] == record["command"]
    assert abs(found.about["test_error"] - record["evaluation"]["test_error"]) < 0.02
