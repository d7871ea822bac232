"""What the blocks of a trained network are worth: delete one, delete several, exchange some; paths of the gradient.

After Veit, Wilber and Belongie 2016, "Residual Networks Behave Like Ensembles of Relatively Shallow Networks":
a residual network loses little when a block is deleted, for the paths through all others are left; a plain
network, which has one path, fails.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from keraudit.audits.gradients.autodiff import pulled
from keraudit.environment import versions
from keraudit.evaluation.gated import GatedNetwork
from keraudit.output.plain_data import as_dict

SCHEMA = "keraudit.lesions/1"
GRADIENT_IMAGES = 32
FOLDS = 5  # of the cross-validation of linear probes
RIDGE = 1e-3  # times the number of images: the penalty of a linear probe's weights
Watch = Callable[[str], None]


class Score(NamedTuple):
    """Images classified rightly, of how many, and the 95 % interval of the accuracy (Wilson 1927)."""

    right: int
    images: int
    accuracy: float
    low: float
    high: float


class Deletion(NamedTuple):
    """The network without one block; ``change`` is in percentage points of accuracy."""

    block: str
    resizes: bool
    score: Score
    change: float


class Probe(NamedTuple):
    """How well a linear classifier tells the classes from the channel means after a block.

    ``block`` is empty for the input of the first one.
    """

    block: str
    score: Score


class Several(NamedTuple):
    """The network without ``changed`` random blocks, or with so many random exchanges, several times.

    ``order`` is Kendall's tau between the order of the blocks and the usual one; ``None`` for deletions.
    """

    changed: int
    accuracies: tuple[float, ...]
    order: float | None = None

    @property
    def mean(self) -> float:
        return sum(self.accuracies) / len(self.accuracies)


class PathLength(NamedTuple):
    """The gradient that reaches the input on paths through ``length`` residual branches.

    ``share`` of all paths have that length; ``grad_norms`` are those of random choices of the branches.
    """

    length: int
    share: float
    grad_norms: tuple[float, ...]

    @property
    def mean(self) -> float:
        return sum(self.grad_norms) / len(self.grad_norms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesions:
    """What was found of one network.

    Attributes:
        network: its name; ``source`` is the file or the run.
        params: trainable parameters.
        dataset: the images.
        baseline: nothing deleted.
        deletions: each block deleted alone, from input to output.
        probes: linear classifiers before the first block and after each one, cross-validated.
        several: random blocks deleted together.
        exchanges: random blocks of the same shapes exchanged; empty where none can be.
        paths: by length; empty for a plain network, which has one path.
    """

    network: str
    source: str
    params: int
    dataset: Mapping[str, Any]
    baseline: Score
    deletions: Sequence[Deletion]
    probes: Sequence[Probe]
    several: Sequence[Several]
    exchanges: Sequence[Several]
    paths: Sequence[PathLength]
    seed: int
    versions: Mapping[str, str] = field(default_factory=versions)
    command: str = ""

    @property
    def median_change(self) -> float:
        """The median change of accuracy by a deleted block, in percentage points."""
        changes = sorted(row.change for row in self.deletions)
        middle = len(changes) // 2
        return (changes[middle] + changes[-middle - 1]) / 2

    @property
    def effective_length(self) -> tuple[int, int] | None:
        """The lengths between which nine tenths of the gradient come, by share and norm."""
        weights = [(row.length, row.share * row.mean) for row in self.paths]
        total = sum(weight for _, weight in weights)
        if not total:
            return None
        running, low, high = 0.0, None, weights[-1][0]
        for length, weight in weights:
            running += weight
            if low is None and running >= 0.05 * total:
                low = length
            if running >= 0.95 * total:
                high = length
                break
        return (low or 0, high)

    def to_dict(self) -> dict[str, Any]:
        """The record as plain data."""
        return {
            "schema": SCHEMA,
            **as_dict(
                self, "network", "source", "params", "dataset", "seed", "command", "versions"
            ),
            "baseline": self.baseline._asdict(),
            "median_change_points": self.median_change,
            "effective_path_lengths": self.effective_length,
            "deletions": [
                {
                    **row.score._asdict(),
                    "block": row.block,
                    "resizes": row.resizes,
                    "change_points": row.change,
                }
                for row in self.deletions
            ],
            "probes": [{"block": row.block, **row.score._asdict()} for row in self.probes],
            "several": [
                {"deleted": row.changed, "accuracies": list(row.accuracies)} for row in self.several
            ],
            "exchanges": [
                {
                    "exchanges": row.changed,
                    "kendall_tau": row.order,
                    "accuracies": list(row.accuracies),
                }
                for row in self.exchanges
            ],
            "paths": [
                {"length": row.length, "share": row.share, "grad_norms": list(row.grad_norms)}
                for row in self.paths
            ],
        }


def score(outputs: Any, labels: Any) -> Score:
    """Accuracy with its 95 % interval.

    >>> import numpy as np
    >>> score(np.eye(2), np.array([0, 1]))[:3]
    (2, 2, 1.0)
    """
    right, images = int((outputs.argmax(axis=1) == labels).sum()), len(labels)
    low, high = wilson(right, images)
    return Score(right, images, right / images, low, high)


def wilson(right: int, images: int) -> tuple[float, float]:
    """The 95 % interval of a binomial share (Wilson 1927).

    >>> tuple(round(end, 4) for end in wilson(932, 1017))
    (0.8978, 0.9319)
    """
    z = 1.959964  # two-sided 95 % of a normal distribution
    share = right / images
    middle = (share + z * z / (2 * images)) / (1 + z * z / images)
    half = (
        z / (1 + z * z / images) * math.sqrt(share * (1 - share) / images + z * z / (4 * images**2))
    )
    return max(middle - half, 0.0), min(middle + half, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is measured.

    Attributes:
        repeats: random choices for each number of blocks, exchanges, and length of paths.
        most: the largest number of blocks deleted together; default: all but one.
        seed: of the choices.
    """

    repeats: int = 5
    most: int | None = None
    seed: int = 0


def lesions(
    gated: GatedNetwork,
    images: Any,
    labels: Any,
    plan: Plan,
    *,
    baseline: Score | None = None,
    watch: Watch = lambda stage: None,
    **about: Any,
) -> Lesions:
    """Delete, exchange and follow the blocks of a network.

    Args:
        gated: the network, with a gate at each block.
        images: normalised, (N, height, width, channels).
        labels: (N,) whole numbers.
        plan: how much is measured.
        baseline: of the whole network on these images, if it is known.
        watch: told what is being done.
        about: the other fields of ``Lesions``.
    """
    import numpy as np

    count = len(gated.gates)
    rng = np.random.default_rng(plan.seed)
    baseline = baseline or score(gated.predict(images, [1.0] * count), labels)
    deletions = []
    for number, gate in enumerate(gated.gates):
        watch(f"without {gate.name}, {number + 1} of {count}")
        found = score(gated.predict(images, _closed(count, [number])), labels)
        change = 100 * (found.accuracy - baseline.accuracy)
        deletions.append(Deletion(gate.name, gate.resizes, found, change))
    return Lesions(
        baseline=baseline,
        deletions=tuple(deletions),
        probes=tuple(_probes(gated, images, labels, rng, watch)),
        several=tuple(_several(gated, images, labels, plan, rng, watch)),
        exchanges=tuple(_exchanges(gated, images, labels, plan, rng, watch)),
        paths=tuple(_paths(gated, images, labels, plan, rng, watch)),
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
    most = min(plan.most or len(free) - 1, len(free))
    rows = []
    for deleted in sorted(
        {*range(1, min(most, 10) + 1), *range(12, most + 1, 4)} if most > 0 else ()
    ):
        watch(f"without {deleted} random blocks")
        accuracies = []
        for _ in range(plan.repeats):
            chosen = rng.choice(free, deleted, replace=False).tolist()
            outputs = network.predict(images, _closed(len(network.gates), chosen))
            accuracies.append(score(outputs, labels).accuracy)
        rows.append(Several(deleted, tuple(accuracies)))
    return rows


def _exchanges(
    network: GatedNetwork, images: Any, labels: Any, plan: Plan, rng: Any, watch: Watch
) -> list[Several]:
    """Random pairs of blocks with the same shapes exchanged."""
    from scipy.stats import kendalltau

    kinds: dict[Any, list[int]] = {}
    for number in range(len(network.gates)):
        kinds.setdefault(network.shapes_of(number), []).append(number)
    pairs = [(a, b) for same in kinds.values() for a in same for b in same if a < b]
    rows = []
    for count in (1, 2, 4, 8, 16) if pairs else ():
        watch(f"{count} random exchanges")
        accuracies, taus = [], []
        for _ in range(plan.repeats):
            order = list(range(len(network.gates)))
            for pair in rng.choice(len(pairs), count):
                one, other = pairs[pair]
                network.swap(one, other)
                order[one], order[other] = order[other], order[one]
            outputs = network.predict(images, _closed(len(network.gates), []))
            network.restore()
            accuracies.append(score(outputs, labels).accuracy)
            taus.append(float(kendalltau(order, range(len(order))).statistic))
        rows.append(Several(count, tuple(accuracies), sum(taus) / len(taus)))
    return rows


def _paths(
    network: GatedNetwork, images: Any, labels: Any, plan: Plan, rng: Any, watch: Watch
) -> list[PathLength]:
    """The norm of the loss's gradient at the input, on paths through so many residual branches."""
    import numpy as np
    from keras import ops

    if any(gate.branch is None for gate in network.gates):
        return []
    part = ops.convert_to_tensor(images[:GRADIENT_IMAGES])
    wanted = ops.convert_to_tensor(np.asarray(labels[:GRADIENT_IMAGES], "int32"))
    count = len(network.gates)

    def gradient(opening: Sequence[float]) -> float:
        ways = ops.tile(ops.convert_to_tensor([list(opening)], "float32"), (len(part), 1))

        def loss(tensors: list[Any]) -> list[Any]:
            outputs = network.outputs(tensors[0], ways, stop=True)
            logs = ops.log_softmax(outputs) if _are_logits(network) else ops.log(outputs + 1e-12)
            return [-ops.mean(ops.take_along_axis(logs, wanted[:, None], axis=1))]

        (found,) = pulled(loss, [part], [ops.convert_to_tensor(1.0)])
        return float(np.linalg.norm(ops.convert_to_numpy(found)))

    rows = []
    for length in _lengths(count):
        watch(f"paths through {length} of {count} branches")
        norms = []
        for _ in range(plan.repeats):
            chosen = rng.choice(count, length, replace=False).tolist()
            norms.append(gradient([float(number in chosen) for number in range(count)]))
        rows.append(PathLength(length, math.comb(count, length) / 2**count, tuple(norms)))
    return rows


def _lengths(count: int) -> list[int]:
    """All lengths of a shallow network; of a deep one every second or third."""
    return list(range(0, count + 1, max(1, count // 18)))


def _are_logits(network: GatedNetwork) -> bool:
    """Whether the network ends before its softmax."""
    graph = network.graph
    last = graph.nodes[graph.architecture.outputs[0].call].layer
    return last.kind != "Softmax" and last.config.get("activation") != "softmax"
