"""``keraudit structure``: does a model have the shape that lectures and papers claim."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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


class CodesType(click.ParamType):  # type: ignore[type-arg]  # generic only in new releases
    """``RES01,RES06``: codes of claims, by comma."""

    name = "codes"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        from keraudit.audits.structure.report import claims

        known = claims()
        codes = tuple(word.strip().upper() for word in str(value).split(",") if word.strip())
        if unknown := [code for code in codes if code not in known]:
            families = dict.fromkeys(code[:3] for code in known)
            spans = [[c for c in known if c.startswith(family)] for family in families]
            among = " or ".join(f"{span[0]} to {span[-1]}" for span in spans)
            self.fail(f"expected {among}, received {', '.join(unknown)!r}", param, ctx)
        if not codes:
            self.fail(f"expected codes such as RES01,RES06, received {value!r}", param, ctx)
        return codes


@click.command("structure")
@click.argument("models", metavar="MODEL...", nargs=-1, required=True, type=MODEL)
@reading_options
@click.option(
    "--require",
    "required",
    type=CodesType(),
    multiple=True,
    metavar="CODES",
    help="Fail unless these claims hold, e.g. RES01,RES06.",
)
@output_options
def command(
    models: tuple[str, ...],
    reading: Reading,
    required: tuple[tuple[str, ...], ...],
    form: str | None,
    output: Path | None,
) -> int:
    """Check what lectures and papers say of ResNets and Inception on the graph of MODEL.

    \b
    keraudit structure ResNet50
    keraudit structure InceptionV3 --format json
    keraudit structure model.keras --require RES01,RES06

    Each claim holds, does not hold, or is not applicable, with the evidence: counts and layers.
    Which claims apply is told from the graph, not from names. With --require, a claim that does
    not hold or is not applicable ends with exit code 1.
    """
    from keraudit.api import structure
    from keraudit.audits.structure.claim import HOLDS
    from keraudit.audits.structure.report import structure_grid
    from keraudit.cli.emit import emit

    chosen = chosen_format(form, output)
    how, line = reading.arguments(), command_line()
    reports = [
        structure(
            model,
            **how,
            notify=notify,
            command=line,
        )
        for model in models
    ]
    grids = [structure_grid(report, every=chosen == "csv") for report in reports]
    data = [report.to_dict() for report in reports] if chosen == "json" else []
    emit(grids, data, form=chosen, output=output)
    codes = dict.fromkeys(code for group in required for code in group)
    missed = [
        (report, report[code])
        for report in reports
        for code in codes
        if report[code].verdict != HOLDS
    ]
    for report, check in missed:
        click.echo(
            f"keraudit: {report.model}: {check.code} {check.verdict}: {check.sentence}", err=True
        )
    return 1 if missed else 0
