"""``keraudit reductions``: what the 1x1 reductions save."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from keraudit.cli.command import Command, headed
from keraudit.cli.options import (
    ENDINGS,
    FILE_OPTIONS,
    Arrange,
    Reading,
    chosen_format,
    command_line,
    notify,
    reading_options,
    row_options,
    warn,
)
from keraudit.cli.values import MODEL, Choice

if TYPE_CHECKING:
    from keraudit.audits.reductions.report import Reductions


DERIVATION_ENDINGS = dict.fromkeys((".txt", ".tex", ".md", ".html"), "table")
SORTS = {
    "saving": "saving",
    "factor": "factor",
    "macs": "macs_with",
    "params": "params_with",
    "name": "name",
}


@click.command("reductions", cls=Command, short_help="What 1x1 reductions save, block by block.")
@click.argument("model", metavar="MODEL", type=MODEL)
@reading_options
@headed(
    "Reductions",
    click.option(
        "--also-pool-projections",
        is_flag=True,
        help="Remove the 1x1 after pooling too: the naive module of GoogLeNet's figure 2(a).",
    ),
    click.option(
        "--derive",
        multiple=True,
        metavar="BLOCK",
        help="Write out every product of BLOCK, or of all, in place of the table. Repeatable.",
    ),
    click.option(
        "--notation",
        type=Choice(("text", "latex", "html")),
        help="Notation of --derive.  [default: text]",
    ),
)
@row_options(SORTS)
@headed("Output", *FILE_OPTIONS)
def command(
    model: str,
    reading: Reading,
    also_pool_projections: bool,
    derive: tuple[str, ...],
    notation: str | None,
    arrange: Arrange,
    form: str | None,
    output: Path | None,
) -> None:
    """Count each block of MODEL with its 1x1 reductions and without them.

    \b
    keraudit reductions InceptionV3
    keraudit reductions InceptionV3 --derive mixed0
    keraudit reductions GoogLeNet --derive all --notation latex -o blocks.tex
    keraudit reductions GoogLeNet --sort saving --top 3

    A reduction is a 1x1 convolution with fewer output than input channels that is read only by
    spatial convolutions. Without it they read the wide input; filters and sizes stay.
    """
    from keraudit.api import read
    from keraudit.audits.reductions.report import reductions, reductions_grid
    from keraudit.cli.emit import emit

    if derive and form:
        raise click.UsageError("--derive writes text: leave out --format, or see --notation")
    if derive and (arrange.keywords["key"] or arrange.keywords["most"]):
        raise click.UsageError(
            "--derive writes the blocks that it names: leave out --sort and --top"
        )
    if notation and not derive:
        raise click.UsageError("--notation goes with --derive")
    chosen = chosen_format(form, output, DERIVATION_ENDINGS if derive else ENDINGS)
    graph = read(
        model,
        **reading.arguments(),
        notify=notify,
    )
    report = reductions(
        graph,
        also_pool_projections=also_pool_projections,
        command=command_line(),
    )
    if report.rewrite.nothing:
        warn(f"{report.model}: {report.rewrite.nothing}")
    if derive:
        _write_derivations(report, derive, notation or "text", output)
        return
    data = [report.to_dict()] if chosen == "json" else []
    emit([arrange(reductions_grid(report))], data, form=chosen, output=output)


def _write_derivations(
    report: Reductions, names: tuple[str, ...], notation: str, output: Path | None
) -> None:
    """Print or save the products of the blocks named."""
    from keraudit.audits.reductions.derivation import derivation
    from keraudit.model.fuzzy import suggestion
    from keraudit.output.files import save

    known = {block.name: block for block in report.blocks}
    chosen = list(known.values()) if "all" in names else []
    for name in names:
        if name != "all" and name not in known:
            raise click.UsageError(f"no block is called {name!r}: {suggestion(name, known)}")
        if name != "all" and known[name] not in chosen:
            chosen.append(known[name])
    text = "\n\n".join(derivation(block, notation) for block in chosen) + "\n"
    if output is None:
        click.echo(text, nl=False)
    else:
        save(output, text)
