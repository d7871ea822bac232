"""Claims that residual and Inception networks share: parts stacked, a stem before them, one classifier."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod
from typing import Protocol

from keraudit.audits.structure.claim import Finding, decided, fails, holds, silent
from keraudit.audits.structure.network import (
    Filter,
    Network,
    is_connected,
    listed,
    pool_at,
)
from keraudit.model.shape_text import shape_text
from keraudit.output.numbers import counted


class Part(Protocol):
    """A residual unit or an Inception module."""

    @property
    def name(self) -> str: ...
    @property
    def fork(self) -> int: ...
    @property
    def join(self) -> int: ...


def stacked(network: Network, parts: Sequence[Part], word: str) -> Finding:
    """Holds for two parts or more of which most follow the one before without a layer of weights between.

    Normalisation, activation and pooling may stand between.
    """
    names = [part.name for part in parts]
    if len(parts) < 2:
        return fails(f"There is only {counted(len(parts), word)}: {listed(names)}.")
    runs: list[list[str]] = []
    for before, part in zip((None, *parts), parts, strict=False):
        if before is None or network.weighted(before.join + 1, part.fork + 1):
            runs.append([])
        runs[-1].append(part.name)
    if len(runs) == 1:
        return holds(f"{counted(len(parts), word)} in a row: {listed(names)}.")
    apart = f"{counted(len(parts), word)} in {len(runs)} runs, other layers with weights between:"
    spans = [run[0] if len(run) == 1 else f"{run[0]} to {run[-1]} ({len(run)})" for run in runs]
    return decided(2 * (len(parts) - len(runs)) > len(parts) - 1, f"{apart} {listed(spans, 6)}.")


def stem(network: Network, parts: Sequence[Part], *, most: int | None, word: str) -> Finding:
    """Holds when convolutions stand before the first part, at most ``most`` of them."""
    first = parts[0]
    filters = network.weighted(0, first.fork + 1)
    if not filters:
        return fails(f"No layer with weights stands before the first {word}, {first.name}.")
    before = (i for i in range(first.fork + 1) if i in network.main and i not in network.in_gates)
    pools = [pool for i in before if (pool := pool_at(network, i))]
    text = [f"{network.name(f.at)} ({_filter_text(f)})" for f in filters]
    start, stop = size_of(network, 0), size_of(network, first.fork)
    places = f"go from {start} to {stop}" if start != stop else f"stay {start}"
    pooled = listed([f"{network.name(p.at)} ({p.text})" for p in pools])
    evidence = (
        f"{counted(len(filters), 'layer')} with weights before {first.name}:"
        f" {listed(text)}{'; ' + pooled if pools else ''}; positions {places}."
    )
    return decided(most is None or len(filters) <= most, evidence)


def size_of(network: Network, index: int) -> str:
    return shape_text(network.places[index], "one position")


def _filter_text(layer: Filter) -> str:
    stride = f", stride {max(layer.strides)}" if max(layer.strides, default=1) > 1 else ""
    return f"{layer.text}, {counted(layer.filters, 'filter')}{stride}"


def one_classifier(network: Network, parts: Sequence[Part]) -> Finding:
    """Holds when one fully connected layer follows the last part, after global average pooling.

    A convolution of a single position is fully connected as well. Not applicable without any.
    """
    last = parts[-1].join
    after = [f for f in network.weighted(last + 1, network.end + 1) if is_connected(network, f)]
    averaged = _averaging(network, range(last + 1, network.end + 1))
    if not after:
        return silent("There is no fully connected layer after the last block: no classifier.")
    sizes = [f"{network.name(f.at)} ({f.reads:,} to {f.filters:,})" for f in after]
    own, total = connected_params(network, after), params(network)
    text = (
        f"{counted(len(after), 'fully connected layer')}: {listed(sizes)};"
        f" {own:,} of {total:,} parameters, {own / max(total, 1):.1%}."
    )
    pooled = f"Global average pooling before it: {averaged}." if averaged else ""
    missing = "" if averaged else "No global average pooling comes before it."
    return decided(len(after) == 1 and bool(averaged), text, pooled or missing)


def _averaging(network: Network, indices: Iterable[int]) -> str:
    """The layer among ``indices`` that averages all positions; empty if none does."""
    for i in indices:
        node = network.graph.nodes[i]
        if i not in network.main or i in network.in_gates or not node.sources:
            continue
        kind, before = node.layer.kind, prod(network.places[node.sources[0].call])
        average = "Average" in kind or "Avg" in kind or kind == "ops.Mean"
        if average and before >= 1 and prod(network.places[i]) == 1:
            return node.name
    return ""


def connected_params(network: Network, layers: Iterable[Filter]) -> int:
    return sum(w.elements for f in layers for w in network.graph.nodes[f.at].weights)


def params(network: Network) -> int:
    return sum(w.elements for node in network.graph.nodes for w in node.weights)
