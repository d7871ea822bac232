"""Folders of runs that look as ``keraudit train`` and ``keraudit evaluate`` leave them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from keraudit.training.recipe import RECIPES

CLASSES = ["cat", "<b>dog</b>", "ship"]
IMAGES = 60


def record(network: str, seed: int, *, epochs: int = 12, evaluated: bool = False) -> dict[str, Any]:
    """A run's record; the error falls, the deeper network ends lower."""
    floor = 0.08 if network.startswith("ResNet") else 0.12
    history = [
        {
            "epoch": epoch + 1,
            "learning_rate": 0.1,
            "loss": 2.0 / (epoch + 1) + 0.01 * seed,
            "accuracy": 1 - floor / 2 - 0.6 / (epoch + 1),
            "test_loss": 2.2 / (epoch + 1) + 0.02 * seed,
            "test_accuracy": 1 - floor - 0.6 / (epoch + 1) - 0.005 * seed,
            "seconds": 30.0 + seed,
            "images_per_s": 1500.0,
        }
        for epoch in range(epochs)
    ]
    return {
        "schema": "keraudit.run/1",
        "network": network,
        "recipe": RECIPES["he2015"].to_dict(),
        "seed": seed,
        "budget": 1.0,
        "dataset": {
            "name": "toy",
            "source": "toy",
            "fingerprint": f"{'ab' * 16}-{'cd' * 16}",
            "classes": CLASSES,
            "train_images": 100,
            "test_images": IMAGES,
        },
        "params": 269_722,
        "history": history,
        "evaluation": {
            "train_error": floor / 2,
            "test_error": floor + 0.005 * seed,
            "gap": floor / 2 + 0.005 * seed,
            "train": {"accuracy": 1 - floor / 2, "loss": 0.1},
            "test": {"accuracy": 1 - floor - 0.005 * seed, "loss": 0.3},
        },
        "hardware": {"processor": "x", "cores": 2, "devices": ["CPU"]},
        "versions": {"keraudit": "0"},
        "revision": "",
        "date": "2026-11-24",
        "loss": "logits",
        "evaluated": evaluation(network, seed) if evaluated else None,
    }


def evaluation(network: str, seed: int) -> dict[str, Any]:
    return {
        "schema": "keraudit.evaluation/1",
        "network": network,
        "seed": seed,
        "classes": [
            {"name": name, "images": 20, "precision": 0.9, "recall": 0.9} for name in CLASSES
        ],
        "confusion": [[18, 1, 1], [2, 18, 0], [0, 1, 19]],
        "calibration": [
            {"low": 0.0, "high": 0.5, "images": 0, "confidence": None, "accuracy": None},
            {"low": 0.5, "high": 1.0, "images": 60, "confidence": 0.8, "accuracy": 0.9},
        ],
        "corruptions": [],
        "clean_accuracy": None,
    }


def folder(root: Path) -> Path:
    """Two networks, two seeds each, one of them evaluated, all with predictions."""
    rng = np.random.default_rng(0)
    for network in ("ResNet-CIFAR-20", "Plain-CIFAR-20"):
        for seed in (0, 1):
            place = root / f"{network.lower()}-he2015-seed{seed}"
            place.mkdir(parents=True)
            made = record(network, seed, evaluated=network.startswith("ResNet") and not seed)
            (place / "run.json").write_text(json.dumps(made))
            right = round(IMAGES * made["evaluation"]["test"]["accuracy"])
            values = np.sort(rng.dirichlet([0.3] * 3, IMAGES))  # the last is the largest
            for at, place_of in enumerate(rng.permutation(IMAGES)):
                named = at + (
                    place_of >= right
                )  # in the place of its label, 0, 1, 2 again and again
                values[at] = np.roll(values[at], named + 1)
            kept = values.astype("float16")
            np.savez_compressed(place / "predictions.npz", probabilities=kept)
    return root
