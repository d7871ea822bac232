"""``keraudit flops``: what a model costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from keraudit.cli.baseline import BASELINE_OPTIONS
from keraudit.cli.budgets import BUDGET_OPTIONS, KEYS
from keraudit.cli.command import Command, headed
from keraudit.cli.lengths import refuse_with_lengths, show_lengths
from keraudit.cli.options import (
    Arrange,
    Reading,
    command_line,
    file_of,
    notify,
    output_options,
    reading_options,
    refuse_split_names,
    row_options,
    warn,
)
from keraudit.cli.rewriting import rewriting_options, rewritten
from keraudit.cli.values import MODEL, Choice, LengthsType
from keraudit.output.github import Annotation
from keraudit.rewrite.options import Rewriting

if TYPE_CHECKING:
    from keraudit.audits.cost.report import CostReport
    from keraudit.output.table import Grid

SORTS = {
    "macs": "macs",
    "flops": "flops",
    "params": "params",
    "memory": "activation_bytes",
    "name": "name",
}


@click.command(
    "flops",
    cls=Command,
    fails="a budget is exceeded, or a total grew since --baseline",
    short_help="MACs, FLOPs, parameters and memory, by block or layer.",
)
@click.argument("models", metavar="MODEL...", nargs=-1, required=True, type=MODEL)
@reading_options
@rewriting_options
@headed(
    "Rows",
    click.option(
        "--by",
        type=Choice(["block", "layer", "kind", "stage"]),
        help="Rows of the table.  [default: block; layer for few blocks, stage for many]",
    ),
    click.option(
        "--depth",
        type=click.IntRange(min=1),
        default=1,
        show_default=True,
        metavar="N",
        help="Levels of nested blocks to show.",
    ),
)
@row_options(SORTS)
@headed(
    "Rows",
    click.option(
        "--lengths",
        type=LengthsType(),
        metavar="N,N,...",
        help="One row for each sequence length, with the part that grows quadratically.",
    ),
)
@headed("Budgets", *BUDGET_OPTIONS)
@headed("Budgets", *BASELINE_OPTIONS)
@output_options
def command(
    models: tuple[str, ...],
    reading: Reading,
    rewriting: Rewriting,
    by: str | None,
    depth: int,
    arrange: Arrange,
    lengths: tuple[int, ...] | None,
    allow_uncounted: bool,
    baseline: Path | None,
    max_growth: float | None,
    form: str,
    output: Path | None,
    **limits: int | None,
) -> int:
    """Count MACs, FLOPs, parameters and memory of MODEL, by block, layer, kind or stage.

    \b
    keraudit flops ResNet50
    keraudit flops ResNet50 --input-shape 96,96,3 --by layer --sort macs --top 10
    keraudit flops ResNet50 --without-skips
    keraudit flops model.keras --max-macs 4G --max-params 25M
    keraudit flops model.keras --baseline main.json --max-growth 5%

    One MAC is one multiply-accumulate; FLOPs are 2 x MACs plus the other operations (bias,
    normalisation, activation, pooling, merge). Budgets are also read from [tool.keraudit] in
    pyproject.toml; a budget fails if some layers cannot be counted. Rewrites are applied in the
    order listed below. Sorting leaves JSON as it is.
    """
    from keraudit.api import read, report_of
    from keraudit.cli.budgets import budgets
    from keraudit.cli.emit import emit

    if max_growth is not None and baseline is None:
        raise click.UsageError("--max-growth goes with --baseline")
    stated = {key: limits[key.replace("-", "_")] for key in KEYS}
    how, line = reading.arguments(), command_line()
    if lengths:
        refuse_with_lengths(
            {"--length": reading.length, "--by": by, "a rewrite": rewriting != Rewriting()}
            | {"--depth": depth != 1, "--allow-uncounted": allow_uncounted}
            | {"--sort": arrange.keywords["key"], "--top": arrange.keywords["most"]}
            | {f"--{key}": limit for key, limit in stated.items()}
            | {"--baseline": baseline}
        )
        how.pop("length")
        show_lengths(models, lengths, how, form=form, output=output)
        return 0
    refuse_split_names(models)
    in_force = budgets(stated)
    reports = []
    for model in models:
        graph = read(model, notify=notify, **how)
        graph, notes = rewritten(graph, rewriting)
        reports.append(report_of(graph, command=line, rewrites=notes))
    grids = [_grid(report, by, depth, form, arrange) for report in reports]
    found = list(_over_budget(reports, in_force, allow_uncounted))
    data: list[dict[str, Any]] = [report.to_dict() for report in reports] if form == "json" else []
    if baseline is not None:
        more, tables = _against(reports, baseline, max_growth or 0.0, allow_uncounted, data)
        found += more
        grids += tables if form != "csv" else []
    return emit(grids, data, form=form, output=output, found=found)


def _grid(report: CostReport, by: str | None, depth: int, form: str, arrange: Arrange) -> Grid:
    """The table of a report; without ``--by`` of what is neither two rows nor a hundred."""
    from keraudit.audits.cost.report import report_grid
    from keraudit.audits.cost.views import MOST_ROWS, default_view

    if by is None and depth == 1 and form != "csv":  # rows of a file are the same for every model
        by = default_view(report.costs)
        if form == "table" and by == "block" and len(report.blocks) > MOST_ROWS:
            by = "stage"
            warn(
                f"{report.model} has {len(report.blocks)} blocks; shown by stage, --by block lists them"
            )
    return arrange(report_grid(report, by=by or "block", depth=depth))


def _over_budget(
    reports: Sequence[CostReport], in_force: Sequence[Any], allow_uncounted: bool
) -> Iterator[Annotation]:
    from keraudit.audits.cost.budget import exceeded_budgets, kept_budgets

    for report in reports:
        findings = exceeded_budgets(report, in_force, allow_uncounted=allow_uncounted)
        if in_force and not findings:
            warn(kept_budgets(report, in_force))
        for finding in findings:
            level = "error" if finding.fails else "warning"
            yield Annotation(level, "budget", finding.line, file_of(report.source))


def _against(
    reports: Sequence[CostReport],
    path: Path,
    most: float,
    allow_uncounted: bool,
    data: list[dict[str, Any]],
) -> tuple[list[Annotation], list[Grid]]:
    """What grew since the baseline, as annotations and as tables; ``data`` takes it too."""
    from keraudit.audits.cost.growth import growth_grid
    from keraudit.cli.baseline import exceeded, grown, read_baseline

    found, grids = [], []
    growths = grown(reports, read_baseline(path), path)
    for number, (report, growth) in enumerate(zip(reports, growths, strict=True)):
        lines = exceeded(report, growth, path, most, allow_uncounted=allow_uncounted)
        found += [Annotation("error", "growth", line, file_of(report.source)) for line in lines]
        grids.append(growth_grid(report, growth, str(path), most))
        if data:
            data[number]["baseline"] = _growth_data(path, most, growth)
    return found, grids


def _growth_data(path: Path, most: float, growth: Sequence[Any]) -> Mapping[str, Any]:
    return {
        "file": str(path),
        "max_growth_percent": most,
        "growth": {
            one.key: {"before": one.before, "after": one.after, "percent": one.percent}
            for one in growth
        },
    }
