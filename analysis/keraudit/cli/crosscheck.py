"""``keraudit crosscheck``: our count beside other counters', reconciled."""

from __future__ import annotations

from pathlib import Path

import click

from keraudit.cli.command import Command, headed
from keraudit.cli.options import (
    Reading,
    command_line,
    notify,
    output_options,
    reading_options,
    warn,
)
from keraudit.cli.values import MODEL, Choice
from keraudit.output.github import Annotation

NAMES = ("fvcore", "torch", "tensorflow", "xla")
LONGEST_WAIT = 1_000_000  # seconds; not infinity, which no clock counts down


@click.command(
    "crosscheck",
    cls=Command,
    fails="a counter named by --require gave no number",
    short_help="Our count, reconciled with fvcore, torch, TensorFlow, XLA.",
)
@click.argument("model", metavar="MODEL", type=MODEL)
@reading_options
@headed(
    "Counters",
    click.option(
        "--peer",
        "chosen",
        multiple=True,
        type=Choice(NAMES),
        help="Run this counter only. Repeatable.  [default: all]",
    ),
    click.option(
        "--require",
        "required",
        multiple=True,
        type=Choice(NAMES),
        help="Fail unless this counter gives a number. Repeatable.",
    ),
    click.option(
        "--timeout",
        type=click.FloatRange(min=0, min_open=True),
        default=600,
        show_default=True,
        metavar="SECONDS",
        help="Time limit of each counter.",
    ),
)
@output_options
def command(
    model: str,
    reading: Reading,
    chosen: tuple[str, ...],
    required: tuple[str, ...],
    timeout: float,
    form: str,
    output: Path | None,
) -> int:
    """Count MODEL with other counters too, and explain every difference from our number.

    \b
    keraudit crosscheck ResNet50
    keraudit crosscheck ResNet50 --peer tensorflow --require tensorflow
    keraudit crosscheck model.keras --format json

    Each counter runs in a process of its own, on the model built with random initial weights.
    Counters that are missing, fail or time out are reported in their row and skipped; pip install
    'keraudit[crosscheck]' installs all of them.
    """
    from keraudit.api import read
    from keraudit.audits.crosscheck.peers import PEERS
    from keraudit.audits.crosscheck.process import MISSING
    from keraudit.audits.crosscheck.report import crosscheck, crosscheck_grid
    from keraudit.cli.emit import emit

    if not timeout <= LONGEST_WAIT:
        raise click.UsageError(
            f"--timeout takes {LONGEST_WAIT:,} seconds at most, received {timeout:g}"
        )
    graph = read(
        model,
        **reading.arguments(),
        notify=notify,
    )
    requested = [name for name in NAMES if not chosen or name in {*chosen, *required}]
    report = crosscheck(
        graph,
        peers=[PEERS[name] for name in requested],
        timeout=timeout,
        notify=notify,
        command=command_line(),
    )
    if any(peer.error.startswith(MISSING) for peer in report.peers):
        warn("a counter is not installed: pip install 'keraudit[crosscheck]'")
    data = [report.to_dict()] if form == "json" else []
    silent = [report[name] for name in dict.fromkeys(required) if report[name].value is None]
    found = [
        Annotation(
            "error", "crosscheck", f"{report.model}: {peer.name} gave no number: {peer.error}"
        )
        for peer in silent
    ]
    grids = [crosscheck_grid(report, repeat=form == "csv")]
    return emit(grids, data, form=form, output=output, found=found)
