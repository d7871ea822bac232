"""What the blocks of a trained network are worth: delete one, delete several, exchange some; paths of the gradient.

After Veit, Wilber and Belongie 2016, "Residual Networks Behave Like Ensembles of Relatively Shallow Networks":
a residual network loses little when a block is deleted, for the paths through all others are left; a plain
network, which has one path, fails.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import Any, TypeVar

from keraudit.errors import KerauditError
from keraudit.evaluation.gated import GatedNetwork
from keraudit.evaluation.intervals import paired_change
from keraudit.evaluation.lesion_paths import path_lengths
from keraudit.evaluation.lesion_record import Deletion, Lesions, Probe, Several, score

FOLDS = 5  # of the cross-validation of linear probes
RIDGE = 1e-3  # times the number of images: the penalty of a linear probe's weights
ROUNDED = 1e-3  # of the images may be classified otherwise with every gate open
Watch = Callable[[str], None]
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is measured.

    Attributes:
        repeats: random choices for each number of blocks or exchanges.
        draws: random images, the same for each length of paths, each on a random path.
        seed: of the choices.
    """

    repeats: int = 5
    draws: int = 256
    seed: int = 0


def lesions(
    gated: GatedNetwork,
    images: Any,
    labels: Any,
    plan: Plan,
    *,
    whole: Any = None,
    watch: Watch = lambda stage: None,
    **about: Any,
) -> Lesions:
    """Delete, exchange and follow the blocks of a network.

    Args:
        gated: the network, with a gate at each block.
        images: normalised, (N, height, width, channels).
        labels: (N,) whole numbers.
        plan: how much is measured.
        whole: what the network predicts without gates, which open gates may not change; default: not compared.
        watch: told what is being done.
        about: the other fields of ``Lesions``.

    Raises:
        KerauditError: there are too few images for the probes, or open gates change a prediction.
    """
    import numpy as np

    count = len(gated.gates)
    rng = np.random.default_rng(plan.seed)
    if len(labels) < FOLDS:
        raise KerauditError(f"linear probes need {FOLDS} images or more, received {len(labels)}")
    outputs = gated.predict(images, [1.0] * count)
    changed = 0 if whole is None else (outputs.argmax(axis=1) != whole.argmax(axis=1)).sum()
    if changed > ROUNDED * len(labels):
        raise KerauditError("with all blocks in place the predictions change: they cannot be gated")
    before = outputs.argmax(axis=1) == labels
    deletions = []
    for number, gate in enumerate(gated.gates):
        watch(f"without {gate.name}, {number + 1} of {count}")
        found = gated.predict(images, _closed(count, [number]))
        change = paired_change(before, found.argmax(axis=1) == labels)
        deletions.append(Deletion(gate.name, gate.resizes, score(found, labels), *change))
    return Lesions(
        baseline=score(outputs, labels),
        deletions=tuple(deletions),
        probes=tuple(_probes(gated, images, labels, rng, watch)),
        several=tuple(_several(gated, images, labels, plan, rng, watch)),
        exchanges=tuple(_exchanges(gated, images, labels, plan, rng, watch)),
        paths=tuple(path_lengths(gated, images, labels, plan.draws, rng, watch)),
        seed=plan.seed,
        **about,
    )


def _closed(count: int, numbers: Sequence[int]) -> list[float]:
    return [float(number not in numbers) for number in range(count)]


def _probes(network: GatedNetwork, images: Any, labels: Any, rng: Any, watch: Watch) -> list[Probe]:
    """Linear probes (Alain and Bengio 2016), each image classified by one fitted without its fold."""
    watch("linear probes")
    folds = rng.permutation(len(labels)) % FOLDS
    names = ("", *(gate.name for gate in network.gates))
    parts = network.features(images)
    return [
        Probe(name, score(_probed(features, labels, folds), labels))
        for name, features in zip(names, parts, strict=True)
    ]


def _probed(features: Any, labels: Any, folds: Any) -> Any:
    """The outputs of ridge regression on one-hot labels, (N, classes), each fold's from the others."""
    import numpy as np

    values = np.asarray(features, "float64")
    outputs = np.zeros((len(labels), int(labels.max()) + 1))
    for fold in range(FOLDS):
        known = folds != fold
        mean, deviation = values[known].mean(0), values[known].std(0)
        x = np.hstack(
            [(values - mean) / np.where(deviation > 0, deviation, 1), np.ones((len(labels), 1))]
        )
        targets = np.eye(outputs.shape[1])[labels[known]]
        penalty = RIDGE * known.sum() * np.eye(x.shape[1])
        weights = np.linalg.solve(x[known].T @ x[known] + penalty, x[known].T @ targets)
        outputs[~known] = x[~known] @ weights
    return outputs


def _several(
    network: GatedNetwork, images: Any, labels: Any, plan: Plan, rng: Any, watch: Watch
) -> list[Several]:
    """Random blocks deleted together; those that change the size stay, as every path needs them."""
    free = [number for number, gate in enumerate(network.gates) if not gate.resizes]
    most, rows = len(free) - 1, []
    for deleted in sorted({*range(1, min(most, 10) + 1), *range(12, most + 1, 4)}):
        watch(f"without {deleted} random blocks")
        accuracies = []
        for chosen in _choices(free, deleted, plan.repeats, rng):
            outputs = network.predict(images, _closed(len(network.gates), chosen))
            accuracies.append(score(outputs, labels).accuracy)
        rows.append(Several(deleted, tuple(accuracies)))
    return rows


def _exchanges(
    network: GatedNetwork, images: Any, labels: Any, plan: Plan, rng: Any, watch: Watch
) -> list[Several]:
    """Random pairs of blocks with the same shapes exchanged, one after another."""
    kinds: dict[Any, list[int]] = {}
    for number in range(len(network.gates)):
        kinds.setdefault(network.shapes_of(number), []).append(number)
    pairs = [pair for same in kinds.values() for pair in combinations(same, 2)]
    rows = []
    for count in (1, 2, 4, 8, 16):
        if count > len(pairs):
            break
        watch(f"{count} random exchanges")
        accuracies, taus = [], []
        for chosen in _choices(pairs, count, plan.repeats, rng):
            order = list(range(len(network.gates)))
            for one, other in chosen:
                network.swap(one, other)
                order[one], order[other] = order[other], order[one]
            outputs = network.predict(images, _closed(len(network.gates), []))
            network.restore()
            accuracies.append(score(outputs, labels).accuracy)
            taus.append(kendall_tau(order, pairs))
        rows.append(Several(count, tuple(accuracies), tuple(taus)))
    return rows


def _choices(things: Sequence[_T], size: int, repeats: int, rng: Any) -> list[list[_T]]:
    """Random choices of so many things, no two of the same; all there are where those are no more."""
    if comb(len(things), size) <= repeats:
        return [list(chosen) for chosen in combinations(things, size)]
    found: dict[frozenset[int], list[_T]] = {}
    while len(found) < repeats:
        numbers = rng.choice(len(things), size, replace=False).tolist()
        found[frozenset(numbers)] = [things[number] for number in numbers]
    return list(found.values())


def kendall_tau(order: Sequence[int], pairs: Sequence[tuple[int, int]]) -> float:
    """Kendall's tau of an order over the pairs that may trade places: 1 as it was, -1 each stage reversed.

    >>> kendall_tau([1, 0, 3, 2], [(0, 1), (2, 3)]), kendall_tau([1, 0, 2, 3], [(0, 1), (2, 3)])
    (-1.0, 0.0)
    """
    return 1 - 2 * sum(order[a] > order[b] for a, b in pairs) / len(pairs)
