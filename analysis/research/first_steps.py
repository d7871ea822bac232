"""What the learning rate and the precision do to a network's first steps.

``python analysis/research/first_steps.py [--networks InceptionV3,ResNet50] [--settings 0.1:float32,...] [--steps 120]
[--batch 128] [--size 75] [--data DATA] [--backend tensorflow] [--record FILE]``. The same seed, the same images
in the same order: recipe ``modern`` with a rate that rises over the first fifth of the steps and then stays.
The loss of each step is the cross-entropy of its batch before the step, crops and mirroring included.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from typing import Any

from benchmarks.processes import keep, parsed

SETTINGS = "0.1:float32,0.1:mixed_bfloat16,0.02:float32,0.005:float32"
WARMUP = 0.2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--networks", default="InceptionV3,ResNet50")
    parser.add_argument("--settings", default=SETTINGS)
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--size", type=int, default=75)
    parser.add_argument("--data", default="cifar10")
    parser.add_argument("--backend", default="tensorflow")
    options = parsed(parser)
    os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
    from keraudit.data.dataset import limited
    from keraudit.data.load import load

    data = limited(load(options.data), train=options.steps * options.batch, test=100)
    results = {
        "dataset": data.describe(),
        "batch": options.batch,
        "size": options.size,
        "seed": 0,
        "warmup_steps": round(WARMUP * options.steps),
        "runs": [
            first_losses(name, data, options, rate=float(rate), precision=precision)
            for name in options.networks.split(",")
            for rate, _, precision in (text.partition(":") for text in options.settings.split(","))
        ],
    }
    keep("keraudit.first-steps/1", results, options.record)


def first_losses(
    name: str, data: Any, options: argparse.Namespace, *, rate: float, precision: str
) -> dict[str, Any]:
    """The loss and accuracy of each step at one setting."""
    from keraudit.training.augment import plan
    from keraudit.training.networks import LARGE
    from keraudit.training.recipe import STEP, recipe
    from keraudit.training.step import TrainState

    settings = recipe(
        "modern",
        batch=options.batch,
        epochs=1,
        learning_rate=rate,
        schedule=STEP,
        milestones=(),
        warmup=WARMUP,
        size=options.size if name in LARGE else None,
        precision=precision,
    )
    state = TrainState(name, data, settings, 0)
    losses, accuracies = [], []
    begun = time.perf_counter()
    for rows in plan(data.train, settings, 0, 0):
        logs = state.model.train_on_batch(
            state.images.rows(rows), state.labels(data.train, rows), return_dict=True
        )
        losses.append(round(float(logs["cross_entropy"]), 4))
        accuracies.append(round(float(logs["accuracy"]), 4))
    last = losses[-20:]
    print(
        f"{name} {rate:g} {precision}: loss {sum(last) / len(last):.3f} over the last {len(last)}"
        f" steps, {time.perf_counter() - begun:.0f} s",
        file=sys.stderr,
        flush=True,
    )
    return {
        "network": name,
        "learning_rate": rate,
        "precision": precision,
        "loss": losses,
        "accuracy": accuracies,
    }


if __name__ == "__main__":
    main()
