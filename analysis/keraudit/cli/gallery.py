"""``keraudit gallery``: what trained networks make of single images."""

from __future__ import annotations

from pathlib import Path

import click

from keraudit.cli.options import command_line, has_place, notify
from keraudit.cli.training_options import backend_option, data_option
from keraudit.safe_text import harmless


@click.command("gallery", short_help="Show the images that say most about one or two networks.")
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RUN...")
@data_option("What the runs were trained on, as for keraudit train.")
@click.option(
    "--each", type=int, default=8, show_default=True, metavar="N", help="Images a section."
)
@click.option(
    "--search",
    type=int,
    default=5000,
    show_default=True,
    metavar="N",
    help="Seek nearest neighbours among the first N training images.",
)
@click.option("--test-images", type=int, metavar="N", help="The first N.  [default: as the run]")
@backend_option
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    callback=has_place,
    default=Path("gallery.html"),
    show_default=True,
    metavar="FILE",
    help="The page, written whole or not at all.",
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
    """Show what one or two finished runs make of single images; RUN is a run's folder.

    \b
    keraudit gallery runs/resnet50-modern-seed0 runs/inceptionv3-modern-seed0
    keraudit gallery RUN --data DIR --each 12 --output mistakes.html

    The most confident mistakes, the most uncertain images, those on which two networks disagree; at
    each image Grad-CAM of both networks, and the nearest training images by their features. The page
    holds its images, drawn from your data: mind their licence before you publish it.
    """
    for name, value in (("--each", each), ("--search", search)):
        if value < 1:
            raise click.UsageError(f"{name} must be 1 or more, received {value}")
    if len(runs) > 2:
        raise click.UsageError(f"a gallery shows one or two runs, received {len(runs)}")
    from keraudit.reading.keras_worker import use_backend
    from keraudit.training.record import read_run

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
    notify(f"{' and '.join(n.run.network for n in networks)} look at the test images")
    pictures = gallery(networks, each=each, searched=search, command=command_line())
    save(output, gallery_page(pictures, networks[0].data))
    count = len({p.image for part in pictures.sections for p in part.pictures})
    click.echo(harmless(f"{output}: {count} images in {len(pictures.sections)} sections"))
