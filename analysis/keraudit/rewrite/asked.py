"""What a user may ask to have rewritten, as one record; carried out in the order of its fields."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from keraudit.graph import Graph

if TYPE_CHECKING:
    from keraudit.report import RewriteNote
    from keraudit.rewrite.surgery import Rewrite

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
    filters: tuple[tuple[str, int], ...] = ()

    @property
    def any(self) -> bool:
        return self != Rewriting()

    def options(self) -> tuple[str, ...]:
        """The same as words of the command line.

        >>> Rewriting(without_skips=True, width=0.5, filters=(("conv", 16),)).options()
        ('--without-skips', '--width', '0.5', '--filters', 'conv=16')
        """
        words: list[str] = []
        for key, value in self._asdict().items():
            flag = "--" + key.replace("_", "-")
            if value is True:
                words.append(flag)
            elif isinstance(value, tuple):
                for name, number in value:
                    words += [flag, f"{name}={number}"]
            elif value is not None and value is not False:
                words += [flag, f"{value:g}" if isinstance(value, float) else str(value)]
        return tuple(words)


def rewritten(graph: Graph, asked: Rewriting) -> tuple[Graph, tuple[RewriteNote, ...]]:
    """The graph after every rewrite asked for, and a note on each.

    Raises:
        KerauditError: one does not fit this model; the error names the layer.
    """
    from keraudit.report import RewriteNote

    notes = []
    for label, step in steps(asked):
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
    return graph, tuple(notes)


def steps(asked: Rewriting) -> list[tuple[str, Callable[[Graph], Rewrite]]]:
    """The rewrites asked for, each with its label."""
    from keraudit.rewrite.factorise import factorised
    from keraudit.rewrite.reductions import without_reductions
    from keraudit.rewrite.simple import (
        repeat_block,
        with_activation,
        with_filters,
        with_width,
        without_normalisation,
    )
    from keraudit.rewrite.skips import without_skips

    found: list[tuple[str, Callable[[Graph], Rewrite]]] = []
    if asked.without_skips:
        found.append(("without skips", without_skips))
    if asked.without_reductions:
        pools = asked.also_pool_projections
        label = "without reductions" + " and pool projections" * pools
        found.append((label, lambda g: without_reductions(g, also_pool_projections=pools)))
    if (how := asked.factorised) is not None:
        found.append((f"factorised ({how})", lambda g: factorised(g, how)))
    if asked.without_norm:
        found.append(("without normalisation", without_normalisation))
    if (name := asked.activation) is not None:
        found.append((f"with {name}", lambda g: with_activation(g, name)))
    if (width := asked.width) is not None:
        found.append((f"at {width:g} times the width", lambda g: with_width(g, width)))
    for block, times in asked.repeat:
        label = f"with {block} {times} times"
        found.append((label, lambda g, b=block, t=times: repeat_block(g, b, t)))  # type: ignore[misc]
    for layer, count in asked.filters:
        label = f"with {count} filters in {layer}"
        found.append((label, lambda g, n=layer, c=count: with_filters(g, n, c)))  # type: ignore[misc]
    return found
