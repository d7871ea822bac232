"""Options that the commands share which train networks or look at trained ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from keraudit.cli.options import F
from keraudit.reading.keras_worker import BACKENDS

LARGEST_SEED = 2**32 - 1  # numpy's


class ListType(click.ParamType):  # type: ignore[type-arg]  # generic only in new releases
    """Numbers with commas between them."""

    def __init__(self, one: Callable[[str], float], expected: str) -> None:
        self.name = "numbers"
        self.one, self.expected = one, expected

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, ...]:
        if isinstance(value, tuple):
            return value
        try:
            return tuple(dict.fromkeys(self.one(part.strip()) for part in str(value).split(",")))
        except ValueError:
            self.fail(f"expected {self.expected}, received {value!r}", param, ctx)


def seed(text: str) -> int:
    if not text.isdecimal() or int(text) > LARGEST_SEED:
        raise ValueError(text)
    return int(text)


seeds_option = click.option(
    "--seeds",
    type=ListType(seed, f"whole numbers from 0 to {LARGEST_SEED} such as 0,1,2"),
    default=(0,),
    metavar="N,...",
    help="[default: 0]",
)
backend_option = click.option(
    "--backend", type=click.Choice(BACKENDS), help="[default: the one configured]"
)
# How a run is made and what is looked at meanwhile: none of it changes what is learnt, but for
# --devices in the last bits. By the names that ``keraudit.training.train.train`` has for them.
RUN_OPTIONS = (
    click.option(
        "--devices",
        type=click.IntRange(min=1),
        default=1,
        show_default=True,
        metavar="N",
        help="Share each batch over N devices, with the JAX backend.",
    ),
    click.option(
        "--device-images",
        type=click.IntRange(min=1),
        metavar="N",
        help="Images on a device at once; the same is learnt.  [default: as many as fit]",
    ),
    click.option(
        "--watch-gradients",
        "gradients_every",
        type=click.IntRange(min=1),
        metavar="N",
        help="Take a gradient profile every N steps, as keraudit gradients does.",
    ),
    click.option(
        "--tensorboard",
        "board",
        type=click.Path(path_type=Path),
        metavar="FOLDER",
        help="Log every epoch for TensorBoard.",
    ),
)
# Every number of a recipe, in its order; each takes the place of the recipe's own.
RECIPE_OPTIONS = (
    click.option("--batch", type=int, metavar="N", help="Images a step."),
    click.option("--optimizer", type=click.Choice(("sgd", "adamw")), help="What takes the steps."),
    click.option("--learning-rate", type=float, metavar="X", help="The highest."),
    click.option("--momentum", type=float, metavar="X", help="Of SGD; AdamW's beta 1."),
    click.option("--nesterov/--no-nesterov", default=None, help="Look ahead, or do not."),
    click.option("--schedule", type=click.Choice(("step", "cosine")), help="How the rate falls."),
    click.option(
        "--milestones",
        type=ListType(float, "parts such as 0.5,0.75"),
        metavar="PART,...",
        help="Where a rate that falls in steps falls to a tenth.",
    ),
    click.option("--warmup", type=float, metavar="PART", help="Part in which the rate rises."),
    click.option("--weight-decay", type=float, metavar="X", help="On kernels."),
    click.option("--clip-norm", type=float, metavar="X", help="Longest gradient; 0 for no limit."),
    click.option("--label-smoothing", type=float, metavar="X", help="Spread over all classes."),
    click.option("--ema", type=float, metavar="PART", help="Steps the averaged weights look back."),
    click.option("--padding", type=int, metavar="N", help="Pixels around, for random crops."),
    click.option("--flip/--no-flip", default=None, help="Mirror half of the images, or none."),
    click.option(
        "--cutout", type=int, metavar="N", help="Blank up to NxN pixels an image; 16 is common."
    ),
    click.option(
        "--mixup",
        type=float,
        metavar="ALPHA",
        help="Mix images two by two, and their labels; 1 is common.",
    ),
    click.option(
        "--normalize", type=click.Choice(("pixel", "channel")), help="Mean image, or not."
    ),
    click.option("--precision", type=click.Choice(("float32", "mixed_bfloat16"))),
    click.option(
        "--size",
        type=int,
        metavar="N",
        help="Enlarge the images to NxN for InceptionV3 and ResNet50.  [default: 96]",
    ),
    click.option(
        "--weights",
        type=click.Choice(("imagenet",)),
        help="Begin with those that Keras publishes of InceptionV3 and ResNet50, not with random ones.",
    ),
)


EVALUATION_OPTIONS = (
    click.option(
        "--corruption-images",
        type=click.IntRange(min=0),
        metavar="N",
        help="Corrupt the first N test images, 0 for none.  [default: all; of a report on a budget 500]",
    ),
    click.option(
        "--human",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="People's labels: CIFAR-10H as an .npz file with probs, in the test set's order.",
    ),
    click.option(
        "--originals",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="The first test images before they were recompressed: an .npz file with x and y.",
    ),
)


def stacked(options: Sequence[Callable[[F], F]]) -> Callable[[F], F]:
    """All of some options, shown in their order."""

    def decorated(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return decorated


# Every option of a recipe but its epochs, in place of the recipe's own.
recipe_options = stacked(RECIPE_OPTIONS)
# What a run is made with.
run_options = stacked(RUN_OPTIONS)
# What a trained network is evaluated on beside its test set.
evaluation_options = stacked(EVALUATION_OPTIONS)


def data_option(help_text: str) -> Callable[[F], F]:
    """``--data``, whatever ``keraudit.data.load.load`` takes; ``help_text`` is its help."""
    return click.option(
        "--data", "spec", default="cifar10", show_default=True, metavar="DATA", help=help_text
    )
