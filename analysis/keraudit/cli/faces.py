"""``keraudit faces``: whose face is it, told by features and a residual classifier."""

from __future__ import annotations

from pathlib import Path

import click

from keraudit.cli.command import Command, headed
from keraudit.cli.extras import require
from keraudit.cli.options import command_line, notify, output_options
from keraudit.cli.training_options import backend_option, seed
from keraudit.cli.values import ListType, NameOf

SEEDS = (0, 1, 2, 3, 4)
FEATURES = (
    "imagenet",
    "random",
    "imagenet:ResNet50",
    "random:ResNet50",
    "trained:ResNet-CIFAR-20",
    "trained:Plain-CIFAR-20",
    "trained:Inception-CIFAR",
)


@click.command(
    "faces", cls=Command, short_help="Face recognition by Inception features and a residual head."
)
@headed(
    "Data",
    click.option(
        "--data",
        "spec",
        type=NameOf("data", "keraudit.cli.training_options:DATA", or_file=True),
        required=True,
        metavar="DATA",
        help="Images of faces, one folder per person, or another format of keraudit train; both"
        " splits are used together.",
    ),
    click.option(
        "--images-per-person",
        "each",
        type=click.IntRange(min=2),
        default=5,
        show_default=True,
        metavar="N",
        help="Training images per person for identification; the others are the queries.",
    ),
    click.option(
        "--size",
        type=int,
        default=96,
        show_default=True,
        metavar="N",
        help="Resize images to NxN for InceptionV3 and ResNet50; other networks get the size they were trained on.",
    ),
)
@headed(
    "Recognisers",
    click.option(
        "--features",
        "specs",
        multiple=True,
        type=NameOf("features", "keraudit.cli.faces:FEATURES"),
        default=("imagenet", "random"),
        metavar="SOURCE",
        help="imagenet: InceptionV3 with its published weights; random: with random ones;"
        " imagenet:ResNet50 and random:ResNet50 likewise; random:ResNet50+without-skips: rewritten;"
        " trained:ResNet-CIFAR-20: a small network whose weights ship; or the folder of a finished run."
        " Repeatable.  [default: imagenet, random]",
    ),
    click.option(
        "--seeds",
        type=ListType(seed, "whole numbers such as 0,1,2"),
        default=SEEDS,
        metavar="N,...",
        help="Seeds, one repetition each.  [default: 0,1,2,3,4]",
    ),
    click.option(
        "--epochs",
        type=click.IntRange(min=1),
        default=40,
        show_default=True,
        metavar="N",
        help="Epochs of the classifiers.",
    ),
    backend_option,
)
@output_options
def command(
    spec: str,
    specs: tuple[str, ...],
    each: int,
    seeds: tuple[int, ...],
    size: int,
    epochs: int,
    backend: str | None,
    form: str,
    output: Path | None,
) -> None:
    """Compare face recognisers: pixels, eigenfaces, Inception features, a residual head on them.

    \b
    keraudit faces --data DIR
    keraudit faces --data DIR --features random --features runs/RUN
    keraudit faces --data DIR --features trained:ResNet-CIFAR-20
    keraudit faces --data DIR --features random:ResNet50+without-skips
    keraudit faces --data DIR --images-per-person 3 --output faces.json

    Known people are identified; strangers are verified: do two images show the same person? Each
    result comes with its cost in MACs, and with the accuracy of the features of every block.
    """
    from keraudit.reading.keras_worker import use_backend

    require("train")
    use_backend(backend)

    from keraudit.cli.emit import emit
    from keraudit.cli.quiet import started
    from keraudit.data.load import load
    from keraudit.faces.study import study
    from keraudit.faces.table import cuts_grid, recognizers_grid

    started(is_repeatable=True)
    report = study(
        load(spec),
        tuple(dict.fromkeys(one.rstrip("/") for one in specs)),
        each=each,
        seeds=tuple(int(one) for one in seeds),
        size=size,
        epochs=epochs,
        watch=notify,
        command=command_line(),
    )
    record = report.to_dict()
    emit([recognizers_grid(record), cuts_grid(record)], [record], form=form, output=output)
