"""Tasks of visitors: kept until they are seen, one for each, and no trouble to others once left."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("keras")
pytest.importorskip("streamlit")

import streamlit as st
from streamlit import runtime

from explorer.pages import command
from explorer.test_upload import Open
from keraudit.errors import KerauditError
from keraudit.explorer import gradient_plan, job_panel, jobs, ui

ROOT = Path(__file__).parents[2]
NOBODY: Any = None
NAP = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a session holds, without a session."""
    found: dict[str, Any] = {}
    monkeypatch.setattr(st, "session_state", found)
    monkeypatch.setattr(ui, "failed", lambda message: found.setdefault("said", message))
    monkeypatch.setattr(st, "warning", lambda message: found.setdefault("said", message))
    monkeypatch.setattr(job_panel, "watch", lambda: None)
    return found


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tasks that only take a minute."""
    real = subprocess.Popen

    def popen(_: object, **options: Any) -> subprocess.Popen[bytes]:
        return real(NAP, **options)

    monkeypatch.setattr(subprocess, "Popen", popen)
    monkeypatch.setattr(jobs, "ROOM", threading.Semaphore(1))


def ended(result: Any = None, error: str = "") -> Any:
    return SimpleNamespace(ended=True, result=result, error=error, task={"key": "k"})


def wait(job: jobs.Job) -> None:
    for _ in range(200):
        if job.ended:
            return
        time.sleep(0.05)
    raise AssertionError("it goes on")


def test_a_result_that_nobody_watched_is_kept(state: dict[str, Any]) -> None:
    state["job"] = ended({"schema": "s"})
    assert not job_panel.under_way()
    assert job_panel.results() == {"k": {"schema": "s"}}
    assert state["job"] is None


def test_what_went_wrong_is_told_once(state: dict[str, Any]) -> None:
    state["job"] = ended(error="too large")
    assert not job_panel.under_way()
    assert "too large" in state.pop("said")
    assert not job_panel.under_way()
    assert "said" not in state
    assert not job_panel.results()


def test_the_page_shows_what_was_measured_meanwhile(open_page: Open) -> None:
    page = {"model": "ResNet-CIFAR-20", "page": "gradients", "record": "live"}
    line = command(open_page(**page))
    app = open_page(**page)
    path = ROOT / "site/results/gradients/resnet-cifar-20-corners.json"
    record = json.loads(path.read_text("utf-8"))
    key = f"ResNet-CIFAR-20 {line}"  # as ``gradients_live.asked`` has it
    app.session_state["job"] = SimpleNamespace(
        ended=True, result=record, error="", task={"key": key}
    )
    assert not app.dataframe
    app.run()
    assert "job" not in app.session_state or app.session_state["job"] is None
    assert app.session_state["results"] == {key: record}
    assert app.dataframe
    assert not [b for b in app.button if b.label.startswith("Measure")]


@pytest.mark.usefixtures("naps")
def test_one_session_runs_one_task(state: dict[str, Any]) -> None:
    job_panel.begin({"key": "a"})
    first = state["job"]
    try:
        job_panel.begin({"key": "a"})
        assert "job_refused" not in state
        job_panel.begin({"key": "b"})
        assert "under way already: cancel it" in state["job_refused"]
        assert state["job"] is first
        assert job_panel.under_way()
        assert "cancel it" in state["said"]
    finally:
        first.cancel()
        wait(first)


@pytest.mark.usefixtures("naps")
def test_a_task_that_was_left_makes_room(state: dict[str, Any]) -> None:
    left = jobs.start({"key": "a"}, session="gone")
    with pytest.raises(KerauditError, match="at its limit of"):
        jobs.start({"key": "b"}, session="here")
    job = jobs.start({"key": "b"}, session="here", has_ended=lambda session: session == "gone")
    try:
        wait(left)
        assert left.process.returncode != 0
        assert not job.ended
        assert len(jobs.RUNNING) == 1
    finally:
        jobs.stop_all()
        wait(job)
    assert not jobs.RUNNING
    assert job.error.startswith("cancelled")


def test_the_time_that_is_left_is_foretold(monkeypatch: pytest.MonkeyPatch) -> None:
    job = jobs.Job(task={}, process=NOBODY, began=100.0)
    monkeypatch.setattr(jobs, "monotonic", lambda: 130.0)
    assert job.left() is None
    job.expected = 45.0
    assert job.left() == 15.0
    job.part = 0.75  # three quarters took 30 s
    assert job.left() == 10.0


def test_an_estimate_learns_from_what_a_measurement_took(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gradient_plan, "_CORRECTION", [1.0])
    gradient_plan.took(20.0, 40.0)
    assert gradient_plan._CORRECTION == [2.0]
    gradient_plan.took(40.0, 20.0)
    assert gradient_plan._CORRECTION == [1.0]


def test_who_is_gone_is_what_streamlit_says(monkeypatch: pytest.MonkeyPatch) -> None:
    active = SimpleNamespace(is_active_session=lambda session: session == "here")
    monkeypatch.setattr(runtime, "exists", lambda: True)
    monkeypatch.setattr(runtime, "get_instance", lambda: active)
    assert job_panel.has_ended("gone")
    assert not job_panel.has_ended("here")
    assert not job_panel.has_ended("")


def test_no_process_outlives_the_server() -> None:
    code = (
        "import subprocess, sys\n"
        "from keraudit.explorer import jobs\n"
        "real = subprocess.Popen\n"
        "nap = [sys.executable, '-c', 'import time; time.sleep(60)']\n"
        "jobs.subprocess.Popen = lambda _, **options: real(nap, **options)\n"
        "print(jobs.start({}).process.pid)\n"
    )
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert made.returncode == 0, made.stderr
    pid = int(made.stdout)
    for _ in range(100):
        if not alive(pid):
            return
        time.sleep(0.05)
    raise AssertionError("it is still there")


def alive(pid: int) -> bool:
    import os

    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
