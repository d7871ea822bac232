"""Measure how correlated the channels before a reduction are: ``python -m records.variance DATA``.

DATA is whatever ``keraudit train --data`` takes. At the input of each 1x1 reduction of the small Inception
network that ships, the variance over the positions of test images is divided among its
principal components (Pearson 1901; the eigenvalues of the channels' covariance), with the trained weights and
with random ones. Random networks normalise each batch by its own statistics, as in the first step of
training; the trained one by its moving averages, as in use.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from keraudit.errors import KerauditError
from keraudit.model.graph import Graph

if TYPE_CHECKING:
    from keraudit.audits.gradients.network import Network

PATH = Path("site/results/reduction-variance.json")
COMMAND = "python -m records.variance DATA"
SCHEMA = "keraudit.reduction-variance/1"
NETWORK = "Inception-CIFAR"
ENDINGS = ("_3x3_reduce", "_5x5_reduce")
IMAGES, BATCH = 1000, 100
SEEDS = (0, 1, 2)  # as the gradient profiles' of ``records.lesions``
DIGITS = 5  # of a share


class Reduction(NamedTuple):
    """A 1x1 convolution before a larger kernel: what it reads, and how many channels are left.

    ``source`` is the call that makes its input.
    """

    name: str
    source: int
    channels: int
    width: int


def reductions_of(graph: Graph) -> list[Reduction]:
    """The 1x1 reductions of a network of Inception modules, from input to output.

    Raises:
        KerauditError: it has none.
    """
    found = [
        Reduction(
            node.name, node.sources[0].call, node.inputs[0].shape[-1], node.outputs[0].shape[-1]
        )
        for node in graph.nodes
        if node.layer.kind == "Conv2D" and node.name.endswith(ENDINGS)
    ]
    if not found:
        raise KerauditError(f"{graph.architecture.name} has no layer named {' or '.join(ENDINGS)}")
    return found


def held(covariance: Any) -> list[float]:
    """The share of the variance that the first 1, 2, ... principal components hold.

    >>> import numpy as np
    >>> held(np.diag([1.0, 3.0]))
    [0.75, 1.0]
    """
    import numpy as np

    values = np.linalg.eigvalsh(covariance)[::-1].clip(0)
    shares = np.cumsum(values) / (values.sum() or 1)
    return [round(float(share), DIGITS) for share in shares]


class Moments:
    """The covariance of channels over everything that was added, in float64."""

    def __init__(self, channels: int) -> None:
        import numpy as np

        self.count = 0
        self.sum = np.zeros(channels)
        self.products = np.zeros((channels, channels))

    def add(self, values: Any) -> None:
        """Add feature maps, (N, height, width, channels)."""
        import numpy as np

        rows = np.asarray(values, "float64").reshape(-1, len(self.sum))
        self.count += len(rows)
        self.sum += rows.sum(axis=0)
        self.products += rows.T @ rows

    def covariance(self) -> Any:
        import numpy as np

        mean = self.sum / self.count
        return self.products / self.count - np.outer(mean, mean)


def shares(
    network: Network, reductions: Sequence[Reduction], images: Any, *, training: bool
) -> dict[int, list[float]]:
    """What the components hold at each place that is read, by the call that makes it.

    Args:
        network: built, with its weights.
        reductions: of its graph.
        images: as the network takes them, (N, height, width, channels).
        training: whether batch norm takes the batch's statistics.
    """
    import keras

    read = {one.source: network.layers[one.name].input for one in reductions}
    moments = {one.source: Moments(one.channels) for one in reductions}
    (start,) = keras.utils.get_source_inputs(next(iter(read.values())))
    model = keras.Model(start, {str(at): tensor for at, tensor in read.items()})
    for part in _batches(images):
        for at, values in model(part, training=training).items():
            moments[int(at)].add(keras.ops.convert_to_numpy(values))
    return {at: held(one.covariance()) for at, one in moments.items()}


def _batches(images: Any) -> Iterator[Any]:
    for first in range(0, len(images), BATCH):
        yield images[first : first + BATCH]


def measured(name: str, images: Any) -> dict[str, Any]:
    """The shares before each reduction of a network, trained and random.

    Args:
        name: of a network whose weights ship.
        images: bytes, (N, height, width, 3).

    Raises:
        KerauditError: no weights of it ship, or they do not fit.
    """
    import keras
    import numpy as np

    from keraudit.api import read
    from keraudit.audits.gradients.network import Network
    from keraudit.audits.gradients.weights import draw
    from keraudit.explorer.activations import load
    from keraudit.zoo.trained_weights import shipped

    bundled = shipped(name)
    if bundled is None:
        raise KerauditError(f"no trained weights of {name} ship")
    graph = read(name)
    reductions = reductions_of(graph)
    mean, scale = (np.asarray(bundled.about[key], "float32") for key in ("mean", "scale"))
    fed = (images.astype("float32") - mean) / scale

    network = Network(graph, ())
    end = network.layers[graph.nodes[graph.architecture.outputs[0].call].name].output
    load(keras.Model(keras.utils.get_source_inputs(end), end), bundled.path)
    trained = shares(network, reductions, fed, training=False)
    random = []
    for seed in SEEDS:
        network = Network(graph, ())  # no layer is shared with another's
        draw(network, seed)
        random.append(shares(network, reductions, fed, training=True))
    return {
        "network": name,
        "seeds": list(SEEDS),
        "test_error": bundled.about.get("test_error"),
        "reductions": [
            {
                "name": one.name,
                "channels": one.channels,
                "width": one.width,
                "trained": trained[one.source],
                "random": [found[one.source] for found in random],
            }
            for one in reductions
        ],
    }


def record(data: str, *, name: str = NETWORK, images: int = IMAGES) -> Mapping[str, Any]:
    """The record of a network on the first test images of a data set."""
    from keraudit.data.load import load
    from keraudit.environment import hardware_line, versions

    found = load(data)
    part = found.test.first(images)
    return {
        "schema": SCHEMA,
        **measured(name, part.images),
        "images": len(part),
        "dataset": found.describe(),
        "command": COMMAND,
        "versions": versions(),
        "hardware": hardware_line(),
        "date": datetime.now(UTC).date().isoformat(),
    }


def main(words: Sequence[str] | None = None) -> None:
    from keraudit.output.files import save
    from keraudit.output.json_text import json_text

    parser = argparse.ArgumentParser(prog="python -m records.variance", description=__doc__)
    parser.add_argument("data", metavar="DATA", help="the images, as for keraudit train --data")
    parser.add_argument("--output", type=Path, default=PATH, help=f"the record; default: {PATH}")
    options = parser.parse_args(words)
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    try:
        save(options.output, json_text(record(options.data)) + "\n")
    except KerauditError as error:
        raise SystemExit(str(error)) from None
    sys.stderr.write(f"{options.output}\n")


if __name__ == "__main__":
    main()
