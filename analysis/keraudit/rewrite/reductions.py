"""The network without its 1x1 reductions: every spatial convolution reads the wide input.

A *reduction* is a 1x1 convolution with fewer output than input channels whose output is read only by
spatial convolutions (a kernel above 1 along some axis; plain, 1xn, depthwise or separable), directly
or through its own normalisation, activation and padding (Szegedy et al. 2014, section 4: "1x1
convolutions are used to compute reductions before the expensive 3x3 and 5x5 convolutions").

Not reductions: projections after pooling, expansions, the last 1x1 of a bottleneck, transitions,
classifier heads; each is read by something else than a spatial convolution, or does not narrow.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial

from keraudit.errors import KerauditError
from keraudit.layers.call import rank_of, tuple_of
from keraudit.layers.infer import effect_of
from keraudit.model.blocks import FINISHING, NORMALIZING
from keraudit.model.graph import Graph, Layer, Node, Ref, Shape
from keraudit.rewrite.edit import (
    Change,
    Plan,
    Rewrite,
    applied,
    check_name,
    configured,
    is_output,
    kernel_of,
    of_keras,
    users_of,
)

CONVOLUTIONS = frozenset({"Conv1D", "Conv2D", "Conv3D"})
SPATIAL = CONVOLUTIONS | {
    *("DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D"),
}
POOLINGS = frozenset(f"{kind}Pooling{rank}D" for kind in ("Max", "Average") for rank in (1, 2, 3))
JOINS = frozenset({"Concatenate", "ops.Concatenate"})
STUCK = "its stride cannot move to"


def without_reductions(
    graph: Graph, *, also_pool_projections: bool = False, only: str = ""
) -> Rewrite:
    """Remove every 1x1 reduction; the convolutions behind it keep their filters and read the wide map.

    Args:
        graph: any graph.
        also_pool_projections: remove the narrowing 1x1 behind a pooling too, as in the naive module
            of GoogLeNet's figure 2(a); modules then pass on all their input channels, and the
            network widens from module to module.
        only: the reduction that is removed, by name; the others stay. Default: all.

    Returns:
        The rewritten graph. A stride of a removed convolution moves to the convolutions behind it;
        where a size would not stay as it was, the reduction is left alone.

    Raises:
        KerauditError: no convolution is called ``only``.
    """
    check_name(graph, only, lambda node: node.layer.kind in CONVOLUTIONS, "convolution")
    users = users_of(graph)
    calls = Counter(call.layer for call in graph.architecture.calls)
    bypass: dict[int, Ref] = {}
    layers: dict[str, Layer] = {}
    log: list[Change] = []
    for index, node in enumerate(graph.nodes):
        if not _is_pointwise(graph, index) or only not in ("", node.name):
            continue
        wide, narrow = input_channels(node), int(node.layer.config["filters"])
        if narrow >= wide:
            continue  # an expansion, or a projection to the same width
        chain, readers = _served(graph, users, index)
        why = _refusal(graph, index, chain, readers)
        if calls[graph.architecture.calls[index].layer] > 1:
            why = "it is called more than once"
        pooled = also_pool_projections and _is_pool_projection(graph, users, index, readers)
        stuck = _stuck_stride(graph, index, readers, calls)
        if stuck or (why and not pooled):
            why = stuck if not why or pooled else why
            log.append(Change(layer=node.name, what="left alone", why=why))
            continue
        source = node.sources[0]
        for member in (index, *chain):
            bypass[member] = source
        stride = _strides_of(node.layer)
        for reader in filter(partial(_is_spatial, graph), readers):
            moved = _moved_stride(graph.nodes[reader].layer, stride)
            if moved is not None:
                layers[moved.name] = moved
        before = ", ".join(graph.nodes[r].name for r in readers)
        why = f"narrowed {wide} channels to {narrow} before {before}"
        log.append(Change(layer=node.name, what="removed", why=why))
    if not bypass:
        return Rewrite(
            graph=graph,
            log=tuple(log),
            nothing=_nothing_done(graph, log),
        )
    return Rewrite(graph=applied(graph, Plan(bypass=bypass, layers=layers)), log=tuple(log))


def _is_pointwise(graph: Graph, index: int) -> bool:
    """Whether a node is a plain convolution with a kernel of 1 along every axis."""
    node = graph.nodes[index]
    return (
        node.layer.kind in CONVOLUTIONS
        and of_keras(node.layer)
        and set(kernel_of(node)) == {1}
        and node.layer.config.get("groups", 1) == 1
    )


def input_channels(node: Node) -> int:
    """The channels that a convolution reads."""
    return dict(node.effect.terms[0].factors)["input channels"]


def _served(
    graph: Graph, users: tuple[tuple[int, ...], ...], index: int
) -> tuple[list[int], list[int]]:
    """The normalisation and activation that belong to a convolution, and what reads it behind them.

    Padding is passed through: it stays, and whatever it pads for is the reader.
    """
    chain: list[int] = []
    end = index
    while len(users[end]) == 1 and graph.nodes[users[end][0]].layer.kind in FINISHING | NORMALIZING:
        end = users[end][0]
        chain.append(end)
    readers: list[int] = []
    for user in users[end]:
        padding = graph.nodes[user].layer.kind.startswith("ZeroPadding")
        readers.extend(users[user] if padding else (user,))
    return chain, readers


def _refusal(graph: Graph, index: int, chain: list[int], readers: list[int]) -> str:
    """Why a narrowing 1x1 convolution is no reduction; empty if it is one."""
    if any(is_output(graph, member) for member in (index, *chain)) or not readers:
        return "it is an output of the model"
    calls = Counter(call.layer for call in graph.architecture.calls)
    for reader in readers:
        if calls[graph.architecture.calls[reader].layer] > 1 and _is_spatial(graph, reader):
            return f"{graph.nodes[reader].name}, which reads it, is called more than once"
    others = [graph.nodes[r].name for r in readers if not _is_spatial(graph, r)]
    if others:
        also = "also " if len(others) < len(readers) else ""
        return f"it {also}serves {others[0]}, which is no spatial convolution"
    return ""


def _is_spatial(graph: Graph, index: int) -> bool:
    node = graph.nodes[index]
    spatial = node.layer.kind in SPATIAL and of_keras(node.layer)
    return spatial and max(kernel_of(node), default=1) > 1


def _is_pool_projection(
    graph: Graph, users: tuple[tuple[int, ...], ...], index: int, readers: list[int]
) -> bool:
    """Whether a 1x1 convolution stands between the pooling of a branch and the join of a module.

    A pooling between two modules is read by every branch of the second; the 1x1 branch stays.
    """
    pool = graph.nodes[index].sources[0].call
    joins = {graph.nodes[reader].layer.kind for reader in readers}
    alone = users[pool] == (index,)
    return alone and graph.nodes[pool].layer.kind in POOLINGS and bool(joins) and joins <= JOINS


def _stuck_stride(graph: Graph, index: int, readers: list[int], calls: Mapping[str, int]) -> str:
    """Why the stride of a 1x1 convolution cannot move to its readers; empty if it can, or is 1."""
    stride = _strides_of(graph.nodes[index].layer)
    if set(stride) == {1}:
        return ""
    for reader in readers:
        node = graph.nodes[reader]
        if not _is_spatial(graph, reader):
            return f"{STUCK} {node.name}, which is no spatial convolution"
        if calls[graph.architecture.calls[reader].layer] > 1:
            return f"{STUCK} {node.name}, which is called more than once"
        dilation = tuple_of(node.layer.config.get("dilation_rate", 1), rank_of(node.layer.kind))
        if max(dilation) > 1:
            return f"{STUCK} {node.name}, which is dilated"  # Keras strides no dilated convolution
        moved = _moved_stride(node.layer, stride)
        if moved is None or not _keeps_size(graph, index, reader, moved):
            return f"{STUCK} {node.name}: its output would have another size"
    return ""


def _keeps_size(graph: Graph, index: int, reader: int, moved: Layer) -> bool:
    """Whether a reader with the stride moved to it gives positions as before from the wide map."""
    tensor, node = graph.nodes[index].inputs[0], graph.nodes[reader]
    before = graph.nodes[node.sources[0].call].layer
    try:
        if before.kind.startswith("ZeroPadding"):
            padded = effect_of(before, (tensor,), rules=graph.rules)
            tensor = tensor._replace(shape=padded.outputs[0])
        shape = effect_of(moved, (tensor,), rules=graph.rules).outputs[0]
    except KerauditError:
        return False
    return _positions(shape, moved) == _positions(node.outputs[0].shape, moved)


def _positions(shape: Shape, layer: Layer) -> Shape:
    """A map's shape without its channels."""
    if layer.config.get("data_format") == "channels_first":
        return (shape[0], *shape[2:])
    return shape[:-1]


def _nothing_done(graph: Graph, log: Sequence[Change]) -> str:
    """What to say where no reduction was taken out."""
    if not any(node.layer.kind in SPATIAL | CONVOLUTIONS for node in graph.nodes):
        return "not applicable: the network has no convolutions"
    stuck = [change for change in log if change.why.startswith(STUCK)]
    if stuck:
        return f"no reduction can be taken out: of {stuck[0].layer} {stuck[0].why}"
    return (
        "no reduction found: no 1x1 convolution narrows the channels for spatial convolutions alone"
    )


def _strides_of(layer: Layer) -> tuple[int, ...]:
    """The stride of a convolution along each axis."""
    return tuple_of(layer.config.get("strides", 1), rank_of(layer.kind))


def _moved_stride(layer: Layer, stride: Sequence[int]) -> Layer | None:
    """The reader with the removed convolution's stride multiplied into its own; ``None`` for stride 1."""
    if set(stride) == {1}:
        return None
    own = _strides_of(layer)
    return configured(layer, strides=[a * b for a, b in zip(stride, own, strict=True)])
