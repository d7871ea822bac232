"""Blocks of a network, found from the graph: fork-join regions and the segments between them.

Number the nodes in running order. A node that no edge jumps over lies on *every* path from input to
output; between two consecutive such nodes there is either one edge or a **fork-join region**: an
Inception module, a residual unit, a dense layer. What lies between regions is a **segment**.
Names are looked at only to label what the graph shows, and to divide long unbranched segments.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import replace
from itertools import takewhile
from math import prod

from keraudit.model.block import FORK_JOIN, SEGMENT, Block
from keraudit.model.composites import composites
from keraudit.model.graph import Graph, Shape
from keraudit.model.naming import common_name, group_names, is_automatic
from keraudit.model.regions import Links, Region, regions
from keraudit.model.shape_text import shape_text
from keraudit.model.spatial import positions

GATES = frozenset({"Multiply", "ops.Multiply"})
# Element by element and without weights: they finish the block that they follow.
FINISHING = frozenset(
    {
        *("Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax", "Dropout"),
        *("SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "GaussianDropout"),
        *("GaussianNoise", "AlphaDropout", "Identity", "ops.Relu", "ops.Gelu", "ops.Silu"),
    }
)
NORMALIZING = frozenset(
    {"BatchNormalization", "LayerNormalization", "GroupNormalization", "RMSNormalization"}
)
SHORT_CHAIN = 10  # layers with MACs; a chain of fewer reads well as one segment


def blocks(graph: Graph) -> tuple[Block, ...]:
    """Divide all nodes of ``graph`` among blocks, in running order."""
    links = Links.of(graph)
    outputs = list(dict.fromkeys(ref.call for ref in graph.architecture.outputs))
    parts = _opened(regions(links, outputs), links, graph)
    parts = _attach_neighbours(parts, graph)
    places = positions(graph)
    ends = frozenset(outputs)
    levels = [block for part in parts for block in _labelled(part, graph, places, ends)]
    return _named_once(_name_by_place(composites(levels, graph), graph))


def _opened(parts: Iterable[Region], links: Links, graph: Graph) -> list[Region]:
    """Replace what is no block of the network by its parts.

    A gate (a region that ends in a product, as squeeze-and-excitation) scales its surroundings and
    joins the segment around it. A region that spans most of the network (a U-Net's outer skip) and
    one whose cells overlap (NASNet) are shown through the regions inside them.
    """
    heavy = [bool(node.weights) for node in graph.nodes]
    return _opened_by(parts, links, graph, heavy)


def _opened_by(
    parts: Iterable[Region], links: Links, graph: Graph, heavy: Sequence[bool]
) -> list[Region]:
    """The same; ``heavy`` tells which nodes have weights."""
    result: list[Region] = []
    for part in parts:
        if part.is_chain:
            result.append(part)
        elif graph.nodes[part.nodes[-1]].layer.kind in GATES:
            result.append(Region(nodes=part.nodes, children=(part,)))
        elif cells := part.cells(links):
            result.extend(cells)
        elif _spans_most(part, graph, heavy):
            result.extend(_opened_by(part.opened(), links, graph, heavy))
        else:
            result.append(part)
    return joined(result, links)


def _spans_most(part: Region, graph: Graph, heavy: Sequence[bool]) -> bool:
    """Whether a shortcut around most of the network's layers makes a region of all of them."""
    has_layers = any(graph.nodes[c.nodes[-1]].layer.kind not in GATES for c in part.children)
    if not has_layers or len(part.branches) != 2 or () not in part.branches:
        return False
    return sum(map(heavy.__getitem__, part.nodes)) * 2 > sum(heavy)


def joined(parts: Sequence[Region], links: Links) -> list[Region]:
    """Merge chains of which one leads into the next; an auxiliary head leads nowhere."""
    runs: list[list[Region]] = []  # each becomes one region
    for part in parts:
        last = runs[-1][-1] if runs else None
        chains = last and part.is_chain and last.is_chain
        if last and chains and last.nodes[-1] in links.before[part.nodes[0]]:
            runs[-1].append(part)
        else:
            runs.append([part])
    return [run[0] if len(run) == 1 else _in_a_row(run) for run in runs]


def _in_a_row(chains: Sequence[Region]) -> Region:
    """Several chains as one."""
    return Region(
        nodes=tuple(i for part in chains for i in part.nodes),
        children=tuple(child for part in chains for child in part.children),
    )


def _attach_neighbours(parts: Sequence[Region], graph: Graph) -> list[Region]:
    """Give each region the activation that finishes it and the pre-activation that opens it.

    Residual units of version 1 end ``add, relu``; those of version 2 begin ``norm, relu`` before
    the fork. Only short chains between two regions, or after one, are attached.
    """
    kinds = [node.layer.kind for node in graph.nodes]
    result = list(parts)
    for i in range(len(result)):
        part = result[i]
        if not part.is_chain or not part.nodes:
            continue
        nodes = list(part.nodes)
        if i and not result[i - 1].is_chain:
            tail = tuple(takewhile(lambda i: kinds[i] in FINISHING, nodes))
            result[i - 1] = result[i - 1].extended(after=tail)
            nodes = nodes[len(tail) :]
        follows = i + 1 < len(result) and not result[i + 1].is_chain
        lead = _leading(nodes, kinds) if follows and i and not result[i - 1].is_chain else []
        if lead and len(lead) == len(nodes):
            result[i + 1] = result[i + 1].extended(before=tuple(lead))
            nodes = []
        result[i] = replace(part, nodes=tuple(nodes))
    return [part for part in result if part.nodes]


def _leading(nodes: Sequence[int], kinds: Sequence[str]) -> list[int]:
    """The whole chain if it is a pre-activation (normalisation, activation), else nothing."""
    light = all(kinds[i] in FINISHING or kinds[i] in NORMALIZING for i in nodes)
    return list(nodes) if light and nodes and kinds[nodes[0]] in NORMALIZING else []


def _labelled(part: Region, graph: Graph, places: Sequence[Shape], ends: Set[int]) -> list[Block]:
    """A region as one block, a chain as one block or several."""
    names = [graph.nodes[i].name for i in part.nodes]
    if not part.is_chain:
        return [_region_block(part, graph, places)]
    result = []
    for name, start, stop in _divisions(part, names, graph, places, ends):
        nodes = part.nodes[start:stop]
        members = set(nodes)
        children = tuple(
            _region_block(c, graph, places) for c in part.children if members >= {*c.nodes}
        )
        result.append(
            Block(
                name=name,
                kind=SEGMENT,
                stage=shape_text(places[nodes[-1]], "-"),
                nodes=nodes,
                children=children,
            )
        )
    return result


def _region_block(part: Region, graph: Graph, places: Sequence[Shape]) -> Block:
    names = [graph.nodes[i].name for i in part.nodes]
    join = part.join if part.join is not None else part.nodes[-1]
    kinds = [graph.nodes[i].layer.kind for i in part.nodes]
    joined_at = graph.nodes[join]
    made_up = is_automatic(joined_at.name, joined_at.layer.kind)
    return Block(
        name=common_name(names, kinds, graph.architecture.name, few=made_up) or joined_at.name,
        kind=FORK_JOIN,
        stage=shape_text(places[part.nodes[-1]], "-"),
        nodes=part.nodes,
        fork=part.fork,
        join=join,
        branches=part.branches,
        children=tuple(_region_block(child, graph, places) for child in part.children),
    )


def _divisions(
    part: Region, names: Sequence[str], graph: Graph, places: Sequence[Shape], ends: Set[int]
) -> list[tuple[str, int, int]]:
    """Divide a chain: before the head, then by names, else where the size changes."""
    kinds = [graph.nodes[i].layer.kind for i in part.nodes]
    gates = {i for child in part.children for i in child.nodes}
    end = _head_start(part, kinds, gates, places) if part.nodes[-1] in ends else len(names)
    heavy = [bool(graph.nodes[i].effect.macs) for i in part.nodes[:end]]
    cuts = group_names(names[:end], kinds[:end], heavy, graph.architecture.name)
    if len(cuts) == 1:
        first = not part.nodes[0]
        cuts = [("" if first else cuts[0][0], 0, end)]
        if not cuts[0][0]:
            cuts = _size_cuts(part.nodes[:end], gates, graph, places)
    if end < len(names):
        model = graph.architecture.name
        own = common_name(names[end:], kinds[end:], model)
        if end and own and own == common_name(names[:end], kinds[:end], model):
            return [(own, 0, len(names))]  # an auxiliary head, named as a whole
        cuts.append(("head", end, len(names)))
    return [cut for cut in cuts if cut[1] < cut[2]]


def _head_start(
    part: Region, kinds: Sequence[str], gates: Set[int], places: Sequence[Shape]
) -> int:
    """Where the head of the network begins: where positions are pooled away or flattened.

    A normalisation and activation that open the chain before that belong to it. The length of the
    chain if there is no head.
    """
    flat = [prod(places[i]) == 1 and i not in gates for i in part.nodes]
    if True not in flat:
        return len(kinds)
    start = flat.index(True)
    if all(kind in FINISHING or kind in NORMALIZING for kind in kinds[:start]):
        return 0 if part.nodes[0] else len(kinds)  # from the input on: no positions anywhere
    return start


def _size_cuts(
    nodes: Sequence[int], gates: Set[int], graph: Graph, places: Sequence[Shape]
) -> list[tuple[str, int, int]]:
    """Divide a long chain where its spatial size shrinks: each part begins with the layer that does."""
    starts, size = [0], None
    for k, i in enumerate(nodes):
        if i in gates or not graph.nodes[i].effect.macs:
            continue
        if size is not None and places[i] != size:
            while k > 1 and graph.nodes[nodes[k - 1]].layer.kind.startswith("ZeroPadding"):
                k -= 1  # the padding belongs to the layer that it pads for
            starts.append(k)
        size = places[i]
    if sum(1 for i in nodes if graph.nodes[i].effect.macs) < SHORT_CHAIN:
        starts = [0]
    stops = [*starts[1:], len(nodes)]
    names = [
        shape_text(places[nodes[b - 1]], "-") if a else ""
        for a, b in zip(starts, stops, strict=True)
    ]
    return list(zip(names, starts, stops, strict=True))


def _name_by_place(blocks: Sequence[Block], graph: Graph) -> list[Block]:
    """Name the nameless segments after their place: stem, transition, head."""
    result = []
    transitions = 0
    for position, block in enumerate(blocks):
        name = block.name
        if not name:
            kinds = [graph.nodes[i].layer.kind for i in block.nodes]
            layers = [graph.nodes[i].name for i in block.nodes]
            if len(blocks) == 1:
                name = common_name(layers, kinds) or graph.architecture.name
            elif position == 0:
                name = "stem"
            elif position == len(blocks) - 1:
                name = "head"
            elif not (name := common_name(layers, kinds, graph.architecture.name)):
                transitions += 1
                name = layers[0] if len(layers) == 1 else f"transition {transitions}"
        result.append(replace(block, name=name))
    return result


def _named_once(blocks: Sequence[Block]) -> tuple[Block, ...]:
    """Tell blocks of one name apart by a number."""
    total: dict[str, int] = {}
    result = []
    for block in blocks:
        total[block.name] = count = total.get(block.name, 0) + 1
        result.append(block if count == 1 else replace(block, name=f"{block.name} ({count})"))
    return tuple(result)
