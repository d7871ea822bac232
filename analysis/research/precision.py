"""What bfloat16 leaves of a network's gradients before its first step, beside float32.

``python analysis/research/precision.py [--networks InceptionV3,ResNet50,...] [--batch 128] [--size 96] [--data DATA]
[--record FILE]``. The same random initial weights and the same batch in both precisions, as ``keraudit train`` feeds them
(recipe ``modern``), on JAX: the norm of each kernel's gradient in running order, and the cosine between the two
gradients. 1 is the same direction, 0 is none in common.
"""

from __future__ import annotations

import argparse
from typing import Any

from benchmarks.processes import keep, parsed

NETWORKS = "InceptionV3,ResNet50,ResNet-CIFAR-56,ResNet-CIFAR-20,Plain-CIFAR-56,Plain-CIFAR-20"
PRECISIONS = ("float32", "mixed_bfloat16")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--networks", default=NETWORKS)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--data", default="cifar10")
    options = parsed(parser, backend="jax")
    from keraudit.data.dataset import limited
    from keraudit.data.load import load

    data = limited(load(options.data), train=4 * options.batch, test=100)
    results = {
        "dataset": data.describe(),
        "batch": options.batch,
        "size": options.size,
        "seed": 0,
        "networks": [measured(name, data, options) for name in options.networks.split(",")],
    }
    keep("keraudit.precision-benchmark/1", results, options.record)


def measured(name: str, data: Any, options: argparse.Namespace) -> dict[str, Any]:
    """Both precisions of one network; kernels in the order in which they run."""
    import numpy as np

    from keraudit.training.augment import plan
    from keraudit.training.networks import LARGE
    from keraudit.training.recipe import recipe
    from keraudit.training.step import TrainState

    weights: list[Any] = []
    sides = []
    for precision in PRECISIONS:
        size = options.size if name in LARGE else None
        settings = recipe("modern", batch=options.batch, epochs=1, size=size, precision=precision)
        state = TrainState(name, data, settings, 0)
        variables = state.network.variables
        if weights:
            for variable, value in zip(variables, weights, strict=True):
                variable.assign(value)
        weights = [np.asarray(variable.value) for variable in variables]
        rows = plan(data.train, settings, 0, 0)[0]
        sides.append(gradients(state, rows))
    (loss, outputs, exact), (_, rounded_outputs, rounded) = sides
    kernels = [
        {
            "path": path,
            "grad_norm": float(np.linalg.norm(value)),
            "bfloat16_cosine": cosine(value, rounded[path]),
        }
        for path, value in exact.items()
        if path.endswith("kernel")
    ]
    everything = [np.concatenate([v.ravel() for v in side.values()]) for side in (exact, rounded)]
    return {
        "network": name,
        "loss": loss,
        "grad_norm": float(np.linalg.norm(everything[0])),
        "bfloat16_cosine": cosine(*everything),
        "largest_change_of_a_probability": float(np.abs(outputs - rounded_outputs).max()),
        "kernels": kernels,
    }


def gradients(state: Any, rows: Any) -> tuple[float, Any, dict[str, Any]]:
    """Loss without weight decay, probabilities, and by path the gradient of each weight."""
    import jax
    import numpy as np
    from keras import ops

    labels, weights = state.labels(state.data.train, rows), state.model.trainable_variables
    others = [v.value for v in state.model.non_trainable_variables]

    def loss_of(trainable: Any) -> Any:
        found, _ = state.model.stateless_call(trainable, others, rows, training=True)
        return state.loss(labels, found), ops.softmax(found)

    values = [v.value for v in weights]
    (loss, found), slopes = jax.jit(jax.value_and_grad(loss_of, has_aux=True))(values)
    named = {v.path: np.asarray(g, "float64") for v, g in zip(weights, slopes, strict=True)}
    return float(loss), np.asarray(found, "float64"), named


def cosine(a: Any, b: Any) -> float:
    import numpy as np

    return float(np.vdot(a, b) / max(np.linalg.norm(a) * np.linalg.norm(b), 1e-300))


if __name__ == "__main__":
    main()
