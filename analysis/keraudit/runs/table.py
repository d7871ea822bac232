"""Training runs as grids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from statistics import median
from typing import Any

from keraudit.data.dataset import short_fingerprint
from keraudit.output.numbers import counted, short
from keraudit.output.plain_data import as_dict
from keraudit.output.table import Column, Grid, Line
from keraudit.runs.statistics import (
    MEASURES,
    Difference,
    Measure,
    Spread,
    differences,
    measured,
    paired,
    spread,
    unlike,
    values,
)
from keraudit.training.record import Run

BY_KEY = {measure.key: measure for measure in MEASURES}
NARROW = ("train_error", "test_error", "gap")  # shown wherever a table is
CONVENTION = "errors in percent of the images, without crops and mirroring, after the last epoch"
SECONDS = "Seconds         of all training steps, compilation included"


def list_grid(runs: Sequence[Run], *, command: str, left_out: Sequence[str] = ()) -> Grid:
    """One line a run; ``left_out`` are those that are not finished."""
    columns = (
        Column(key="name", label="Network"),
        Column(key="seed", label="Seed", form="number"),
        Column(key="epochs", label="Epochs", form="number"),
        Column(key="train_error", label="Train error", form="share"),
        Column(key="test_error", label="Test error", form="share"),
        Column(key="seconds", label="Seconds", form="number"),
        Column(key="recipe", label="Recipe", wide=True),
        Column(key="params", label="Params", form="exact", wide=True),
        Column(key="date", label="Date", wide=True),
    )
    lines = tuple(
        Line(
            cells={
                "name": run.network,
                "seed": run.seed,
                "epochs": len(run.history),
                "train_error": run.evaluation["train_error"],
                "test_error": run.evaluation["test_error"],
                "seconds": round(run.seconds),
                "recipe": run.recipe["name"],
                "params": run.params,
                "date": run.date,
            }
        )
        for run in runs
    )
    return Grid(
        title=counted(len(runs), "run"),
        heading="",
        columns=columns,
        lines=lines,
        notes=(SECONDS, *_data_notes(runs), *_left_out_notes(left_out)),
        command=command,
        convention=CONVENTION,
    )


def history_grid(run: Run, *, command: str) -> Grid:
    """One line an epoch."""
    columns = (
        Column(key="name", label="Epoch", form="number"),
        Column(key="learning_rate", label="Rate", form="real"),
        Column(key="loss", label="Loss", form="real"),
        Column(key="accuracy", label="Accuracy", form="share"),
        Column(key="test_loss", label="Test loss", form="real"),
        Column(key="test_accuracy", label="Test", form="share"),
        Column(key="images_per_s", label="Images/s", form="number"),
    )
    lines = tuple(
        Line(
            cells={**row, "name": row["epoch"], "images_per_s": round(row.get("images_per_s") or 0)}
        )
        for row in run.history
    )
    evaluation = run.evaluation
    return Grid(
        title=f"{run.network} seed {run.seed}",
        heading=f"{run.recipe['name']}, {len(run.history)} epochs of {run.recipe['batch']}",
        columns=columns,
        lines=lines,
        notes=(
            f"At the end      training error {evaluation['train_error']:.2%}, test error"
            f" {evaluation['test_error']:.2%}",
            f"Hardware        {run.hardware.get('processor', '?')}, {run.hardware.get('cores', '?')}"
            f" cores, {', '.join(run.hardware.get('devices') or ())}",
            f"Versions        {', '.join(f'{k} {v}' for k, v in run.versions.items())}",
            *_time_notes(run),
            *_work_notes(run),
            *_data_notes([run]),
        ),
        command=command,
        convention=CONVENTION,
    )


def _time_notes(run: Run) -> tuple[str, ...]:
    """The median epoch, which no stalled one and no compilation moves, and the whole."""
    if not run.history:
        return ()
    middle = median(row["seconds"] for row in run.history)
    return (
        f"Time            {middle:,.1f} s an epoch, median; {run.seconds:,.0f} s in all with compilation",
    )


def _work_notes(run: Run) -> tuple[str, ...]:
    """The share of the device's peak, where it was measured."""
    if not run.work:
        return ()
    return (
        f"Work            {run.work['share_of_peak']:.1%} of"
        f" {short(run.work['peak_macs_per_s'])} MACs/s, the fastest product measured",
    )


def comparison_grid(
    groups: Mapping[str, Sequence[Run]], *, command: str, left_out: Sequence[str] = ()
) -> Grid:
    """One line a network: mean and deviation over its seeds; ``left_out`` are not finished."""
    runs = [run for members in groups.values() for run in members]
    compared = measured(runs)
    columns = (
        Column(key="name", label="Network"),
        Column(key="n", label="Seeds", form="number"),
        *(Column(key=m.key, label=m.label, wide=m.key not in NARROW) for m in compared),
        Column(key="params", label="Params", form="exact", wide=True),
        Column(key="seconds", label="Seconds with compilation", form="number", wide=True),
    )
    lines = tuple(
        Line(cells={**{m.key: found[m.key].text(m.scale) for m in compared}, **plain})
        for found, plain in (_comparison_row(n, members, compared) for n, members in groups.items())
    )
    return Grid(
        title=counted(len(groups), "network"),
        heading="",
        columns=columns,
        lines=lines,
        notes=(
            "Mean +- sample deviation over seeds; no finished run is left out",
            *_left_out_notes(left_out),
            *_seeds_notes(groups),
            f"{SECONDS}: "
            + ", ".join(f"{line.cells['name']} {line.cells['seconds']:,}" for line in lines),
            *_data_notes(runs),
        ),
        command=command,
        convention=CONVENTION,
    )


def _comparison_row(
    name: str, runs: Sequence[Run], compared: Sequence[Measure]
) -> tuple[dict[str, Spread], dict[str, Any]]:
    """What is measured of a network over its seeds, and what else is told of it."""
    spreads = {measure.key: spread(values(measure, runs)) for measure in compared}
    plain = {
        "name": name,
        "n": len(runs),
        "params": runs[0].params,
        "seconds": round(sum(run.seconds for run in runs) / len(runs)),
    }
    return spreads, plain


def _difference_lines(rows: Iterable[Difference]) -> Iterator[Line]:
    """Every two networks, and under them each difference; one whose interval holds 0 is not loud."""
    for (first, second), members in groupby(rows, key=lambda one: (one.first, one.second)):
        yield Line(cells={"name": f"{second} less {first}"})
        yield from map(_difference_line, members)


def _difference_line(difference: Difference) -> Line:
    between, measure = difference.interval, BY_KEY[difference.measure]
    scale = measure.scale
    return Line(
        cells={
            "name": measure.label.removesuffix(" %").lower(),
            "mean": f"{scale * difference.mean:+.2f}",
            "interval": between and f"{scale * between[0]:+.2f} to {scale * between[1]:+.2f}",
        },
        depth=1,
        tone="" if difference.is_clear else "dim",
    )


def comparison_data(groups: Mapping[str, Sequence[Run]]) -> dict[str, Any]:
    """The comparison as plain data."""
    rows = []
    compared = measured([run for members in groups.values() for run in members])
    for name, runs in groups.items():
        spreads, plain = _comparison_row(name, runs, compared)
        measures = {key: as_dict(spread) for key, spread in spreads.items()}
        seeds = [run.seed for run in runs]
        rows.append({**plain, **measures, "seeds": seeds, "unlike": list(unlike(runs))})
    return {
        "schema": "keraudit.runs-comparison/1",
        "networks": rows,
        "differences": [one.to_dict() for one in differences(groups)],
        "paired": [as_dict(one) for one in paired(groups)],
    }


def differences_grid(groups: Mapping[str, Sequence[Run]], *, command: str) -> Grid:
    """One line for every two networks: what the second has more than the first."""
    columns = (
        Column(key="name", label="Networks"),
        Column(key="mean", label="Difference"),
        Column(key="interval", label="95 % interval"),
    )
    rows = differences(groups)
    is_timed = any(one.measure == "epoch_seconds" for one in rows)
    single = [name for name, runs in groups.items() if len(runs) < 2]
    notes = ["Interval        of the difference of means over seeds (Welch's t)"]
    if single:
        notes.append(f"One seed        {', '.join(single)}: no interval, chance is not ruled out")
    return Grid(
        title="Differences",
        heading="in percentage points" + (", time in seconds" if is_timed else ""),
        columns=columns,
        lines=tuple(_difference_lines(rows)),
        notes=(*notes[len(single) == len(groups) :], *_unlike_notes(rows)),
        command=command,
        convention=CONVENTION,
    )


def paired_grid(groups: Mapping[str, Sequence[Run]], *, command: str) -> Grid:
    """One line for every two networks of a seed on the same images; none where no evaluation knows them one by one."""
    rows = paired(groups)
    return Grid(
        title="The same images",
        heading="classified correctly by one of two networks only; McNemar's exact test",
        columns=(
            Column(key="name", label="Networks"),
            Column(key="seed", label="Seed", form="number"),
            Column(key="images", label="Images"),
            Column(key="only_first", label="Only the first", form="number"),
            Column(key="only_second", label="Only the second", form="number"),
            Column(key="p", label="p", form="{:.2g}"),
        ),
        lines=tuple(
            Line(cells={"name": f"{one.first}, {one.second}", **as_dict(one)}) for one in rows
        ),
        notes=(
            "p               of these two runs and images, not of other seeds; not corrected for their number",
        ),
        command=command,
        convention=CONVENTION,
    )


def _unlike_notes(rows: Iterable[Difference]) -> tuple[str, ...]:
    """Which two networks were not trained alike, and what they differ in."""
    return tuple(
        dict.fromkeys(
            f"Not alike       {one.first}, {one.second}: differ in {', '.join(one.unlike)}"
            for one in rows
            if one.unlike
        )
    )


def _seeds_notes(groups: Mapping[str, Sequence[Run]]) -> tuple[str, ...]:
    """Of which networks the seeds were not trained alike, and what they differ in."""
    unlike_seeds = {name: unlike(runs) for name, runs in groups.items()}
    return tuple(
        f"Not alike       seeds of {name}: differ in {', '.join(what)}"
        for name, what in unlike_seeds.items()
        if what
    )


def _left_out_notes(names: Sequence[str]) -> tuple[str, ...]:
    """Which runs are not in a table, of those that were begun."""
    if not names:
        return ()
    return (f"Left out        {', '.join(names)}: not finished (stopped or running), or diverged",)


def _data_notes(runs: Sequence[Run]) -> tuple[str, ...]:
    """Which data the runs saw, once for each; a long name on lines of its own."""
    named = dict.fromkeys(
        f"{run.dataset['name']} ({short_fingerprint(run.dataset['fingerprint'])})" for run in runs
    )
    return tuple(f"Data            {name}" for name in named)
