"""Send grids and their data twin to the terminal or to a file."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from keraudit.render.grid import Grid
from keraudit.render.save import save


def emit(grids: Sequence[Grid], data: Sequence[Any], *, form: str, output: Path | None) -> None:
    """Write ``grids`` in a format; ``data`` are the same records as plain data, for JSON."""
    if form == "table" and output is None:
        from rich.console import Console

        from keraudit.render.text import print_grid

        console = Console(file=sys.stdout, highlight=False)
        with console.capture() as printed:
            for position, grid in enumerate(grids):
                if position:
                    console.print()
                print_grid(grid, console)
        click.echo(printed.get(), nl=False)
        return
    text = rendered(grids, data, form)
    if output is None:
        click.echo(text, nl=not text.endswith("\n"))
    else:
        save(output, text if text.endswith("\n") else text + "\n")


def rendered(grids: Sequence[Grid], data: Sequence[Any], form: str) -> str:
    if form == "json":
        from keraudit.render.json_text import json_text

        return json_text(data[0] if len(data) == 1 else list(data))
    if form == "csv":
        from keraudit.render.plain import csv_text

        return csv_text(grids)
    if form == "markdown":
        from keraudit.render.plain import markdown_text

        return "\n".join(map(markdown_text, grids))
    if form == "html":
        from keraudit.render.html import page

        return page(list(grids))
    from keraudit.render.text import grid_text

    return "\n\n".join(map(grid_text, grids))
