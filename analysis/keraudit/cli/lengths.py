"""``keraudit flops --lengths``: cost over sequence length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from keraudit.cli.options import command_line, notify


def refuse_with_lengths(options: Mapping[str, Any]) -> None:
    """Refuse options that a table of lengths has no place for.

    Raises:
        click.UsageError: one of them is set.
    """
    for name, value in options.items():
        if value:
            raise click.UsageError(f"--lengths shows whole models at each length: leave out {name}")


def show_lengths(
    models: Sequence[str],
    at: Sequence[int],
    how: Mapping[str, Any],
    *,
    form: str,
    output: Path | None,
) -> None:
    """Write the cost of each model over sequence length; ``how`` are arguments of ``lengths``."""
    from keraudit.api import lengths
    from keraudit.audits.cost.lengths import lengths_grid
    from keraudit.cli.emit import drawn, emit

    line = command_line()
    reports = [lengths(model, at, notify=notify, command=line, **how) for model in models]
    data = [report.to_dict() for report in reports] if form in ("json", "html") else []
    figure = (
        "".join(drawn("cost.figure:macs_over_length", record) for record in data)
        if form == "html"
        else ""
    )
    grids = [lengths_grid(report) for report in reports]
    emit(grids, data, form=form, output=output, figure=figure)
