"""Large convolutions in factors: two 3x3 for a 5x5, 1xn and nx1 for nxn, depthwise-separable for kxk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from keraudit.errors import KerauditError
from keraudit.model.graph import Graph, Layer, Node
from keraudit.rewrite.edit import Change, Plan, Rewrite, applied, kernel_of, of_keras


def factorized(graph: Graph, how: str) -> Rewrite:
    """Replace every 2-D convolution that one way of factorising fits.

    Args:
        graph: any graph.
        how: ``"two-3x3"``: each 5x5 becomes two 3x3, 28 % fewer MACs at equal width (Szegedy et al.
            2015, section 3.1); ``"asymmetric"``: each nxn with n from 3 becomes 1xn and nx1, 33 %
            fewer for n = 3 (section 3.2); ``"separable"``: each kxk from 3 becomes depthwise and
            pointwise, 1/filters + 1/k^2 of the MACs (Howard et al. 2017, section 3.1).

    The inner layer has as many filters as the outer one (depthwise: as many as its input). Strides
    stand where they keep every size; between two factors stands a ReLU.

    Raises:
        KerauditError: there is no such way.
    """
    if how not in WAYS:
        raise KerauditError(f"no way to factorise is called {how!r}: expected {', '.join(WAYS)}")
    fits, split, why = WAYS[how]
    chains: dict[int, list[Layer]] = {}
    log: list[Change] = []
    origin: dict[str, str] = {}
    calls = Counter(call.layer for call in graph.architecture.calls)
    for index, node in enumerate(graph.nodes):
        if node.layer.kind != "Conv2D" or not of_keras(node.layer) or not fits(kernel_of(node)):
            continue
        if node.layer.config.get("groups", 1) != 1:
            log.append(Change(layer=node.name, what="left alone", why="it is grouped"))
            continue
        if calls[graph.architecture.calls[index].layer] > 1:
            log.append(
                Change(layer=node.name, what="left alone", why="it is called more than once")
            )
            continue
        chains[index] = split(node)
        origin |= {layer.name: node.name for layer in chains[index]}
        log.append(Change(layer=node.name, what="replaced", why=why))
    if not chains:
        return Rewrite(graph=graph, log=tuple(log), nothing=f"no convolution for {how!r} found")
    return Rewrite(graph=applied(graph, Plan(chains=chains)), log=tuple(log), origin=origin)


def part(node: Node, suffix: str, kind: str = "Conv2D", **options: Any) -> Layer:
    """A layer made from a convolution, with another kernel and a name that tells where it is from."""
    config = {
        **node.layer.config,
        **options,
        "name": f"{node.layer.name}_{suffix}".replace("/", "_"),
    }
    name = f"{node.layer.name}_{suffix}"
    return replace(node.layer, name=name, kind=kind, config=config, weights=None)


def _two_3x3(node: Node) -> list[Layer]:
    """5x5 to 3x3, 3x3: the same 5x5 of the input is seen. The stride stands at the second."""
    first = part(node, "3x3a", kernel_size=[3, 3], strides=[1, 1], activation="relu")
    return [first, part(node, "3x3b", kernel_size=[3, 3])]


def asymmetric(node: Node) -> list[Layer]:
    """nxn to 1xn, nx1: each takes the stride along its own axis."""
    height, width = kernel_of(node)
    down, across = pair(node.layer.config.get("strides", 1))
    dilated = pair(node.layer.config.get("dilation_rate", 1))
    return [
        part(
            node,
            f"1x{width}",
            kernel_size=[1, width],
            strides=[1, across],
            dilation_rate=[1, dilated[1]],
            activation="relu",
        ),
        part(
            node,
            f"{height}x1",
            kernel_size=[height, 1],
            strides=[down, 1],
            dilation_rate=[dilated[0], 1],
        ),
    ]


def separable(node: Node) -> list[Layer]:
    """kxk to a depthwise kxk and a pointwise convolution, as one ``SeparableConv2D``."""
    dropped = ("groups", "kernel_initializer", "kernel_regularizer", "kernel_constraint")
    config = {k: v for k, v in node.layer.config.items() if k not in dropped}
    name = f"{node.layer.name}_separable"
    depthwise = {**config, "depth_multiplier": 1, "name": name.replace("/", "_")}
    return [replace(node.layer, name=name, kind="SeparableConv2D", config=depthwise, weights=None)]


def pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (int(value[0]), int(value[1]))


Way = tuple[Callable[[tuple[int, ...]], bool], Callable[[Node], list[Layer]], str]

WAYS: Mapping[str, Way] = {
    "two-3x3": (lambda kernel: kernel == (5, 5), _two_3x3, "5x5 to two 3x3"),
    "asymmetric": (
        lambda kernel: len(set(kernel)) == 1 and min(kernel) >= 3,
        asymmetric,
        "nxn to 1xn and nx1",
    ),
    "separable": (
        lambda kernel: bool(kernel) and min(kernel) >= 3,
        separable,
        "kxk to depthwise and pointwise",
    ),
}
