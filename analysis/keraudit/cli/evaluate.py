"""``keraudit evaluate``: what trained networks are worth."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import click

from keraudit.cli.command import Command, headed
from keraudit.cli.extras import require
from keraudit.cli.options import command_line, notify, output_options, warn
from keraudit.cli.training_options import backend_option, data_option, evaluation_options


@click.command(
    "evaluate",
    cls=Command,
    short_help="Evaluate trained networks: errors, calibration, corruptions.",
)
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RUN...")
@headed(
    "Data",
    data_option("Data the runs were trained on, as for keraudit train."),
    click.option(
        "--test-images", type=int, metavar="N", help="Use the first N only.  [default: as the run]"
    ),
)
@evaluation_options
@headed("Evaluation", backend_option)
@output_options
def command(
    runs: tuple[Path, ...],
    spec: str,
    test_images: int | None,
    corruption_images: int | None,
    human: Path | None,
    originals: Path | None,
    backend: str | None,
    form: str,
    output: Path | None,
) -> None:
    """Evaluate finished runs of keraudit train; RUN is a run's folder, others are skipped.

    \b
    keraudit evaluate runs/resnet-cifar-20-he2015-seed0
    keraudit evaluate runs/* --data DIR --corruption-images 1000
    keraudit evaluate RUN --human cifar10h-probs.npz --format json

    Accuracy and loss, precision, recall and confusion of the classes, calibration, the gap to the
    training images, accuracy on corrupted images. The record is saved in the run's folder as
    evaluation.json, unless one that covers more is there. A table of several runs has one line each;
    other formats have everything.
    """
    from keraudit.reading.keras_worker import use_backend
    from keraudit.training.record import read_run

    require("train")
    folders = finished(runs)
    for folder in folders:  # a wrong one is told before the others take their time
        read_run(folder)
    use_backend(backend)

    from keraudit.cli.emit import emit
    from keraudit.cli.quiet import started
    from keraudit.data.load import load
    from keraudit.evaluation.evaluate import FILE, evaluate, keep
    from keraudit.evaluation.load import load_run
    from keraudit.evaluation.table import full_grids, long_grid, summary_grid

    started()
    data = load(spec)
    evaluations = []
    for folder in folders:
        made = evaluate(
            load_run(folder, data, test_images=test_images),
            corruption_images=corruption_images,
            human_file=human,
            originals_file=originals,
            watch=partial(report_stage, folder.name),
            command=command_line(),
        )
        if more := keep(folder, made):
            warn(
                f"{folder.name}: not kept, for the evaluation that is there has {more};"
                f" delete its {FILE} to have another"
            )
        evaluations.append(made)
    grids = [summary_grid(evaluations, command=command_line())]
    if len(evaluations) == 1 or form != "table":
        grids += [grid for made in evaluations for grid in full_grids(made)]
    if form == "csv":
        grids = [long_grid(made) for made in evaluations]
    figure = ""
    if form == "html":
        from keraudit.evaluation.reliability import reliability_svg

        figure = "".join(map(reliability_svg, evaluations))
    data_twin = [made.to_dict() for made in evaluations]
    emit(grids, data_twin, form=form, output=output, figure=figure)


def finished(runs: Sequence[Path]) -> list[Path]:
    """The finished runs among some folders: ``runs/*`` also names the plan, the records and unfinished runs."""
    skipped = [path for path in runs if path.exists() and not (path / "run.json").is_file()]
    left = [path for path in runs if path not in skipped]
    names = ", ".join(path.name for path in skipped)
    if not left:
        raise click.UsageError(f"no finished run's folder among {names}")
    if skipped:
        warn(f"skipped, no finished run's folder: {names}")
    return left


def report_stage(name: str, stage: str) -> None:
    notify(f"{name}: {stage}")
