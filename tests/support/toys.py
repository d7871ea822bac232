"""Data small enough to train on in seconds, and records of runs that never were."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from keraudit.data.dataset import Dataset, checked, dataset
from keraudit.training.recipe import RECIPES
from keraudit.training.record import Run


def toy(count: int = 96, size: int = 16, classes: int = 3) -> Dataset:
    """Images whose brightness tells their class, with noise."""
    import numpy as np

    rng = np.random.default_rng(0)
    labels = np.arange(count) % classes
    images = rng.integers(0, 80, (count, size, size, 3)) + labels[:, None, None, None] * 70
    images = images.clip(0, 255).astype("uint8")
    names = [f"class {i}" for i in range(classes)]
    return checked(
        dataset(
            name="toy",
            classes=names,
            train=(images, labels),
            test=(images[:30], labels[:30]),
            source="toy",
        )
    )


def toy_file(folder: Path) -> Path:
    """The toy data set as a file that ``--data`` takes."""
    import numpy as np

    data, path = toy(), folder / "toy.npz"
    np.savez(
        path,
        x_train=data.train.images,
        y_train=data.train.labels,
        x_test=data.test.images,
        y_test=data.test.labels,
    )
    return path


def record(network: str = "Plain-CIFAR-20", seed: int = 0, error: float = 0.1, **other: Any) -> Run:
    """A finished run, as ``train`` writes it."""
    history = [
        {
            "epoch": epoch,
            "learning_rate": 0.1,
            "loss": 1.0 / epoch,
            "accuracy": 0.5,
            "test_loss": 1.2,
            "test_accuracy": 0.4,
            "seconds": 2.0,
            "images_per_s": 1234.5,
        }
        for epoch in (1, 2)
    ]
    given = {
        "network": network,
        "recipe": RECIPES["he2015"].to_dict(),
        "seed": seed,
        "budget": 1.0,
        "dataset": {"name": "toy", "fingerprint": "f" * 65},
        "params": 1000,
        "history": history,
        "evaluation": {
            "train": {"loss": 1.0, "accuracy": 1 - error / 2},
            "test": {"loss": 1.0, "accuracy": 1 - error},
            "train_error": error / 2,
            "test_error": error,
            "gap": error / 2,
        },
        "hardware": {"processor": "x86_64", "cores": 2, "devices": ["CPU"]},
        "versions": {"keraudit": "0"},
        "revision": "abc",
        "date": "2026-01-01",
        "work": {"share_of_peak": 0.125, "peak_macs_per_s": 8e10},
        "loss": "logits",
        "command": "keraudit train Plain-CIFAR-20 --data /home/me/images --runs=/home/me/runs",
    }
    return Run(**{**given, **other})


def put(root: Path, *runs: Run) -> Path:
    """Runs in folders of their own, as ``train`` leaves them."""
    for number, run in enumerate(runs):
        home = root / str(number)
        home.mkdir(parents=True, exist_ok=True)
        (home / "run.json").write_text(json.dumps(run.to_dict()))
    return root
