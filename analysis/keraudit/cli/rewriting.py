"""The options that rewrite a model before it is audited, and their order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import click

from keraudit.graph import Graph

F = TypeVar("F", bound=Callable[..., Any])

HOW = ("two-3x3", "asymmetric", "separable")


class Rewriting(NamedTuple):
    """What the user asked for; carried out in the order of the fields."""

    without_skips: bool = False
    without_reductions: bool = False
    also_pool_projections: bool = False
    factorised: str | None = None
    without_norm: bool = False
    activation: str | None = None
    width: float | None = None
    repeat: tuple[tuple[str, int], ...] = ()

    @property
    def any(self) -> bool:
        return self != Rewriting()


class RepeatType(click.ParamType):  # type: ignore[type-arg]  # generic only in new releases
    """``BLOCK=TIMES``."""

    name = "block=times"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int]:
        name, _, times = str(value).rpartition("=")
        if not name or not times.strip().isdigit():
            self.fail(
                f"expected BLOCK=TIMES such as conv4_block2=9, received {value!r}", param, ctx
            )
        return name, int(times)


def rewriting_options(function: F) -> F:
    """``--without-skips`` and the others, gathered into one argument ``rewriting``."""
    from functools import wraps

    @wraps(function)
    def gathered(*args: Any, **options: Any) -> Any:
        asked = Rewriting(**{name: options.pop(name) for name in Rewriting._fields})
        if asked.also_pool_projections and not asked.without_reductions:
            raise click.UsageError("--also-pool-projections goes with --without-reductions")
        return function(*args, rewriting=asked, **options)

    made: Any = gathered
    for option in (
        click.option(
            "--repeat",
            type=RepeatType(),
            multiple=True,
            metavar="BLOCK=TIMES",
            help="Let a block stand TIMES times in a row; 0 takes it out.",
        ),
        click.option("--width", type=float, metavar="X", help="Multiply every hidden width by X."),
        click.option("--activation", metavar="NAME", help="Put NAME for every hidden activation."),
        click.option("--without-norm", is_flag=True, help="Take out every normalisation."),
        click.option(
            "--factorised",
            type=click.Choice(HOW),
            help="Factorise large convolutions: 5x5 to two 3x3, nxn to 1xn and nx1, or kxk to"
            " depthwise and pointwise.",
        ),
        click.option(
            "--also-pool-projections",
            is_flag=True,
            help="With --without-reductions: the 1x1 behind poolings too (naive modules).",
        ),
        click.option("--without-reductions", is_flag=True, help="Take out every 1x1 reduction."),
        click.option("--without-skips", is_flag=True, help="Cut every skip connection."),
    ):
        made = option(made)
    result: F = made
    return result


def rewritten(graph: Graph, asked: Rewriting) -> tuple[Graph, tuple[Any, ...]]:
    """The graph after every rewrite asked for, and a note on each."""
    if not asked.any:
        return graph, ()
    from keraudit.report import RewriteNote
    from keraudit.rewrite.factorise import factorised
    from keraudit.rewrite.reductions import without_reductions
    from keraudit.rewrite.simple import (
        repeat_block,
        with_activation,
        with_width,
        without_normalisation,
    )
    from keraudit.rewrite.skips import without_skips
    from keraudit.rewrite.surgery import Rewrite

    steps: list[tuple[str, Callable[[Graph], Rewrite]]] = []
    if asked.without_skips:
        steps.append(("without skips", without_skips))
    if asked.without_reductions:
        pools = asked.also_pool_projections
        label = "without reductions" + " and pool projections" * pools
        steps.append((label, lambda g: without_reductions(g, also_pool_projections=pools)))
    if (how := asked.factorised) is not None:
        steps.append((f"factorised ({how})", lambda g: factorised(g, how)))
    if asked.without_norm:
        steps.append(("without normalisation", without_normalisation))
    if (name := asked.activation) is not None:
        steps.append((f"with {name}", lambda g: with_activation(g, name)))
    if (width := asked.width) is not None:
        steps.append((f"at {width:g} times the width", lambda g: with_width(g, width)))
    for block, times in asked.repeat:
        label = f"with {block} {times} times"
        steps.append((label, lambda g, b=block, t=times: repeat_block(g, b, t)))  # type: ignore[misc]
    notes = []
    for label, step in steps:
        done = step(graph)
        graph = done.graph
        notes.append(
            RewriteNote(
                name=label,
                changes=len(done.changes),
                nothing=done.nothing,
                log=tuple((c.layer, c.what, c.why) for c in done.log),
            )
        )
        if done.nothing:
            click.echo(f"keraudit: {label}: {done.nothing}", err=True)
    return graph, tuple(notes)
