"""The crosscheck report: our count, every peer's, and how one leads to the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from keraudit.audits.crosscheck.peers import PEERS, Named, Peer, reconciled
from keraudit.audits.crosscheck.process import Measured, measure
from keraudit.building.check import check
from keraudit.model.bounds import ALL_EXACT, Bound, Bounds
from keraudit.model.fuzzy import by_name
from keraudit.model.graph import UNSUPPORTED, Graph
from keraudit.output.numbers import inputs_text, short
from keraudit.output.plain_data import as_dict
from keraudit.output.report import Report, origin_of
from keraudit.output.table import Column, Grid, Line

if TYPE_CHECKING:
    from keraudit.reading.cache import Notify

SCHEMA = "keraudit.crosscheck/1"
CONVENTION = (
    "1 MAC = 1 multiply-accumulate; our FLOPs = 2 x MACs + other operations; a peer's value = the sum"
    " of its terms + the remainder"
)
COLUMNS = (
    Column(key="name", label="Counter"),
    Column(key="version", label="Version", wide=True),
    Column(key="term", label="What it reports, and how that follows", flows=True),
    Column(key="value", label="Value", form="exact"),
    Column(key="seconds", label="Seconds", form="real", wide=True),
)
REMAINDER = "unexplained remainder"
TIMEOUT = 600.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """A peer's number and the terms that lead to it; ``error`` says why there is none."""

    PLAIN = ("name", "version", "value", "terms", "remainder", "seconds", "error")

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
        return as_dict(self) | {"seconds": round(self.seconds, 2)}


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Crosscheck(Report):
    """Our count of a model beside the peers'. ``str()`` is the table, ``to_dict()`` the record."""

    macs: int
    flops: int
    peers: tuple[Reconciliation, ...]
    unsupported: tuple[str, ...] = ()
    bounds: Bounds = ALL_EXACT

    def __getitem__(self, name: str) -> Reconciliation:
        return by_name(name, ((peer.name, peer) for peer in self.peers), what="peer")

    def tables(self) -> tuple[Grid, ...]:
        return (crosscheck_grid(self),)

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
                version=measurement.version,
                value=measurement.value,
                terms=() if measurement.value is None else reconciled(graph, peer),
                seconds=measurement.seconds,
                error=measurement.error,
                rounding=peer.rounding,
            )
            for peer, measurement in measured.items()
        ),
    )


def crosscheck_grid(report: Crosscheck, *, repeat: bool = False) -> Grid:
    """One line for each peer, then its terms; ``repeat`` names the peer on every line."""
    return Grid(
        title=report.model,
        heading=heading(report),
        columns=COLUMNS,
        lines=tuple(line for peer in report.peers for line in _peer_lines(peer, repeat=repeat)),
        notes=tuple(_notes(report)),
        command=report.command,
        convention=CONVENTION,
    )


def heading(report: Crosscheck) -> str:
    shapes = inputs_text(report.input_shapes)
    macs = f"{report.bounds.macs.phrase}{short(report.macs)} MACs"
    flops = f"{report.bounds.flops.phrase}{short(report.flops)} FLOPs"
    return f"at {shapes}, batch {report.batch}: {macs}, {flops}"


def _peer_lines(peer: Reconciliation, *, repeat: bool) -> list[Line]:
    head = {
        "name": peer.name,
        "version": peer.version,
        "term": peer.error or peer.title,
        "value": peer.value,
        "seconds": peer.seconds or None,
    }
    if peer.value is None:
        return [Line(cells=head, tone="warn")]
    named = {"name": peer.name, "version": peer.version} if repeat else {"name": ""}
    lines = [
        Line(cells={**named, "term": t.name, "value": t.value}, tone="dim") for t in peer.terms
    ]
    rest = {**named, "term": REMAINDER, "value": peer.remainder}
    return [Line(cells=head), *lines, Line(cells=rest, tone="dim" if peer.explained else "warn")]


def _notes(report: Crosscheck) -> list[str]:
    """The reading of the table; each fits a line of 80 columns."""
    notes = [
        f"Our MACs       {report.bounds.macs.phrase}{report.macs:,}",
        f"Our FLOPs      {report.bounds.flops.phrase}{report.flops:,} = 2 x MACs + others",
    ]
    ran = [f"{peer.name} {peer.version}" for peer in report.peers if peer.value is not None]
    if ran:
        notes.append(f"Compared with  {', '.join(ran)}")
    xla = next((p for p in report.peers if p.name == "xla" and p.remainder), None)
    if xla is not None and xla.value:
        part = abs(xla.remainder or 0) / xla.value
        notes.append(
            f"Of XLA's       {part:.5%} is unexplained: it adds up in 32-bit floats, so the last"
        )
        notes.append("               digits of a large sum are rounded")
    if report.unsupported:
        names = ", ".join(report.unsupported[:3])
        what = "ESTIMATE" if report.bounds.flops is Bound.ESTIMATE else "LOWER BOUND"
        notes.append(f"{what}: our count leaves out layers that it does not know: {names}")
    return notes
