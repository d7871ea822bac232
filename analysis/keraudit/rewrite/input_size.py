"""Networks at other input sizes."""

from __future__ import annotations

from keraudit.errors import ShapeError
from keraudit.layers.infer import shaped
from keraudit.model.graph import Graph, Shape
from keraudit.model.shape_text import shape_text
from keraudit.rewrite.edit import Change, Rewrite


def at_input_shape(graph: Graph, *shapes: Shape, batch: int | None = None) -> Rewrite:
    """Shape a network at other input sizes (without batch), one for each input.

    Raises:
        ShapeError: the network collapses at this size, or was traced, which holds for one size.
    """
    if graph.architecture.traced:
        raise ShapeError(
            f"{graph.architecture.name} was traced, and a trace holds for one size: read the model"
            " again with --input-shape (input_shape=)"
        )
    requested = shapes or tuple(node.outputs[0].shape[1:] for node in graph.input_nodes)
    new = shaped(
        graph.architecture,
        input_shapes=requested,
        batch=batch or graph.batch,
        rules=graph.rules,
    )
    names = [node.name for node in graph.input_nodes]
    log = [
        Change(layer=name, what="changed", why=f"to {shape_text(shape)}")
        for name, shape in zip(names, requested, strict=True)
    ]
    return Rewrite(graph=new, log=tuple(log))
