"""Send grids and their data twin to the terminal or to a file."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from keraudit.cli.options import warn
from keraudit.errors import KerauditError
from keraudit.output.github import Annotation
from keraudit.output.table import Grid


def emit(
    grids: Sequence[Grid],
    data: Sequence[Any],
    *,
    form: str,
    output: Path | None,
    figure: str = "",
    found: Sequence[Annotation] = (),
    costly: bool = False,
) -> int:
    """Write ``grids`` in a format, and what was found; the exit code.

    Args:
        grids: the tables.
        data: the same records as plain data, for JSON.
        form: one of ``FORMATS``.
        output: the file. ``None``: standard output.
        figure: HTML that goes before the tables of an HTML file.
        found: budgets and claims that do not hold: lines on standard error, for GitHub annotations.
        costly: whether what took long goes to standard output if the file cannot be written.

    Returns:
        1 if an error was found, else 0.

    Raises:
        KerauditError: the file cannot be written.
    """
    if form == "table" and output is None:
        click.echo(_printed(grids), color=True)  # it is coloured where colour is wanted
    else:
        text = rendered(grids, data, form, figure, found)
        if output is None:
            click.echo(text, nl=not text.endswith("\n"))
        else:
            from keraudit.output.files import save

            try:
                save(output, text if text.endswith("\n") else text + "\n")
            except KerauditError:
                if costly:
                    warn("the file could not be written, the result goes to standard output")
                    click.echo(text)
                raise
    if form != "github" or output is not None:
        for one in found:
            warn(one.message)
    return int(any(one.level == "error" for one in found))


def _printed(grids: Sequence[Grid]) -> str:
    """What standard output shows: as wide as the terminal, and whole where it is none."""
    from keraudit.output.terminal import grid_text, is_ascii, stream_width, wants_color

    out = sys.stdout
    width, plain, color = stream_width(out), is_ascii(out), wants_color(out)
    return "\n\n".join(
        grid_text(grid, width, plain=plain, color=color, every="--format csv") for grid in grids
    )


def rendered(
    grids: Sequence[Grid],
    data: Sequence[Any],
    form: str,
    figure: str,
    found: Sequence[Annotation] = (),
) -> str:
    """The text of a file in a format."""
    if form == "json":
        from keraudit.output.json_text import json_text

        return json_text(data[0] if len(data) == 1 else list(data))
    if form == "csv":
        from keraudit.output.csv_markdown import csv_text

        return csv_text(grids)
    if form == "markdown":
        from keraudit.output.csv_markdown import markdown_text

        return "\n".join(map(markdown_text, grids))
    if form == "html":
        from keraudit.output.html import page

        return page(list(grids), figure=figure)
    if form == "github":
        from keraudit.output.github import github_text

        return github_text(grids, found)
    from keraudit.output.terminal import grid_text

    return "\n\n".join(grid_text(grid, None) for grid in grids)


def drawn(figure: str, record: Mapping[str, Any]) -> str:
    """The figure of a record as HTML that needs nothing from elsewhere; empty without plotly.

    Args:
        figure: the function that draws it, as ``module:name`` within ``keraudit.audits``.
        record: what it draws.
    """
    from importlib import import_module

    try:
        import plotly.io
    except ImportError:
        warn("no figure, plotly is not installed: pip install 'keraudit[plot]'")
        return ""
    from keraudit.output.plotly_text import safe

    module, _, name = figure.partition(":")
    draw = getattr(import_module(f"keraudit.audits.{module}"), name)
    page: str = plotly.io.to_html(draw(safe(record)), include_plotlyjs=True, full_html=False)
    return page
