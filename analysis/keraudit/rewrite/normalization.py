"""Rewriting a network without its normalisations."""

from __future__ import annotations

from keraudit.model.blocks import NORMALIZING
from keraudit.model.graph import Graph
from keraudit.rewrite.edit import Change, Plan, Rewrite, applied, of_keras


def without_normalization(graph: Graph) -> Rewrite:
    """Take out every batch, layer, group and RMS normalisation; nothing takes its place."""
    layers = {
        i: node.sources[0]
        for i, node in enumerate(graph.nodes)
        if node.layer.kind in NORMALIZING and of_keras(node.layer) and len(node.sources) == 1
    }
    if not layers:
        return Rewrite(graph=graph, nothing="no normalisation found")
    log = [
        Change(layer=graph.nodes[i].name, what="removed", why=f"a {graph.nodes[i].layer.kind}")
        for i in layers
    ]
    return Rewrite(graph=applied(graph, Plan(bypass=layers)), log=tuple(log))
