"""Audit all Keras Applications for the zoo's pages: ``python -m records.applications``.

Building forty models takes Keras minutes, so the pages read this record of them. A test audits every
model anew and compares.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from keraudit.audits.cost.report import CostReport

PATH = Path("site/results/applications.json")
SCHEMA = "keraudit.applications/1"
COMMAND = "python -m records.applications"
TOTALS = ("macs", "flops", "params", "param_bytes", "peak_activation_bytes")
BLOCK = ("name", "kind", "output_shape", "macs", "flops", "params", "receptive_field")


def slim(report: CostReport) -> dict[str, Any]:
    """What the pages show of one model: its totals and its blocks, no layers."""
    full = report.to_dict()
    return {
        "input_shapes": full["input_shapes"],
        "layers": len(full["layers"]),
        "totals": {key: full["totals"][key] for key in TOTALS},
        "blocks": [{key: block[key] for key in BLOCK} for block in full["blocks"]],
    }


def record(models: Mapping[str, CostReport]) -> dict[str, Any]:
    """The record of all models."""
    from keraudit._version import __version__
    from keraudit.reading.cache import keras_version

    return {
        "schema": SCHEMA,
        "command": COMMAND,
        "versions": {"keraudit": __version__, "keras": keras_version()},
        "date": datetime.now(UTC).date().isoformat(),
        "models": {name: slim(report) for name, report in models.items()},
    }


def main() -> None:
    from keraudit.api import audit
    from keraudit.output.files import save
    from keraudit.output.json_text import json_text
    from keraudit.reading.applications import applications
    from records.prefetch import prefetch

    prefetch(tuple(applications()))
    listed = {}
    for name in applications():
        sys.stderr.write(f"{name}\n")
        listed[name] = audit(name)
    save(PATH, json_text(record(listed)) + "\n")


if __name__ == "__main__":
    main()
