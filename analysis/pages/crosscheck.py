"""What the crosscheck page shows: the committed record of all applications, and one of them in full."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keraudit.audits.crosscheck.peers import PEERS
from keraudit.audits.crosscheck.report import REMAINDER
from keraudit.output.csv_markdown import pipe_table
from keraudit.output.table import bare_grid
from pages.markdown import note, numbers
from pages.published import RESULTS, missing, published

PATH = RESULTS / "crosscheck.json"
SCHEMA = "keraudit.crosschecks/1"
EXACT = tuple(name for name, peer in PEERS.items() if not peer.rounding)
MISSING = missing(PATH, "python analysis/benchmarks/crosscheck_all.py")


def record() -> Mapping[str, Any] | None:
    """The record; ``None`` if it is not there."""
    return published(PATH, SCHEMA)


def provenance() -> str:
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
    return note(
        f"{len(found['reports'])} applications at their default size, batch 1; {', '.join(versions)};"
        f" {hardware['processor']}, {hardware['cores']} cores, {hardware['system']}; {days}. Made by"
        f" `{found['command']}`, from the record `{PATH}`."
    )


def agreement() -> str:
    """Every application: our MACs, each peer's number, and what the terms leave of it."""
    found = record()
    if found is None:
        return MISSING
    columns = {"model": "text", "our MACs": "exact", "our FLOPs": "exact"}
    columns |= dict.fromkeys((*EXACT, "unexplained", "xla", "of xla unexplained"), "number")
    return numbers(bare_grid(columns, map(_agreement_row, found["reports"])))


def _agreement_row(report: Mapping[str, Any]) -> tuple[Any, ...]:
    totals, by_name = report["totals"], {peer["name"]: peer for peer in report["peers"]}
    return (
        report["model"],
        totals["macs"],
        totals["flops"],
        *(_number_of(by_name[name]) for name in EXACT),
        ", ".join(_rest_of(by_name[name]) for name in EXACT),
        _number_of(by_name["xla"]),
        _rest_of(by_name["xla"]),
    )


def _number_of(peer: Mapping[str, Any]) -> str:
    return peer["error"] if peer["value"] is None else f"{peer['value']:,}"


def _rest_of(peer: Mapping[str, Any]) -> str:
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
        (PEERS[name].title, term, len(found), max(found, key=abs))
        for (name, term), found in sorted(
            parts.items(), key=lambda item: list(PEERS).index(item[0][0])
        )
        if not term.startswith("our ")
    ]
    columns = {
        "counter": "text",
        "term": "text",
        "applications": "number",
        "largest part of its number": "{:+.3%}",
    }
    return pipe_table(bare_grid(columns, rows))


def reconciliation(name: str) -> str:
    """One application in full: from our number to each peer's, term by term."""
    found = record()
    if found is None:
        return MISSING
    report = next(r for r in found["reports"] if r["model"] == name)
    rows: list[tuple[str, str, int | None]] = []
    for peer in report["peers"]:
        title = f"**{PEERS[peer['name']].title}**"
        if peer["value"] is None:
            rows.append((title, peer["error"], None))
            continue
        rows.append((title, "reports", peer["value"]))
        rows += [("", term["name"], term["value"]) for term in peer["terms"]]
        rows.append(("", REMAINDER, peer["remainder"]))
    grid = bare_grid({"counter": "markdown", "term": "text", "value": "exact"}, rows)
    return f"{numbers(grid)}\n\n{note(f'Made by `keraudit crosscheck {name}`.')}"
