"""``keraudit crosscheck``: our count beside other counters', reconciled."""

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
    warn,
)

NAMES = ("fvcore", "torch", "tensorflow", "xla")


LONGEST_WAIT = 1_000_000  # seconds; not infinity, which no clock counts down


@click.command("crosscheck", short_help="Our count of MODEL beside fvcore, torch, TensorFlow, XLA.")
@click.argument("model", metavar="MODEL", type=MODEL)
@reading_options
@click.option(
    "--peer",
    "chosen",
    multiple=True,
    type=click.Choice(NAMES),
    help="Ask this counter only; may be repeated.  [default: all]",
)
@click.option(
    "--require",
    "required",
    multiple=True,
    type=click.Choice(NAMES),
    help="Fail unless this counter gives a number; may be repeated.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=600,
    show_default=True,
    metavar="SECONDS",
    help="Time limit of each counter.",
)
@output_options
def command(
    model: str,
    reading: Reading,
    chosen: tuple[str, ...],
    required: tuple[str, ...],
    timeout: float,
    form: str | None,
    output: Path | None,
) -> int:
    """Count MODEL with other counters too, and lead from our number to each of theirs.

    \b
    keraudit crosscheck ResNet50
    keraudit crosscheck model.keras --peer fvcore --require fvcore

    Every counter runs in a process of its own, on the model built anew with random initial weights. One that is
    not installed, fails, or takes too long is told in its row; pip install 'keraudit[crosscheck]' brings
    them. With --require, a counter without a number ends with exit code 1.
    """
    from keraudit.api import read
    from keraudit.audits.crosscheck.peers import PEERS
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
    shape = chosen_format(form, output)
    data = [report.to_dict()] if shape == "json" else []
    emit([crosscheck_grid(report, repeat=shape == "csv")], data, form=shape, output=output)
    silent = [report[name] for name in dict.fromkeys(required) if report[name].value is None]
    for peer in silent:
        warn(f"{report.model}: {peer.name} gave no number: {peer.error}")
    return 1 if silent else 0
