"""A crosscheck as a grid: each peer, and under it the terms that lead from our count to its own."""

from __future__ import annotations

from keraudit.bounds import Bound
from keraudit.crosscheck.report import CONVENTION, Crosscheck, Reconciliation
from keraudit.render.grid import Column, Grid, Line
from keraudit.render.numbers import short, sizes

COLUMNS = (
    Column(key="name", label="Counter"),
    Column(key="version", label="Version", wide=True),
    Column(key="term", label="What it reports, and how that follows", flows=True),
    Column(key="value", label="Value", form="exact"),
    Column(key="seconds", label="Seconds", form="real", wide=True),
)
REMAINDER = "unexplained remainder"


def crosscheck_grid(report: Crosscheck, *, repeat: bool = False) -> Grid:
    """One line for each peer, then its terms; ``repeat`` names the peer on every line."""
    return Grid(
        title=report.model,
        heading=heading(report),
        columns=COLUMNS,
        lines=tuple(line for peer in report.peers for line in peer_lines(peer, repeat=repeat)),
        notes=tuple(notes(report)),
        command=report.command,
        convention=CONVENTION,
    )


def heading(report: Crosscheck) -> str:
    shapes = ", ".join(sizes(shape, batch=False) for shape in report.input_shapes.values())
    macs = f"{report.bounds.macs.phrase}{short(report.macs)} MACs"
    flops = f"{report.bounds.flops.phrase}{short(report.flops)} FLOPs"
    return f"at {shapes}, batch {report.batch}: {macs}, {flops}"


def peer_lines(peer: Reconciliation, *, repeat: bool) -> list[Line]:
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


def notes(report: Crosscheck) -> list[str]:
    """The reading of the table; each fits a line of 80 columns."""
    found = [
        f"Our MACs       {report.bounds.macs.phrase}{report.macs:,}",
        f"Our FLOPs      {report.bounds.flops.phrase}{report.flops:,} = 2 x MACs + others",
    ]
    ran = [f"{peer.name} {peer.version}" for peer in report.peers if peer.value is not None]
    if ran:
        found.append(f"Compared with  {', '.join(ran)}")
    xla = next((p for p in report.peers if p.name == "xla" and p.remainder), None)
    if xla is not None and xla.value:
        part = abs(xla.remainder or 0) / xla.value
        found.append(
            f"XLA's rest     {part:.5%} of its value: it adds up in 32-bit floats, so the last"
        )
        found.append("               digits of a large sum are rounded")
    if report.unsupported:
        names = ", ".join(report.unsupported[:3])
        what = "ESTIMATE" if report.bounds.flops is Bound.ESTIMATE else "LOWER BOUND"
        found.append(f"{what}: our count leaves out layers that it does not know: {names}")
    return found
