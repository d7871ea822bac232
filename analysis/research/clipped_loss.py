"""What clipped cross-entropy does to the first steps of a training run.

``python analysis/research/clipped_loss.py [--networks ResNet-CIFAR-20,...] [--steps 100] [--seeds 0,1,2] [--data DATA]
[--record FILE]``. A cross-entropy that Keras takes from probabilities counts none as less than 1e-7, so that an image
whose class is less probable has a loss of 16.1 and no gradient. Each network is trained twice, from the same weights on the
same batches: by the cross-entropy of its logits, and by the clipped one of its probabilities. At each step the images of the batch
that are below it are counted. On TensorFlow; the clipping is written out, for there Keras goes back to the logits.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from benchmarks.processes import keep, parsed
from keraudit.training.scores import LEAST

if TYPE_CHECKING:
    from keraudit.data.dataset import Dataset

NETWORKS = "ResNet-CIFAR-20,ResNet-CIFAR-44,ResNet-CIFAR-56,Plain-CIFAR-20,Plain-CIFAR-56"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--networks", default=NETWORKS)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--data", default="cifar10")
    options = parsed(parser, backend="tensorflow")
    from keraudit.data.load import load

    data = load(options.data)
    runs = [
        {
            "network": name,
            "seed": int(seed),
            "clipped": clipped,
            **first_steps(name, data, int(seed), clipped, options.steps),
        }
        for name in options.networks.split(",")
        for seed in options.seeds.split(",")
        for clipped in (False, True)
    ]
    results = {
        "dataset": data.describe(),
        "recipe": "he2015",
        "least": LEAST,
        "runs": runs,
    }
    keep("keraudit.clipped-loss/1", results, options.record)


def first_steps(
    name: str, data: Dataset, seed: int, clipped: bool, steps: int
) -> dict[str, list[float]]:
    """The first steps of ``he2015``: before each, the loss of the logits and the part of the images below ``LEAST``."""
    import keras
    from keras import ops

    from keraudit.training.augment import plan
    from keraudit.training.recipe import recipe
    from keraudit.training.step import TrainState

    def below(labels: Any, logits: Any) -> Any:
        return ops.sum(labels * ops.softmax(logits), axis=-1) < LEAST

    def clipped_loss(labels: Any, logits: Any) -> Any:
        likely = ops.clip(ops.softmax(logits), LEAST, 1 - LEAST)
        return -ops.sum(labels * ops.log(likely), axis=-1)

    settings = recipe("he2015")
    state = TrainState(name, data, settings, seed)
    state.model.compile(
        optimizer=state.optimizer,
        loss=clipped_loss if clipped else state.loss,
        metrics=[
            keras.metrics.CategoricalCrossentropy(name="loss_of_logits", from_logits=True),
            keras.metrics.MeanMetricWrapper(below, name="below"),
        ],
    )
    rows = plan(data.train, settings, seed, 0)[:steps]
    metrics = []
    for part in rows:
        state.model.reset_metrics()
        metrics.append(
            state.model.train_on_batch(
                state.images.rows(part), state.labels(data.train, part), return_dict=True
            )
        )
    return {key: [float(row[key]) for row in metrics] for key in ("loss_of_logits", "below")}


if __name__ == "__main__":
    main()
