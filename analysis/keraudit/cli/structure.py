"""``keraudit structure``: does a model have the shape that lectures and papers claim."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from keraudit.cli.command import Command, headed
from keraudit.cli.options import (
    Reading,
    command_line,
    file_of,
    notify,
    output_options,
    reading_options,
)
from keraudit.cli.values import MODEL, completions
from keraudit.model.fuzzy import suggestion
from keraudit.output.github import Annotation


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
            guess = suggestion(unknown[0], known)
            hint = f": {guess}" if guess.startswith("did") else ""
            self.fail(f"expected {among}, received {', '.join(unknown)!r}{hint}", param, ctx)
        if not codes:
            self.fail(f"expected codes such as RES01,RES06, received {value!r}", param, ctx)
        return codes

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> Any:
        from keraudit.audits.structure.report import claims

        head, separator, rest = incomplete.rpartition(",")
        return completions(rest, claims(), head=head + separator)


@click.command(
    "structure",
    cls=Command,
    fails="a claim named by --require does not hold",
    short_help="Claims of papers and lectures, checked on the graph.",
)
@click.argument("models", metavar="MODEL...", nargs=-1, required=True, type=MODEL)
@reading_options
@headed(
    "Claims",
    click.option(
        "--require",
        "required",
        type=CodesType(),
        multiple=True,
        metavar="CODES",
        help="Fail unless these claims hold, e.g. RES01,RES06.",
    ),
)
@output_options
def command(
    models: tuple[str, ...],
    reading: Reading,
    required: tuple[tuple[str, ...], ...],
    form: str,
    output: Path | None,
) -> int:
    """Check claims of papers and lectures about ResNets and Inception on the graph of MODEL.

    \b
    keraudit structure ResNet50
    keraudit structure InceptionV3 --format json
    keraudit structure model.keras --require RES01,RES06

    Each claim holds, does not hold, or is not applicable, with its evidence: counts and layers. The
    graph, not names, decides which claims apply. A required claim that is not applicable fails.
    """
    from keraudit.api import structure
    from keraudit.audits.structure.claim import HOLDS
    from keraudit.audits.structure.report import structure_grid
    from keraudit.cli.emit import emit

    how, line = reading.arguments(), command_line()
    reports = [structure(model, **how, notify=notify, command=line) for model in models]
    codes = dict.fromkeys(code for group in required for code in group)
    found = [
        Annotation(
            "error",
            check.code,
            f"{report.model}: {check.code} {check.verdict}: {check.sentence}",
            file_of(report.source),
        )
        for report in reports
        for check in (report[code] for code in codes)
        if check.verdict != HOLDS
    ]
    grids = [structure_grid(report, every=form == "csv") for report in reports]
    data = [report.to_dict() for report in reports] if form == "json" else []
    return emit(grids, data, form=form, output=output, found=found)
