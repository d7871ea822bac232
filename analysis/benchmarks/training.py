"""Training throughput beside plain ``model.fit`` on arrays: the same network, batch and precision.

``python analysis/benchmarks/training.py [--network ResNet-CIFAR-20] [--images 2560] [--batch 128] [--rounds 5]
[--precision float32] [--backend tensorflow] [--record FILE]``. One process, turn by turn:

- ours: an epoch of ``keraudit train``, images in device memory, a random crop and mirror inside the compiled
  step;
- repeated: the same, every batch the same rows, so that the input costs nothing new;
- plain: ``model.fit`` on float32 arrays that are normalised already, without crops and mirroring;
- keras: the same on bytes, with Keras' own layers for normalising, mirroring and moving.

The fastest of the rounds, each one pass over the images: on TensorFlow many a pass of ``model.fit`` on arrays waits at
its end (``analysis/research/fit.py``), and a median would say how often. Pixels are random: a step takes as long on them.
On TensorFlow all four run with its deterministic kernels, one operation at a time, as ``keraudit train`` does. All
take the loss of the logits.
"""

from __future__ import annotations

import argparse
import os
import time
from typing import TYPE_CHECKING, Any

from benchmarks.processes import keep, parsed

if TYPE_CHECKING:
    from keraudit.training.recipe import Recipe


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--network", default="ResNet-CIFAR-20")
    parser.add_argument("--images", type=int, default=2560)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--backend", default="tensorflow")
    options = parsed(parser)
    os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
    keep("keraudit.training-benchmark/1", measured(options), options.record)


def measured(options: argparse.Namespace) -> dict[str, object]:
    import numpy as np

    from keraudit.data.dataset import dataset
    from keraudit.training.augment import moments, plan
    from keraudit.training.callbacks import EpochMonitor
    from keraudit.training.recipe import recipe
    from keraudit.training.throughput import work
    from keraudit.training.trainer import Trainer

    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (options.images, 32, 32, 3)).astype("uint8")
    labels = np.arange(options.images) % 10
    data = dataset(
        name="random pixels",
        classes=[str(i) for i in range(10)],
        train=(pixels, labels),
        test=(pixels[:250], labels[:250]),
        source="benchmark",
    )
    settings = recipe("he2015", batch=options.batch, epochs=4, precision=options.precision)
    trainer = Trainer(options.network, data, settings, 0)
    state = trainer.state
    rows = plan(data.train, settings, 0, 0)
    rows = rows.reshape(-1, rows.shape[-1])
    same = np.tile(rows[: options.batch], (len(rows) // options.batch, 1))
    images = state.steps * options.batch
    mean, scale = moments(data, settings.normalize)
    normal = ((pixels.astype("float32") - mean) / scale)[:images]
    one_hot = np.eye(10, dtype="float32")[labels[:images]]
    bare = compiled(options, settings, [])
    augmented = compiled(options, settings, augmentation(mean, scale))

    def fit(model: object, x: object, y: object) -> None:
        model.fit(x, y, batch_size=options.batch, shuffle=False, verbose=0)  # type: ignore[attr-defined]

    def train(rows: Any) -> None:
        trainer.train_epoch(rows, EpochMonitor(state, 0, None, None))

    ways = {
        "ours": lambda: train(rows),
        "repeated": lambda: train(same),
        "plain": lambda: fit(bare, normal, one_hot),
        "keras": lambda: fit(augmented, pixels[:images], one_hot),
    }
    for run in ways.values():  # compile
        run()
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(options.rounds):
        for name in list(ways)[:: 1 if turn % 2 else -1]:
            begun = time.perf_counter()
            ways[name]()
            seconds[name].append(time.perf_counter() - begun)
    least = {name: min(times) for name, times in seconds.items()}
    return {
        "network": options.network,
        "images": images,
        "batch": options.batch,
        "precision": options.precision,
        "rounds": options.rounds,
        "images_per_s": {name: images / time for name, time in least.items()},
        "ours_is_faster_by": {name: least[name] / least["ours"] for name in ("plain", "keras")},
        "real_data_reaches": least["repeated"] / least["ours"],
        "seconds": seconds,
        "work": work(state.network, [{"images_per_s": images / least["ours"]}], options.precision),
    }


def augmentation(mean: object, scale: object) -> list[object]:
    """Keras' own layers for what ours does: normalise, mirror, move by up to 4 of 32 pixels."""
    import numpy as np
    from keras import layers

    return [
        layers.Rescaling(float(1 / scale), -float(np.mean(mean) / scale)),  # type: ignore[arg-type,operator]
        layers.RandomFlip("horizontal", seed=0),
        layers.RandomTranslation(0.125, 0.125, fill_mode="constant", seed=0),
    ]


def compiled(options: argparse.Namespace, settings: Recipe, before: list[object]) -> object:
    """A network of its own behind some layers, with the recipe's optimizer and metrics."""
    import keras

    from keraudit.training.networks import network, without_softmax
    from keraudit.training.step import add_weight_decay

    start = keras.Input((32, 32, 3))
    x = start
    for layer in before:
        x = layer(x)  # type: ignore[operator]
    inner = network(options.network, classes=10, shape=(32, 32, 3), recipe=settings)
    add_weight_decay(inner, settings)
    model = keras.Model(start, without_softmax(inner)(x))
    entropy = keras.metrics.CategoricalCrossentropy(name="cross_entropy", from_logits=True)
    model.compile(
        optimizer=keras.optimizers.SGD(0.1, momentum=0.9),
        loss=keras.losses.CategoricalCrossentropy(from_logits=True),
        metrics=["accuracy", entropy],
    )
    return model


if __name__ == "__main__":
    main()
