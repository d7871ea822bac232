"""``keraudit compare``: two models side by side."""

from __future__ import annotations

from pathlib import Path

import click

from keraudit.cli.command import Command, headed
from keraudit.cli.options import (
    Arrange,
    Reading,
    command_line,
    notify,
    output_options,
    reading_options,
    row_options,
)
from keraudit.cli.rewriting import rewriting_options, rewritten
from keraudit.cli.values import MODEL, Choice
from keraudit.rewrite.options import Rewriting

SORTS = {
    "change": "macs_change",
    "macs": "macs_b",
    "params": "params_change",
    "name": "name",
}


@click.command(
    "compare",
    cls=Command,
    short_help="Two models, or one and its rewrite, matched block by block.",
)
@click.argument("a", metavar="A", type=MODEL)
@click.argument("b", metavar="[B]", required=False, type=MODEL)
@reading_options
@rewriting_options
@headed(
    "Rows",
    click.option(
        "--by",
        type=Choice(["block", "layer"]),
        default="block",
        show_default=True,
        help="Rows of the table: blocks, or the layers that differ.",
    ),
)
@row_options(SORTS)
@output_options
def command(
    a: str,
    b: str | None,
    reading: Reading,
    rewriting: Rewriting,
    by: str,
    arrange: Arrange,
    form: str,
    output: Path | None,
) -> None:
    """Match model B with model A and show what was added, removed and changed.

    \b
    keraudit compare ResNet50 ResNet101
    keraudit compare ResNet50 --without-skips --by layer
    keraudit compare old.keras new.keras --sort change --top 10

    Blocks and layers are matched by name where the names agree, else by structure. Changes are
    B minus A. The options of the input hold for both models, rewrites for B alone; without B, A is
    compared with its rewrite.
    """
    from keraudit.api import read, report_of
    from keraudit.audits.cost.compare import compare, comparison_grid
    from keraudit.cli.emit import emit

    if b is None and not rewriting.any:
        raise click.UsageError(
            "expected a second model B, or a rewrite of A such as --without-skips"
        )
    how, line = reading.arguments(), command_line()
    reports = []
    for model, changes in ((a, Rewriting()), (b or a, rewriting)):
        graph = read(model, notify=notify, **how)
        graph, notes = rewritten(graph, changes)
        reports.append(report_of(graph, command=line, rewrites=notes))
    comparison = compare(*reports, command=line)
    data = [comparison.to_dict()] if form == "json" else []
    emit([arrange(comparison_grid(comparison, by=by))], data, form=form, output=output)
