"""Deeper networks out of trained ones, by blocks that compute the identity.

``python analysis/research/identity.py RUN RUN --data DATA [--depth 56] [--epochs N] [--backend tensorflow]
[--record FILE]``. RUN are folders of finished runs of ResNet-CIFAR-n and Plain-CIFAR-n. Behind the last block of each
stage stand new ones that pass on what they read (He et al. 2015, section 1: "a solution by construction"). Residual: the
last gamma is zero. Plain: kernels that copy each channel, and a batch normalisation that undoes itself: gamma =
sqrt(variance + epsilon), beta = mean, of what it reads in training images. Loss of accuracy is measured on all images of
the run. With ``--epochs`` both networks are then trained further by the run's recipe, from a tenth of its peak learning
rate.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.processes import keep, parsed

STATISTICS = 2_500  # training images whose mean and variance a new plain block takes
CLOSE = 1e-4  # of logits in single precision: what rounding may change over 36 layers
FURTHER = 0.1  # of the peak learning rate, for training further


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--data", default="cifar10")
    parser.add_argument("--depth", type=int, default=56)
    parser.add_argument("--epochs", type=int, default=0)
    parser.add_argument("--backend", default="tensorflow")
    options = parsed(parser)
    from keraudit.cli.quiet import started
    from keraudit.data.load import load

    started(is_repeatable=True)
    data = load(options.data)
    rows = [compared(folder, data, options.depth, options.epochs) for folder in options.runs]
    keep("keraudit.identity/1", {"dataset": data.describe(), "networks": rows}, options.record)


def compared(folder: Path, data: Any, depth: int, epochs: int = 0) -> dict[str, Any]:
    """Errors of a run's network and of the one that is made deeper, on the same images.

    Args:
        folder: the run's own.
        data: what it was trained on.
        depth: of the deeper network.
        epochs: for which both are trained further.
    """
    from scipy.special import softmax

    from keraudit.evaluation.load import load_run

    shallow = load_run(folder, data)
    images = shallow.normalized(shallow.data.train.images[:STATISTICS])
    deep = replace(shallow, body=deepened(shallow.body, shallow.run.network, depth, images))
    row: dict[str, Any] = {
        "network": shallow.run.network,
        "seed": shallow.run.seed,
        "epochs": len(shallow.run.history),
        "depth": depth,
        "layers": [len(shallow.body.layers), len(deep.body.layers)],
        "params": [shallow.body.count_params(), deep.body.count_params()],
    }
    for name in ("train", "test"):
        part = getattr(shallow.data, name)
        labels = part.labels
        before, after = (logits(one, part.images) for one in (shallow, deep))
        row[name] = {
            "images": len(part),
            "error": [float((p.argmax(-1) != labels).mean()) for p in (before, after)],
            "other_predictions": int((before.argmax(-1) != after.argmax(-1)).sum()),
            "largest_difference": float(abs(softmax(before, -1) - softmax(after, -1)).max()),
            "largest_logit_difference": float(abs(before - after).max()),
        }
        sys.stderr.write(f"{shallow.run.network}, {name}: {row[name]}\n")
        if row[name]["largest_logit_difference"] > CLOSE:
            raise SystemExit(
                f"{shallow.run.network}: logits differ by {row[name]['largest_logit_difference']:.2g}, more than {CLOSE:g}"
            )
    if epochs:
        bodies = {
            shallow.run.network: shallow.body,
            deep_name(shallow.run.network, depth): deep.body,
        }
        row["trained_further"] = [
            {"network": name, **trained_further(body, name, shallow, epochs)}
            for name, body in bodies.items()
        ]
    return row


def logits(run: Any, images: Any) -> Any:
    """What a network puts out before its softmax, (N, classes)."""
    from keraudit.training.networks import without_softmax

    return replace(run, body=without_softmax(run.body)).probabilities(images)


def trained_further(body: Any, name: str, run: Any, epochs: int) -> dict[str, Any]:
    """Train a network from the weights that it has; what came of each epoch, and both errors at the end.

    Args:
        body: from normalised images to class probabilities.
        name: of its family and depth.
        run: a ``LoadedRun``, whose recipe, seed and images are taken.
        epochs: passes over the training images, the learning rate along a cosine to zero.
    """
    from keraudit.training.recipe import COSINE, Recipe
    from keraudit.training.trainer import Trainer

    recipe = Recipe.from_dict(run.run.recipe)
    recipe = replace(
        recipe,
        epochs=epochs,
        learning_rate=FURTHER * recipe.learning_rate,
        schedule=COSINE,
        warmup=0.0,
    )
    weights = body.get_weights()
    trainer = Trainer(name, run.data, recipe, run.run.seed)
    trainer.state.network.set_weights(weights)
    history = []
    for epoch in range(epochs):
        history.append(trainer.run_epoch(epoch))
        sys.stderr.write(f"{name}, trained further: {history[-1]}\n")
    scores = trainer.scores()
    return {
        "learning_rate": recipe.learning_rate,
        "history": history,
        "train_error": scores["train_error"],
        "test_error": scores["test_error"],
    }


def deep_name(name: str, depth: int) -> str:
    """The network of the same family with another depth.

    >>> deep_name("Plain-CIFAR-20", 56)
    'Plain-CIFAR-56'
    """
    return re.sub(r"[0-9]+$", str(depth), name)


def deepened(body: Any, name: str, depth: int, images: Any) -> Any:
    """A network of ``depth`` layers that computes what ``body`` does.

    Args:
        body: ResNet-CIFAR-n or Plain-CIFAR-n, from normalised images to class probabilities.
        name: of its family and depth.
        depth: 6n + 2, at least its own.
        images: normalised training images, for the statistics of plain blocks.
    """
    from keraudit.training.networks import network
    from keraudit.training.recipe import recipe

    deep = network(
        deep_name(name, depth),
        classes=body.output_shape[-1],
        shape=body.input_shape[1:],
        recipe=recipe("he2015"),
    )
    shallow = {layer.name: layer for layer in body.layers}
    read = _statistics(body, images)
    for layer in deep.layers:
        if layer.name in shallow:
            layer.set_weights(shallow[layer.name].get_weights())
        elif name.startswith("Plain"):
            _copy_input(layer, read)
        elif layer.name.endswith("_bn2"):
            layer.set_weights([0 * w for w in layer.get_weights()[:2]] + layer.get_weights()[2:])
    return deep


def _statistics(body: Any, images: Any) -> Mapping[str, tuple[Any, Any]]:
    """Mean and variance of each channel that leaves a stage, by the stage's name."""
    import keras

    ends: dict[str, Any] = {}
    for layer in body.layers:
        if found := re.match(r"(stage[0-9]+)_", layer.name):
            ends[found[1]] = layer.output
    maps = keras.Model(body.input, list(ends.values())).predict(images, batch_size=250, verbose=0)
    values = (one.astype("float64") for one in maps)
    return {
        stage: (one.mean(axis=(0, 1, 2)), one.var(axis=(0, 1, 2)))
        for stage, one in zip(ends, values, strict=True)
    }


def _copy_input(layer: Any, read: Mapping[str, tuple[Any, Any]]) -> None:
    """Make a layer of a new plain block pass on what it reads, none of which is negative."""
    import numpy as np

    if "_conv" in layer.name:
        kernel = np.zeros(layer.kernel.shape, "float32")
        kernel[1, 1] = np.eye(kernel.shape[-1])
        layer.set_weights([kernel])
    elif "_bn" in layer.name:
        mean, variance = read[layer.name.partition("_")[0]]
        layer.set_weights([np.sqrt(variance + layer.epsilon), mean, mean, variance])


if __name__ == "__main__":
    main()
