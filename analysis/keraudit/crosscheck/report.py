"""The crosscheck report: our count, every peer's, and how one leads to the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from keraudit.bounds import ALL_EXACT, Bounds
from keraudit.crosscheck.peers import PEERS, Named, Peer, reconciled
from keraudit.crosscheck.process import Measured, measure
from keraudit.graph import UNSUPPORTED, Graph
from keraudit.origin import Report, origin_of
from keraudit.permitted import check

if TYPE_CHECKING:
    from keraudit.reading.kept import Notify

SCHEMA = "keraudit.crosscheck/1"
CONVENTION = (
    "1 MAC = 1 multiply-accumulate; our FLOPs = 2 x MACs + other operations; a peer's value = the sum"
    " of its terms + the remainder"
)
TIMEOUT = 600.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """A peer's number and the terms that lead to it; ``error`` says why there is none."""

    name: str
    title: str
    version: str
    value: int | None
    terms: tuple[Named, ...]
    seconds: float
    error: str = ""
    rounding: float = 0.0

    @property
    def remainder(self) -> int | None:
        """What the terms leave unexplained."""
        return None if self.value is None else self.value - sum(t.value for t in self.terms)

    @property
    def explained(self) -> bool:
        """Whether the terms lead to the peer's number, its own rounding aside."""
        rest, value = self.remainder, self.value
        return rest is not None and value is not None and abs(rest) <= self.rounding * value

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "version": self.version,
            "value": self.value,
            "terms": [term._asdict() for term in self.terms],
            "remainder": self.remainder,
            "seconds": round(self.seconds, 2),
            "error": self.error,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Crosscheck(Report):
    """Our count of a model beside the peers'. ``str()`` is the table, ``to_dict()`` the record."""

    macs: int
    flops: int
    peers: tuple[Reconciliation, ...]
    unsupported: tuple[str, ...] = ()
    bounds: Bounds = ALL_EXACT

    def __getitem__(self, name: str) -> Reconciliation:
        return next(peer for peer in self.peers if peer.name == name)

    def __str__(self) -> str:
        from keraudit.render.crosscheck import crosscheck_grid
        from keraudit.render.text import grid_text

        return grid_text(crosscheck_grid(self))

    def _repr_html_(self) -> str:
        from keraudit.render.crosscheck import crosscheck_grid
        from keraudit.render.html import fragment

        return fragment(crosscheck_grid(self))

    def to_dict(self) -> dict[str, Any]:
        """The report as plain data."""
        return {
            **self.origin(SCHEMA),
            "convention": CONVENTION,
            "totals": {"macs": self.macs, "flops": self.flops},
            "bound": max(self.bounds.macs, self.bounds.flops).word,
            "unsupported": list(self.unsupported),
            "peers": [peer.to_dict() for peer in self.peers],
        }


def crosscheck(
    graph: Graph,
    *,
    peers: Iterable[Peer] = tuple(PEERS.values()),
    timeout: float = TIMEOUT,
    notify: Notify = lambda message: None,
    command: str = "",
) -> Crosscheck:
    """Count ``graph`` with every peer, one after another, and reconcile each number with ours.

    A peer that is missing, crashes, or takes too long is told in its row; the others go on.

    Args:
        graph: read or rewritten.
        peers: those to ask.
        timeout: seconds for each.
        notify: told, in one line, which peer is running.
        command: the command line to record.

    Raises:
        ModelError: a layer is not among those that are built; the error names it.
    """
    check(graph.architecture)
    measured: dict[Peer, Measured] = {}
    for peer in peers:
        notify(f"counting with {peer.title}")
        measured[peer] = measure(peer, graph, timeout=timeout)
    return compared(graph, measured, command=command)


def compared(graph: Graph, measured: Mapping[Peer, Measured], *, command: str = "") -> Crosscheck:
    """The report on numbers that were measured, now or before."""
    macs = sum(node.effect.macs for node in graph.nodes)
    return Crosscheck(
        **origin_of(graph, command=command),
        macs=macs,
        flops=2 * macs + sum(node.effect.other_flops for node in graph.nodes),
        unsupported=tuple(n.name for n in graph.nodes if n.effect.status == UNSUPPORTED),
        bounds=sum((n.bounds for n in graph.nodes), ALL_EXACT),
        peers=tuple(
            Reconciliation(
                name=peer.name,
                title=peer.title,
                version=found.version,
                value=found.value,
                terms=() if found.value is None else reconciled(graph, peer),
                seconds=found.seconds,
                error=found.error,
                rounding=peer.rounding,
            )
            for peer, found in measured.items()
        ),
    )
