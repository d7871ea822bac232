"""Deeper networks out of trained ones, by blocks that compute the identity.

``python analysis/research/identity.py NETWORK NETWORK --data DATA [--depth 56] [--epochs N] [--backend tensorflow]
[--record FILE]``. NETWORK is a ResNet-CIFAR-n or Plain-CIFAR-n: the folder of a finished run, or the name of one whose
weights ship. Behind the last block of each stage stand new ones that pass on what they read (He et al. 2015, section 1:
"a solution by construction"). Residual: the last gamma is zero. Plain: kernels that copy each channel, and a batch
normalisation that undoes itself: gamma = sqrt(variance + epsilon), beta = mean, of what it reads in training images.
Loss of accuracy is measured on all images that it was trained and tested on. With ``--epochs`` both networks are then
trained further by its recipe, from a tenth of the peak learning rate.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.processes import keep, parsed

CHUNK = 5_000  # images at once, as numbers
STATISTICS = 2_500  # training images whose mean and variance a new plain block takes
CLOSE = 1e-4  # of logits in single precision: what rounding may change over 36 layers
FURTHER = 0.1  # of the peak learning rate, for training further


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("networks", nargs="+", type=Path)
    parser.add_argument("--data", default="cifar10")
    parser.add_argument("--depth", type=int, default=56)
    parser.add_argument("--epochs", type=int, default=0)
    parser.add_argument("--backend", default="tensorflow")
    options = parsed(parser)
    from keraudit.cli.quiet import started
    from keraudit.data.load import load

    started(is_repeatable=True)
    data = load(options.data)
    rows = [
        compared(trained(source, data), options.depth, options.epochs)
        for source in options.networks
    ]
    keep("keraudit.identity/1", {"dataset": data.describe(), "networks": rows}, options.record)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A trained network, how it was trained, and its data, of which ``mean`` and ``scale`` normalise an image."""

    name: str
    seed: int
    recipe: Any
    body: Any
    data: Any
    mean: Any
    scale: Any

    def logits(self, images: Any) -> Any:
        """What the network puts out before its softmax, (N, classes), for images as bytes."""
        import numpy as np

        from keraudit.training.networks import without_softmax

        body = without_softmax(self.body)
        parts = (images[start : start + CHUNK] for start in range(0, len(images), CHUNK))
        found = [body.predict(self.normalized(part), batch_size=250, verbose=0) for part in parts]
        return np.concatenate(found).astype("float64")

    def normalized(self, images: Any) -> Any:
        """Bytes as the network sees them."""
        return (images.astype("float32") - self.mean) / self.scale


def trained(source: Path, data: Any) -> Trained:
    """A trained network.

    Args:
        source: the folder of a finished run, or the name of a network that ships.
        data: what it was trained on.

    Raises:
        KerauditError: there is none, or the data are others.
    """
    from keraudit.data.dataset import short_fingerprint
    from keraudit.errors import KerauditError
    from keraudit.evaluation.load import load_run, load_shipped
    from keraudit.training.augment import moments
    from keraudit.training.recipe import Recipe
    from keraudit.zoo.trained_weights import shipped

    found = None if source.exists() else shipped(str(source))
    if found is None:
        run = load_run(source, data)
        name, seed, recipe = run.run.network, run.run.seed, Recipe.from_dict(run.run.recipe)
        body, data = run.body, run.data
    else:
        name, seed = found.about["network"], found.about["seed"]
        recipe, body = Recipe.from_dict(found.about["recipe"]), load_shipped(found)
        if data.fingerprint != found.about["fingerprint"]:
            raise KerauditError(
                f"{name} was trained on {found.about['dataset']}"
                f" ({short_fingerprint(found.about['fingerprint'])}), not on {data.name}"
                f" ({short_fingerprint(data.fingerprint)}): name its data with --data"
            )
    mean, scale = moments(data, recipe.normalize)
    return Trained(
        name=name, seed=seed, recipe=recipe, body=body, data=data, mean=mean, scale=scale
    )


def compared(shallow: Trained, depth: int, epochs: int = 0) -> dict[str, Any]:
    """Errors of a trained network and of the one that is made deeper, on the same images.

    Args:
        shallow: ResNet-CIFAR-n or Plain-CIFAR-n.
        depth: of the deeper network.
        epochs: for which both are trained further.
    """
    from scipy.special import softmax

    images = shallow.normalized(shallow.data.train.images[:STATISTICS])
    deep = replace(
        shallow,
        name=deep_name(shallow.name, depth),
        body=deepened(shallow.body, shallow.name, depth, images),
    )
    row: dict[str, Any] = {
        "network": shallow.name,
        "seed": shallow.seed,
        "epochs": shallow.recipe.epochs,
        "depth": depth,
        "layers": [len(shallow.body.layers), len(deep.body.layers)],
        "params": [shallow.body.count_params(), deep.body.count_params()],
    }
    for name in ("train", "test"):
        part = getattr(shallow.data, name)
        before, after = (one.logits(part.images) for one in (shallow, deep))
        row[name] = {
            "images": len(part),
            "error": [float((p.argmax(-1) != part.labels).mean()) for p in (before, after)],
            "other_predictions": int((before.argmax(-1) != after.argmax(-1)).sum()),
            "largest_difference": float(abs(softmax(before, -1) - softmax(after, -1)).max()),
            "largest_logit_difference": float(abs(before - after).max()),
        }
        sys.stderr.write(f"{shallow.name}, {name}: {row[name]}\n")
        if row[name]["largest_logit_difference"] > CLOSE:
            raise SystemExit(
                f"{shallow.name}: logits differ by {row[name]['largest_logit_difference']:.2g}, more than {CLOSE:g}"
            )
    if epochs:
        row["trained_further"] = [
            {"network": one.name, **trained_further(one, epochs)} for one in (shallow, deep)
        ]
    return row


def trained_further(one: Trained, epochs: int) -> dict[str, Any]:
    """Train a network from the weights that it has; what came of each epoch, and both errors at the end.

    Args:
        one: whose recipe, seed and images are taken.
        epochs: passes over the training images, the learning rate along a cosine to zero.
    """
    from keraudit.training.recipe import COSINE
    from keraudit.training.trainer import Trainer

    recipe = replace(
        one.recipe,
        epochs=epochs,
        learning_rate=FURTHER * one.recipe.learning_rate,
        schedule=COSINE,
        warmup=0.0,
    )
    weights = one.body.get_weights()
    trainer = Trainer(one.name, one.data, recipe, one.seed)
    trainer.state.network.set_weights(weights)
    history = []
    for epoch in range(epochs):
        history.append(trainer.run_epoch(epoch))
        sys.stderr.write(f"{one.name}, trained further: {history[-1]}\n")
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
