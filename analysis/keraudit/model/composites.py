"""Blocks of a traced network by the layers of the user's own that its layers were called in.

A trace keeps the path of every call (``backbone/block_3/attention``). A layer that its author wrote as one
is one block: the regions and segments that lie wholly in it become its children.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from keraudit.model.block import SEGMENT, Block
from keraudit.model.graph import Graph

SEPARATOR = "/"
MOST = 0.6  # a layer with more of all layers with weights is no part of the network but its body


def composites(found: Sequence[Block], graph: Graph) -> list[Block]:
    """The blocks, those of one layer of the user's own under its name."""
    if not graph.architecture.traced:
        return list(found)
    return _at_level(found, graph, 0)


def _at_level(found: Sequence[Block], graph: Graph, level: int) -> list[Block]:
    """Group consecutive blocks whose paths agree down to ``level``, if they are all that have it."""
    paths = {
        index: tuple(node.name.split(SEPARATOR)[:-1]) for index, node in enumerate(graph.nodes)
    }
    heavy = sum(bool(node.weights) for node in graph.nodes)

    def prefix(block: Block) -> tuple[str, ...]:
        tops = {paths[i][: level + 1] for i in block.nodes}
        top = tops.pop()
        return top if not tops and len(top) == level + 1 else ()

    result: list[Block] = []
    for top, run in groupby(found, key=prefix):
        parts = list(run)
        nodes = [i for part in parts for i in part.nodes]
        whole = sum(path[: level + 1] == top for path in paths.values()) == len(nodes)
        weighty = sum(bool(graph.nodes[i].weights) for i in nodes)
        if not top:
            result += parts
        elif weighty > MOST * heavy and len(parts) > 1:
            result += _at_level(parts, graph, level + 1)
        elif whole:
            result.append(_as_one(SEPARATOR.join(top), parts, graph))
        else:
            result += parts
    return result


def _as_one(name: str, parts: Sequence[Block], graph: Graph) -> Block:
    if len(parts) == 1:
        return replace(parts[0], name=name)
    last = parts[-1]
    return replace(
        last,
        name=name,
        kind=SEGMENT,
        nodes=tuple(i for part in parts for i in part.nodes),
        fork=None,
        join=None,
        branches=(),
        children=tuple(
            part if part.name else replace(part, name=graph.nodes[part.nodes[0]].name)
            for part in parts
        ),
    )
