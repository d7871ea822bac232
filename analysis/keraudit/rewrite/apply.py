"""Carry out the rewrites that are asked for, one after another."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from keraudit.model.graph import Graph
from keraudit.rewrite.activation import with_activation
from keraudit.rewrite.edit import RewriteNote
from keraudit.rewrite.factorize import factorized
from keraudit.rewrite.normalization import without_normalization
from keraudit.rewrite.reductions import without_reductions
from keraudit.rewrite.repeat import repeat_block
from keraudit.rewrite.skips import without_skips
from keraudit.rewrite.width import with_filters, with_width

if TYPE_CHECKING:
    from keraudit.rewrite.edit import Rewrite

from keraudit.rewrite.options import Rewriting


def rewritten(graph: Graph, rewriting: Rewriting) -> tuple[Graph, tuple[RewriteNote, ...]]:
    """The graph after every rewrite asked for, and a note on each.

    Raises:
        KerauditError: one does not fit this model; the error names the layer.
    """
    notes = []
    for label, step in steps(rewriting):
        done = step(graph)
        graph = done.graph
        notes.append(
            RewriteNote(
                name=label,
                changes=len(done.changes),
                nothing=done.nothing,
                log=done.log,
            )
        )
    return graph, tuple(notes)


def steps(rewriting: Rewriting) -> list[tuple[str, Callable[[Graph], Rewrite]]]:
    """The rewrites asked for, each with its label."""
    rewrites: list[tuple[str, Callable[[Graph], Rewrite]]] = []
    if rewriting.without_skips:
        rewrites.append(("without skips", without_skips))
    if rewriting.without_reductions:
        pools = rewriting.also_pool_projections
        label = "without reductions" + " and pool projections" * pools
        rewrites.append((label, lambda g: without_reductions(g, also_pool_projections=pools)))
    if (how := rewriting.factorized) is not None:
        rewrites.append((f"factorised ({how})", lambda g: factorized(g, how)))
    if rewriting.without_norm:
        rewrites.append(("without normalisation", without_normalization))
    if (name := rewriting.activation) is not None:
        rewrites.append((f"with {name}", lambda g: with_activation(g, name)))
    if (width := rewriting.width) is not None:
        rewrites.append((f"at {width:g} times the width", lambda g: with_width(g, width)))
    for block, times in rewriting.repeat:
        label = f"with {block} {times} times"
        rewrites.append((label, lambda g, b=block, t=times: repeat_block(g, b, t)))  # type: ignore[misc]
    for layer, count in rewriting.filters:
        label = f"with {count} filters in {layer}"
        rewrites.append((label, lambda g, n=layer, c=count: with_filters(g, n, c)))  # type: ignore[misc]
    for layer in rewriting.without_skip:
        label = f"without the skip to {layer}"
        rewrites.append((label, lambda g, n=layer: without_skips(g, only=n)))  # type: ignore[misc]
    for layer in rewriting.without_reduction:
        label = f"without the reduction {layer}"
        rewrites.append((label, lambda g, n=layer: without_reductions(g, only=n)))  # type: ignore[misc]
    return rewrites
