"""A block: a part of a network that is counted and named as one."""

from __future__ import annotations

from dataclasses import dataclass

FORK_JOIN, SEGMENT = "fork-join", "segment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A part of the network; ``nodes`` are indices into the graph's nodes, in running order.

    For a fork-join block ``branches`` are the paths between ``fork`` (not part of it) and ``join``;
    an empty branch is an edge from fork to join, the identity shortcut.
    """

    name: str
    kind: str
    stage: str
    nodes: tuple[int, ...]
    fork: int | None = None
    join: int | None = None
    branches: tuple[tuple[int, ...], ...] = ()
    children: tuple[Block, ...] = ()
