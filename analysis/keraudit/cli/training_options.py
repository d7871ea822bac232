"""Options that the commands share which train networks or look at trained ones."""

from __future__ import annotations

from collections.abc import Callable

import click

from keraudit.cli.options import F
from keraudit.reading.live import BACKENDS

backend_option = click.option(
    "--backend", type=click.Choice(BACKENDS), help="[default: the one configured]"
)
precision_option = click.option(
    "--precision",
    type=click.Choice(("float32", "mixed_bfloat16")),
    help="In place of the recipe's.",
)
size_option = click.option(
    "--size",
    type=int,
    metavar="N",
    help="Enlarge the images to NxN for InceptionV3 and ResNet50.  [default: 96]",
)


def data_option(told: str) -> Callable[[F], F]:
    """``--data``, whatever ``keraudit.experiments.data.load`` takes; ``told`` is its help."""
    return click.option(
        "--data", "spec", default="cifar10", show_default=True, metavar="DATA", help=told
    )
