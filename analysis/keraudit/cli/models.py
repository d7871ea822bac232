"""``keraudit models``: what can be named."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from keraudit.audits.cost.report import CONVENTION
from keraudit.cli.options import chosen_format, command_line, output_options
from keraudit.output.table import Column, Grid, Line

if TYPE_CHECKING:
    from keraudit.reading.cache import Listed


@click.command("models")
@click.argument("pattern", required=False)
@click.option(
    "--sort",
    type=click.Choice(["name", "macs", "params"]),
    default="name",
    show_default=True,
    help="Order of the rows.",
)
@output_options
def command(pattern: str | None, sort: str, form: str | None, output: Path | None) -> None:
    """List the models that can be named, with their sizes.

    PATTERN keeps the names that contain it; case, hyphens and underscores are forgiven, here as
    wherever a name is typed. Sizes are those at the default input, batch 1. Models of the zoo follow
    papers and take more names than are listed, such as ResNet-CIFAR-62 or
    inception-reduced:lecture,f5=48.
    """
    from keraudit.cli.emit import emit
    from keraudit.model.fuzzy import plain
    from keraudit.output.plain_data import as_dict
    from keraudit.reading.applications import applications
    from keraudit.reading.zoo import zoo_models

    known = [*applications().values(), *zoo_models().values()]
    matching = [a for a in known if plain(pattern or "") in plain(a.name)]
    if not matching:
        raise click.UsageError(f"no model's name contains {pattern!r}")
    matching.sort(key=lambda a: (0 if sort == "name" else getattr(a, sort), a.name.lower()))
    line = command_line()
    data = {
        "schema": "keraudit.models/1",
        "command": line,
        "models": list(map(as_dict, matching)),
    }
    emit(
        [_models_grid(matching, command=line)],
        [data],
        form=chosen_format(form, output),
        output=output,
    )


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
        title=f"{len(listed)} models",
        heading="at their default input, batch 1",
        columns=columns,
        lines=lines,
        command=command,
        convention=CONVENTION,
        notes=("Audit one with: keraudit flops NAME",),
    )
