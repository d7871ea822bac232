"""Evaluations as grids: one line a network, then each network in full."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keraudit.data.dataset import judges, short_fingerprint
from keraudit.evaluation.evaluate import Evaluation, notes_on
from keraudit.output.table import Column, Grid, Line

CONVENTION = "shares of the test images; loss and entropies in nats"


def title(found: Evaluation) -> str:
    return f"{found.network} seed {found.seed}"


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
                "name": found.network,
                "seed": found.seed,
                "accuracy": found.accuracy,
                "train_accuracy": found.train_accuracy,
                "gap": found.gap,
                "loss": found.loss,
                "ece": found.ece,
                "corrupted_accuracy": found.corrupted_accuracy,
                "human": found.human["cross_entropy"] if found.human else None,
            }
        )
        for found in evaluations
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


def outside(found: Evaluation) -> tuple[str, ...]:
    """People and originals in words, where they were given."""
    lines = []
    if found.human:
        h = found.human
        correlation, rank = h["entropy_correlation"], h["entropy_rank_correlation"]
        lines += [
            f"Humans          cross-entropy to their labels {h['cross_entropy']:.3f}, their own"
            f" entropy {h['human_entropy']:.3f}",
            f"                correlation of entropies {number(correlation)}, of their ranks"
            f" {number(rank)}",
        ]
    if found.originals:
        o = found.originals
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


def full_grids(found: Evaluation) -> list[Grid]:
    """One network by class, by confidence and by corruption."""
    grids = [class_grid(found), confusion_grid(found), _calibration_grid(found)]
    return grids + ([_corruption_grid(found)] if found.corruptions else [])


def class_grid(found: Evaluation) -> Grid:
    """Precision and recall, and what each class is most often taken for."""
    columns = (
        Column(key="name", label="Class"),
        Column(key="images", label="Images", form="number"),
        Column(key="precision", label="Precision", form="share"),
        Column(key="recall", label="Recall", form="share"),
        Column(key="confused", label="Most often taken for"),
    )
    lines = []
    for place, score in enumerate(found.classes):
        others = [(n, i) for i, n in enumerate(found.confusion[place]) if i != place]
        most, at = max(others, key=lambda pair: pair[0])
        confused_with = f"{found.classes[at].name} ({most})" if most else ""
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
    return _plain_grid(f"{title(found)}: classes", columns, lines)


def confusion_grid(found: Evaluation) -> Grid:
    """Images of a class (row) that were taken for a class (column)."""
    names = [score.name for score in found.classes]
    columns = (
        Column(key="name", label="Class"),
        *(
            Column(key=f"c{i}", label=short, form="number")
            for i, short in enumerate(_shortened(names))
        ),
    )
    lines = [
        Line(cells={"name": name, **{f"c{i}": count for i, count in enumerate(row)}})
        for name, row in zip(names, found.confusion, strict=True)
    ]
    return _plain_grid(f"{title(found)}: confusion (rows are the labels)", columns, lines)


def _shortened(names: Sequence[str]) -> list[str]:
    """Names as short as they can be told apart, three letters or more; numbers where that is long.

    >>> _shortened(["automobile", "airplane", "cat"])
    ['aut', 'air', 'cat']
    """
    size = next((n for n in (3, 4, 5) if len({name[:n] for name in names}) == len(names)), 0)
    return [name[:size] if size else str(i) for i, name in enumerate(names)]


def _calibration_grid(found: Evaluation) -> Grid:
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
        for b in found.calibration
        if b.images
    ]
    made = _plain_grid(f"{title(found)}: calibration", columns, lines)
    return made._replace(
        notes=(f"ECE             {found.ece:.2%}: accuracy's mean distance from confidence",)
    )


def _corruption_grid(found: Evaluation) -> Grid:
    """Accuracy by corruption, one column a severity."""
    severities = sorted({row.severity for row in found.corruptions})
    columns = (
        Column(key="name", label="Corruption"),
        *(Column(key=f"s{s}", label=f"Severity {s}", form="share") for s in severities),
    )
    lines = []
    for name in dict.fromkeys(row.name for row in found.corruptions):
        rows = [row for row in found.corruptions if row.name == name]
        cells: dict[str, Any] = {f"s{row.severity}": row.accuracy for row in rows}
        lines.append(Line(cells={"name": name, **cells}))
    made = _plain_grid(f"{title(found)}: corruptions", columns, lines)
    return made._replace(
        notes=(
            f"Mean            {found.corrupted_accuracy or 0:.2%}; {found.clean_accuracy or 0:.2%} without;"
            f" {found.corruption_images:,} images",
            "Severities      as in CIFAR-10-C (Hendrycks and Dietterich 2019)",
        )
    )


def _plain_grid(name: str, columns: tuple[Column, ...], lines: Sequence[Line]) -> Grid:
    return Grid(title=name, heading="", columns=columns, lines=tuple(lines), convention=CONVENTION)


def long_grid(found: Evaluation) -> Grid:
    """Everything as one long table, for CSV: what is measured, of what, and its value."""
    columns = (
        Column(key="measure", label="Measure"),
        Column(key="of", label="Of"),
        Column(key="value", label="Value", form="real"),
    )
    rows: list[tuple[str, str, Any]] = [
        (key, "", getattr(found, key))
        for key in ("accuracy", "loss", "train_accuracy", "gap", "ece", "corrupted_accuracy")
    ]
    for score in found.classes:
        rows += [("precision", score.name, score.precision), ("recall", score.name, score.recall)]
    names = [score.name for score in found.classes]
    for name, counts in zip(names, found.confusion, strict=True):
        rows += [("confusion", f"{name} as {b}", n) for b, n in zip(names, counts, strict=True)]
    for b in found.calibration:
        place = f"{b.low:.3f} to {b.high:.3f}"
        rows += [("bin_images", place, b.images), ("bin_confidence", place, b.confidence)]
        rows.append(("bin_accuracy", place, b.accuracy))
    rows += [(f"accuracy_{r.name}", str(r.severity), r.accuracy) for r in found.corruptions]
    for what, part in (("human", found.human), ("originals", found.originals)):
        rows += [(f"{what}_{key}", "", value) for key, value in (part or {}).items()]
    lines = [Line(cells={"measure": a, "of": b, "value": c}) for a, b, c in rows]
    return _plain_grid(title(found), columns, lines)
