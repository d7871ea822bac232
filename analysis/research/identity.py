"""Deeper networks out of trained ones, by blocks that compute the identity.

``python analysis/research/identity.py RUN RUN --data DATA [--depth 56] [--backend tensorflow] [--record FILE]``. RUN are
folders of finished runs of ResNet-CIFAR-n and Plain-CIFAR-n. Behind the last block of each stage stand new ones that
pass on what they read (He et al. 2015, section 1: "a solution by construction"). Residual: the last gamma is zero.
Plain: kernels that copy each channel, and a batch normalisation that undoes itself: gamma = sqrt(variance + epsilon),
beta = mean, of what it reads in training images. Loss of accuracy is measured on all images of the run.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.processes import keep, parsed

STATISTICS = 2_500  # training images whose mean and variance a new plain block takes
CLOSE = 1e-5  # of probabilities: what rounding may change


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--data", default="cifar10")
    parser.add_argument("--depth", type=int, default=56)
    parser.add_argument("--backend", default="tensorflow")
    options = parsed(parser)
    os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
    from keraudit.data.load import load

    data = load(options.data)
    rows = [compared(folder, data, options.depth) for folder in options.runs]
    keep("keraudit.identity/1", {"dataset": data.describe(), "networks": rows}, options.record)


def compared(folder: Path, data: Any, depth: int) -> dict[str, Any]:
    """Errors of a run's network and of the one that is made deeper, on the same images."""
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
        before, after = (one.probabilities(part.images) for one in (shallow, deep))
        row[name] = {
            "images": len(part),
            "error": [float((p.argmax(-1) != labels).mean()) for p in (before, after)],
            "other_predictions": int((before.argmax(-1) != after.argmax(-1)).sum()),
            "largest_difference": float(abs(before - after).max()),
        }
        sys.stderr.write(f"{shallow.run.network}, {name}: {row[name]}\n")
        if row[name]["largest_difference"] > CLOSE:
            raise SystemExit(
                f"{shallow.run.network}: probabilities differ by {row[name]['largest_difference']:.2g}, more than {CLOSE:g}"
            )
    return row


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

    family = re.sub(r"[0-9]+$", "", name)
    deep = network(
        f"{family}{depth}",
        classes=body.output_shape[-1],
        shape=body.input_shape[1:],
        recipe=recipe("he2015"),
    )
    shallow = {layer.name: layer for layer in body.layers}
    read = _statistics(body, images)
    for layer in deep.layers:
        if layer.name in shallow:
            layer.set_weights(shallow[layer.name].get_weights())
        elif family.startswith("Plain"):
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
