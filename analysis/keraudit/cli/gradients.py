"""``keraudit gradients``: gradient norms across depth, with the skips and without them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from keraudit.cli.command import Command, headed
from keraudit.cli.extras import require
from keraudit.cli.options import Reading, command_line, notify, output_options, reading_options
from keraudit.cli.training_options import backend_option
from keraudit.cli.values import MODEL, Choice, NameOf, WordsType
from keraudit.output.github import Annotation
from keraudit.safe_text import harmless

LOSSES = ("cross-entropy", "binary-cross-entropy", "mean-squared-error")
DATA = ("random", "cifar10")
VERDICTS = ("vanishing", "exploding", "non-finite", "undecided")


# The words of --against that stand alone; the others take a value.
CHANGES = (
    "without-skips",
    "without-norm",
    "glorot",
    "he",
    "corners",
    "activation=",
    "width=",
    "repeat=",
)


@click.command(
    "gradients",
    cls=Command,
    fails="a verdict named by --fail-on was found",
    short_help="Gradient norms across depth, with skips and without.",
)
@click.argument("model", metavar="MODEL", type=MODEL)
@reading_options
@headed(
    "Variants",
    click.option(
        "--against",
        multiple=True,
        type=NameOf("change", "keraudit.cli.gradients:CHANGES", separator="+"),
        metavar="CHANGE",
        help="Also measure a rewrite: without-skips, without-norm, glorot, he, activation=NAME,"
        " width=X, repeat=BLOCK:N, input-shape=SIZES, several joined by +; or corners, all eight of"
        " skips, normalisation and initialiser. Repeatable.",
    ),
    click.option("--without-skips", is_flag=True, help="Remove every skip connection first."),
    click.option("--without-norm", is_flag=True, help="Remove every normalisation first."),
)
@headed(
    "Measurement",
    click.option(
        "--draws",
        type=click.IntRange(1, 100),
        default=1,
        show_default=True,
        metavar="N",
        help="Repeat with N draws of weights and data; intervals are over them.",
    ),
    click.option(
        "--batches",
        type=click.IntRange(1),
        default=1,
        show_default=True,
        metavar="N",
        help="Average each profile over N batches.",
    ),
    click.option(
        "--data",
        default="random",
        show_default=True,
        type=NameOf("data", "keraudit.cli.gradients:DATA", or_file=True),
        metavar="DATA",
        help="random, cifar10, or a folder with a folder of images for each class.",
    ),
    click.option("--loss", type=Choice(LOSSES), help="Loss.  [default: by the model's output]"),
    click.option(
        "--own-weights", is_flag=True, help="Use the weights in MODEL's .keras or .h5 file."
    ),
    click.option(
        "--shattering", is_flag=True, help="Also the cosine between the gradients of two inputs."
    ),
    backend_option,
)
@headed(
    "Verdict",
    click.option(
        "--fail-on",
        "conditions",
        type=WordsType(VERDICTS),
        default=(),
        metavar="VERDICT,...",
        help=f"Fail on any of {', '.join(VERDICTS)}.",
    ),
)
@headed(
    "Rows",
    click.option(
        "--by",
        type=Choice(["block", "layer"]),
        default="block",
        show_default=True,
        help="Rows of the table.",
    ),
)
@output_options
def command(
    model: str,
    reading: Reading,
    against: tuple[str, ...],
    without_skips: bool,
    without_norm: bool,
    draws: int,
    conditions: tuple[str, ...],
    backend: str | None,
    by: str,
    form: str,
    output: Path | None,
    **options: Any,
) -> int:
    """Measure the gradient of the loss at every block and kernel of MODEL at initialisation.

    \b
    keraudit gradients ResNet-CIFAR-20 --against without-skips
    keraudit gradients ResNet-CIFAR-56 --against corners --draws 5
    keraudit gradients ResNet50 --input-shape 64,64,3 --fail-on exploding

    Weights depend on the draw and the layer's name alone, so a layer starts identically with and
    without skips. Normalisation uses batch statistics, as in training. The default batch is 32.
    """
    from keraudit.reading.keras_worker import use_backend

    require("keras")
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
            seeds=range(draws),
            notify=notify,
            progress=progress.show,
            command=command_line(),
            **options,
        )
    data = [report.to_dict()] if form == "json" else []
    grids = profile_grids(report, by=by) if form == "csv" else gradient_grids(report, by=by)
    figure = drawn("gradients.figure:norm_by_depth", report.to_dict()) if form == "html" else ""
    found = [
        Annotation("error", verdict.verdict, f"{report.model}, {summary(verdict)}")
        for verdict in report.verdicts
        if verdict.verdict in conditions
    ]
    return emit(grids, data, form=form, output=output, figure=figure, found=found)


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
        if not self.bars.disable:  # elsewhere rich 13.7 ends with an empty line
            self.bars.stop()

    def show(self, done: int, total: int, label: str) -> None:
        from rich.markup import escape

        self.bars.start()
        self.bars.update(
            self.task, completed=done, total=total, description=escape(harmless(label))
        )
