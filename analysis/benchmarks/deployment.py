"""Memory of the explorer as it is deployed: ``python analysis/benchmarks/deployment.py [--python PATH] [--record FILE]``.

- ``streamlit_app/app.py`` is served with its own limits by the Python at PATH, of an environment that holds its
  requirements and nothing else: with JAX, without TensorFlow, which Keras would load too.
- Sessions of a browser open one application each and stay open; the server's memory is read after them.
- Tasks that run Keras follow, one at a time. Each is a process of its own: its peak is read, and what it said.

The environment: ``python -m venv build/deployed``, then ``build/deployed/bin/pip install -r
streamlit_app/requirements.txt``.

The total is the server after all sessions plus the largest task that ended with a result.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.processes import command_line, machine

sys.path.remove(str(Path(__file__).parent))  # this folder: its files are named as our packages are
sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "support"))

import numpy as np

from browser import launched
from built import application
from conftest import CACHE, FAMILIES
from explorer.server import served
from keraudit.api import read
from keraudit.explorer.capacity import MEMORY_VARIABLE
from keraudit.explorer.jobs import QUIET
from keraudit.model.graph import Graph

ANALYSIS = Path(__file__).parents[1]
SCHEMA = "keraudit.deployment-benchmark/1"
LIMIT_MIB = 640  # as in streamlit_app/app.py
SESSIONS = 10
# What is asked for, the model, its input size and the batch.
TASKS = (
    ("activations", "ResNet-CIFAR-20", None, 1),
    ("activations", "ResNet50", None, 1),
    ("activations", "InceptionV3", None, 1),
    ("gradients", "ResNet-CIFAR-20", None, 8),
    ("gradients", "ResNet50", (64, 64, 3), 8),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--record", type=Path)
    options = parser.parse_args()
    os.environ.setdefault("KERAUDIT_CACHE", str(CACHE))
    os.environ["KERAS_BACKEND"] = "jax"
    names = FAMILIES[:SESSIONS]
    for name in names:
        application(name)
    interpreter = str(Path(options.python).absolute())  # not resolved: a link into an environment
    memory = sessions(names, interpreter)
    tasks = [task(*each, interpreter=interpreter) for each in TASKS]
    done = [each["peak_mib"] for each in tasks if not each["error"]]
    result = {
        "schema": SCHEMA,
        "date": time.strftime("%Y-%m-%d"),
        "command": command_line(),
        "sessions": len(names),
        "task_limit_mib": LIMIT_MIB,
        "server_mib": memory,
        "tasks": tasks,
        "most_together_mib": round(memory["after all sessions"] + max(done), 1),
        "machine": machine("streamlit", "keras", "jax"),
    }
    text = json.dumps(result, indent=1)
    print(text)
    if options.record:
        options.record.write_text(text + "\n")


def sessions(names: Sequence[str], interpreter: str) -> dict[str, float]:
    """The server's memory before and after sessions that each look at a model of their own, all open at once."""
    with launched() as browser, served(python=interpreter) as (url, pid):
        memory = {"at the start": memory_mib(pid)}
        opened = []
        for name in names:
            page = browser.new_context().new_page()
            opened.append(page)
            page.goto(f"{url}/?model={name}")
            page.get_by_role("heading", name=name, exact=True).wait_for()
            page.locator("svg .box").first.wait_for()
        memory["after all sessions"] = memory_mib(pid)
    return {what: round(value, 1) for what, value in memory.items()}


def memory_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def task(
    kind: str, name: str, size: tuple[int, ...] | None, batch: int, *, interpreter: str
) -> dict[str, Any]:
    """The peak of one task's process, and what it said if it did not end with a result."""
    graph = read(name, input_shape=size, batch=batch)
    wanted = gradients(graph) if kind == "gradients" else activations(graph)
    limits = {**QUIET, MEMORY_VARIABLE: str(LIMIT_MIB)}
    begun = time.perf_counter()
    with TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [interpreter, "-P", "-m", "keraudit.explorer.worker", folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(ANALYSIS), **limits},
        )
        assert process.stdin is not None
        assert process.stdout is not None
        with process.stdin as pipe:
            pickle.dump(wanted, pipe)
        said = process.stdout.read().decode().splitlines()
        _, _, usage = os.wait4(process.pid, 0)
    return {
        "task": kind,
        "model": name,
        "input_shape": list(graph.input_nodes[0].outputs[0].shape[1:]),
        "batch": batch,
        "peak_mib": round(usage.ru_maxrss / 1024, 1),
        "seconds": round(time.perf_counter() - begun, 1),
        "error": str(json.loads(said[-1]).get("error", "")) if said else "it ended",
    }


def gradients(graph: Graph) -> Mapping[str, Any]:
    return {"do": "gradients", "graph": graph, "against": (), "seeds": 1, "command": ""}


def activations(graph: Graph) -> Mapping[str, Any]:
    height, width, _ = graph.input_nodes[0].outputs[0].shape[1:]
    return {"do": "insides", "graph": graph, "image": np.zeros((height, width, 3), "uint8")}


if __name__ == "__main__":
    main()
