"""Data small enough to train on in seconds."""

from __future__ import annotations

from keraudit.experiments.data import Dataset, checked, dataset


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
