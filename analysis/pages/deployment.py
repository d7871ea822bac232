"""What the page on a class shows: the memory of the explorer as it is deployed, from a record."""

from __future__ import annotations

from pathlib import Path

from keraudit.model.shape_text import shape_text
from keraudit.output.table import bare_grid
from pages.benchmarks import described
from pages.markdown import note, numbers
from pages.published import missing, published

PATH = Path("site/results/benchmark-deployment.json")
COMMAND = (
    "python analysis/benchmarks/deployment.py --python build/deployed/bin/python"
    " --record site/results/benchmark-deployment.json"
)


def memory() -> str:
    """The server with many sessions, each task beside it, and the most of both together."""
    found = published(PATH, "keraudit.deployment-benchmark/1")
    if found is None:
        return missing(PATH, COMMAND)
    server = bare_grid({"the server": "text", "memory": "{:.0f} MiB"}, found["server_mib"].items())
    columns = {
        "task": "text",
        "model": "text",
        "input": "text",
        "batch": "{:d}",
        "peak": "{:.0f} MiB",
        "time": "{:.0f} s",
        "ends": "text",
    }
    rows = [
        (
            each["task"],
            each["model"],
            shape_text(tuple(each["input_shape"])),
            each["batch"],
            each["peak_mib"],
            each["seconds"],
            "at the limit" if each["error"] else "with a result",
        )
        for each in found["tasks"]
    ]
    return "\n\n".join(
        [
            numbers(server),
            numbers(bare_grid(columns, rows)),
            note(
                f"{found['sessions']} sessions, each on a model of its own, and one task at a time of at most"
                f" {found['task_limit_mib']} MiB: {found['most_together_mib']:.0f} MiB together at most."
                f" {found['date']}, {described(found['machine'])}. Made by `{COMMAND}`."
            ),
        ]
    )
