"""A whole process, start to exit: wall clock, CPU time, peak memory; and the machine. Linux and macOS."""

import argparse
import json
import os
import platform
import shlex
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from keraudit.environment import cores, installed, own_versions, processor, where
from keraudit.runs.folders import without_paths

# ru_maxrss counts kilobytes on Linux and bytes on macOS.
RSS_UNIT = 1 if sys.platform == "darwin" else 1024
# Without compiled modules kept, each start would compile keraudit and not the installed peers.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


class Run(NamedTuple):
    wall_s: float
    cpu_s: float
    peak_bytes: int


def run(command: list[str]) -> Run:
    """Wall clock, CPU time (user and system) and peak memory of one process."""
    start = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENVIRONMENT
    )
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = status
    if status:
        sys.exit(f"failed: {' '.join(command)}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * RSS_UNIT)


def measure(commands: dict[str, list[str]], rounds: int) -> dict[str, Run]:
    """The median of each command over paired rounds, after one round to warm the disk."""
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name, command in commands.items():
            done = run(command)
            if number:
                runs[name].append(done)
    return {name: median(made) for name, made in runs.items()}


def median(runs: list[Run]) -> Run:
    return Run(*(statistics.median(column) for column in zip(*runs, strict=True)))


def machine(*libraries: str) -> dict[str, str | int | None]:
    """What ran, and the versions of those libraries that are installed."""
    return {
        "python": own_versions()["python"],
        "system": f"{platform.system()} {platform.machine()}",
        "processor": processor(),
        "cores": cores(),
        **installed(libraries),
    }


def parsed(parser: argparse.ArgumentParser, *, backend: str | None = None) -> argparse.Namespace:
    """The options of a script and ``--record``; sets Keras' backend, to ``--backend`` if there is one."""
    parser.add_argument("--record", type=Path, help="write the record to this file")
    options = parser.parse_args()
    if backend := getattr(options, "backend", backend):
        os.environ["KERAS_BACKEND"] = backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    return options


def command_line() -> str:
    """How a script was called, without where its record went and where its files lay."""
    script = Path(sys.argv[0]).resolve()
    words = sys.argv[1:]
    if "--record" in words:
        at = words.index("--record")
        del words[at : at + 2]
    name = f"{script.parent.name}/{script.name}"
    return f"python analysis/{name} {without_paths(shlex.join(words))}".rstrip()


def keep(schema: str, results: Mapping[str, Any], record: Path | None) -> None:
    """Write results to a file, with what they were made on and by; print them where no file is named."""
    made = {**where(), "machine": machine(), "command": command_line()}
    text = json.dumps({"schema": schema, **results, **made}, indent=1) + "\n"
    if record is None:
        print(text)
        return
    record.parent.mkdir(parents=True, exist_ok=True)
    record.write_text(text, "utf-8")
