"""Evaluations as grids: one line a network, then each network in full."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keraudit.data.dataset import judges, short_fingerprint
from keraudit.evaluation.evaluate import Evaluation, notes_on
from keraudit.output.table import Column, Grid, Line

CONVENTION = "shares of the test images; loss and entropies in nats"


def title(evaluation: Evaluation) -> str:
    return f"{evaluation.network} seed {evaluation.seed}"


def summary_grid(evaluations: Sequence[Evaluation], *, command: str) -> Grid:
    """One line a network."""
    columns = (
        Column(key="name", label="Network"),
        Column(key="seed", label="Seed", form="number"),
        Column(key="accuracy", label="Test", form="share"),
        Column(key="train_accuracy", label="Train", form="share"),
        Column(key="gap", label="Gap", form="share"),
        Column(key="loss", label="Loss", form="real"),
        Column(key="ece", label="ECE", form="share"),
        Column(key="corrupted_accuracy", label="Corrupted", form="share"),
        Column(key="human", label="Humans", form="real", wide=True),
    )
    lines = tuple(
        Line(
            cells={
                "name": evaluation.network,
                "seed": evaluation.seed,
                "accuracy": evaluation.accuracy,
                "train_accuracy": evaluation.train_accuracy,
                "gap": evaluation.gap,
                "loss": evaluation.loss,
                "ece": evaluation.ece,
                "corrupted_accuracy": evaluation.corrupted_accuracy,
                "human": evaluation.human["cross_entropy"] if evaluation.human else None,
            }
        )
        for evaluation in evaluations
    )
    data = dict.fromkeys(
        f"{e.dataset['name']} ({short_fingerprint(e.dataset['fingerprint'])})" for e in evaluations
    )
    one = evaluations[0] if len(evaluations) == 1 else None
    about = [f"Note            {title(e)}: {note}" for e in evaluations for note in notes_on(e)]
    return Grid(
        title="Evaluation" if one else f"{len(evaluations)} evaluations",
        heading=f"on {one.dataset['test_images']:,} {judges(one.dataset)} images" if one else "",
        columns=columns,
        lines=lines,
        notes=(
            *(f"Data            {name}" for name in data),
            *(outside(one) if one else ()),
            *about,
        ),
        command=command,
        convention=CONVENTION,
    )


def outside(evaluation: Evaluation) -> tuple[str, ...]:
    """People and originals in words, where they were given."""
    lines = []
    if evaluation.human:
        h = evaluation.human
        correlation, rank = h["entropy_correlation"], h["entropy_rank_correlation"]
        lines += [
            f"Humans          cross-entropy to their labels {h['cross_entropy']:.3f}, their own"
            f" entropy {h['human_entropy']:.3f}",
            f"                correlation of entropies {number(correlation)}, of their ranks"
            f" {number(rank)}",
        ]
    if evaluation.originals:
        o = evaluation.originals
        psnr = "all identical" if o["psnr_db"] is None else f"mean PSNR {o['psnr_db']:.1f} dB"
        lines += [
            f"Originals       {o['accuracy_originals']:.2%} on {o['images']:,} originals,"
            f" {o['accuracy_copies']:.2%} on the same images here",
            f"                {psnr}",
            f"                right on the original alone {o['only_original_right']}, here alone"
            f" {o['only_copy_right']}",
        ]
    return tuple(lines)


def number(value: float | None) -> str:
    return "none: one does not vary" if value is None else f"{value:.3f}"


def full_grids(evaluation: Evaluation) -> list[Grid]:
    """One network by class, by confidence and by corruption."""
    grids = [class_grid(evaluation), confusion_grid(evaluation), _calibration_grid(evaluation)]
    return grids + ([_corruption_grid(evaluation)] if evaluation.corruptions else [])


def class_grid(evaluation: Evaluation) -> Grid:
    """Precision and recall, and what each class is most often taken for."""
    columns = (
        Column(key="name", label="Class"),
        Column(key="images", label="Images", form="number"),
        Column(key="precision", label="Precision", form="share"),
        Column(key="recall", label="Recall", form="share"),
        Column(key="confused", label="Most often taken for"),
    )
    lines = []
    for place, score in enumerate(evaluation.classes):
        others = [(n, i) for i, n in enumerate(evaluation.confusion[place]) if i != place]
        most, at = max(others, key=lambda pair: pair[0])
        confused_with = f"{evaluation.classes[at].name} ({most})" if most else ""
        lines.append(
            Line(
                cells={
                    "name": score.name,
                    "images": score.images,
                    "precision": score.precision,
                    "recall": score.recall,
                    "confused": confused_with,
                }
            )
        )
    return _plain_grid(f"{title(evaluation)}: classes", columns, lines)


def confusion_grid(evaluation: Evaluation) -> Grid:
    """Images of a class (row) that were taken for a class (column)."""
    names = [score.name for score in evaluation.classes]
    columns = (
        Column(key="name", label="Class"),
        *(
            Column(key=f"c{i}", label=short, form="number")
            for i, short in enumerate(_shortened(names))
        ),
    )
    lines = [
        Line(cells={"name": name, **{f"c{i}": count for i, count in enumerate(row)}})
        for name, row in zip(names, evaluation.confusion, strict=True)
    ]
    return _plain_grid(f"{title(evaluation)}: confusion (rows are the labels)", columns, lines)


def _shortened(names: Sequence[str]) -> list[str]:
    """Names as short as they can be told apart, three letters or more; numbers where that is long.

    >>> _shortened(["automobile", "airplane", "cat"])
    ['aut', 'air', 'cat']
    """
    size = next((n for n in (3, 4, 5) if len({name[:n] for name in names}) == len(names)), 0)
    return [name[:size] if size else str(i) for i, name in enumerate(names)]


def _calibration_grid(evaluation: Evaluation) -> Grid:
    """The bins of the reliability diagram that hold an image."""
    columns = (
        Column(key="name", label="Confidence"),
        Column(key="images", label="Images", form="number"),
        Column(key="confidence", label="Mean", form="share"),
        Column(key="accuracy", label="Accuracy", form="share"),
        Column(key="off", label="Off by", form="share"),
    )
    lines = [
        Line(
            cells={
                "name": f"{b.low:.0%} to {b.high:.0%}",
                "images": b.images,
                "confidence": b.confidence,
                "accuracy": b.accuracy,
                "off": (b.accuracy or 0.0) - (b.confidence or 0.0),
            }
        )
        for b in evaluation.calibration
        if b.images
    ]
    grid = _plain_grid(f"{title(evaluation)}: calibration", columns, lines)
    return grid._replace(
        notes=(f"ECE             {evaluation.ece:.2%}: accuracy's mean distance from confidence",)
    )


def _corruption_grid(evaluation: Evaluation) -> Grid:
    """Accuracy by corruption, one column a severity."""
    severities = sorted({row.severity for row in evaluation.corruptions})
    columns = (
        Column(key="name", label="Corruption"),
        *(Column(key=f"s{s}", label=f"Severity {s}", form="share") for s in severities),
    )
    lines = []
    for name in dict.fromkeys(row.name for row in evaluation.corruptions):
        rows = [row for row in evaluation.corruptions if row.name == name]
        cells: dict[str, Any] = {f"s{row.severity}": row.accuracy for row in rows}
        lines.append(Line(cells={"name": name, **cells}))
    grid = _plain_grid(f"{title(evaluation)}: corruptions", columns, lines)
    return grid._replace(
        notes=(
            f"Mean            {evaluation.corrupted_accuracy or 0:.2%}; {evaluation.clean_accuracy or 0:.2%} without;"
            f" {evaluation.corruption_images:,} images",
            "Severities      as in CIFAR-10-C (Hendrycks and Dietterich 2019)",
        )
    )


def _plain_grid(name: str, columns: tuple[Column, ...], lines: Sequence[Line]) -> Grid:
    return Grid(title=name, heading="", columns=columns, lines=tuple(lines), convention=CONVENTION)


def long_grid(evaluation: Evaluation) -> Grid:
    """An evaluation as one long table, for CSV: measure, subject, value."""
    columns = (
        Column(key="measure", label="Measure"),
        Column(key="of", label="Of"),
        Column(key="value", label="Value", form="real"),
    )
    rows: list[tuple[str, str, Any]] = [
        (key, "", getattr(evaluation, key))
        for key in ("accuracy", "loss", "train_accuracy", "gap", "ece", "corrupted_accuracy")
    ]
    for score in evaluation.classes:
        rows += [("precision", score.name, score.precision), ("recall", score.name, score.recall)]
    names = [score.name for score in evaluation.classes]
    for name, counts in zip(names, evaluation.confusion, strict=True):
        rows += [("confusion", f"{name} as {b}", n) for b, n in zip(names, counts, strict=True)]
    for b in evaluation.calibration:
        place = f"{b.low:.3f} to {b.high:.3f}"
        rows += [("bin_images", place, b.images), ("bin_confidence", place, b.confidence)]
        rows.append(("bin_accuracy", place, b.accuracy))
    rows += [(f"accuracy_{r.name}", str(r.severity), r.accuracy) for r in evaluation.corruptions]
    for what, part in (("human", evaluation.human), ("originals", evaluation.originals)):
        rows += [(f"{what}_{key}", "", value) for key, value in (part or {}).items()]
    lines = [Line(cells={"measure": a, "of": b, "value": c}) for a, b, c in rows]
    return _plain_grid(title(evaluation), columns, lines)
