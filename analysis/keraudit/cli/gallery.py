"""``keraudit gallery``: what trained networks make of single images."""

from __future__ import annotations

from pathlib import Path

import click

from keraudit.cli.command import Command, headed
from keraudit.cli.extras import require
from keraudit.cli.options import chosen_format, command_line, has_place, notify
from keraudit.cli.training_options import backend_option, data_option
from keraudit.output.numbers import counted
from keraudit.safe_text import harmless


@click.command(
    "gallery", cls=Command, short_help="Mistakes, Grad-CAM and neighbours of one or two networks."
)
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RUN...")
@headed(
    "Data",
    data_option("Data the runs were trained on, as for keraudit train."),
    click.option(
        "--test-images", type=int, metavar="N", help="Use the first N only.  [default: as the run]"
    ),
)
@headed(
    "Images",
    click.option(
        "--each", type=int, default=8, show_default=True, metavar="N", help="Images per section."
    ),
    click.option(
        "--search",
        type=int,
        default=5000,
        show_default=True,
        metavar="N",
        help="Search nearest neighbours among the first N training images.",
    ),
    backend_option,
)
@headed(
    "Output",
    click.option(
        "--output",
        "-o",
        type=click.Path(path_type=Path),
        callback=has_place,
        default=Path("gallery.html"),
        show_default=True,
        metavar="FILE",
        help="The page, an .html file, written whole or not at all.",
    ),
)
def command(
    runs: tuple[Path, ...],
    spec: str,
    each: int,
    search: int,
    test_images: int | None,
    backend: str | None,
    output: Path,
) -> None:
    """Show single images as one or two finished runs classify them; RUN is a run's folder.

    \b
    keraudit gallery runs/resnet50-modern-seed0 runs/inceptionv3-modern-seed0
    keraudit gallery RUN --data DIR --each 12 --output mistakes.html

    The most confident mistakes, the most uncertain images, those on which two networks disagree;
    with each image Grad-CAM of both networks and the nearest training images in feature space. The
    page contains images of your data: check their licence before you publish it.
    """
    for name, value in (("--each", each), ("--search", search)):
        if value < 1:
            raise click.UsageError(f"{name} must be 1 or more, received {value}")
    chosen_format(None, output, {".html": "html", ".htm": "html"})
    if len(runs) > 2:
        raise click.UsageError(f"a gallery shows one or two runs, received {len(runs)}")
    from keraudit.reading.keras_worker import use_backend
    from keraudit.training.record import read_run

    require("train")
    for folder in runs:
        read_run(folder)
    use_backend(backend)

    from keraudit.cli.quiet import started
    from keraudit.data.load import load
    from keraudit.evaluation.gallery import gallery
    from keraudit.evaluation.gallery_page import gallery_page
    from keraudit.evaluation.load import load_run
    from keraudit.output.files import save

    started()
    data = load(spec)
    networks = [load_run(folder, data, test_images=test_images) for folder in runs]
    notify(f"predicting the test images with {' and '.join(n.run.network for n in networks)}")
    pictures = gallery(networks, each=each, searched=search, command=command_line())
    save(output, gallery_page(pictures, networks[0].data))
    count = len({p.image for part in pictures.sections for p in part.pictures})
    click.echo(
        harmless(
            f"{output}: {counted(count, 'image')} in {counted(len(pictures.sections), 'section')}"
        )
    )
