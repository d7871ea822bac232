"""``keraudit compare``: two models side by side."""

from __future__ import annotations

from pathlib import Path

import click

from keraudit.cli.options import (
    MODEL,
    Reading,
    chosen_format,
    command_line,
    notify,
    output_options,
    reading_options,
)
from keraudit.cli.rewriting import rewriting_options, rewritten
from keraudit.rewrite.options import Rewriting


@click.command("compare", short_help="Two models matched: what was added, removed and changed.")
@click.argument("a", metavar="A", type=MODEL)
@click.argument("b", metavar="B", type=MODEL)
@reading_options
@rewriting_options
@click.option(
    "--by",
    type=click.Choice(["block", "layer"]),
    default="block",
    show_default=True,
    help="What a row is; of layers, those that differ.",
)
@output_options
def command(
    a: str,
    b: str,
    reading: Reading,
    rewriting: Rewriting,
    by: str,
    form: str | None,
    output: Path | None,
) -> None:
    """Match model B with model A and show what was added, removed and changed.

    \b
    keraudit compare ResNet50 ResNet101
    keraudit compare old.keras new.keras --by layer
    keraudit compare ResNet50 ResNet50 --without-skips

    Blocks and layers are matched by name where the names agree, else by structure. Changes are
    B minus A. --input-shape, --batch and --rules hold for both models, rewrites for B alone.
    """
    from keraudit.api import read, report_of
    from keraudit.audits.cost.compare import compare, comparison_grid
    from keraudit.cli.emit import emit

    how, line = reading.arguments(), command_line()
    reports = []
    for model, changes in ((a, Rewriting()), (b, rewriting)):
        graph = read(model, notify=notify, **how)
        graph, notes = rewritten(graph, changes)
        reports.append(report_of(graph, command=line, rewrites=notes))
    comparison = compare(*reports, command=line)
    chosen = chosen_format(form, output)
    data = [comparison.to_dict()] if chosen == "json" else []
    emit([comparison_grid(comparison, by=by)], data, form=chosen, output=output)
