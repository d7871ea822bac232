"""The counters we compare with, what each needs, and how its number is reached from ours."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from keraudit.audits.crosscheck.worker import function_at
from keraudit.model.graph import Graph, Node


class Named(NamedTuple):
    """A part of a count, with the reason why it is there."""

    name: str
    value: int


# What a peer counts at one node beside what we count there, or short of it.
Differences = Callable[[Node], Iterable[Named]]


class Peer(NamedTuple):
    """Another counter.

    Attributes:
        name: as ``--require`` and the JSON spell it.
        title: as its makers call it.
        unit: what its number is compared with: our ``"macs"`` or our ``"flops"``.
        needs: the modules that must be installed, the first of which has the version to state.
        backend: of Keras.
        counter: ``module:function``, called with the graph in a process of its own.
        differences: ``module:function`` of the type ``Differences``.
        rounding: the part of its number that the peer itself may round away.
    """

    name: str
    title: str
    unit: str
    needs: tuple[str, ...]
    backend: str
    counter: str
    differences: str
    rounding: float = 0.0


PEERS: Mapping[str, Peer] = {
    peer.name: peer
    for peer in (
        Peer(
            name="fvcore",
            title="fvcore FlopCountAnalysis",
            unit="macs",
            needs=("fvcore", "torch", "keras"),
            backend="torch",
            counter="keraudit.audits.crosscheck.counters:fvcore",
            differences="keraudit.audits.crosscheck.from_torch:fvcore",
        ),
        Peer(
            name="torch",
            title="torch FlopCounterMode",
            unit="flops",
            needs=("torch", "keras"),
            backend="torch",
            counter="keraudit.audits.crosscheck.counters:torch",
            differences="keraudit.audits.crosscheck.from_torch:flop_counter",
        ),
        Peer(
            name="tensorflow",
            title="TensorFlow v1 profiler",
            unit="flops",
            needs=("tensorflow", "keras"),
            backend="tensorflow",
            counter="keraudit.audits.crosscheck.counters:tensorflow",
            differences="keraudit.audits.crosscheck.from_tensorflow:profiler",
        ),
        Peer(
            name="xla",
            title="XLA cost analysis",
            unit="flops",
            needs=("jax", "keras"),
            backend="jax",
            counter="keraudit.audits.crosscheck.counters:xla",
            differences="keraudit.audits.crosscheck.from_xla:cost_analysis",
            rounding=1e-3,  # it adds up in 32-bit floats; see ``from_xla``
        ),
    )
}


def reconciled(graph: Graph, peer: Peer) -> tuple[Named, ...]:
    """Our count and the named differences that lead to the peer's, those of one name summed.

    The sum of all is the number the peer is expected to report.
    """
    differences: Differences = function_at(peer.differences)
    macs = sum(node.effect.macs for node in graph.nodes)
    flops = 2 * macs + sum(node.effect.other_flops for node in graph.nodes)
    sums: dict[str, int] = {}
    for node in graph.nodes:
        for name, value in differences(node):
            sums[name] = sums.get(name, 0) + value
    ours = Named("our MACs", macs) if peer.unit == "macs" else Named("our FLOPs", flops)
    return (ours, *(Named(name, value) for name, value in sums.items() if value))
