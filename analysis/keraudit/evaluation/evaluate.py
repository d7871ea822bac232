"""Evaluate a trained network: on its test set, on corrupted images, compared with people and with the originals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from keraudit.data import cifar10h
from keraudit.data.corruptions import MADE_FOR, SEVERITIES, corrupted
from keraudit.environment import versions
from keraudit.errors import KerauditError
from keraudit.evaluation import agreement, metrics
from keraudit.evaluation.load import LoadedRun
from keraudit.evaluation.metrics import Bin, ClassScore
from keraudit.output.files import save
from keraudit.output.json_text import json_text
from keraudit.output.plain_data import as_dict
from keraudit.output.stored import stored_json
from keraudit.safe_text import harmless_data
from keraudit.training.scores import accuracy, cross_entropy

SCHEMA = "keraudit.evaluation/1"
FILE = "evaluation.json"
Watch = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrupted:
    """Accuracy on corrupted images; ``amount`` is what the severity stands for."""

    name: str
    severity: int
    amount: float
    accuracy: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What one trained network is worth.

    Attributes:
        network: its name; ``seed`` and ``recipe`` are the run's.
        dataset: the data set with as many test images as were used.
        weights: ``"averaged"`` over the last steps, or ``"last"``.
        accuracy: on the test images; ``loss`` is their cross-entropy in nats.
        train_accuracy: from the run's record, on its training images without crops and mirroring.
        recorded_accuracy: on the test images from the run's record, where they are the same images.
        classes: precision and recall.
        confusion: images of class (row) taken for class (column).
        calibration: the bins of a reliability diagram, and ``ece`` from them.
        corruptions: accuracy for each corruption and severity, on ``corruption_images`` test images.
        clean_accuracy: on the same images, not corrupted.
        human: agreement with people's uncertainty, where their labels were given.
        originals: the cost of a copy, where originals were given.
        correct: hexadecimal, a bit for each test image in their order, 1 where the network is right: what a paired
            test of two networks needs. ``None`` in records from before it was kept.
    """

    network: str
    seed: int
    recipe: str
    dataset: Mapping[str, Any]
    weights: str
    accuracy: float
    loss: float
    train_accuracy: float
    recorded_accuracy: float | None
    classes: Sequence[ClassScore]
    confusion: Sequence[Sequence[int]]
    calibration: Sequence[Bin]
    ece: float
    corruptions: Sequence[Corrupted]
    corruption_images: int
    clean_accuracy: float | None
    human: Mapping[str, Any] | None
    originals: Mapping[str, Any] | None
    versions: Mapping[str, str]
    date: str
    command: str = ""
    correct: str | None = None
    schema: str = field(default=SCHEMA)

    @property
    def gap(self) -> float:
        """Training accuracy less test accuracy."""
        return self.train_accuracy - self.accuracy

    @property
    def corrupted_accuracy(self) -> float | None:
        """The mean over corruptions and severities."""
        accuracies = [row.accuracy for row in self.corruptions]
        return sum(accuracies) / len(accuracies) if accuracies else None

    def to_dict(self) -> dict[str, Any]:
        """The record as plain data."""
        record = as_dict(self)
        tables = {key: record.pop(key) for key in ("classes", "calibration", "corruptions")}
        return record | as_dict(self, "gap", "corrupted_accuracy") | tables


def read_evaluation(folder: Path) -> Evaluation | None:
    """The evaluation kept in a run's folder; ``None`` if there is none.

    Raises:
        KerauditError: it is damaged.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        return from_dict(harmless_data(stored_json(path)))
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise KerauditError(
            f"{path} is not an evaluation ({error}): keraudit evaluate writes it anew"
        ) from None


def keep(folder: Path, evaluation: Evaluation) -> str:
    """Keep an evaluation in its run's folder, unless one is there that is of more.

    Returns:
        What the one that is there has more; empty where ``evaluation`` took its place.

    Raises:
        KerauditError: it cannot be written.
    """
    try:
        before = read_evaluation(folder)
    except KerauditError:  # damaged, and now written anew
        before = None
    if (
        before
        and before.train_accuracy == evaluation.train_accuracy
        and (more := _has_more(before, evaluation))
    ):
        return more
    save(folder / FILE, json_text(evaluation.to_dict()) + "\n")
    return ""


def _has_more(one: Evaluation, other: Evaluation) -> str:
    """What the first of two evaluations of a run has that the second has not."""
    images, corrupted = one.dataset["test_images"], one.corruption_images
    found = (
        f"{images:,} test images" * (images > other.dataset["test_images"]),
        f"{corrupted:,} of them corrupted" * (corrupted > other.corruption_images),
        *(
            f"--{key}"
            for key in ("human", "originals")
            if getattr(one, key) is not None and getattr(other, key) is None
        ),
    )
    return ", ".join(filter(None, found))


def from_dict(record: Mapping[str, Any]) -> Evaluation:
    """An evaluation from its plain data."""
    if record.get("schema") != SCHEMA:
        raise ValueError(f"its schema is {record.get('schema')!r}, not {SCHEMA!r}")
    fields = {k: v for k, v in record.items() if k not in ("gap", "corrupted_accuracy")}
    fields["classes"] = tuple(ClassScore(**row) for row in record["classes"])
    fields["calibration"] = tuple(Bin(**row) for row in record["calibration"])
    fields["corruptions"] = tuple(Corrupted(**row) for row in record["corruptions"])
    return Evaluation(**fields)


def _unwatched(stage: str) -> None:
    """Look away."""


def evaluate(
    network: LoadedRun,
    *,
    corruption_images: int | None = None,
    human_file: Path | None = None,
    originals_file: Path | None = None,
    watch: Watch = _unwatched,
    command: str = "",
) -> Evaluation:
    """Evaluate a trained network.

    Args:
        network: of ``trained``.
        corruption_images: how many test images are corrupted, from the first; default: all; 0: none.
        human_file: CIFAR-10H's ``probs``, in the order of the test set.
        originals_file: the first test images as in the original files, ``x`` and ``y``.
        watch: told what is being done.
        command: for the record.

    Raises:
        DataError: a file does not fit the test set.
    """
    import time

    data, run = network.data, network.run
    test = data.test
    # the files first: a wrong one is told before minutes of work
    people = cifar10h.human_labels(human_file, test, len(data.classes)) if human_file else None
    first = cifar10h.originals(originals_file, test) if originals_file else None
    watch(f"{len(test):,} test images")
    probabilities = network.probabilities(test.images)
    matrix = metrics.confusion(probabilities, test.labels)
    bins = metrics.reliability(probabilities, test.labels)
    used = test.first(len(test) if corruption_images is None else corruption_images)
    dataset = data.describe()
    same = dataset["fingerprint"] == run.dataset["fingerprint"]
    return Evaluation(
        network=run.network,
        seed=run.seed,
        recipe=str(run.recipe["name"]),
        dataset=dataset,
        weights="averaged" if run.recipe["ema"] else "last",
        accuracy=accuracy(probabilities, test.labels),
        loss=cross_entropy(probabilities, test.labels),
        train_accuracy=float(run.evaluation["train"]["accuracy"]),
        recorded_accuracy=float(run.evaluation["test"]["accuracy"]) if same else None,
        classes=metrics.class_scores(matrix, data.classes),
        confusion=tuple(tuple(row) for row in matrix.tolist()),
        calibration=bins,
        ece=metrics.expected_calibration_error(bins),
        corruptions=tuple(_on_corrupted(network, used, watch)),
        corruption_images=len(used),
        clean_accuracy=accuracy(probabilities[: len(used)], used.labels) if len(used) else None,
        human=None
        if people is None
        else agreement.human_agreement(probabilities, people, test.labels),
        originals=None
        if first is None
        else agreement.recompression_effect(
            network.probabilities(first.images), probabilities[: len(first)], first, test
        ),
        versions=versions(),
        date=time.strftime("%Y-%m-%d"),
        command=command,
        correct=metrics.correct_bits(probabilities, test.labels),
    )


def _on_corrupted(network: LoadedRun, used: Any, watch: Watch) -> Sequence[Corrupted]:
    """Accuracy for each corruption and severity."""
    if not len(used):
        return []
    rows = []
    for name, amounts in SEVERITIES.items():
        watch(f"{len(used):,} images with {name}, {len(amounts)} severities")
        for severity, amount in enumerate(amounts, 1):
            probabilities = network.probabilities(corrupted(used.images, name, severity))
            rows.append(
                Corrupted(
                    name=name,
                    severity=severity,
                    amount=amount,
                    accuracy=accuracy(probabilities, used.labels),
                )
            )
    return rows


def notes_on(evaluation: Evaluation) -> tuple[str, ...]:
    """What a reader must know beside the numbers."""
    notes = []
    recorded = evaluation.recorded_accuracy
    if recorded is not None and abs(recorded - evaluation.accuracy) > 0.002:
        notes.append(f"the run's own record says {recorded:.2%}: other weights, or another backend")
    sides = evaluation.dataset["image_shape"][:2]
    if evaluation.corruptions and any(side != MADE_FOR for side in sides):
        notes.append(f"the severities are made for images of {MADE_FOR}x{MADE_FOR} pixels")
    return tuple(notes)
