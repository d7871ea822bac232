"""Published records of training runs, for the pages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from keraudit.training.recipe import RECIPES
from keraudit.training.record import Run


def run(network: str, seed: int = 0, **changes: Any) -> dict[str, Any]:
    history = [
        {
            "epoch": epoch,
            "loss": 2.0 / epoch,
            "accuracy": 0.2 * epoch,
            "test_loss": 3.0 / epoch,
            "test_accuracy": 0.1 * epoch,
            "seconds": 2.0,
        }
        for epoch in (1, 2, 3)
    ]
    ends = {"train": {"accuracy": 0.6}, "test": {"accuracy": 0.3}}
    return {
        "schema": "keraudit.run/1",
        "network": network,
        "recipe": RECIPES["he2015"].to_dict(),
        "seed": seed,
        "budget": 1.0,
        "dataset": {
            "name": "CIFAR-10",
            "fingerprint": "f",
            "train_images": 1000,
            "test_images": 500,
        },
        "params": 1234,
        "history": history,
        "evaluation": {**ends, "train_error": 0.4, "test_error": 0.7, "gap": 0.3},
        "hardware": {"devices": ["CPU"], "cores": 2},
        "versions": {"keras": "3"},
        "revision": "r",
        "date": "2026-11-24",
        "loss": "logits",
        "command": f"keraudit train {network}",
        **changes,
    }


def record(network: str, seed: int = 0, **changes: Any) -> Run:
    """The same as it is read."""
    return Run(**run(network, seed, **changes))


def publish(folder: Path, *found: dict[str, Any]) -> None:
    for number, each in enumerate(found):
        (folder / f"{number}.json").write_text(json.dumps(each), "utf-8")
