"""Which axes of each activation hold positions, and how many positions they hold.

Layers with a ``data_format`` state the layout of what they read and write. It is carried on, with the
data and against it, through layers that have none (normalisation, rescaling, a sum), and follows the
channels through a transposition. Where nothing is stated the channels come last, Keras' default.
"""

from __future__ import annotations

from collections.abc import Sequence

from keraudit.model.graph import Graph, Node, Shape

FORMATS = {"channels_first": True, "channels_last": False}
SHAPED_ANEW = ("Reshape", "Flatten", "RepeatVector", "ops.Reshape", "ops.Ravel", "ops.Rearrange")
ROUNDS = 4  # there and back; each way goes through the whole graph

First = bool | None  # whether the channels come first; None: not known


def layouts(graph: Graph) -> tuple[bool, ...]:
    """Whether the channels of each node's output come first, behind the batch."""
    stated_layouts = [stated(node) for node in graph.nodes]
    known = list(stated_layouts)
    for _ in range(ROUNDS):
        before = list(known)
        _with_the_data(graph, known)
        _against_the_data(graph, known, stated_layouts)
        if known == before:
            break
    for index, node in enumerate(graph.nodes):
        if not node.sources and known[index] is None:
            known[index] = False
    _with_the_data(graph, known)
    return tuple(first is True for first in known)


def stated(node: Node) -> First:
    """The layout that a layer names; that of ``Flatten`` changes nothing it gives."""
    named = node.layer.config.get("data_format")
    return None if node.layer.kind == "Flatten" else FORMATS.get(str(named))


def _with_the_data(graph: Graph, known: list[First]) -> None:
    """Give each node that states nothing the layout of its first input that has one."""
    for index, node in enumerate(graph.nodes):
        if known[index] is None:
            layouts = (_carried(node, known[ref.call], forwards=True) for ref in node.sources)
            known[index] = next((first for first in layouts if first is not None), None)


def _against_the_data(graph: Graph, known: list[First], stated_layouts: Sequence[First]) -> None:
    """Give each node without a layout that of its first reader that has one."""
    read_as: dict[int, bool] = {}
    for index in range(len(graph.nodes) - 1, -1, -1):
        node = graph.nodes[index]
        if known[index] is None:
            known[index] = read_as.get(index)
        read = stated_layouts[index]
        if read is None:
            read = _carried(node, known[index], forwards=False)
        if read is not None:
            read_as.update((ref.call, read) for ref in node.sources)


def _carried(node: Node, first: First, *, forwards: bool) -> First:
    """The layout on the other side of a call, from its input to its output or back."""
    if first is None or not node.inputs or not node.outputs:
        return first
    rank, after = len(node.inputs[0].shape), len(node.outputs[0].shape)
    order = _permutation(node, rank)
    if order is None:
        return first if forwards or (rank == after and node.layer.kind not in SHAPED_ANEW) else None
    channels = 1 if first else rank - 1
    there = order.index(channels) if forwards else order[channels]
    return {1: True, rank - 1: False}.get(there)


def _permutation(node: Node, rank: int) -> tuple[int, ...] | None:
    """Where a transposition takes each axis of its output from; ``None`` for any other call."""
    if node.layer.kind == "Permute":
        order = (0, *node.layer.config["dims"])
    elif node.layer.kind == "ops.Transpose" and node.layer.config.get("axes"):
        order = tuple(axis % rank for axis in node.layer.config["axes"])
    else:
        return None
    return order if sorted(order) == list(range(rank)) and rank > 2 else None


def spatial_axes(shape: Shape, first: bool) -> tuple[int, ...]:
    """The axes of a shape that hold positions; none below three axes."""
    if len(shape) < 3:
        return ()
    return tuple(range(2, len(shape)) if first else range(1, len(shape) - 1))


def positions(graph: Graph) -> tuple[Shape, ...]:
    """The spatial sizes of each node's first output; empty where no axis holds positions."""
    shapes = [node.outputs[0].shape if node.outputs else () for node in graph.nodes]
    return tuple(
        tuple(shape[axis] for axis in spatial_axes(shape, first))
        for shape, first in zip(shapes, layouts(graph), strict=True)
    )
