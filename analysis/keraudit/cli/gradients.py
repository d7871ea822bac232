"""``keraudit gradients``: gradient norms across depth, with the skips and without them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from keraudit.cli.options import (
    MODEL,
    Reading,
    chosen_format,
    command_line,
    notify,
    output_options,
    reading_options,
)
from keraudit.safe_text import harmless

LOSSES = ("cross-entropy", "binary-cross-entropy", "mean-squared-error")
VERDICTS = ("vanishing", "exploding", "non-finite", "undecided")


@click.command("gradients", short_help="Gradient norms across depth, with the skips and without.")
@click.argument("model", metavar="MODEL", type=MODEL)
@reading_options
@click.option(
    "--against",
    multiple=True,
    metavar="CHANGE",
    help="Measure a rewrite beside it: without-skips, without-norm, glorot, he, activation=NAME,"
    " width=X, repeat=BLOCK:N, input-shape=SIZES, several joined by +; or corners, all eight of skips,"
    " normalisation and initialiser.",
)
@click.option(
    "--without-skips", is_flag=True, help="Measure the network without its skips instead."
)
@click.option("--without-norm", is_flag=True, help="Measure it without normalisation instead.")
@click.option(
    "--seeds",
    type=click.IntRange(1, 100),
    default=1,
    show_default=True,
    metavar="N",
    help="Draws of weights and data; the interval of the growth is over them.",
)
@click.option(
    "--batches",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    metavar="N",
    help="Batches that each profile is the mean of.",
)
@click.option(
    "--data",
    default="random",
    show_default=True,
    metavar="DATA",
    help="random, cifar10, or a folder with a folder of images for each class.",
)
@click.option("--loss", type=click.Choice(LOSSES), help="[default: by the model's output]")
@click.option(
    "--own-weights", is_flag=True, help="Take the weights that are in MODEL's .keras or .h5 file."
)
@click.option("--shattering", is_flag=True, help="Also the cosine between gradients of two inputs.")
@click.option(
    "--by",
    type=click.Choice(["block", "layer"]),
    default="block",
    show_default=True,
    help="What a row is.",
)
@click.option(
    "--fail-on",
    metavar="VERDICT,...",
    default="",
    help=f"Exit code 1 on any of {', '.join(VERDICTS)}.",
)
@click.option(
    "--backend",
    type=click.Choice(["tensorflow", "torch", "jax"]),
    help="[default: the one configured]",
)
@output_options
def command(
    model: str,
    reading: Reading,
    against: tuple[str, ...],
    without_skips: bool,
    without_norm: bool,
    seeds: int,
    fail_on: str,
    backend: str | None,
    by: str,
    form: str | None,
    output: Path | None,
    **options: Any,
) -> int:
    """Measure the loss's gradient at every block and kernel of MODEL at initialisation.

    \b
    keraudit gradients ResNet-CIFAR-56 --against without-skips --seeds 5
    keraudit gradients ResNet50 --input-shape 64,64,3 --batch 32 --against without-skips
    keraudit gradients ResNet-CIFAR-20 --against corners

    The model is built anew with weights that depend on the seed and the layer's name alone, so that
    the same layer starts alike with and without its skips; normalisation sees the batch, as in
    training. The default batch is 32.
    """
    from keraudit.reading.keras_worker import use_backend

    conditions = [word for word in fail_on.split(",") if word]
    if unknown := [word for word in conditions if word not in VERDICTS]:
        raise click.UsageError(f"--fail-on takes {', '.join(VERDICTS)}; received {unknown[0]!r}")
    use_backend(backend)

    from keraudit.api import gradients
    from keraudit.audits.gradients.report import gradient_grids, profile_grids, summary
    from keraudit.cli import quiet
    from keraudit.cli.emit import drawn, emit

    changes = [
        name
        for name, on in (("without-skips", without_skips), ("without-norm", without_norm))
        if on
    ]
    how = reading.arguments()
    how["batch"] = 32 if reading.batch is None else reading.batch
    quiet.started()
    with Progress() as progress:
        report = gradients(
            model,
            **how,
            base="+".join(changes),
            against=against,
            seeds=range(seeds),
            notify=notify,
            progress=progress.show,
            command=command_line(),
            **options,
        )
    chosen = chosen_format(form, output)
    data = [report.to_dict()] if chosen == "json" else []
    grids = profile_grids(report, by=by) if chosen == "csv" else gradient_grids(report, by=by)
    figure = drawn("gradients.figure:norm_by_depth", report.to_dict()) if chosen == "html" else ""
    emit(grids, data, form=chosen, output=output, figure=figure)
    bad = [verdict for verdict in report.verdicts if verdict.verdict in conditions]
    for verdict in bad:
        click.echo(f"keraudit: {report.model}, {summary(verdict)}", err=True)
    return 1 if bad else 0


class Progress:
    """A bar on standard error, in a terminal only; whatever ends the work, the cursor comes back."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import Progress as Bars

        console = Console(stderr=True)
        self.bars = Bars(console=console, transient=True, disable=not console.is_terminal)
        self.task = self.bars.add_task("", total=None)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self.bars.stop()

    def show(self, done: int, total: int, label: str) -> None:
        from rich.markup import escape

        self.bars.start()
        self.bars.update(
            self.task, completed=done, total=total, description=escape(harmless(label))
        )
