"""``keraudit runs``: what was trained."""

from __future__ import annotations

import os.path
from pathlib import Path

import click

from keraudit.cli.command import Group, headed
from keraudit.cli.options import command_line, notify, output_options
from keraudit.safe_text import harmless

HELP = ("-h", "--help")
FOLDER = click.argument(
    "folder", type=click.Path(path_type=Path), default=Path("runs"), metavar="[FOLDER]"
)


class Runs(Group):
    """Lists the runs where no command is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        is_folder = bool(args) and args[0] not in self.commands and os.path.isdir(args[0])  # noqa: PTH112  # pathlib raises at a name too long
        if ctx.resilient_parsing:  # a name is completed
            return super().parse_args(ctx, args)
        if not args or is_folder or (args[0].startswith("-") and args[0] not in HELP):
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.command("runs", cls=Runs, short_help="List, compare and publish finished training runs.")
def command() -> None:
    """List, show, compare and publish finished training runs; without a command, list them.

    \b
    keraudit runs
    keraudit runs compare runs/degradation

    FOLDER is where keraudit train keeps its runs.  [default: runs]
    """


@command.command("list")
@FOLDER
@output_options
def _list_runs(folder: Path, form: str, output: Path | None) -> None:
    """List every finished run in FOLDER with its errors and its time.

    \b
    keraudit runs
    keraudit runs list runs/degradation --format csv
    """
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
    emit([grid], [data], form=form, output=output)


@command.command("show")
@click.argument("run", type=click.Path(path_type=Path))
@output_options
def show(run: Path, form: str, output: Path | None) -> None:
    """Show one run, epoch by epoch. RUN is its folder or its record.

    \b
    keraudit runs show runs/resnet-cifar-20-he2015-seed0
    keraudit runs show runs/resnet-cifar-20-he2015-seed0 --format csv
    """
    from keraudit.cli.emit import emit
    from keraudit.runs.table import history_grid
    from keraudit.training.record import read_run

    record = read_run(run)
    grid = history_grid(record, command=command_line())
    emit([grid], [record.to_dict()], form=form, output=output)


@command.command("compare", short_help="Compare networks: mean and standard deviation over seeds.")
@FOLDER
@output_options
def compare(folder: Path, form: str, output: Path | None) -> None:
    """Compare networks: mean and standard deviation over seeds, and the differences.

    \b
    keraudit runs compare
    keraudit runs compare runs/degradation --format markdown

    Errors; results of keraudit evaluate where all runs were evaluated; time where all ran on the same
    hardware.
    """
    from keraudit.cli.emit import emit
    from keraudit.runs.folders import finished, same_kind, unfinished, with_evaluation
    from keraudit.runs.table import comparison_data, comparison_grid, differences_grid, paired_grid

    groups = same_kind([with_evaluation(path, run) for path, run in finished(folder)])
    left_out = unfinished(folder)
    grids = [comparison_grid(groups, command=command_line(), left_out=left_out)]
    if len(groups) > 1 and form != "csv":
        grids.append(differences_grid(groups, command=command_line()))
        pairs = paired_grid(groups, command=command_line())
        grids += [pairs] * bool(pairs.lines)
    emit(grids, [{**comparison_data(groups), "left_out": left_out}], form=form, output=output)


@command.command("publish", short_help="Copy the records of finished runs.")
@FOLDER
@headed(
    "Records",
    click.option(
        "--to",
        "target",
        type=click.Path(path_type=Path),
        required=True,
        metavar="FOLDER",
        help="Folder of the records, one file each.",
    ),
    click.option(
        "--note",
        metavar="TEXT",
        help="What readers of these runs must know, e.g. that the machine was shared.  [default: the"
        " record's note]",
    ),
)
def publish(folder: Path, target: Path, note: str | None) -> None:
    """Copy the record of every finished run and its evaluation, without weights and images.

    \b
    keraudit runs publish --to records
    keraudit runs publish runs/degradation --to records --note "shared machine"

    An existing record is replaced only by one of the same run; otherwise nothing is written.
    """
    from keraudit.runs import folders

    for path in folders.publish(folder, target, note=note):
        click.echo(harmless(str(path)))
    if left_out := folders.unfinished(folder):
        notify(f"not finished, so not published: {', '.join(left_out)}")
