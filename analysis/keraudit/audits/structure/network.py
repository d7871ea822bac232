"""What the structural checks look at: filters, the main path, and the depth as the papers count it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import NamedTuple, TypeVar

from keraudit.model.block import Block
from keraudit.model.blocks import GATES
from keraudit.model.graph import Graph, Shape
from keraudit.model.regions import Links, leading_to_main_output
from keraudit.model.shape_text import shape_text
from keraudit.model.spatial import positions

STYLES = {"Depthwise": "depthwise", "Separable": "separable", "LocallyConnected": "unshared"}
T = TypeVar("T")
SHOWN = 3  # examples in a list of names


class Filter(NamedTuple):
    """A layer whose weights multiply: a convolution, or a dense layer (``kernel`` is empty).

    ``at`` is the node's index, ``reads`` and ``filters`` are the channels before and after it.
    """

    at: int
    kernel: Shape
    strides: Shape
    reads: int
    filters: int
    style: str = ""

    @property
    def is_pointwise(self) -> bool:
        return prod(self.kernel) == 1

    @property
    def text(self) -> str:
        """The kernel in the usual notation: ``3x3``, ``3x3 depthwise``, ``dense``."""
        return " ".join(filter(None, (shape_text(self.kernel), self.style)))


class Pool(NamedTuple):
    """A pooling layer: ``how`` is ``max`` or ``average``; a window of one position only picks."""

    at: int
    how: str
    window: Shape
    strides: Shape

    @property
    def text(self) -> str:
        return f"{self.how} pooling {shape_text(self.window, '-')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A graph with what the checks need of it.

    ``main`` are the nodes that lead to the main output, the one with the most nodes before it;
    ``in_gates`` those in the side branch of a gate (squeeze-and-excitation), which no paper counts.
    """

    graph: Graph
    blocks: tuple[Block, ...]
    places: tuple[Shape, ...]
    filters: tuple[Filter | None, ...]
    main: frozenset[int]
    in_gates: frozenset[int]
    end: int

    def name(self, index: int) -> str:
        return self.graph.nodes[index].name

    def channels(self, index: int) -> int:
        """The values that a node's output holds at each position."""
        return channels(self.graph.nodes[index].outputs[0].shape, self.places[index])

    def weighted(self, start: int, stop: int) -> list[Filter]:
        """The layers with multiplying weights on the way to the main output, of ``start..stop - 1``."""
        inside = (i for i in range(start, stop) if i in self.main and i not in self.in_gates)
        return [found for i in inside if (found := self.filters[i])]


def network(graph: Graph, levels: tuple[Block, ...]) -> Network:
    """Look at ``graph``, divided into blocks, once for all checks."""
    links = Links.of(graph)
    main = leading_to_main_output(links, [ref.call for ref in graph.architecture.outputs])
    places = positions(graph)
    return Network(
        graph=graph,
        blocks=levels,
        places=places,
        filters=tuple(_filter_at(graph, places, i) for i in range(len(graph.nodes))),
        main=frozenset(main),
        in_gates=frozenset(
            i
            for block in every(levels)
            if block.join is not None and () in block.branches
            if graph.nodes[block.join].layer.kind in GATES
            for branch in block.branches
            for i in branch
        ),
        end=max(main),
    )


def every(levels: Iterable[Block]) -> Iterator[Block]:
    """All blocks, those inside blocks included."""
    for block in levels:
        yield block
        yield from every(block.children)


def regions_as(
    part: Callable[[Network, Block], T | None], network: Network, levels: Iterable[Block]
) -> Iterator[T]:
    """What ``part`` makes of the regions, from the outside in, down to the first it accepts."""
    for block in levels:
        on_path = block.fork is not None and block.join in network.main
        if on_path and (accepted := part(network, block)):
            yield accepted
        else:
            yield from regions_as(part, network, block.children)


def channels(shape: Shape, place: Shape) -> int:
    return prod(shape[1:]) // (prod(place) or 1)


def _filter_at(graph: Graph, places: Sequence[Shape], index: int) -> Filter | None:
    """The node as a filter; ``None`` if it has no weights or does not multiply."""
    node = graph.nodes[index]
    if not (node.effect.weights and node.effect.macs):
        return None
    config, kind, rank = node.layer.config, node.layer.kind, len(places[index])
    before = places[node.sources[0].call] if node.sources else ()
    reads = channels(node.inputs[0].shape, before) if node.inputs else 0
    filters = channels(node.outputs[0].shape, places[index])
    kernel = _each_side(config.get("kernel_size"), rank)
    if not kernel:
        style = "dense" if kind == "Dense" else kind
        return Filter(index, (), (), reads, filters, style)
    style = next((word for start, word in STYLES.items() if kind.startswith(start)), "")
    groups = config.get("groups")
    if "Transpose" in kind:
        style = "transposed"
    elif isinstance(groups, int) and groups > 1:
        style = "depthwise" if groups == reads else f"in {groups} groups"
    strides = _each_side(config.get("strides") or 1, rank)
    return Filter(index, kernel, strides, reads, filters, style)


def _each_side(value: object, rank: int) -> Shape:
    """An option of a layer for each of its sides; empty if it is no size: files hold anything.

    >>> _each_side(3, 2), _each_side([1, 7], 2), _each_side("3x3", 2), _each_side(None, 2)
    ((3, 3), (1, 7), (), ())
    """
    sides = (value,) * rank if isinstance(value, int) else value
    if not isinstance(sides, list | tuple) or not all(isinstance(s, int) for s in sides):
        return ()
    return tuple(sides)


def pool_at(network: Network, index: int) -> Pool | None:
    """The node as a pooling layer with a window; ``None`` if it is none."""
    node = network.graph.nodes[index]
    window, kind = node.layer.config.get("pool_size"), node.layer.kind
    rank = len(network.places[index])
    sides = _each_side(window, rank)
    if not sides:
        return None
    strides = _each_side(node.layer.config.get("strides") or window, rank)
    return Pool(index, "max" if kind.startswith("Max") else "average", sides, strides)


def depth(network: Network) -> int:
    """The layers with multiplying weights on the longest path to the main output.

    So papers count: "we only count layers with parameters" (Szegedy et al. 2014, section 5);
    projections on shortcuts are beside longer branches, and drop out (He et al. 2015, Table 1).
    """
    deepest: list[int] = []
    for index, node in enumerate(network.graph.nodes):
        counts = network.filters[index] is not None and index not in network.in_gates
        deepest.append(max((deepest[r.call] for r in node.sources), default=0) + counts)
    return deepest[network.end]


def is_connected(network: Network, layer: Filter) -> bool:
    """Whether a layer is fully connected: dense on a vector, or a convolution of one position."""
    node = network.graph.nodes[layer.at]
    if not layer.kernel:
        return layer.style == "dense" and len(node.inputs[0].shape) == 2
    return prod(network.places[node.sources[0].call]) == 1


def halves(before: Shape, after: Shape) -> bool:
    """Whether each side is halved, rounded either way; ``valid`` padding may lose one more."""
    sides = list(zip(before, after, strict=True)) if len(before) == len(after) else []
    return bool(sides) and all(
        a < b and a in ((b - 1) // 2, b // 2, (b + 1) // 2) for b, a in sides
    )


def listed(names: Sequence[str], shown: int = SHOWN) -> str:
    """A few names and how many more.

    >>> listed(["a", "b"]), listed(["a", "b", "c", "d", "e"])
    ('a, b', 'a, b, c ... and 2 more')
    """
    if len(names) <= shown + 1:
        return ", ".join(names)
    return f"{', '.join(names[:shown])} ... and {len(names) - shown} more"
