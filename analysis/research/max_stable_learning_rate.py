"""Which learning rate a network's classifier can take before the first step.

``python analysis/research/max_stable_learning_rate.py [--networks InceptionV3:75,ResNet50:75,...] [--batch 128] [--seeds 0,1,2]
[--data DATA] [--record FILE]``. The classifier is a softmax regression on features that the layers before it make.
Its loss is convex in its own weights, and its largest curvature s is the largest eigenvalue of the mean over images of
(diag(p) - p p') x (f f'), p the probabilities and f the features with a 1 for the bias (Boehning 1992). Gradient
descent with momentum m diverges above a rate of 2 (1 + m) / s, and above 2 (1 + m) / ((1 + 2 m) s) with Nesterov's
(Cohen et al. 2021, section 2). Features are of one batch of training, the initial weights of each seed.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from benchmarks.processes import keep, parsed

if TYPE_CHECKING:
    from keraudit.training.recipe import Recipe

NETWORKS = (
    "InceptionV3:75,InceptionV3:96,ResNet50:75,ResNet50:96,"
    "ResNet-CIFAR-20,ResNet-CIFAR-56,ResNet-CIFAR-110,Plain-CIFAR-20,Plain-CIFAR-56"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--networks", default=NETWORKS)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--data", default="cifar10")
    options = parsed(parser)
    from keraudit.data.dataset import limited
    from keraudit.data.load import load

    data = limited(load(options.data), train=4 * options.batch, test=100)
    results = {
        "dataset": data.describe(),
        "batch": options.batch,
        "networks": [
            measured(name, data, options.batch, [int(seed) for seed in options.seeds.split(",")])
            for name in options.networks.split(",")
        ],
    }
    keep("keraudit.stable-rate/1", results, options.record)


def measured(text: str, data: Any, batch: int, seeds: list[int]) -> dict[str, Any]:
    """One network over seeds, fed as its own recipe feeds it; ``text`` is its name and the size it sees."""
    from keraudit.training.networks import LARGE
    from keraudit.training.recipe import recipe

    name, _, side = text.partition(":")
    size = int(side) if side else None
    settings = recipe("modern" if name in LARGE else "he2015", batch=batch, epochs=1, size=size)
    return {
        "network": name,
        "size": size,
        "recipe": settings.name,
        "momentum": settings.momentum,
        "nesterov": settings.nesterov,
        "seeds": [{"seed": seed, **of_seed(name, data, settings, seed)} for seed in seeds],
    }


def of_seed(name: str, data: Any, settings: Recipe, seed: int) -> dict[str, float]:
    """Length of the features, curvature and rate with the weights and the first batch of one seed."""
    import keras
    import numpy as np

    from keraudit.evaluation.grad_cam import feature_cut
    from keraudit.evaluation.metrics import curvature
    from keraudit.training.augment import plan
    from keraudit.training.step import TrainState

    state = TrainState(name, data, settings, seed)
    images = state.images.layer(plan(data.train, settings, seed, 0)[0])
    inside = feature_cut(state.network)
    features = keras.ops.convert_to_numpy(inside.trunk(inside.start(images), training=True)[1])
    features = features.reshape(settings.batch, -1).astype("float64")
    kernel, bias = (keras.ops.convert_to_numpy(w) for w in inside.classifier.weights)
    scores = features @ kernel + bias
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    bent = curvature(np.hstack([features, np.ones((settings.batch, 1))]), p)  # the 1 is the bias's
    reach = 2 * (1 + settings.momentum) / (1 + 2 * settings.momentum * settings.nesterov)
    return {
        "features": features.shape[1],
        "mean_square_norm": float((features**2).sum(axis=1).mean()),
        "curvature": bent,
        "highest_stable_rate": reach / bent,
    }


if __name__ == "__main__":
    main()
