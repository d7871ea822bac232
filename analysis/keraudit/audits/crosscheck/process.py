"""Run a peer in a process of its own, and say what became of it."""

from __future__ import annotations

import pickle
import signal
import subprocess
import tempfile
import time
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from keraudit import child_process
from keraudit.audits.crosscheck.peers import Peer
from keraudit.audits.crosscheck.worker import OUT_OF_MEMORY
from keraudit.errors import MEMORY_SIGNS
from keraudit.model.graph import Graph

MISSING = "not installed:"  # the start of such an error
# No peer needs an accelerator to count, and a shared one should be left alone.
QUIET = {
    "CUDA_VISIBLE_DEVICES": "",
    "JAX_PLATFORMS": "cpu",
    "KERAS_TORCH_DEVICE": "cpu",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}


class Measured(NamedTuple):
    """What a peer reported: its ``value``, or the ``error`` why there is none."""

    version: str
    value: int | None
    seconds: float
    error: str = ""


def measure(peer: Peer, graph: Graph, *, timeout: float) -> Measured:
    """Count ``graph`` with a peer; whatever goes wrong there is told in ``error``.

    Args:
        peer: the counter.
        graph: built anew in the peer's process, with random initial weights.
        timeout: seconds after which the process is ended.
    """
    missing = [name for name in peer.needs if find_spec(name) is None]
    if missing:
        return Measured("", None, 0.0, f"{MISSING} {', '.join(missing)}")
    stated = _version_of(peer.needs[0]) if peer.needs else ""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="keraudit-") as folder:
        handed, out = Path(folder) / "graph", Path(folder) / "value"
        plain = replace(graph, rules={})  # functions, which cannot be handed over
        handed.write_bytes(pickle.dumps(plain))
        try:
            done = child_process.run(
                "keraudit.audits.crosscheck.worker",
                peer.counter,
                str(handed),
                str(out),
                seconds=timeout,
                **variables(peer),
            )
        except subprocess.TimeoutExpired:
            seconds = time.perf_counter() - start
            return Measured(stated, None, seconds, f"it took over {timeout:g} s (--timeout)")
        seconds = time.perf_counter() - start
        if done.returncode == 0 and out.is_file():
            return Measured(stated, int(out.read_text("utf-8")), seconds)
    return Measured(stated, None, seconds, failure(done.returncode, done.stderr))


def variables(peer: Peer) -> dict[str, str]:
    """What is set in the environment of a peer's process."""
    return {**QUIET, "KERAS_BACKEND": peer.backend}


def failure(code: int, messages: str) -> str:
    """Why a process ended with ``code``, in one line.

    >>> failure(-9, ""), failure(3, "a warning\\nValueError: no")
    ('it was killed (SIGKILL), as happens where memory runs out', 'ValueError: no')
    """
    lines = messages.strip().splitlines()
    if code == -signal.SIGKILL:
        return "it was killed (SIGKILL), as happens where memory runs out"
    if any(sign in messages for sign in MEMORY_SIGNS):
        return OUT_OF_MEMORY
    if code == 3 and lines:
        return lines[-1]
    if code < 0:
        return f"it crashed ({signal.Signals(-code).name})"
    return f"it ended with code {code}: {(lines or ['no message'])[-1][:300]}"


def _version_of(module: str) -> str:
    try:
        return version(module)
    except PackageNotFoundError:
        return ""
