"""``keraudit flops``: what a model costs."""

from __future__ import annotations

from pathlib import Path

import click

from keraudit.cli.lengths import refuse_with_lengths, show_lengths
from keraudit.cli.options import (
    MODEL,
    CountType,
    LengthsType,
    Reading,
    chosen_format,
    command_line,
    notify,
    output_options,
    reading_options,
)
from keraudit.cli.rewriting import rewriting_options, rewritten
from keraudit.rewrite.options import Rewriting

MOST_ROWS = 40  # of blocks in a terminal; a model with more is shown by stage unless asked


@click.command(
    "flops", short_help="MACs, FLOPs, parameters and memory of MODEL, and where they sit."
)
@click.argument("models", metavar="MODEL...", nargs=-1, required=True, type=MODEL)
@reading_options
@rewriting_options
@click.option(
    "--by",
    type=click.Choice(["block", "layer", "kind", "stage"]),
    help="What a row is.  [default: block, or stage where a table of blocks would be long]",
)
@click.option(
    "--depth",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Levels of blocks within blocks to show.",
)
@click.option(
    "--lengths",
    type=LengthsType(),
    metavar="N,N,...",
    help="A row for each sequence length, with the part that grows with its square.",
)
@click.option("--max-macs", type=CountType(), metavar="N", help="Fail above N MACs, e.g. 4G.")
@click.option(
    "--max-params", type=CountType(), metavar="N", help="Fail above N parameters, e.g. 25M."
)
@click.option(
    "--max-peak-memory",
    type=CountType(in_bytes=True),
    metavar="BYTES",
    help="Fail when activations hold more at once, e.g. 64MiB.",
)
@click.option(
    "--allow-uncounted",
    is_flag=True,
    help="Let budgets pass though layers are not counted, with a note.",
)
@output_options
def command(
    models: tuple[str, ...],
    reading: Reading,
    rewriting: Rewriting,
    by: str | None,
    depth: int,
    lengths: tuple[int, ...] | None,
    max_macs: int | None,
    max_params: int | None,
    max_peak_memory: int | None,
    allow_uncounted: bool,
    form: str | None,
    output: Path | None,
) -> int:
    """Count MACs, FLOPs, parameters and memory of MODEL, and where they sit.

    \b
    keraudit flops ResNet50
    keraudit flops model.keras --input-shape 96,96,3 --by layer
    keraudit flops model.keras --max-macs 4G --max-params 25M
    keraudit flops ResNet50 --without-skips
    keraudit flops my_models:encoder --lengths 128,512,2048

    One MAC is one multiply-accumulate; FLOPs are 2 x MACs plus the other operations (bias,
    normalisation, activation, pooling, merge). Budgets are also read from [tool.keraudit] in
    pyproject.toml; a model over one ends with exit code 1, and so does one with layers that cannot be
    counted. Rewrites are carried out in the order in which they are listed below.
    """
    from keraudit.api import read, report_of
    from keraudit.audits.cost.report import report_grid
    from keraudit.cli.budgets import budgets, exceeded_budgets
    from keraudit.cli.emit import emit

    limits = {"max-macs": max_macs, "max-params": max_params, "max-peak-memory": max_peak_memory}
    chosen = chosen_format(form, output)
    how, line = reading.arguments(), command_line()
    if lengths:
        refuse_with_lengths(
            {"--length": reading.length, "--by": by, "a rewrite": rewriting != Rewriting()}
            | {f"--{key}": limit for key, limit in limits.items()}
        )
        how.pop("length")
        show_lengths(models, lengths, how, form=chosen, output=output)
        return 0
    in_force = budgets(limits)
    reports = []
    for model in models:
        graph = read(model, notify=notify, **how)
        graph, notes = rewritten(graph, rewriting)
        reports.append(report_of(graph, command=line, rewrites=notes))
    grids = []
    for report in reports:
        view = by
        if view is None:
            long = chosen == "table" and depth == 1 and len(report.blocks) > MOST_ROWS
            view = "stage" if long else "block"
            if long:
                click.echo(
                    f"keraudit: {report.model} has {len(report.blocks)} blocks; shown by stage,"
                    " --by block lists them",
                    err=True,
                )
        grids.append(report_grid(report, by=view, depth=depth))
    data = [report.to_dict() for report in reports] if chosen == "json" else []
    emit(grids, data, form=chosen, output=output)
    exceeded = [
        finding
        for report in reports
        for finding in exceeded_budgets(report, in_force, allow_uncounted=allow_uncounted)
    ]
    for finding in exceeded:
        click.echo(f"keraudit: {finding.line}", err=True)
    return 1 if any(finding.fails for finding in exceeded) else 0
