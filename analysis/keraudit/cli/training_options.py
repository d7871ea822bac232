"""Options that the commands share which train networks or look at trained ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from keraudit.cli.command import F, headed
from keraudit.cli.values import Choice, Duration, ListType, NameOf
from keraudit.reading.keras_worker import BACKENDS

DATA = ("cifar10",)
LARGEST_SEED = 2**32 - 1  # numpy's
STOPPED = "--stop-after ends it before it is finished"


def seed(text: str) -> int:
    if not text.isdecimal() or int(text) > LARGEST_SEED:
        raise ValueError(text)
    return int(text)


seeds_option = click.option(
    "--seeds",
    type=ListType(seed, f"whole numbers from 0 to {LARGEST_SEED} such as 0,1,2"),
    default=(0,),
    metavar="N,...",
    help="Seeds, one run each, e.g. 0,1,2.  [default: 0]",
)
backend_option = click.option(
    "--backend", type=Choice(BACKENDS), help="Keras backend.  [default: the one configured]"
)


def fraction_option(help_text: str) -> Callable[[F], F]:
    """``--fraction``, the part of a training in full."""
    return click.option(
        "--fraction",
        type=float,
        default=1.0,
        show_default=True,
        metavar="PART",
        help=help_text,
    )


# How a run is made and what is looked at meanwhile: none of it changes what is learnt, but for
# --devices in the last bits. By the names that ``keraudit.training.train.train`` has for them.
RUN_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option(
        "--devices",
        type=click.IntRange(min=1),
        default=1,
        show_default=True,
        metavar="N",
        help="Split each batch over N devices (JAX backend).",
    ),
    click.option(
        "--device-images",
        type=click.IntRange(min=1),
        metavar="N",
        help="Images on a device at once; results do not change.  [default: as many as fit]",
    ),
    click.option(
        "--watch-gradients",
        "gradients_every",
        type=click.IntRange(min=1),
        metavar="N",
        help="Record a gradient profile every N steps.",
    ),
    click.option(
        "--tensorboard",
        "board",
        type=click.Path(path_type=Path),
        metavar="FOLDER",
        help="Log every epoch for TensorBoard.",
    ),
    click.option(
        "--stop-after",
        type=Duration(),
        metavar="TIME",
        help="Begin no epoch that would end later, e.g. 9m; exit code 1, the same command resumes.",
    ),
)
# Every number of a recipe, in its order; each takes the place of the recipe's own.
RECIPE_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option("--batch", type=int, metavar="N", help="Batch size."),
    click.option("--optimizer", type=Choice(("sgd", "adamw")), help="Optimizer."),
    click.option("--learning-rate", type=float, metavar="X", help="Peak learning rate."),
    click.option("--momentum", type=float, metavar="X", help="Momentum of SGD; beta 1 of AdamW."),
    click.option("--nesterov/--no-nesterov", default=None, help="Nesterov momentum."),
    click.option("--schedule", type=Choice(("step", "cosine")), help="Learning-rate schedule."),
    click.option(
        "--milestones",
        type=ListType(float, "parts such as 0.5,0.75"),
        metavar="PART,...",
        help="Fractions of the run at which the step schedule divides the rate by 10.",
    ),
    click.option(
        "--warmup", type=float, metavar="PART", help="Fraction of the run with linear warm-up."
    ),
    click.option("--weight-decay", type=float, metavar="X", help="Weight decay, on kernels only."),
    click.option("--clip-norm", type=float, metavar="X", help="Gradient-norm clipping; 0: none."),
    click.option("--label-smoothing", type=float, metavar="X", help="Label smoothing."),
    click.option(
        "--ema",
        type=float,
        metavar="PART",
        help="Window of the weight average (EMA), as a fraction of the run.",
    ),
    click.option("--padding", type=int, metavar="N", help="Padding in pixels before random crops."),
    click.option("--flip/--no-flip", default=None, help="Random horizontal flips."),
    click.option("--cutout", type=int, metavar="N", help="Cutout of NxN pixels; 16 is common."),
    click.option(
        "--mixup",
        type=float,
        metavar="ALPHA",
        help="Mixup with Beta(ALPHA, ALPHA); 1 is common.",
    ),
    click.option(
        "--normalize",
        type=Choice(("pixel", "channel")),
        help="Subtract the mean image, or normalise per channel.",
    ),
    click.option("--precision", type=Choice(("float32", "mixed_bfloat16")), help="Dtype policy."),
    click.option(
        "--size",
        type=int,
        metavar="N",
        help="Resize images to NxN for InceptionV3 and ResNet50.  [default: 96]",
    ),
    click.option(
        "--weights",
        type=Choice(("imagenet",)),
        help="Start from the ImageNet weights of InceptionV3 or ResNet50.",
    ),
)


EVALUATION_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option(
        "--corruption-images",
        type=click.IntRange(min=0),
        metavar="N",
        help="Corrupt the first N test images; 0: none.  [default: all; 500 with --fraction]",
    ),
    click.option(
        "--human",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Human labels: CIFAR-10H as an .npz file with probs, in the order of the test set.",
    ),
    click.option(
        "--originals",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="The first test images before recompression: an .npz file with x and y.",
    ),
)


# Every option of a recipe but its epochs, in place of the recipe's own.
recipe_options = headed("Recipe, in place of its own values", *RECIPE_OPTIONS)
# What a run is made with.
run_options = headed("Run", *RUN_OPTIONS)
# What a trained network is evaluated on beyond its test set.
evaluation_options = headed("Evaluation", *EVALUATION_OPTIONS)


def data_option(help_text: str) -> Callable[[F], F]:
    """``--data``, whatever ``keraudit.data.load.load`` takes; ``help_text`` is its help."""
    return click.option(
        "--data",
        "spec",
        default="cifar10",
        show_default=True,
        type=NameOf("data", "keraudit.cli.training_options:DATA", or_file=True),
        metavar="DATA",
        help=help_text,
    )
