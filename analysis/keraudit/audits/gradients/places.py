"""The places at which a network is measured: the output of each block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from keraudit.audits.gradients.roles import is_kernel
from keraudit.model.block import FORK_JOIN
from keraudit.model.blocks import blocks
from keraudit.model.graph import Graph, Node, Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A block by name, and the names of the calls in it."""

    name: str
    calls: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A run of a graph's calls, ``start`` up to ``stop``, that ends a block.

    ``reads`` are the outputs of earlier calls, or inputs of the model, that it needs; ``writes`` those
    of its own that later calls or the model's outputs need; ``end`` is the block's output.
    """

    name: str
    start: int
    stop: int
    end: Ref
    reads: tuple[Ref, ...]
    writes: tuple[Ref, ...]
    is_output: bool


def has_kernel(node: Node) -> bool:
    return any(w.trainable and is_kernel(w.name, len(w.shape)) for w in node.weights)


def places(graph: Graph) -> tuple[Place, ...]:
    """The blocks of a graph; where it nowhere forks and joins, each layer with a kernel is a block.

    What follows such a layer, up to the next kernel or to where positions are pooled, belongs to it: a mean over
    positions has a larger gradient than each of them, and the head of a network that forks begins before it too.
    """
    levels = blocks(graph)
    if any(block.kind == FORK_JOIN for block in levels):
        return tuple(
            Place(name=b.name, calls=frozenset(graph.nodes[i].name for i in b.nodes))
            for b in levels
        )
    last = max((i for i, node in enumerate(graph.nodes) if has_kernel(node)), default=0)
    steps: list[list[Node]] = [[]]
    for index, node in enumerate(graph.nodes):
        begins = has_kernel(node) or (_shrinks(node) and index < last)
        if begins and any(map(has_kernel, steps[-1])):
            steps.append([])
        steps[-1].append(node)
    return tuple(
        Place(name=_first_kernel(step), calls=frozenset(node.name for node in step))
        for step in steps
    )


def _shrinks(node: Node) -> bool:
    """Whether a call gives fewer elements than it reads, as pooling does."""
    read, written = (sum(t.elements for t in tensors) for tensors in (node.inputs, node.outputs))
    return written < read


def _first_kernel(step: Sequence[Node]) -> str:
    """What a step is called after: its layer with a kernel, else its last call."""
    return next((node.name for node in step if has_kernel(node)), step[-1].name)


def parts(
    graph: Graph, reported: tuple[Place, ...], origin: Mapping[str, str] | None = None
) -> tuple[Part, ...]:
    """Divide the calls of a graph at the places of the graph that it was made from.

    A part is a run of calls in running order that ends with the last call of its place, so that later
    parts never feed earlier ones, whatever the branches between them.

    Args:
        graph: the one that ``reported`` are the places of, or a rewrite of it.
        reported: places, by the names of calls.
        origin: for calls that a rewrite made, the call each was copied from.
    """
    home = {call: place.name for place in reported for call in place.calls}
    ends: dict[str, int] = {}
    for index, node in enumerate(graph.nodes):
        source = (origin or {}).get(node.name, node.name)
        if source in home and node.layer.kind != "InputLayer":
            copy = node.name.removeprefix(source) if source != node.name else ""
            ends[home[source] + copy] = index
    ordered = sorted(ends.items(), key=lambda pair: pair[1])
    if not ordered or ordered[-1][1] < len(graph.nodes) - 1:
        ordered.append(("output", len(graph.nodes) - 1))
    result, start = [], 0
    for name, last in ordered:
        result.append(part(graph, name, start, last + 1))
        start = last + 1
    return tuple(result)


def part(graph: Graph, name: str, start: int, stop: int) -> Part:
    results = graph.architecture.outputs
    inputs = {ref.call for ref in graph.architecture.inputs}
    reads = dict.fromkeys(
        ref
        for node in graph.nodes[start:stop]
        for ref in node.sources
        if ref.call < start or ref.call in inputs
    )
    later = {ref for node in graph.nodes[stop:] for ref in node.sources} | set(results)
    end = Ref(stop - 1)
    writes = dict.fromkeys(
        [*sorted(r for r in later if start <= r.call < stop and r.call not in inputs), end]
    )
    return Part(
        name=name,
        start=start,
        stop=stop,
        end=end,
        reads=tuple(reads),
        writes=tuple(writes),
        is_output=end in results,
    )


def kernel_depths(graph: Graph) -> tuple[int, ...]:
    """Count, for each node, the most layers with kernels on a path from the input to it, itself included."""
    depths: list[int] = []
    for node in graph.nodes:
        before = max((depths[ref.call] for ref in node.sources), default=0)
        depths.append(before + any(is_kernel(w.name, len(w.shape)) for w in node.effect.weights))
    return tuple(depths)
