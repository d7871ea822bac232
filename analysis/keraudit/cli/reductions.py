"""``keraudit reductions``: what the 1x1 reductions save."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from keraudit.audits.reductions.report import Reductions


@click.command("reductions", short_help="What the 1x1 reductions of MODEL save, block by block.")
@click.argument("model", metavar="MODEL", type=MODEL)
@reading_options
@click.option(
    "--also-pool-projections",
    is_flag=True,
    help="Take out the 1x1 behind poolings too: the naive module of GoogLeNet's figure 2(a).",
)
@click.option(
    "--derive",
    multiple=True,
    metavar="BLOCK",
    help="Write out every product of a block, or of 'all', in place of the table.",
)
@click.option(
    "--notation",
    type=click.Choice(["text", "latex", "html"]),
    default="text",
    show_default=True,
    help="How --derive writes.",
)
@output_options
def command(
    model: str,
    reading: Reading,
    also_pool_projections: bool,
    derive: tuple[str, ...],
    notation: str,
    form: str | None,
    output: Path | None,
) -> None:
    """Count each block of MODEL with its 1x1 reductions and without them.

    \b
    keraudit reductions InceptionV3
    keraudit reductions InceptionV3 --derive mixed0
    keraudit reductions inception-reduced:lecture-5x5 --derive all --notation latex

    A reduction is a 1x1 convolution with fewer output than input channels that is read only by
    spatial convolutions. Without it they read the wide input; filters and sizes stay.
    """
    from keraudit.api import read
    from keraudit.audits.reductions.report import reductions, reductions_grid
    from keraudit.cli.emit import emit

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
        click.echo(f"keraudit: {report.model}: {report.rewrite.nothing}", err=True)
    if derive:
        _write_derivations(report, derive, notation, output)
        return
    chosen = chosen_format(form, output)
    data = [report.to_dict()] if chosen == "json" else []
    emit([reductions_grid(report)], data, form=chosen, output=output)


def _write_derivations(
    report: Reductions, names: tuple[str, ...], notation: str, output: Path | None
) -> None:
    """Print or save the products of the blocks named."""
    from keraudit.audits.reductions.derivation import derivation
    from keraudit.model.fuzzy import choices
    from keraudit.output.files import save

    known = {block.name: block for block in report.blocks}
    chosen = list(known.values()) if "all" in names else []
    for name in names:
        if name != "all" and name not in known:
            raise click.UsageError(f"no block is called {name!r}; there are {choices(name, known)}")
        if name != "all" and known[name] not in chosen:
            chosen.append(known[name])
    text = "\n\n".join(derivation(block, notation) for block in chosen) + "\n"
    if output is None:
        click.echo(text, nl=False)
    else:
        save(output, text)
