"""``keraudit lesion``: what a block of a trained network is worth."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from keraudit.cli.command import Command, headed
from keraudit.cli.extras import require
from keraudit.cli.options import command_line, notify, output_options
from keraudit.cli.training_options import backend_option, data_option
from keraudit.errors import KerauditError


@click.command("lesion", cls=Command, short_help="Delete and exchange blocks of a trained network.")
@click.argument("source", metavar="RUN|NAME|WEIGHTS.npz", type=click.Path(path_type=Path))
@headed(
    "Data",
    data_option("Data the run was trained on, as for keraudit train."),
    click.option(
        "--originals",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Test on the images of this .npz (x, y) instead of the test set.",
    ),
    click.option(
        "--test-images",
        type=click.IntRange(min=1),
        metavar="N",
        help="Use the first N only.  [default: all]",
    ),
)
@headed(
    "Lesions",
    click.option(
        "--repeats",
        type=click.IntRange(min=1),
        default=5,
        show_default=True,
        metavar="N",
        help="Random choices for each number of blocks.",
    ),
    click.option(
        "--seed",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        metavar="N",
        help="Seed of the choices.",
    ),
    click.option(
        "--expect",
        type=click.FloatRange(0, 100),
        metavar="PERCENT",
        help="Stop unless the whole network has this accuracy, to two decimals.",
    ),
    backend_option,
)
@output_options
def command(
    source: Path,
    spec: str,
    originals: Path | None,
    test_images: int | None,
    repeats: int,
    seed: int,
    expect: float | None,
    backend: str | None,
    form: str,
    output: Path | None,
) -> None:
    """Delete one block, delete several, exchange some, and follow the gradient by path length.

    \b
    keraudit lesion runs/resnet-cifar-20-he2015-seed0
    keraudit lesion ResNet-CIFAR-20 --originals originals.npz
    keraudit lesion resnet-cifar-56.npz --originals originals.npz --expect 92.72

    RUN is the folder of a finished run of keraudit train, NAME a network whose weights ship, such as
    ResNet-CIFAR-20. WEIGHTS.npz holds PyTorch's arrays of a ResNet for CIFAR-10 with option A shortcuts.
    Nothing is trained. After Veit et al. 2016.
    """
    from keraudit.reading.keras_worker import use_backend

    require("train")
    use_backend(backend)

    from keraudit.cli.emit import emit
    from keraudit.cli.quiet import started
    from keraudit.evaluation.lesion import Plan, lesions
    from keraudit.evaluation.lesion_record import score
    from keraudit.evaluation.lesion_source import lesion_source
    from keraudit.evaluation.lesion_table import lesion_grids

    started()
    found = lesion_source(source, spec, originals, test_images)
    whole = found.whole()
    baseline = score(whole, found.labels)
    if expect is not None and round(100 * baseline.accuracy, 2) != round(expect, 2):
        raise KerauditError(
            f"{source}: accuracy {100 * baseline.accuracy:.2f} % of the whole network on"
            f" {baseline.images:,} images, --expect says {expect:.2f} %: other images, or other"
            " weights"
        )
    result: Any = lesions(
        found.gated,
        found.images,
        found.labels,
        Plan(repeats=repeats, seed=seed),
        watch=partial(_report, source.name),
        source=source.name,
        params=found.params,
        dataset=found.dataset,
        network=found.name,
        command=command_line(),
        whole=whole,
    )
    emit(lesion_grids(result), [result.to_dict()], form=form, output=output, costly=True)


def _report(name: str, stage: str) -> None:
    notify(f"{name}: {stage}")
