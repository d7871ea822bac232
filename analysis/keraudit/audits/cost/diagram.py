"""A module of a few layers as a drawing: its branches in parallel, each box with what it costs.

The branches are read from the graph: the inputs of its merge, each followed back to the module's input.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from keraudit.model.graph import Graph, Node
from keraudit.model.shape_text import shape_text
from keraudit.output.numbers import short, sizes
from keraudit.output.svg_marks import labelled_box, text

BOX, GAP, WIDTH, MARGIN = 44, 22, 150, 20  # pixels
NARROW, RAIL, STEP = (
    300,
    14,
    12,
)  # of the narrow drawing: its width, from a line to the boxes, from box to box
MERGES = ("Add", "Concatenate")
WORDS: Mapping[str, str] = {
    "BatchNormalization": "batch norm",
    "MaxPooling2D": "max pooling",
    "Add": "add",
}


def diagram(graph: Graph, *, color: str) -> str:
    """Draw a graph of one input, branches and one merge as SVG: wide, and narrow for a phone.

    Args:
        graph: a module or a residual block alone.
        color: of the boxes; the darker, the larger the part of the MACs.

    Returns:
        Two pictures of classes ``ka-beside`` (branches side by side) and ``ka-below`` (one below the other), of
        which the page shows one.
    """
    merge = next(at for at, node in enumerate(graph.nodes) if node.layer.kind in MERGES)
    module = _Module(
        nodes=graph.nodes,
        macs=[_macs_of(node) for node in graph.nodes],
        branches=[branch(graph.nodes, ref.call) for ref in graph.nodes[merge].sources],
        merge=merge,
        color=color,
    )
    return _beside(module) + _below(module)


class _Module(NamedTuple):
    """What is drawn: ``branches`` lists the calls of each, ``macs`` is by call."""

    nodes: Sequence[Node]
    macs: Sequence[int]
    branches: Sequence[Sequence[int]]
    merge: int
    color: str

    def box(self, at: int, x: float, y: float, width: float = WIDTH) -> str:
        """One call by its upper middle."""
        macs = self.macs[at]
        share = macs / (sum(self.macs) or 1)
        lines = [*words(self.nodes[at]).split("\n"), f"{short(macs)} ({share:.0%})" if macs else ""]
        return labelled_box(
            (x, y), (width, BOX), [line for line in lines if line], self.color, 0.08 + 0.5 * share
        )


def _beside(module: _Module) -> str:
    """The branches side by side."""
    branches, merge, calls = module.branches, module.merge, len(module.nodes)
    rows = max(map(len, branches))
    width = max(len(branches) * (WIDTH + MARGIN) + MARGIN, 2 * (WIDTH + MARGIN))
    middle = width / 2
    parts = [module.box(0, middle, top(0))]
    for number, chain in enumerate(branches):
        x = middle + (number - (len(branches) - 1) / 2) * (WIDTH + MARGIN)
        parts += column(module, chain, x, middle, rows)
    parts.append(module.box(merge, middle, top(rows + 1)))
    for row, at in enumerate(range(merge + 1, calls), rows + 2):
        parts += [edge(middle, row - 1, middle, row), module.box(at, middle, top(row))]
    return _svg("ka-beside", width, top(rows + 1 + calls - merge), parts)


def _below(module: _Module) -> str:
    """The branches one below the other, between a line from the input and a line to the merge."""
    middle, inner = NARROW / 2, NARROW - 4 * RAIL
    left, right = RAIL, NARROW - RAIL
    parts, y = [module.box(0, middle, 2, NARROW - 2)], 2 + BOX + GAP
    leaves, enters = [], []  # heights at which branches leave the one line and enter the other
    for chain in module.branches:
        leaves.append(y + BOX // 2)
        for before, at in enumerate(chain):
            parts += [_path(f"M{middle:g} {y - STEP}v{STEP}")] if before else []
            parts.append(module.box(at, middle, y, inner))
            y += BOX + STEP
        if not chain:
            parts += [
                _path(f"M{2 * RAIL} {leaves[-1]}h{inner}"),
                text(middle, leaves[-1] - 6, "identity", anchor="middle"),
            ]
            y += BOX + STEP
        enters.append(y - STEP - BOX // 2)
        y += GAP - STEP
    parts.append(
        _path(f"M{left} {2 + BOX}V{leaves[-1]}" + "".join(f"M{left} {at}h{RAIL}" for at in leaves))
    )
    parts.append(
        _path("".join(f"M{right} {at}h-{RAIL}" for at in enters) + f"M{right} {enters[0]}V{y}")
    )
    for at in range(module.merge, len(module.nodes)):
        parts += [_path(f"M{middle:g} {y - GAP}v{GAP}")] if at > module.merge else []
        parts.append(module.box(at, middle, y, NARROW - 2))
        y += BOX + GAP
    return _svg("ka-below", NARROW, y - GAP + 2, parts)


def _svg(name: str, width: float, height: float, parts: Sequence[str]) -> str:
    return (
        f'<svg class="ka-still ka-diagram {name}" viewBox="0 0 {width:g} {height:g}" width="{width:g}"'
        f' height="{height:g}" aria-hidden="true" focusable="false">{"".join(parts)}</svg>'
    )


def _path(line: str) -> str:
    return f'<path class="ka-edge" d="{line}"/>'


def branch(nodes: Sequence[Node], at: int) -> list[int]:
    """The layers from the module's input to one input of its merge; none where the two are one."""
    chain: list[int] = []
    while nodes[at].sources:
        chain.insert(0, at)
        at = nodes[at].sources[0].call
    return chain


def column(
    module: _Module, chain: Sequence[int], x: float, middle: float, rows: int
) -> Iterator[str]:
    """One branch, its lines to the input and to the merge."""
    at, before = 0, middle
    for row, number in enumerate(chain, 1):
        yield edge(before, at, x, row)
        yield module.box(number, x, top(row))
        at, before = row, x
    if chain:
        if at < rows:  # a short branch passes the longer ones by on its own side
            yield _path(f"M{x:.0f} {top(at) + BOX}V{top(rows) + BOX}")
        yield edge(x, rows, middle, rows + 1)
    else:  # a shortcut: round the other branch, from the input to the sum
        y0, y1 = top(0) + BOX, top(rows + 1)
        path = f"M{middle:.0f} {y0}C{x:.0f} {y0 + 40} {x:.0f} {y0 + 40} {x:.0f} {(y0 + y1) / 2:.0f}"
        yield _path(f"{path}S{x:.0f} {y1 - 40} {middle:.0f} {y1}")
        yield text(x + 8, (y0 + y1) / 2, "identity")


def top(row: int) -> int:
    return 2 + row * (BOX + GAP)


def edge(x0: float, row0: int, x1: float, row1: int) -> str:
    y0, y1 = top(row0) + BOX, top(row1)
    return _path(f"M{x0:.0f} {y0}C{x0:.0f} {y0 + 14} {x1:.0f} {y1 - 14} {x1:.0f} {y1}")


def words(node: Node) -> str:
    """What a box says, a line or two."""
    kind, config = node.layer.kind, node.layer.config
    out = sizes(node.outputs[0].shape).replace("x", "×")
    if kind == "Conv2D":
        return f"{shape_text(config['kernel_size']).replace('x', '×')}, {config['filters']} filters"
    if kind == "InputLayer":
        return f"input {out}"
    if kind == "Concatenate":
        return f"concatenate\n{out}"
    if kind == "Activation":
        return str(config["activation"]).replace("relu", "ReLU")
    return WORDS.get(kind, kind)


def _macs_of(node: Node) -> int:
    return sum(term.value for term in node.effect.terms if term.unit == "mac")
