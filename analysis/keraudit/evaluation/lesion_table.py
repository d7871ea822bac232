"""Lesions as grids: the network, each block, linear probes, random blocks, exchanges, paths."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from keraudit.data.dataset import short_fingerprint
from keraudit.evaluation.lesion import FOLDS
from keraudit.evaluation.lesion_record import Lesions
from keraudit.output.table import Column, Grid, Line

CONVENTION = (
    "a deleted residual unit leaves its shortcut, a deleted plain block its input; 95 % intervals are"
    " Wilson's, of one network and these images; changes are in percentage points, their intervals paired"
)


def lesion_grids(found: Lesions) -> tuple[Grid, ...]:
    """All tables, those without lines left out."""
    return tuple(
        g
        for g in (_blocks(found), _probes(found), _several(found), _exchanges(found), _paths(found))
        if g.lines
    )


def _blocks(found: Lesions) -> Grid:
    base = found.baseline
    lines = tuple(
        Line(
            cells={
                "name": row.block,
                "accuracy": row.score.accuracy,
                "low": row.score.low,
                "high": row.score.high,
                "change": row.change,
                "change_low": row.change_low,
                "change_high": row.change_high,
                "what": "changes the size" if row.resizes else "",
            }
        )
        for row in found.deletions
    )
    name, mark = found.dataset["name"], short_fingerprint(str(found.dataset["fingerprint"]))
    return Grid(
        title=found.network,
        heading=f"{base.accuracy:.2%} of {base.images:,} images, {base.low:.2%} to {base.high:.2%};"
        f" median {found.median_change:+.1f} points by a deleted block",
        columns=(
            Column(key="name", label="Without"),
            Column(key="accuracy", label="Accuracy", form="share"),
            Column(key="low", label="from", form="share", wide=True),
            Column(key="high", label="to", form="share", wide=True),
            Column(key="change", label="Points", form="{:+.1f}"),
            Column(key="change_low", label="from", form="{:+.1f}", wide=True),
            Column(key="change_high", label="to", form="{:+.1f}", wide=True),
            Column(key="what", label=""),
        ),
        lines=lines,
        notes=(f"Data           {name} ({mark})", f"Parameters     {found.params:,}, trainable"),
        command=found.command,
        convention=CONVENTION,
    )


def _probes(found: Lesions) -> Grid:
    """What a linear classifier reads from the channels after each block."""
    return Grid(
        title="Linear probes",
        heading=f"ridge regression on the channel means, {FOLDS}-fold cross-validated",
        columns=(
            Column(key="name", label="After"),
            Column(key="accuracy", label="Accuracy", form="share"),
            Column(key="low", label="from", form="share", wide=True),
            Column(key="high", label="to", form="share", wide=True),
        ),
        lines=tuple(
            Line(
                cells={
                    "name": row.block or "(input of the first block)",
                    "accuracy": row.score.accuracy,
                    "low": row.score.low,
                    "high": row.score.high,
                }
            )
            for row in found.probes
        ),
        bar="accuracy",
        convention=CONVENTION,
    )


def _several(found: Lesions) -> Grid:
    return _over(
        found,
        "Blocks deleted together",
        "Deleted",
        [(r.changed, (), r.accuracies) for r in found.several],
    )


def _exchanges(found: Lesions) -> Grid:
    rows = [(r.changed, r.orders, r.accuracies) for r in found.exchanges]
    return _over(found, "Blocks of the same shapes exchanged", "Exchanges", rows)


def _over(
    found: Lesions,
    title: str,
    label: str,
    rows: Sequence[tuple[int, tuple[float, ...], tuple[float, ...]]],
) -> Grid:
    """Accuracy over a number of random changes."""
    columns = [Column(key="name", label=label, form="number")]
    if any(orders for _, orders, _ in rows):
        columns.append(Column(key="order", label="Kendall's tau", form="{:.2f}"))
    columns += [
        Column(key="mean", label="Accuracy", form="share"),
        Column(key="least", label="least", form="share"),
        Column(key="most", label="most", form="share"),
    ]
    repeats = len(rows[0][2]) if rows else 0
    return Grid(
        title=title,
        heading=f"at random, mean of {repeats}, seed {found.seed}",
        columns=tuple(columns),
        lines=tuple(
            Line(
                cells={
                    "name": count,
                    "order": fmean(orders) if orders else None,
                    "mean": fmean(accuracies),
                    "least": min(accuracies),
                    "most": max(accuracies),
                }
            )
            for count, orders, accuracies in rows
        ),
        bar="mean",
        convention=CONVENTION,
    )


def _paths(found: Lesions) -> Grid:
    total = sum(row.share * row.grad_norm for row in found.paths)
    between = found.effective_length
    heading = f"{between[0]} to {between[1]} branches carry nine tenths" if between else ""
    return Grid(
        title="Gradient by path length",
        heading=heading,
        columns=(
            Column(key="name", label="Branches", form="number"),
            Column(key="share", label="Paths", form="share"),
            Column(key="norm", label="Gradient norm", form="{:.3g}"),
            Column(key="low", label="from", form="{:.3g}", wide=True),
            Column(key="high", label="to", form="{:.3g}", wide=True),
            Column(key="part", label="Contribution", form="share"),
        ),
        lines=tuple(
            Line(
                cells={
                    "name": row.length,
                    "share": row.share,
                    "norm": row.grad_norm,
                    "low": row.low,
                    "high": row.high,
                    "part": row.share * row.grad_norm / total if total else None,
                }
            )
            for row in found.paths
        ),
        bar="part",
        notes=(
            "Gradient norm  of the loss at the input, backward through so many residual branches and the",
            "               shortcuts of all other units, as Veit et al. 2016, section 5; mean of"
            f" {found.paths[0].draws if found.paths else 0}",
            "               random images, each on a random path, with its 95 % interval",
        ),
        convention=CONVENTION,
    )
