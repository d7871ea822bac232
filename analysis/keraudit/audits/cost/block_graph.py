"""A block as a graph in the DOT language: its fork, its branches, its join."""

from __future__ import annotations

from collections.abc import Sequence

from keraudit.audits.cost.count import LayerCost
from keraudit.audits.cost.treemap import KINDS, family
from keraudit.model.block import Block
from keraudit.model.blocks import FINISHING, NORMALIZING
from keraudit.model.graph import Graph
from keraudit.model.shape_text import shape_text
from keraudit.output.numbers import short, sizes
from keraudit.output.palette import GREY, VERMILION, ink
from keraudit.rewrite.edit import kernel_of, users_of

MOST_BOXES = 150  # more are not legible
FOLLOW = FINISHING | NORMALIZING


def block_dot(graph: Graph, block: Block, layers: Sequence[LayerCost], *, chosen: str = "") -> str:
    """Draw the layers of a block and what flows between them, the input at the top.

    A normalisation or activation that alone reads a layer is written under it. Boxes are coloured by
    the kind of layer; each tells kernel, channels, map and MACs.

    Returns:
        DOT text; empty where the block has more layers than a picture holds.
    """
    users = users_of(graph)
    inside = set(block.nodes)
    home: dict[int, int] = {}  # the box of each node
    for index in block.nodes:
        node = graph.nodes[index]
        before = node.sources[0].call if len(node.sources) == 1 else -1
        follows = node.layer.kind in FOLLOW and before in home and users[before] == (index,)
        home[index] = home[before] if follows else index
    boxes = list(dict.fromkeys(home.values()))
    if len(boxes) > MOST_BOXES:
        return ""
    lines = [
        "digraph {",
        'graph [bgcolor="transparent", rankdir="TB", nodesep=0.25, ranksep=0.3]',
        'node [shape="box", style="filled,rounded", fontname="sans-serif", fontsize=11, penwidth=0]',
        f'edge [color="{GREY}", arrowsize=0.6]',
        f'"in" [label="input", shape="plaintext", style="", fontcolor="{GREY}"]',
    ]
    for box in boxes:
        members = [i for i in block.nodes if home[i] == box]
        fill = KINDS[family(graph.nodes[box].layer.kind)]
        names = {graph.nodes[i].name for i in members}
        ring = f', penwidth=4, color="{VERMILION}"' if chosen in names else ""
        text = quoted(label(graph, members, layers))
        lines.append(f'"{box}" [label={text}, fillcolor="{fill}", fontcolor="{ink(fill)}"{ring}]')
    edges = dict.fromkeys(
        (home[ref.call] if ref.call in inside else "in", home[i])
        for i in block.nodes
        for ref in graph.nodes[i].sources
        if home.get(ref.call) != home[i]
    )
    lines += [f'"{a}" -> "{b}"' for a, b in edges]
    return "\n".join([*lines, "}"])


def label(graph: Graph, members: Sequence[int], layers: Sequence[LayerCost]) -> str:
    """A box's text: the layer's name, what it is, what it costs, and what is written under it."""
    first, last = graph.nodes[members[0]], graph.nodes[members[-1]]
    kernel = shape_text(kernel_of(first))
    what = f"{first.layer.kind.removeprefix('ops.')} {kernel}".strip()
    rest = [graph.nodes[i].layer.kind for i in members[1:]]
    under = ", ".join(
        "norm" if kind in NORMALIZING else "dropout" if "Dropout" in kind else "activation"
        for kind in rest
    )
    shape = sizes(last.outputs[0].shape) if last.outputs else ""
    spent = layers[members[0]].cost
    sign = spent.bounds.macs.sign
    cost = f"{shape}, {sign}{short(spent.macs)} MACs" if spent.macs or sign else shape
    name = first.name if len(first.name) <= 40 else "..." + first.name[-38:]
    return "\n".join([name, what, *([f"+ {under}"] if under else []), cost])


def quoted(text: str) -> str:
    r"""Text as a DOT string: a name can end neither the string nor its line.

    >>> print(quoted('a"b\\c' + chr(10) + 'd'))
    "a\"b\\c\nd"
    """
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    escaped = escaped.replace("&", "&amp;")  # DOT reads entities in labels
    return f'"{escaped}"'
