"""Rewriting a network without its normalisations."""

from __future__ import annotations

from keraudit.model.blocks import NORMALIZING
from keraudit.model.graph import Graph, Node
from keraudit.rewrite.edit import Change, Plan, Rewrite, applied, layers_within, of_keras

OPERATIONS = frozenset({"BatchNorm", "LayerNorm", "RMSNorm"})  # of keras.ops


def without_normalization(graph: Graph) -> Rewrite:
    """Take out every batch, layer, group and RMS normalisation; nothing takes its place.

    Those inside a wrapper, with a mask, and as an operation of a traced call stay: the log names them.
    """
    layers = {
        i: node.sources[0]
        for i, node in enumerate(graph.nodes)
        if node.layer.kind in NORMALIZING and of_keras(node.layer) and len(node.sources) == 1
    }
    left = [
        Change(layer=node.name, what="not reached", why=why)
        for i, node in enumerate(graph.nodes)
        if i not in layers and (why := _unreached(node))
    ]
    if not layers:
        none = "no normalisation that can be taken out" if left else "no normalisation found"
        return Rewrite(graph=graph, log=tuple(left), nothing=none)
    log = [
        Change(layer=graph.nodes[i].name, what="removed", why=f"a {graph.nodes[i].layer.kind}")
        for i in layers
    ] + left
    return Rewrite(graph=applied(graph, Plan(bypass=layers)), log=tuple(log))


def _unreached(node: Node) -> str:
    """Why a normalisation, the node's own or of what it wraps, stays; empty where there is none."""
    kind = node.layer.kind
    if kind.removeprefix("ops.") in OPERATIONS and kind.startswith("ops."):
        return f"it is {kind}, an operation and no layer"
    if kind in NORMALIZING:
        return "it takes a mask" if of_keras(node.layer) else f"{kind} is not a class of Keras"
    inner = [layer for layer in layers_within(node.layer) if layer.kind in NORMALIZING]
    return f"it wraps {inner[0].name}, a {inner[0].kind}" if inner else ""
