"""``keraudit faces``: whose face is it, told by features and a residual classifier."""

from __future__ import annotations

from pathlib import Path

import click

from keraudit.cli.options import chosen_format, command_line, notify, output_options
from keraudit.cli.training_options import ListType, backend_option, seed

SEEDS = (0, 1, 2, 3, 4)


@click.command("faces", short_help="Recognise faces by Inception features and a ResNet classifier.")
@click.option(
    "--data",
    "spec",
    required=True,
    metavar="DATA",
    help="Images of faces, a folder for each person, or what else keraudit train takes; its two splits are"
    " taken together.",
)
@click.option(
    "--features",
    "specs",
    multiple=True,
    default=("imagenet", "random"),
    metavar="SOURCE",
    help="imagenet, InceptionV3 with the weights that Keras publishes; random, with random ones; the same of"
    " ResNet50 as imagenet:ResNet50 or random:ResNet50, and rewritten as random:ResNet50+without-skips; or the"
    " folder of a finished run. Repeat it.  [default: imagenet, random]",
)
@click.option(
    "--images-per-person",
    "each",
    type=click.IntRange(min=2),
    default=5,
    show_default=True,
    metavar="N",
    help="To learn from, for identification; the others are asked about.",
)
@click.option(
    "--seeds",
    type=ListType(seed, "whole numbers such as 0,1,2"),
    default=SEEDS,
    metavar="N,...",
    help="One repetition each.  [default: 0,1,2,3,4]",
)
@click.option(
    "--size",
    type=int,
    default=96,
    show_default=True,
    metavar="N",
    help="InceptionV3 and ResNet50 see the images at NxN.",
)
@click.option(
    "--epochs",
    type=click.IntRange(min=1),
    default=40,
    show_default=True,
    metavar="N",
    help="Of the classifiers.",
)
@backend_option
@output_options
def command(
    spec: str,
    specs: tuple[str, ...],
    each: int,
    seeds: tuple[int, ...],
    size: int,
    epochs: int,
    backend: str | None,
    form: str | None,
    output: Path | None,
) -> None:
    """Recognise faces: pixels, eigenfaces, Inception features, a residual classifier on them.

    \b
    keraudit faces --data DIR
    keraudit faces --data DIR --features random --features runs/inceptionv3-modern-seed0
    keraudit faces --data DIR --features random:ResNet50 --features random:ResNet50+without-skips
    keraudit faces --data DIR --images-per-person 3 --format json --output faces.json

    People that were seen are identified, and strangers verified: are these two images of one person? Beside
    each answer stands what it costs, in MACs, and for features of each block how much they are worth.
    """
    from keraudit.reading.keras_worker import use_backend

    chosen = chosen_format(form, output)
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
    emit([recognizers_grid(record), cuts_grid(record)], [record], form=chosen, output=output)
