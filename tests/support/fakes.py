"""Counters that go wrong, each in its own way; run in the worker's process."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

from keraudit.audits.crosscheck.peers import Named, Peer
from keraudit.model.graph import Graph, Node


def fake(name: str, *, needs: tuple[str, ...] = ()) -> Peer:
    return Peer(
        name=name,
        title=f"fake {name}",
        unit="macs",
        needs=needs,
        backend="tensorflow",
        counter=f"fakes:{name}",
        differences="fakes:nothing",
    )


def nothing(node: Node) -> Iterator[Named]:
    yield from ()


def right(graph: Graph) -> int:
    return sum(node.effect.macs for node in graph.nodes)


def wrong(graph: Graph) -> int:
    return right(graph) + 7


def raises(graph: Graph) -> int:
    raise ValueError("two\nlines")


def memory(graph: Graph) -> int:
    raise MemoryError


def killed(graph: Graph) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


def crash(graph: Graph) -> int:
    os.kill(os.getpid(), signal.SIGSEGV)
    return 0


def leaves(graph: Graph) -> int:
    os._exit(7)


def sleeps(graph: Graph) -> int:
    time.sleep(60)
    return 0
