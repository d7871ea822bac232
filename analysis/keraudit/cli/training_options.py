"""Options that the commands share which train networks or look at trained ones."""

from __future__ import annotations

from collections.abc import Callable

import click

from keraudit.cli.options import F
from keraudit.reading.live import BACKENDS

backend_option = click.option(
    "--backend", type=click.Choice(BACKENDS), help="[default: the one configured]"
)


def data_option(told: str) -> Callable[[F], F]:
    """``--data``, whatever ``keraudit.experiments.data.load`` takes; ``told`` is its help."""
    return click.option(
        "--data", "spec", default="cifar10", show_default=True, metavar="DATA", help=told
    )
