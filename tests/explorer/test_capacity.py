"""A server that many share: how many tasks run, and how much memory one may take."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import threading
from pathlib import Path

import pytest

pytest.importorskip("streamlit")

from built import zoo
from command import run
from keraudit.errors import KerauditError
from keraudit.explorer import capacity, jobs, start
from keraudit.layers.infer import shaped

APP = Path(__file__).parents[2] / "streamlit_app" / "app.py"


def test_the_limits_are_those_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(capacity.TASKS_VARIABLE, raising=False)
    monkeypatch.delenv(capacity.MEMORY_VARIABLE, raising=False)
    assert (capacity.most_tasks(), capacity.task_memory()) == (2, 0)
    monkeypatch.setenv(capacity.TASKS_VARIABLE, "0")
    monkeypatch.setenv(capacity.MEMORY_VARIABLE, "640")
    assert (capacity.most_tasks(), capacity.task_memory()) == (0, 640 * 1024 * 1024)


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        (capacity.TASKS_VARIABLE, "-1"),
        (capacity.TASKS_VARIABLE, "two"),
        (capacity.MEMORY_VARIABLE, "0"),
        (capacity.MEMORY_VARIABLE, "1.5G"),
    ],
)
def test_a_limit_that_makes_no_sense_is_told_in_a_line(variable: str, text: str) -> None:
    done = run("explore", "--no-browser", **{variable: text})
    assert done.code == 2
    (line,) = done.err.splitlines()
    assert line.startswith(f"keraudit: error: {variable}: expected a whole number from ")
    assert line.endswith(f"received {text!r}")


def test_a_server_without_tasks_says_where_they_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "MOST_JOBS", 0)
    with pytest.raises(KerauditError, match="does not run networks: use the command line"):
        jobs.start({"do": "gradients"})


def test_too_much_memory_is_noticed_and_less_is_not() -> None:
    noticed, missed = threading.Event(), threading.Event()
    capacity.watch(2**20, noticed.set)  # this process holds more
    capacity.watch(2**50, missed.set)
    assert noticed.wait(20)
    assert not missed.wait(0.3)


def test_a_task_does_not_inherit_the_peak_of_its_server() -> None:
    line = "from keraudit.explorer.capacity import peak_bytes; print(peak_bytes())"
    largest = bytearray(300 * 2**20)
    largest[:: 2**12] = b"x" * (len(largest) // 2**12)  # every page is held
    del largest
    assert capacity.peak_bytes() > 300 * 2**20
    done = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 200 * 2**20


def test_a_task_that_takes_more_than_it_may_ends_with_a_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("keras")
    monkeypatch.setenv(capacity.MEMORY_VARIABLE, str(capacity.LEAST_MIB))  # Keras takes more
    graph = shaped(zoo("ResNet-CIFAR-8"), batch=4)
    task = {
        "do": "gradients",
        "key": "k",
        "graph": graph,
        "against": (),
        "seeds": 1,
        "command": "c",
    }
    job = jobs.start(task)
    job.process.wait(120)
    for _ in range(200):
        if job.ended:
            break
        threading.Event().wait(0.05)
    assert job.error.startswith("the task exceeded the memory limit of 256 MiB")
    assert job.result is None


def test_the_deployed_app_sets_limits_that_the_environment_overrides() -> None:
    text = APP.read_text("utf-8")
    for variable in (capacity.TASKS_VARIABLE, capacity.MEMORY_VARIABLE):
        assert f'setdefault("{variable}", ' in text
        assert text.index(variable) < text.index("keraudit.explorer.app")


def test_the_app_runs_from_a_clone_that_is_not_installed(tmp_path: Path) -> None:
    pytest.importorskip("keras")  # the fixture of this folder built InceptionV3 with it
    code = (
        "import sys; sys.path.append(sys.argv[1]);"  # libraries, without what *.pth files add
        "from streamlit.testing.v1 import AppTest;"
        "app = AppTest.from_file(sys.argv[2], default_timeout=60).run();"
        "import keraudit; print(keraudit.__file__);"
        "print([m.value for m in app.metric if m.label == 'MACs'], len(app.exception))"
    )
    libraries = sysconfig.get_path("purelib")
    done = subprocess.run(
        [sys.executable, "-S", "-P", "-W", "ignore", "-c", code, libraries, str(APP)],
        capture_output=True,
        check=True,
        cwd=tmp_path,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
        text=True,
    )
    where, shown = done.stdout.splitlines()[-2:]
    assert Path(where) == APP.parents[1] / "analysis" / "keraudit" / "__init__.py"
    assert shown == "['5.713 G'] 0"


@pytest.mark.parametrize(("prefix", "path"), [("", ""), ("class", "class"), ("/a/b-1/", "a/b-1")])
def test_address_and_prefix_reach_the_server(prefix: str, path: str) -> None:
    words = start.options(port=1, headless=True, address="0.0.0.0", prefix=prefix)
    said = dict(zip(words[::2], words[1::2], strict=True))
    assert (said["--server.address"], said["--server.baseUrlPath"]) == ("0.0.0.0", path)


def test_a_prefix_that_is_no_path_is_refused() -> None:
    for prefix in ("a b", "//elsewhere", "../up/?x", "a//b"):
        done = run("explore", "--no-browser", "--prefix", prefix)
        assert (done.code, "--prefix: expected a path" in done.err) == (2, True), prefix
