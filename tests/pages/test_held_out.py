"""What the CIFAR-10 page makes of runs that were judged on training images held out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("mkdocs")

from mkdocs.exceptions import PluginError

from keraudit.training.recipe import RECIPES
from pages import held_out


def test_the_best_setting_stands_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_out, "FOLDER", tmp_path)
    assert "is not here" in held_out.results()
    for name, rate, error in (("adamw", 0.001, 0.6), ("sgd", 0.01, 0.5)):
        (tmp_path / name).mkdir()
        row = dict.fromkeys(("loss", "test_loss", "test_accuracy", "seconds"), 1.0)
        record = {
            "schema": "keraudit.run/1",
            "network": "InceptionV3",
            "seed": 0,
            "budget": 1.0,
            "params": 1234,
            "revision": "r",
            "recipe": {
                **RECIPES["modern"].to_dict(),
                "optimizer": name,
                "learning_rate": rate,
                "weight_decay": 0.05,
                "batch": 128,
                "size": 75,
            },
            "dataset": {
                "name": "pictures, judged on the last 50 training images",
                "fingerprint": "f",
                "train_images": 2500,
            },
            "history": [
                {"epoch": 1, "accuracy": 0.3, **row},
                {"epoch": 2, "accuracy": 0.45, **row},
            ],
            "evaluation": {
                "train_error": 0.58,
                "gap": error - 0.58,
                "test_error": error,
                "train": {"accuracy": 0.42},
                "test": {"accuracy": 1 - error},
            },
            "hardware": {"devices": ["CPU"], "processor": "P", "cores": 2},
            "versions": {"keras": "3"},
            "date": "2026-11-28",
            "loss": "logits",
            "command": f"keraudit train InceptionV3 --optimizer {name}",
        }
        (tmp_path / name / "a.json").write_text(json.dumps(record))
    shown = held_out.results()
    sgd = "| `InceptionV3` | SGD | 0.01 | 0.05 | 45.0% | 42.0% | 50.0% |"
    assert sgd in shown
    assert shown.index(sgd) < shown.index("| `InceptionV3` | AdamW | 0.001 |")
    assert "judged on the last 50 training images; 2 epochs, batch 128" in shown
    assert ">1 seed · 2 epochs · 2 CPU cores · " in shown
    assert "Made by `keraudit train InceptionV3 --optimizer sgd`, `keraudit train" in shown
    record["seed"] = 1
    (tmp_path / name / "b.json").write_text(json.dumps(record))
    with pytest.raises(PluginError, match="differ in epochs, seed or data"):
        held_out.results()


def test_accuracy_by_either_means(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "means.json"
    monkeypatch.setattr(held_out, "PATH", path)
    assert "analysis/research/moving_means.py" in held_out.moving_means()
    record = {
        "schema": "keraudit.moving-means/1",
        "date": "2026-11-28",
        "dataset": {"name": "pictures"},
        "images": 2500,
        "batch": 125,
        "runs": [
            {
                "network": "InceptionV3",
                "optimizer": "adamw",
                "learning_rate": 0.001,
                "accuracy": {"moving": 0.39, "batch": 0.47},
            }
        ],
        "versions": {"keras": "3"},
        "machine": {"processor": "P", "cores": 2},
        "command": "python analysis/research/moving_means.py a b",
    }
    path.write_text(json.dumps(record))
    shown = held_out.moving_means()
    assert "| `InceptionV3` | AdamW | 0.001 | 39.0% | 47.0% |" in shown
    assert "on 2,500 training images" in shown
