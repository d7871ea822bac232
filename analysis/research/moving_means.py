"""What batch normalisation's moving means cost a network that has just learnt.

``python analysis/research/moving_means.py RUN... [--data DATA] [--images 2500] [--batch 125] [--backend tensorflow]
[--record FILE]``. RUN is the folder of a finished run of ``keraudit train``. Its network names the first images that
it was trained on, without crops, twice: normalised by the moving means and deviations, as always outside training, and
by those of each batch.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Any

from benchmarks.processes import command_line, keep, machine


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("runs", nargs="+", type=Path)
    options.add_argument("--data", default="cifar10")
    options.add_argument("--images", type=int, default=2500)
    options.add_argument("--batch", type=int, default=125)
    options.add_argument("--backend", default="tensorflow")
    options.add_argument("--record", type=Path)
    given = options.parse_args()
    os.environ["KERAS_BACKEND"] = given.backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from keraudit.data.load import load
    from keraudit.environment import hardware, versions

    data = load(given.data)
    found = {
        "schema": "keraudit.moving-means/1",
        "date": time.strftime("%Y-%m-%d"),
        "dataset": data.describe(),
        "images": given.images,
        "batch": given.batch,
        "runs": [named(folder, data, given) for folder in given.runs],
        "hardware": hardware(),
        "versions": versions(),
        "machine": machine(),
        "command": command_line("moving_means"),
    }
    keep(found, given.record)


def named(folder: Path, data: Any, given: argparse.Namespace) -> dict[str, Any]:
    """How often a run's network is right on images that it learnt from, in either way."""
    import numpy as np

    from keraudit.evaluation.grad_cam import convert
    from keraudit.evaluation.load import load_run

    one = load_run(folder, data)
    images = one.normalized(one.data.train.images[: given.images])
    labels = one.data.train.labels[: given.images]
    right = {}
    for key, is_training in (("moving", False), ("batch", True)):
        parts = [
            convert(one.body(images[at : at + given.batch], training=is_training))
            for at in range(0, len(images), given.batch)
        ]
        right[key] = float((np.concatenate(parts).argmax(axis=1) == labels).mean())
    return {
        "network": one.run.network,
        "optimizer": one.run.recipe["optimizer"],
        "learning_rate": one.run.recipe["learning_rate"],
        "steps": len(one.run.history) * (len(one.data.train) // one.run.recipe["batch"]),
        "accuracy": right,
    }


if __name__ == "__main__":
    main()
