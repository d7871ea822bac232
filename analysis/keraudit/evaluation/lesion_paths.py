"""The gradient at the input by the number of residual branches that it comes through (Veit et al. 2016, section 5)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from keraudit.audits.gradients.autodiff import pulled
from keraudit.evaluation.gated import GatedNetwork
from keraudit.evaluation.intervals import NORMAL
from keraudit.evaluation.lesion_record import PathLength

BATCH = 64  # images at once
LEAST = 1e-12  # of a probability in a logarithm


def path_lengths(
    network: GatedNetwork,
    images: Any,
    labels: Any,
    draws: int,
    rng: Any,
    watch: Callable[[str], None],
) -> list[PathLength]:
    """Measure paths of each length: the same random images, each backward through branches of its own random choice.

    Forward every block is in place. Normalisation uses its moving statistics, so that images do not mix.

    Args:
        network: with a gate at each block.
        images: normalised, (N, height, width, channels).
        labels: (N,) whole numbers.
        draws: images, at most all of them.
        rng: NumPy's generator.
        watch: told what is being done.

    Returns:
        A row for each length from 0 to all blocks; none for a plain network, which has one path.
    """
    import numpy as np

    if any(gate.branch is None for gate in network.gates):
        return []
    count, rows = len(network.gates), []
    chosen = rng.permutation(len(labels))[:draws]
    draws = len(chosen)
    for length in range(count + 1):
        watch(f"paths through {length} of {count} branches")
        ways = (rng.random((draws, count)).argsort(axis=1) < length).astype("float32")
        norms = np.concatenate(
            [
                _norms(network, images[part], labels[part], ways[start : start + BATCH])
                for start in range(0, draws, BATCH)
                for part in [chosen[start : start + BATCH]]
            ]
        )
        mean = float(norms.mean())
        half = NORMAL * float(norms.std(ddof=1)) / math.sqrt(draws) if draws > 1 else 0.0
        share = math.comb(count, length) / 2**count
        rows.append(PathLength(length, share, draws, mean, max(mean - half, 0.0), mean + half))
    return rows


def _norms(network: GatedNetwork, images: Any, labels: Any, ways: Any) -> Any:
    """The norm of the gradient of each image's loss at its pixels, (N,), by the branches that ``ways`` opens."""
    import numpy as np
    from keras import ops

    wanted = ops.convert_to_tensor(np.asarray(labels, "int32"))[:, None]
    opening = ops.convert_to_tensor(ways)

    def loss(tensors: list[Any]) -> list[Any]:
        outputs = network.outputs(tensors[0], opening, stop=True)
        logs = ops.log_softmax(outputs) if _are_logits(network) else ops.log(outputs + LEAST)
        return [-ops.sum(ops.take_along_axis(logs, wanted, axis=1))]

    (found,) = pulled(loss, [ops.convert_to_tensor(images)], [ops.convert_to_tensor(1.0)])
    return np.linalg.norm(ops.convert_to_numpy(found).reshape(len(images), -1), axis=1)


def _are_logits(network: GatedNetwork) -> bool:
    """Whether the network ends before its softmax."""
    graph = network.graph
    last = graph.nodes[graph.architecture.outputs[0].call].layer
    return last.kind != "Softmax" and last.config.get("activation") != "softmax"
