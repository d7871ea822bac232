"""A module of a few layers as a drawing: its branches in parallel, each box with what it costs.

The branches are read from the graph: the inputs of its merge, each followed back to the module's input.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from keraudit.model.graph import Graph, Node
from keraudit.model.shape_text import shape_text
from keraudit.output.numbers import short, sizes
from keraudit.output.svg_marks import text

BOX, GAP, WIDTH, MARGIN = 44, 22, 150, 20  # pixels
MERGES = ("Add", "Concatenate")
WORDS: Mapping[str, str] = {
    "BatchNormalization": "batch norm",
    "MaxPooling2D": "max pooling",
    "Add": "add",
}


def diagram(graph: Graph, *, color: str) -> str:
    """Draw a graph of one input, branches and one merge as SVG.

    Args:
        graph: a module or a residual block alone.
        color: of the boxes; the darker, the larger the part of the MACs.
    """
    nodes = graph.nodes
    merge = next(at for at, node in enumerate(nodes) if node.layer.kind in MERGES)
    branches = [branch(nodes, ref.call) for ref in nodes[merge].sources]
    rows = max(map(len, branches))
    macs = [_macs_of(node) for node in nodes]
    width = max(len(branches) * (WIDTH + MARGIN) + MARGIN, 2 * (WIDTH + MARGIN))
    middle = width / 2
    parts = [_box(middle, 0, nodes[0], 0, 0, color)]
    for number, chain in enumerate(branches):
        x = middle + (number - (len(branches) - 1) / 2) * (WIDTH + MARGIN)
        parts += column(nodes, chain, x, middle, rows, macs, color)
    parts.append(_box(middle, rows + 1, nodes[merge], 0, 0, color))
    for below, node in enumerate(nodes[merge + 1 :], rows + 2):
        parts.append(edge(middle, below - 1, middle, below))
        parts.append(_box(middle, below, node, 0, 0, color))
    height = top(rows + 2 + len(nodes) - merge - 1)
    return (
        f'<svg class="ka-still ka-diagram" viewBox="0 0 {width} {height}" width="{width}"'
        f' height="{height}" aria-hidden="true" focusable="false">{"".join(parts)}</svg>'
    )


def branch(nodes: Sequence[Node], at: int) -> list[int]:
    """The layers from the module's input to one input of its merge; none where the two are one."""
    chain: list[int] = []
    while nodes[at].sources:
        chain.insert(0, at)
        at = nodes[at].sources[0].call
    return chain


def column(
    nodes: Sequence[Node],
    chain: Sequence[int],
    x: float,
    middle: float,
    rows: int,
    macs: Sequence[int],
    color: str,
) -> Iterator[str]:
    """One branch, its lines to the input and to the merge."""
    at, before = 0, middle
    for row, number in enumerate(chain, 1):
        yield edge(before, at, x, row)
        yield _box(x, row, nodes[number], macs[number], macs[number] / (sum(macs) or 1), color)
        at, before = row, x
    if chain:
        if at < rows:  # a short branch passes the longer ones by on its own side
            yield f'<path class="ka-edge" d="M{x:.0f} {top(at) + BOX}V{top(rows) + BOX}"/>'
        yield edge(x, rows, middle, rows + 1)
    else:  # a shortcut: round the other branch, from the input to the sum
        y0, y1 = top(0) + BOX, top(rows + 1)
        path = f"M{middle:.0f} {y0}C{x:.0f} {y0 + 40} {x:.0f} {y0 + 40} {x:.0f} {(y0 + y1) / 2:.0f}"
        yield f'<path class="ka-edge" d="{path}S{x:.0f} {y1 - 40} {middle:.0f} {y1}"/>'
        yield text(x + 8, (y0 + y1) / 2, "identity")


def top(row: int) -> int:
    return 2 + row * (BOX + GAP)


def edge(x0: float, row0: int, x1: float, row1: int) -> str:
    y0, y1 = top(row0) + BOX, top(row1)
    return f'<path class="ka-edge" d="M{x0:.0f} {y0}C{x0:.0f} {y0 + 14} {x1:.0f} {y1 - 14} {x1:.0f} {y1}"/>'


def _box(x: float, row: int, node: Node, macs: int, share: float, color: str) -> str:
    y, fill = top(row), f'fill="{color}" fill-opacity="{0.08 + 0.5 * share:.2f}"'
    lines = [*words(node).split("\n"), f"{short(macs)} ({share:.0%})" if macs else ""]
    shown = [line for line in lines if line]
    first = y + BOX / 2 + 4 - 8 * (len(shown) - 1)
    return (
        f'<rect class="ka-box" {fill} x="{x - WIDTH / 2:.0f}" y="{y}" width="{WIDTH}"'
        f' height="{BOX}" rx="4"/>'
        + "".join(
            text(x, first + 16 * at, line, anchor="middle", bold=not at)
            for at, line in enumerate(shown)
        )
    )


def words(node: Node) -> str:
    """What a box says, a line or two."""
    kind, config = node.layer.kind, node.layer.config
    out = sizes(node.outputs[0].shape)
    if kind == "Conv2D":
        return f"{shape_text(config['kernel_size'])}, {config['filters']} filters"
    if kind == "InputLayer":
        return f"input {out}"
    if kind == "Concatenate":
        return f"concatenate\n{out}"
    if kind == "Activation":
        return str(config["activation"]).replace("relu", "ReLU")
    return WORDS.get(kind, kind)


def _macs_of(node: Node) -> int:
    return sum(term.value for term in node.effect.terms if term.unit == "mac")
