"""Time counters on a saved model as a user meets them: a fresh process, start to exit.

``make bench``, or ``python analysis/benchmarks/command.py [--runs 5] [--record FILE]``. Every round runs each
counter once, so that all meet the same machine; what is not installed is left out and said. Prints
medians of wall clock and CPU time, peak memory, and ratios to keraudit; then growth with depth, and where
our own time goes. Linux and macOS.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.growth import growth
from benchmarks.processes import Run, machine, measure
from benchmarks.stages import stages

MODELS = ("InceptionV3", "ResNet50", "EfficientNetB7")
LIBRARIES = ("keraudit", "keras", "tensorflow", "torch", "fvcore", "click", "rich")
PEERS = Path(__file__).with_name("peers.py")
BARE = "import json, sys, zipfile; json.loads(zipfile.ZipFile(sys.argv[1]).read('config.json'))"

BUILD = """
import sys
import keras
getattr(keras.applications, sys.argv[1])(weights=None).save(sys.argv[2])
"""


def saved(model: str, folder: Path) -> Path:
    """A Keras application as a .keras file, built in a process of its own."""
    path = folder / f"{model}.keras"
    command = [sys.executable, "-c", BUILD, model, str(path)]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    return path


def counters(path: Path) -> dict[str, list[str]]:
    """The commands to time, keraudit first; peers whose library is missing are left out."""
    python = sys.executable
    keraudit = str(Path(python).with_name("keraudit"))
    needs = {
        "fvcore": ("fvcore", "torch", "keras"),
        "TensorFlow profiler": ("tensorflow", "keras"),
        "Model.summary()": ("tensorflow", "keras"),
    }
    peers = {
        name: [python, str(PEERS), name, str(path)]
        for name, modules in needs.items()
        if all(map(find_spec, modules))
    }
    for name in needs.keys() - peers.keys():
        print(f"left out, not installed: {name}", file=sys.stderr)
    bare = {"json and zipfile alone": [python, "-c", BARE, str(path)]}
    return {"keraudit": [keraudit, "flops", str(path)], **bare, **peers}


def show(model: str, runs: dict[str, Run]) -> None:
    ours = runs["keraudit"]
    print(f"\n{model}: whole process, medians")
    print(f"{'':24}{'wall':>9}{'CPU':>9}{'peak':>10}{'wall, x':>9}{'CPU, x':>9}")
    for name, median in runs.items():
        print(
            f"{name:24}{median.wall_s:8.3f}s{median.cpu_s:8.3f}s{median.peak_bytes / 2**20:7.0f}MiB"
            f"{median.wall_s / ours.wall_s:9.2f}{median.cpu_s / ours.cpu_s:9.2f}"
        )


def show_growth(rows: list[dict[str, Any]]) -> None:
    print("\nGrowth with depth: keraudit flops FILE --by kind")
    for row in rows:
        peak = row["peak_bytes"] / 2**20
        print(f"{row['layers']:>8,} layers {row['cpu_s']:8.3f}s CPU {peak:7.0f}MiB")


def show_stages(model: str, rows: list[dict[str, Any]]) -> None:
    print(f"\nWhere the CPU time goes: {model}, the least of several processes")
    for row in rows:
        print(f"{row['name']:32}{row['cpu_ms']:8.1f}ms")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--runs", type=int, default=5, help="rounds to take the median of")
    options.add_argument("--record", type=Path, help="write the medians as JSON")
    chosen = options.parse_args()
    record: dict[str, Any] = {
        "schema": "keraudit.benchmark/1",
        "command": f"python analysis/benchmarks/command.py --runs {chosen.runs}",
        "date": time.strftime("%Y-%m-%d"),
        "machine": machine(*LIBRARIES),
        "runs": chosen.runs,
        "models": {},
    }
    print(", ".join(f"{name} {value}" for name, value in record["machine"].items()))
    with tempfile.TemporaryDirectory() as folder:
        for model in MODELS:
            path = saved(model, Path(folder))
            runs = measure(counters(path), chosen.runs)
            show(model, runs)
            record["models"][model] = {name: median._asdict() for name, median in runs.items()}
            if model == MODELS[0]:
                record["stages"] = stages(path, 5 * chosen.runs)
        record["growth"] = growth(Path(folder), chosen.runs)
        show_stages(MODELS[0], record["stages"])
        show_growth(record["growth"])
    if chosen.record:
        chosen.record.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
