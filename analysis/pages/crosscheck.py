"""What the crosscheck page shows: the committed record of all applications, and one of them in full."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keraudit.audits.crosscheck.peers import PEERS
from pages.markdown import numbers, table
from pages.published import RESULTS, missing, published

PATH = RESULTS / "crosscheck.json"
SCHEMA = "keraudit.crosschecks/1"
EXACT = tuple(name for name, peer in PEERS.items() if not peer.rounding)
MISSING = missing(PATH, "python analysis/benchmarks/crosscheck_all.py")


def record() -> Mapping[str, Any] | None:
    """The record; ``None`` if it is not there."""
    return published(PATH, SCHEMA)


def made() -> str:
    """Where and when the record was made, with which versions."""
    found = record()
    if found is None:
        return MISSING
    hardware = found["hardware"]
    versions = dict.fromkeys(
        f"{peer['name']} {peer['version']}"
        for report in found["reports"]
        for peer in report["peers"]
        if peer["version"]
    )
    days = " to ".join(dict.fromkeys((found["dates"][0], found["dates"][-1])))
    return (
        f"{len(found['reports'])} applications at their default size, batch 1; {', '.join(versions)};"
        f" {hardware['processor']}, {hardware['cores']} cores, {hardware['system']}; {days}. Made by"
        f" `{found['command']}`, from the record `{PATH}`.\n{{ .ka-note }}"
    )


def agreement() -> str:
    """Every application: our MACs, each peer's number, and what the terms leave of it."""
    found = record()
    if found is None:
        return MISSING
    head = [("model", "left"), ("our MACs", "right"), ("our FLOPs", "right")]
    head += [(peer, "right") for peer in EXACT]
    head += [("their rests", "right"), ("xla", "right"), ("its rest", "right")]
    return numbers(table(head, [agreement_row(report) for report in found["reports"]]))


def agreement_row(report: Mapping[str, Any]) -> list[str]:
    totals, by_name = report["totals"], {peer["name"]: peer for peer in report["peers"]}
    rests = ", ".join(rest_of(by_name[name]) for name in EXACT)
    return [
        report["model"],
        f"{totals['macs']:,}",
        f"{totals['flops']:,}",
        *(number_of(by_name[name]) for name in EXACT),
        rests,
        number_of(by_name["xla"]),
        rest_of(by_name["xla"]),
    ]


def number_of(peer: Mapping[str, Any]) -> str:
    return peer["error"] if peer["value"] is None else f"{peer['value']:,}"


def rest_of(peer: Mapping[str, Any]) -> str:
    """What the terms leave of a peer's number, with its part of it where there is any."""
    rest = peer["remainder"]
    if not rest:
        return "" if rest is None else "0"
    return f"{rest:,} ({abs(rest) / peer['value']:.4%})"


def terms() -> str:
    """Every named term: of which peer, in how many applications, and the largest part it takes."""
    found = record()
    if found is None:
        return MISSING
    parts: dict[tuple[str, str], list[float]] = {}
    for report in found["reports"]:
        for peer in report["peers"]:
            for term in peer["terms"]:
                if peer["value"]:
                    key = (peer["name"], term["name"])
                    parts.setdefault(key, []).append(term["value"] / peer["value"])
    rows = [
        [PEERS[name].title, term, str(len(found)), f"{max(found, key=abs):+.3%}"]
        for (name, term), found in sorted(
            parts.items(), key=lambda item: list(PEERS).index(item[0][0])
        )
        if not term.startswith("our ")
    ]
    head = [
        ("counter", "left"),
        ("term", "left"),
        ("applications", "right"),
        ("largest part of its number", "right"),
    ]
    return table(head, rows)


def reconciliation(name: str) -> str:
    """One application in full: from our number to each peer's, term by term."""
    found = record()
    if found is None:
        return MISSING
    report = next(r for r in found["reports"] if r["model"] == name)
    rows: list[list[str]] = []
    for peer in report["peers"]:
        title = f"**{PEERS[peer['name']].title}**"
        if peer["value"] is None:
            rows.append([title, peer["error"], ""])
            continue
        rows.append([title, "reports", f"**{peer['value']:,}**"])
        rows += [["", term["name"], f"{term['value']:,}"] for term in peer["terms"]]
        rows.append(["", "unexplained remainder", f"{peer['remainder']:,}"])
    head = [("counter", "left"), ("term", "left"), ("value", "right")]
    return numbers(table(head, rows)) + f"\n\nMade by `keraudit crosscheck {name}`.\n{{ .ka-note }}"
