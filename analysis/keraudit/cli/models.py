"""``keraudit models``: what can be named."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from keraudit.audits.cost.report import CONVENTION
from keraudit.cli.command import Command
from keraudit.cli.options import Arrange, command_line, output_options, row_options
from keraudit.output.numbers import counted
from keraudit.output.table import Column, Grid, Line

if TYPE_CHECKING:
    from keraudit.reading.cache import Listed


SORTS = {"macs": "macs", "params": "params", "layers": "layers", "name": "name"}


@click.command("models", cls=Command, short_help="The models that can be named, with their sizes.")
@click.argument("pattern", required=False)
@row_options(SORTS)
@output_options
def command(pattern: str | None, arrange: Arrange, form: str, output: Path | None) -> None:
    """List the models that can be named, with their sizes.

    \b
    keraudit models
    keraudit models resnet --sort macs --top 5

    PATTERN keeps the names that contain it; case, hyphens and underscores are ignored, here as
    wherever a name is typed. Sizes are those at the default input, batch 1. Models of the zoo follow
    papers and take more names than are listed, such as ResNet-CIFAR-62 or
    inception-reduced:lecture,f5=48.
    """
    from keraudit.cli.emit import emit
    from keraudit.model.fuzzy import near, plain
    from keraudit.output.plain_data import as_dict
    from keraudit.reading.applications import applications
    from keraudit.reading.zoo import zoo_models

    known = [*applications().values(), *zoo_models().values()]
    matching = [a for a in known if plain(pattern or "") in plain(a.name)]
    if not matching:
        guess = near(pattern or "", [a.name for a in known]).strip()
        raise click.UsageError(f"no model's name contains {pattern!r}" + f": {guess}" * bool(guess))
    matching.sort(key=lambda a: a.name.lower())
    line = command_line()
    data = {
        "schema": "keraudit.models/1",
        "command": line,
        "models": list(map(as_dict, matching)),
    }
    grid = arrange(_models_grid(matching, command=line))
    emit([grid], [data], form=form, output=output)


def _models_grid(listed: Sequence[Listed], *, command: str) -> Grid:
    """The models that can be named, with their sizes at the default input."""
    columns = (
        Column(key="name", label="Model"),
        Column(key="input_shape", label="Input", form="input"),
        Column(key="layers", label="Layers", form="number"),
        Column(key="macs", label="MACs", form="count"),
        Column(key="params", label="Params", form="count"),
        Column(key="origin", label="From"),
    )
    lines = tuple(Line(cells=dict(model._asdict())) for model in listed)
    return Grid(
        title=counted(len(listed), "model"),
        heading="at their default input, batch 1",
        columns=columns,
        lines=lines,
        command=command,
        convention=CONVENTION,
        notes=("Audit one with: keraudit flops NAME",),
    )
