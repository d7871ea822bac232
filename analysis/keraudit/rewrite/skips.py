"""The network without its skip connections: at each residual merge the shortcut is cut.

A *residual merge* is a sum of two or more paths from one fork of which some carry fewer layers with
weights than the longest. Those are the shortcuts: an identity, or a projection (He et al. 2015,
section 3.3). The longest path is the residual branch, F(x); what only served a shortcut goes with it.
Which is which is told from the graph, never from names.
"""

from __future__ import annotations

from collections.abc import Sequence

from keraudit.graph import Graph, Ref
from keraudit.rewrite.surgery import Change, Plan, Rewrite, applied, of_keras

SUMS = frozenset({"Add", "ops.Add", "CustomScaleLayer"})
PROJECTION = 1  # layers with MACs that a shortcut may carry: He's projection has one


def without_skips(graph: Graph) -> Rewrite:
    """Cut the shortcut of every residual merge; a merge left with one input goes.

    Returns:
        The plain network, with the same names for the layers that stay.
    """
    above = dominators(graph)
    drop: dict[int, frozenset[Ref]] = {}
    log: list[Change] = []
    for index, node in enumerate(graph.nodes):
        if node.layer.kind not in SUMS or not of_keras(node.layer) or len(set(node.sources)) < 2:
            continue
        fork = above[index]
        weights = path_weights(graph, fork, index)
        carried = {ref: weights.get(ref.call, 0) for ref in node.sources}
        longest = max(carried.values())
        short = {ref for ref, n in carried.items() if n < longest and n <= PROJECTION}
        if not short:
            why = "its branches are equally long: neither is a shortcut"
            if min(carried.values()) < longest:
                why = f"its shorter branch has {min(carried.values())} layers with weights: no shortcut"
            log.append(Change(layer=node.name, what="left alone", why=why))
            continue
        drop[index] = frozenset(short)
        for ref in sorted(short):
            kind = "a projection" if carried[ref] else "the identity"
            origin = "the input" if fork < 0 else graph.nodes[fork].name
            log.append(
                Change(
                    layer=node.name,
                    what="cut",
                    why=f"{kind} from {origin}, beside a branch of {longest} layers with weights",
                )
            )
    if not drop:
        reason = (
            "no sum of a longer and a shorter path" if log else "nothing is added up in this model"
        )
        return Rewrite(graph=graph, log=tuple(log), nothing=f"no skip connection found: {reason}")
    return Rewrite(graph=applied(graph, Plan(drop=drop)), log=tuple(log))


def dominators(graph: Graph) -> Sequence[int]:
    """The immediate dominator of each node: the last node that every path to it has passed.

    -1 stands for a source before all inputs. Cooper, Harvey and Kennedy 2001, for an acyclic graph.
    """
    above: list[int] = []
    for node in graph.nodes:
        sources = list(dict.fromkeys(ref.call for ref in node.sources))
        common = sources[0] if sources else -1
        for other in sources[1:]:
            while common != other:
                if common > other:
                    common = above[common]
                else:
                    other = above[other]
        above.append(common)
    return above


def path_weights(graph: Graph, fork: int, join: int) -> dict[int, int]:
    """For each node between: the most layers with MACs on a path from the fork to it, itself included."""
    inside: set[int] = set()
    waiting = [ref.call for ref in graph.nodes[join].sources]
    while waiting:
        index = waiting.pop()
        if index > fork and index not in inside:
            inside.add(index)
            waiting.extend(ref.call for ref in graph.nodes[index].sources)
    carried: dict[int, int] = {}
    for index in sorted(inside):
        node = graph.nodes[index]
        before = max((carried.get(ref.call, 0) for ref in node.sources), default=0)
        carried[index] = before + bool(node.effect.macs)
    return carried
