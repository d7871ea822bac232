"""Crosscheck all Keras applications at their default size, for the page of the site.

``nice python analysis/benchmarks/crosscheck_all.py [NAME ...]``: one process at a time, some hours on a small
machine. What each peer reported is kept in ``build/crosscheck``, a file for each application, so that it
can be stopped and started again; ``--record FILE`` reconciles what is there and writes one record.
"""

import argparse
import json
import platform
import sys
import time
from pathlib import Path
from typing import Any

from keraudit.api import read
from keraudit.audits.crosscheck.peers import PEERS
from keraudit.audits.crosscheck.process import Measured
from keraudit.audits.crosscheck.report import compared, crosscheck
from keraudit.environment import cores, processor
from keraudit.reading.applications import applications

CACHE = Path(__file__).parents[2] / "build" / "crosscheck"
RECORD = CACHE.parents[2] / "site" / "results" / "crosscheck.json"


def count(name: str, *, timeout: float) -> dict[str, Any]:
    """What the peers report of an application, measured now."""
    report = crosscheck(read(name), timeout=timeout, command=f"keraudit crosscheck {name}")
    return {
        "date": time.strftime("%Y-%m-%d"),
        "hardware": {
            "processor": processor(),
            "cores": cores(),
            "system": platform.system(),
        },
        "peers": {
            peer.name: [peer.version, peer.value, peer.seconds, peer.error] for peer in report.peers
        },
    }


def reconciled(name: str, cached: dict[str, Any]) -> dict[str, Any]:
    """The report on what was kept, with the terms of today."""
    measured = {PEERS[peer]: Measured(*row) for peer, row in cached["peers"].items()}
    return compared(read(name), measured, command=f"keraudit crosscheck {name}").to_dict()


def record(names: list[str]) -> dict[str, Any]:
    """One record of all applications that were counted."""
    cached = {n: json.loads(path(n).read_text()) for n in names if path(n).is_file()}
    return {
        "schema": "keraudit.crosschecks/1",
        "command": "python analysis/benchmarks/crosscheck_all.py",
        "dates": sorted({row["date"] for row in cached.values()}),
        "hardware": next(iter(cached.values()))["hardware"],
        "reports": [reconciled(name, row) for name, row in cached.items()],
    }


def path(name: str) -> Path:
    return CACHE / f"{name}.json"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument(
        "names", nargs="*", help="applications; default: all, the small ones first"
    )
    options.add_argument("--timeout", type=float, default=1800, help="seconds for each peer")
    options.add_argument("--again", action="store_true", help="also count those that failed before")
    options.add_argument("--record", type=Path, help=f"write one record, e.g. {RECORD.name}")
    chosen = options.parse_args()
    every = sorted(applications().values(), key=lambda listed: listed.macs)
    names = chosen.names or [listed.name for listed in every]
    if chosen.record:
        from keraudit.output.json_text import json_text

        chosen.record.parent.mkdir(parents=True, exist_ok=True)
        chosen.record.write_text(json_text(record(sorted(names))) + "\n")
        return
    CACHE.mkdir(parents=True, exist_ok=True)
    for name in names:
        if path(name).is_file():
            cached = json.loads(path(name).read_text())
            if not chosen.again or not any(row[3] for row in cached["peers"].values()):
                continue
        counts = count(name, timeout=chosen.timeout)
        path(name).write_text(json.dumps(counts) + "\n")
        print(name, counts["peers"], file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
