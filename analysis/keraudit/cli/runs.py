"""``keraudit runs``: what was trained."""

from __future__ import annotations

from pathlib import Path

import click

from keraudit.cli.options import chosen_format, command_line, notify, output_options
from keraudit.safe_text import harmless

FOLDER = click.argument(
    "folder", type=click.Path(path_type=Path), default=Path("runs"), metavar="[FOLDER]"
)


@click.group("runs", short_help="List, compare and publish finished training runs.")
def command() -> None:
    """Look at finished training runs: of FOLDER, where keraudit train keeps them (default: runs)."""


@command.command("list")
@FOLDER
@output_options
def _list_runs(folder: Path, form: str | None, output: Path | None) -> None:
    """List every finished run in FOLDER with its errors and its time."""
    from keraudit.cli.emit import emit
    from keraudit.runs.folders import finished, unfinished
    from keraudit.runs.table import list_grid

    runs, left_out = [run for _, run in finished(folder)], unfinished(folder)
    data = {
        "schema": "keraudit.runs/1",
        "runs": [run.to_dict() for run in runs],
        "left_out": left_out,
    }
    grid = list_grid(runs, command=command_line(), left_out=left_out)
    emit([grid], [data], form=chosen_format(form, output), output=output)


@command.command("show")
@click.argument("run", type=click.Path(path_type=Path))
@output_options
def show(run: Path, form: str | None, output: Path | None) -> None:
    """Show one run, epoch by epoch. RUN is its folder or its record."""
    from keraudit.cli.emit import emit
    from keraudit.runs.table import history_grid
    from keraudit.training.record import read_run

    record = read_run(run)
    grid = history_grid(record, command=command_line())
    emit([grid], [record.to_dict()], form=chosen_format(form, output), output=output)


@command.command("compare")
@FOLDER
@output_options
def compare(folder: Path, form: str | None, output: Path | None) -> None:
    """Set networks side by side: mean and deviation over seeds, and the differences.

    Of errors; of what keraudit evaluate found, where all were evaluated; of time, where all ran alike.
    """
    from keraudit.cli.emit import emit
    from keraudit.runs.folders import finished, same_kind, unfinished, with_evaluation
    from keraudit.runs.table import comparison_data, comparison_grid, differences_grid

    groups = same_kind([with_evaluation(path, run) for path, run in finished(folder)])
    left_out = unfinished(folder)
    grids = [comparison_grid(groups, command=command_line(), left_out=left_out)]
    chosen = chosen_format(form, output)
    if len(groups) > 1 and chosen != "csv":
        grids.append(differences_grid(groups, command=command_line()))
    emit(grids, [{**comparison_data(groups), "left_out": left_out}], form=chosen, output=output)


@command.command("publish")
@FOLDER
@click.option(
    "--to",
    "target",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FOLDER",
    help="Where the records go, one file each.",
)
@click.option(
    "--note",
    metavar="TEXT",
    help="What readers of these runs must know, e.g. that the machine had other work.  [default: the"
    " note that the record had]",
)
def publish(folder: Path, target: Path, note: str | None) -> None:
    """Copy the record of every finished run and its evaluation, without weights and images.

    A record that is there already is written anew if it is of the same run, else nothing is written.
    """
    from keraudit.runs import folders

    for path in folders.publish(folder, target, note=note):
        click.echo(harmless(str(path)))
    if left_out := folders.unfinished(folder):
        notify(f"not finished, so not published: {', '.join(left_out)}")
