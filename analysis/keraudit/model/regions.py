"""Find the fork-join regions of a directed acyclic graph: where paths part, and where they meet again.

A node that every path goes through cuts the graph in two: nothing before it reads anything behind it
but by way of it. Nodes stand in topological order, so one pass from the front finds all such nodes: keep
the furthest node that any earlier one leads to; a node that nothing before it reaches past is met by all.
What lies between two of them is a chain, or the inside of a region, whose connected parts (fork and join
left out) are its branches. Each branch is divided in the same way, which gives the regions within it.

A level of nesting takes time linear in the edges. The levels are bounded, and in a large graph the more
so, so that the whole is linear as well: a chain of 10,000 nested skips would otherwise take 10,000 passes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from keraudit.model.graph import Graph

DEEPEST_NEST = 64  # regions within regions that are looked for
LEAST_NEST = 8  # likewise, however large the graph is
MOST_LOOKS = 300_000  # at a node on some level; a graph of more nodes per level has fewer levels
MOST_OUTPUTS = 16  # of a model with more, the main one is sought among the last of them


Edges = Mapping[int, tuple[int, ...]]


class Links(NamedTuple):
    """The edges of each node as lists of indices, both ways; nodes are in topological order."""

    before: Edges
    after: Edges

    @staticmethod
    def of(graph: Graph) -> Links:
        after: list[list[int]] = [[] for _ in graph.nodes]
        before = []
        for index, node in enumerate(graph.nodes):
            sources = tuple(dict.fromkeys(ref.call for ref in node.sources))
            before.append(sources)
            for source in sources:
                after[source].append(index)
        return Links(dict(enumerate(before)), dict(enumerate(map(tuple, after))))

    def among(self, nodes: set[int]) -> Links:
        """Only the edges that start and end among the nodes ``nodes``."""

        def side(edges: Edges) -> Edges:
            return {i: tuple(e for e in edges[i] if e in nodes) for i in nodes}

        return Links(side(self.before), side(self.after))


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A fork-join region (``join`` is set) or a chain of nodes (it is not).

    ``nodes`` hold the inside and the join, not the fork.
    """

    nodes: tuple[int, ...]
    fork: int | None = None
    join: int | None = None
    branches: tuple[tuple[int, ...], ...] = ()
    children: tuple[Region, ...] = ()
    parts: tuple[Region, ...] = field(default=(), repr=False)  # of the one long branch

    @property
    def is_chain(self) -> bool:
        return self.join is None

    def extended(self, *, before: tuple[int, ...] = (), after: tuple[int, ...] = ()) -> Region:
        return replace(self, nodes=(*before, *self.nodes, *after))

    def opened(self) -> tuple[Region, ...]:
        """The parts of a region of one long branch and a shortcut, then its join as a chain."""
        join = Region(nodes=self.nodes[len(self.nodes) - 1 :])
        return (*self.parts, join)

    def cells(self, links: Links) -> tuple[Region, ...] | None:
        """The cells of a region whose inside cannot be divided into branches or steps.

        A cell is a join with all that flows into this join only (its subtree in the tree of immediate
        post-dominators): NASNet's cells, each of which reads the two before it.
        """
        if len(self.branches) != 1 and not (len(self.branches) == 2 and () in self.branches):
            return None
        if self.parts and len(self.parts) > 1:
            return None
        return _cells_of(self.nodes, links)


def regions(links: Links, outputs: Sequence[int]) -> list[Region]:
    """Divide all nodes into chains and fork-join regions, in running order.

    Paths are those to the main output, the one with the most nodes before it; what serves only
    another output (an auxiliary head) is divided on its own.
    """
    main = leading_to_main_output(links, outputs)
    levels = _levels_of(len(links.before))
    found = divide(sorted(main), None, None, links.among(main), levels)
    rest = [i for i in range(len(links.before)) if i not in main]
    for side in _components(rest, links):
        found.extend(divide(side, None, None, links.among(set(side)), levels - 1))
    return sorted(found, key=lambda part: part.nodes[0])


def _levels_of(nodes: int) -> int:
    """How many regions within regions are looked for in a graph of so many nodes.

    >>> _levels_of(500), _levels_of(20_000), _levels_of(1_000_000)
    (64, 15, 8)
    """
    return max(LEAST_NEST, min(DEEPEST_NEST, MOST_LOOKS // max(nodes, 1)))


def leading_to_main_output(links: Links, outputs: Sequence[int]) -> set[int]:
    """All nodes on paths to the main output; the last of them is that output."""
    ends = sorted({i for i in outputs if not links.after[i]} or set(outputs))[-MOST_OUTPUTS:]
    return max((ancestors(end, links) for end in ends), key=len)


def ancestors(index: int, links: Links) -> set[int]:
    """All nodes that lead to ``index``, itself included."""
    seen, waiting = {index}, [index]
    while waiting:
        for source in links.before[waiting.pop()]:
            if source not in seen:
                seen.add(source)
                waiting.append(source)
    return seen


def divide(
    nodes: Sequence[int], fork: int | None, sink: int | None, links: Links, levels: int
) -> list[Region]:
    """Divide the nodes between ``fork`` and ``sink`` (both outside) at those that every path meets.

    ``levels`` says how many regions within regions are looked for from here on.
    """
    if not nodes:
        return []
    last = nodes[-1] + 1 if sink is None else sink
    opens, onward = _reaches(nodes, last, links)
    result: list[Region] = []
    chain: list[int] = []
    inside: list[int] = []
    start = fork
    # The furthest node that an earlier one leads to. Several nodes may have no source among `nodes`: all
    # paths start at one of these, so no node before the last of them is on every path.
    reach = opens
    for index, furthest in zip(nodes, onward, strict=True):
        met_by_all = reach <= index
        if furthest > reach:
            reach = furthest
        if not met_by_all:
            inside.append(index)
            continue
        if inside:
            if chain:
                result.append(Region(nodes=tuple(chain)))
                chain = []
            result.append(_region(inside, start, index, links, levels))
            inside = []
        else:
            chain.append(index)
        start = index
    if chain:
        result.append(Region(nodes=tuple(chain)))
    if inside:  # no single node ends them: several outputs, or branches that leave for the sink
        whole = sink is None
        part = _region(inside[:-1], start, inside[-1], links, levels) if whole else None
        result.append(part or Region(nodes=tuple(inside)))
    return result


def _reaches(nodes: Sequence[int], last: int, links: Links) -> tuple[int, list[int]]:
    """The last node that none of ``nodes`` leads to, and the furthest that each leads to.

    ``last`` stands for the sink, outside ``nodes``.
    """
    member, before, after = set(nodes), links.before, links.after
    opens, onward = -1, []
    for index in nodes:
        if member.isdisjoint(before[index]):
            opens = index
        targets = after[index]
        if len(targets) == 1:  # most nodes
            onward.append(targets[0] if targets[0] in member else last)
        else:
            onward.append(max((a if a in member else last for a in targets), default=last))
    return opens, onward


def _region(
    inside: Sequence[int], fork: int | None, join: int, links: Links, levels: int
) -> Region:
    """A fork-join region, with the regions inside each of its branches."""
    branches = _components(inside, links)
    shortcut = fork is not None and fork in links.before[join]
    divided = [
        divide(branch, fork, join, links, levels - 1) if levels > 0 else [] for branch in branches
    ]
    children = tuple(p for parts in divided for p in parts if not p.is_chain)
    return Region(
        nodes=(*inside, join),
        fork=fork,
        join=join,
        branches=(*map(tuple, branches), *(((),) if shortcut else ())),
        children=children,
        parts=tuple(divided[0]) if len(divided) == 1 else (),
    )


def _components(inside: Sequence[int], links: Links) -> list[list[int]]:
    """The connected parts of the inside, fork and join left out; each sorted."""
    root: list[int] = []  # of each group, one that it was found to be part of; itself if none
    group: dict[int, int] = {}
    for index in inside:
        own = -1
        for source in links.before[index]:
            other = group.get(source, -1)
            if own < 0:
                own = other
            elif other not in (-1, own):
                root[find(root, own)] = find(root, other)
        if own < 0:
            own = len(root)
            root.append(own)
        group[index] = own
    parts: dict[int, list[int]] = {}
    for index, own in group.items():
        parts.setdefault(find(root, own), []).append(index)
    return list(parts.values())


def find(root: list[int], group: int) -> int:
    """The group that a group is part of in the end; the way there is halved."""
    while root[group] != group:
        root[group] = root[root[group]]
        group = root[group]
    return group


def _cells_of(nodes: Sequence[int], links: Links) -> tuple[Region, ...] | None:
    """Divide ``nodes`` (the last is their join) into cells, or ``None`` if there are fewer than two."""
    join = nodes[-1]
    member = set(nodes)
    # The tree of immediate post-dominators, built from the join upwards: a node's parent is the nearest
    # one that all its paths go through, the common ancestor of its targets (Cooper, Harvey and Kennedy
    # 2001, "A Simple, Fast Dominance Algorithm"; topological numbers take the place of their postorder).
    parent: dict[int, int] = {join: join}
    for index in reversed(nodes[:-1]):
        targets = [a for a in links.after[index] if a in member] or [join]
        common = targets[0]
        for other in targets[1:]:
            while common != other:
                if common < other:
                    common = parent[common]
                else:
                    other = parent[other]
        parent[index] = common
    meeting = {i for i in nodes if len([b for b in links.before[i] if b in member]) > 1}
    above = dict(parent)  # the next join that everything flows into
    for index in reversed(nodes[:-1]):
        if parent[index] not in meeting:
            above[index] = above[parent[index]]
    heads = {
        i for i in meeting - {join} if above[i] == join and any(a != join for a in links.after[i])
    }
    if len(heads) < 2:
        return None
    home: dict[int, int] = {join: join}
    for index in reversed(nodes[:-1]):
        if index in heads:
            home[index] = index
        elif parent[index] != join:
            home[index] = home[parent[index]]
        else:  # between cells: goes with the first cell that reads it
            readers = [home[a] for a in links.after[index] if a in member]
            home[index] = min(readers, default=join)
    groups: dict[int, list[int]] = {}
    for index in nodes:
        groups.setdefault(home[index], []).append(index)
    return tuple(
        Region(nodes=tuple(groups[head]), join=head, branches=(tuple(groups[head][:-1]),))
        for head in sorted(groups)
    )
