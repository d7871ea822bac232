"""Which axes of each activation hold positions, and how many positions they hold."""

from __future__ import annotations

from keraudit.graph import Graph, Shape


def positions(graph: Graph) -> tuple[Shape, ...]:
    """The spatial sizes of each node's first output; empty where no axis holds positions.

    A layer without a ``data_format`` of its own (normalisation, addition) takes its input's.
    """
    first: list[bool] = []
    wanted: dict[int, bool] = {}
    for index, node in enumerate(graph.nodes):
        stated = node.layer.config.get("data_format")
        if stated is None:
            inherited = [first[ref.call] for ref in node.sources]
            first.append(inherited[0] if inherited else False)
            continue
        first.append(stated == "channels_first")
        for ref in node.sources:
            wanted.setdefault(ref.call, first[index])
    result = []
    for index, node in enumerate(graph.nodes):
        leading = wanted.get(index, False) if not node.sources else first[index]
        shape = node.outputs[0].shape if node.outputs else ()
        result.append(() if len(shape) < 3 else shape[2:] if leading else shape[1:-1])
    return tuple(result)


def label(sizes: Shape) -> str:
    """Spatial sizes as people write them: ``28x28``; ``-`` where there are none."""
    return "x".join(map(str, sizes)) if sizes else "-"
