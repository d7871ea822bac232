"""What batch normalisation's moving means cost a network that has just learnt.

``python analysis/research/moving_means.py RUN... [--data DATA] [--images 2500] [--batch 125] [--backend tensorflow]
[--record FILE]``. RUN is the folder of a finished run of ``keraudit train``. Its network names the first images that
it was trained on, without crops, twice: normalised by the moving means and deviations, as always outside training, and
by those of each batch.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from benchmarks.processes import keep, parsed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--data", default="cifar10")
    parser.add_argument("--images", type=int, default=2500)
    parser.add_argument("--batch", type=int, default=125)
    parser.add_argument("--backend", default="tensorflow")
    options = parsed(parser)
    from keraudit.data.load import load

    data = load(options.data)
    results = {
        "dataset": data.describe(),
        "images": options.images,
        "batch": options.batch,
        "runs": [named(folder, data, options) for folder in options.runs],
    }
    keep("keraudit.moving-means/1", results, options.record)


def named(folder: Path, data: Any, options: argparse.Namespace) -> dict[str, Any]:
    """How often a run's network is right on images that it learnt from, in either way."""
    import numpy as np

    from keraudit.evaluation.grad_cam import convert
    from keraudit.evaluation.load import load_run

    one = load_run(folder, data)
    images = one.normalized(one.data.train.images[: options.images])
    labels = one.data.train.labels[: options.images]
    right = {}
    for key, is_training in (("moving", False), ("batch", True)):
        parts = [
            convert(one.body(images[at : at + options.batch], training=is_training))
            for at in range(0, len(images), options.batch)
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
