"""``keraudit train``: one network, one recipe, one or several seeds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from keraudit.cli.command import Command, headed
from keraudit.cli.extras import require
from keraudit.cli.options import command_line, warn
from keraudit.cli.training_options import (
    STOPPED,
    backend_option,
    data_option,
    fraction_option,
    recipe_options,
    run_options,
    seeds_option,
)
from keraudit.cli.values import Choice, NameOf
from keraudit.safe_text import file_name, harmless

if TYPE_CHECKING:
    from keraudit.training.record import Run

RECIPES = ("he2015", "modern")
COUNT = click.IntRange(min=1)


NETWORKS = (
    "InceptionV3",
    "ResNet50",
    "Inception-CIFAR",
    *(f"{family}-CIFAR-{n}" for family in ("ResNet", "Plain") for n in (20, 32, 44, 56, 110)),
)


@click.command(
    "train",
    cls=Command,
    short_help="Train a network on images; interrupt and resume at any time.",
    fails=STOPPED,
)
@click.argument("network", metavar="NETWORK", type=NameOf("network", "keraudit.cli.train:NETWORKS"))
@headed(
    "Data",
    data_option(
        "cifar10 (downloaded by Keras), a folder or archive of CIFAR-10's batches, a folder of"
        " images by class, or an .npz file."
    ),
    click.option("--train-images", type=COUNT, metavar="N", help="Use the first N only."),
    click.option("--test-images", type=COUNT, metavar="N", help="Use the first N only."),
    click.option(
        "--hold-out",
        "held_back",
        type=COUNT,
        metavar="N",
        help="Evaluate on the last N training images, which are held out, not on the test images: for"
        " choosing settings.",
    ),
)
@headed(
    "Run",
    seeds_option,
    fraction_option("Fraction of the recipe's epochs to train for; recorded."),
    click.option(
        "--runs",
        type=click.Path(path_type=Path),
        default=Path("runs"),
        show_default=True,
        metavar="FOLDER",
        help="Folder of the runs, each in a folder of its own; an existing run is resumed.",
    ),
    backend_option,
)
@run_options
@headed(
    "Recipe, in place of its own values",
    click.option(
        "--recipe",
        "recipe_name",
        type=Choice(RECIPES),
        default="he2015",
        show_default=True,
        help="Recipe.",
    ),
    click.option("--epochs", type=int, metavar="N", help="Number of epochs."),
)
@recipe_options
def command(
    network: str,
    spec: str,
    recipe_name: str,
    seeds: tuple[int, ...],
    fraction: float,
    train_images: int | None,
    test_images: int | None,
    held_back: int | None,
    backend: str | None,
    devices: int,
    device_images: int | None,
    gradients_every: int | None,
    board: Path | None,
    stop_after: float | None,
    runs: Path,
    **changes: Any,
) -> int:
    """Train NETWORK on images and record the run.

    \b
    keraudit train ResNet-CIFAR-20 --epochs 2 --train-images 2000
    keraudit train ResNet-CIFAR-20 --seeds 0,1,2
    keraudit train ResNet50 --recipe modern --backend jax
    keraudit train ResNet50 --recipe modern --hold-out 5000 --learning-rate 0.02

    NETWORK is ResNet-CIFAR-n, Plain-CIFAR-n, Inception-CIFAR, InceptionV3 or ResNet50; the last two
    take the images resized, to 96x96 without --size. Interrupt at any time; the same command resumes from the last
    checkpoint with identical results.
    """
    from keraudit.errors import KerauditError
    from keraudit.reading.keras_worker import use_backend
    from keraudit.training.deadline import Deadline
    from keraudit.training.networks import sized, spelled
    from keraudit.training.recipe import recipe

    require("train")
    deadline = Deadline(stop_after) if stop_after else None
    settings = recipe(recipe_name, budget=fraction, **changes)
    whole = recipe(recipe_name, **changes).epochs
    if whole * fraction < 0.5:
        raise click.UsageError(
            f"--fraction {fraction:g} of {whole} epochs is less than one: raise it, or take fewer"
            " images with --train-images"
        )
    sized(settings, network)
    use_backend(backend)

    from keraudit.cli.progress import Progress
    from keraudit.cli.quiet import started
    from keraudit.data.dataset import limited, short_fingerprint, validation_split
    from keraudit.data.load import load
    from keraudit.training.train import DivergedError, TimeIsUpError, train

    started(is_repeatable=True)
    data = limited(
        validation_split(load(spec), held_back or 0), train=train_images, test=test_images
    )
    shown = (
        f"{data.name}: {len(data.train):,} training and {len(data.test):,} {data.judges} images,"
        f" {len(data.classes)} classes; fingerprint {short_fingerprint(data.fingerprint)}"
    )
    click.echo(harmless(shown))
    name, failed = spelled(network), []
    folders = {
        seed: runs / file_name(f"{name.lower()}-{settings.name}-seed{seed}") for seed in seeds
    }
    for number, (seed, folder) in enumerate(folders.items(), 1):
        later = list(folders.values())[number:]
        following = sum(not (other / "run.json").is_file() for other in later)
        try:
            with Progress(f"{name} seed {seed}", settings.batch, following=following) as progress:
                run = train(
                    name,
                    data,
                    settings,
                    seed=seed,
                    folder=folder,
                    watch=progress.show,
                    budget=fraction,
                    devices=devices,
                    device_images=device_images,
                    gradients_every=gradients_every,
                    board=board,
                    deadline=deadline,
                    command=command_line(),
                )
        except TimeIsUpError as stopped:
            warn(str(stopped))
            return 1
        except DivergedError as error:  # the other seeds say how common it is
            if len(folders) == 1:
                raise
            failed.append(f"seed {seed}: {error}")
            warn(failed[-1])
            continue
        click.echo(harmless(summary(run, folder)))
    if failed:
        raise KerauditError(
            f"{len(failed)} of {len(folders)} runs diverged; the first, {failed[0]}"
        )
    return 0


def summary(run: Run, folder: Path) -> str:
    """One line on a finished run."""
    from keraudit.data.dataset import judges

    evaluation = run.evaluation
    share = f", utilisation {run.work['share_of_peak']:.0%}" if run.work else ""
    return (
        f"{run.network} seed {run.seed}: {judges(run.dataset)} accuracy {evaluation['test']['accuracy']:.2%}, training"
        f" accuracy {evaluation['train']['accuracy']:.2%}, {len(run.history)} epochs in {run.seconds:.0f}"
        f" s{share};"
        f" {folder / 'run.json'}"
    )
