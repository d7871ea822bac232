"""The options that rewrite a model before it is audited, and their order."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

from keraudit.cli.command import headed
from keraudit.cli.options import warn
from keraudit.cli.values import Choice, NameOf
from keraudit.model.graph import Graph
from keraudit.rewrite.options import HOW, Rewriting

if TYPE_CHECKING:
    from keraudit.rewrite.edit import RewriteNote

F = TypeVar("F", bound=Callable[..., Any])


class NamedNumber(click.ParamType):  # type: ignore[type-arg]  # generic only in new releases
    """A name and a whole number, as in ``BLOCK=TIMES``."""

    name = "name=number"

    def __init__(self, form: str, example: str) -> None:
        self.form = form
        self.example = example

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int]:
        name, _, number = str(value).rpartition("=")
        if not name or not re.fullmatch(r"\s*[0-9]{1,9}\s*", number):
            self.fail(
                f"expected {self.form} such as {self.example}, received {value!r}", param, ctx
            )
        return name, int(number)


def rewriting_options(function: F) -> F:
    """``--without-skips`` and the others, gathered into one argument ``rewriting``."""

    @wraps(function)
    def gathered(*args: Any, **options: Any) -> Any:
        rewriting = Rewriting(**{name: options.pop(name) for name in Rewriting._fields})
        if rewriting.also_pool_projections and not rewriting.without_reductions:
            raise click.UsageError("--also-pool-projections goes with --without-reductions")
        return function(*args, rewriting=rewriting, **options)

    return headed("Rewrites", *REWRITING_OPTIONS)(gathered)  # type: ignore[no-any-return]


REWRITING_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option("--without-skips", is_flag=True, help="Remove every skip connection."),
    click.option("--without-reductions", is_flag=True, help="Remove every 1x1 reduction."),
    click.option(
        "--also-pool-projections",
        is_flag=True,
        help="With --without-reductions: remove the 1x1 after pooling too (naive modules).",
    ),
    click.option(
        "--factorized",
        type=Choice(HOW),
        help="Factorise large convolutions: 5x5 into two 3x3, nxn into 1xn and nx1, or kxk into"
        " depthwise and pointwise.",
    ),
    click.option("--without-norm", is_flag=True, help="Remove every normalisation."),
    click.option(
        "--activation",
        type=NameOf("activation", "keraudit.layers.activation:ACTIVATIONS"),
        metavar="NAME",
        help="Replace every hidden activation with NAME.",
    ),
    click.option("--width", type=float, metavar="X", help="Multiply every hidden width by X."),
    click.option(
        "--repeat",
        type=NamedNumber("BLOCK=TIMES", "conv4_block2=9"),
        multiple=True,
        metavar="BLOCK=TIMES",
        help="Repeat a block TIMES times in a row; 0 removes it. Repeatable.",
    ),
    click.option(
        "--filters",
        type=NamedNumber("LAYER=N", "conv2d_7=16"),
        multiple=True,
        metavar="LAYER=N",
        help="Give a convolution N filters. Repeatable.",
    ),
    click.option(
        "--without-skip",
        multiple=True,
        metavar="LAYER",
        help="Cut one skip connection: LAYER is the addition where it ends. Repeatable.",
    ),
    click.option(
        "--without-reduction",
        multiple=True,
        metavar="LAYER",
        help="Remove one 1x1 reduction. Repeatable.",
    ),
)


def rewritten(graph: Graph, rewriting: Rewriting) -> tuple[Graph, tuple[RewriteNote, ...]]:
    """The graph after every rewrite asked for, and a note on each; what changed nothing is said."""
    if not rewriting.any:
        return graph, ()
    from keraudit.rewrite.apply import rewritten as carried_out

    graph, notes = carried_out(graph, rewriting)
    for note in notes:
        if note.nothing:
            warn(f"{note.name}: {note.nothing}")
        missed = [f"{layer}: {why}" for layer, what, why in note.log if what == "not reached"]
        if missed:
            more = f"; and {len(missed) - 1} more (--format json lists them)" if missed[1:] else ""
            warn(f"{note.name}: not reached: {missed[0]}{more}")
    return graph, notes
