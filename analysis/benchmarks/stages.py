"""Where our own time goes: CPU time between the stages of ``keraudit flops FILE``, in fresh processes.

``python analysis/benchmarks/stages.py FILE`` prints the stages of one process as JSON.
"""

import json
import resource
import sys
from pathlib import Path


def stages(path: Path, rounds: int) -> list[dict[str, float | str]]:
    """The least CPU milliseconds of each stage over some processes."""
    import subprocess

    from benchmarks.processes import ENVIRONMENT

    processes = []
    for _ in range(rounds + 1):
        done = subprocess.run(
            [sys.executable, __file__, str(path)],
            capture_output=True,
            check=True,
            env=ENVIRONMENT,
            text=True,
        )
        processes.append(json.loads(done.stdout))
    names = processes[0]
    return [
        {"name": name, "cpu_ms": round(min(run[name] for run in processes), 2)} for name in names
    ]


def main(path: str) -> None:
    cpu_ms: dict[str, float] = {}
    before = 0.0

    def stage(name: str) -> None:
        nonlocal before
        usage = resource.getrusage(resource.RUSAGE_SELF)
        now = (usage.ru_utime + usage.ru_stime) * 1000
        cpu_ms[name] = now - before
        before = now

    stage("Python itself")
    import click  # noqa: F401

    stage("import click")
    import keraudit.cli.flops
    import keraudit.cli.main  # noqa: F401
    from keraudit.api import report_of
    from keraudit.audits.cost.report import report_grid
    from keraudit.cli import budgets, emit  # noqa: F401
    from keraudit.layers.infer import shaped
    from keraudit.output.terminal import grid_text
    from keraudit.reading.archive import read_file
    from keraudit.reading.config import architecture

    stage("import keraudit")
    record = read_file(Path(path))
    stage("unzip and parse the JSON")
    model = architecture(record, source=path)
    stage("resolve the graph")
    graph = shaped(model)
    stage("infer shapes and operations")
    report = report_of(graph)
    stage("find blocks, add up costs")
    grid_text(report_grid(report))
    stage("write the table")
    print(json.dumps(cpu_ms))


if __name__ == "__main__":
    main(sys.argv[1])
