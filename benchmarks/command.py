"""Time ``keraudit flops`` on a file as a user meets it: a fresh process, start to exit.

Prints the median, the fastest and the slowest of the runs and the peak memory of the process.
Linux and macOS (``os.wait4``).
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUNS = 15
MODELS = ("InceptionV3", "ResNet50")
# ru_maxrss counts kilobytes on Linux and bytes on macOS.
RSS_UNIT = 1 if sys.platform == "darwin" else 1024


BUILD = """
import pathlib, sys
import keras
model = getattr(keras.applications, sys.argv[1])(weights=None)
pathlib.Path(sys.argv[2]).write_text(model.to_json())
"""


def config_of(model: str, folder: Path) -> Path:
    """The config of a Keras application as a file: Keras is not part of what is timed.

    Built in a process of its own: a child's peak memory counts from its parent's size at the fork.
    """
    path = folder / f"{model}.json"
    command = [sys.executable, "-c", BUILD, model, str(path)]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    return path


def run(command: list[str]) -> tuple[float, int]:
    """Seconds of wall clock and bytes of peak memory of one run."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        sys.exit(f"{' '.join(command)} failed")
    process.returncode = 0
    return seconds, usage.ru_maxrss * RSS_UNIT


def main() -> None:
    keraudit = Path(sys.executable).with_name("keraudit")
    print(f"keraudit flops FILE, whole process, {RUNS} runs after one to warm the disk")
    with tempfile.TemporaryDirectory() as folder:
        for model in MODELS:
            command = [str(keraudit), "flops", str(config_of(model, Path(folder)))]
            run(command)
            seconds, peaks = zip(*(run(command) for _ in range(RUNS)), strict=True)
            print(
                f"{model:12} median {statistics.median(seconds) * 1000:5.0f} ms"
                f"  ({min(seconds) * 1000:.0f} to {max(seconds) * 1000:.0f})"
                f"  peak {max(peaks) / 2**20:4.0f} MiB"
            )


if __name__ == "__main__":
    main()
