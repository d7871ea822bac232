"""A system that refuses: folders, memory, calls, a pipe, the clock. One line, and exit code 2."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from command import TERMINAL, run
from faults import TRAP, fail
from keraudit.cli import main, progress
from keraudit.cli.progress import Progress
from keraudit.training import checkpoint
from keraudit.training.callbacks import Tick
from toys import record

DROP = 24  # PR_CAPBSET_DROP of prctl(2)
DAC_OVERRIDE, DAC_READ_SEARCH = 1, 2  # of capabilities(7)
LAYER = {"class_name": "Dense", "config": {"name": "d", "units": 3, "activation": "linear"}}
START = {"class_name": "InputLayer", "config": {"batch_shape": [None, 4], "name": "i"}}


def sequential(*layers: Mapping[str, object]) -> str:
    config = {"name": "s", "layers": [START, *layers]}
    return json.dumps({"class_name": "Sequential", "config": config})


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (path := tmp_path / "m.json").write_text(sequential(LAYER))
    return path


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    for seed in (0, 1):
        (home := tmp_path / "runs" / str(seed)).mkdir(parents=True)
        (home / "run.json").write_text(json.dumps(record(seed=seed).to_dict()))
    return tmp_path / "runs"


def words(model: Path, runs: Path) -> dict[str, list[object]]:
    """Commands that need no Keras, each with what it reads and writes."""
    folder = model.parent
    (folder / "rules.toml").write_text('[layers.Scale]\nlike = "Dense"\n')
    (folder / "base.json").write_text(run("flops", model, "--format", "json").out)
    return {
        "flops": ["flops", model, "--rules", folder / "rules.toml"],
        "baseline": ["flops", model, "--baseline", folder / "base.json"],
        "output": ["flops", model, "-o", folder / "out.json"],
        "compare": ["compare", model, model],
        "structure": ["structure", model],
        "reductions": ["reductions", model],
        "list": ["runs", "list", runs],
        "show": ["runs", "show", runs / "0"],
        "publish": ["runs", "publish", runs, "--to", folder / "published"],
    }


COMMANDS = (
    *(
        "flops",
        "baseline",
        "output",
        "compare",
        "structure",
        "reductions",
        "list",
        "show",
        "publish",
    ),
)


@pytest.mark.parametrize("name", COMMANDS)
def test_whatever_call_fails_is_one_line(name: str, model: Path, runs: Path) -> None:
    typed = words(model, runs)[name]
    codes = []
    for step in range(1, 200):
        with TRAP.set(model.parent, step, fail()):
            done = run(*typed)
        assert done.err.count("keraudit: error") == (done.code == 2), done.err
        assert "Traceback" not in done.err
        codes.append(done.code)
        if TRAP.steps < step:
            break
    assert 2 in codes
    assert codes[-1] == run(*typed).code  # nothing is left behind


def process(
    *typed: object,
    prepare: Callable[[], None] | None = None,
    **environment: str,
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "keraudit", *map(str, typed)],
        env={**os.environ, **TERMINAL, **environment},
        capture_output=True,
        text=True,
        preexec_fn=prepare,
        check=False,
    )


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    """A folder that nobody may write to."""
    (folder := tmp_path / "sealed").mkdir()
    folder.chmod(0o555)
    return folder


def unprivileged() -> None:
    """Be a user whom permissions stop, in a process that is about to start; root loses what lets it pass."""
    if os.getuid() == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        for capability in (DAC_OVERRIDE, DAC_READ_SEARCH):
            assert libc.prctl(DROP, capability, 0, 0, 0) == 0


def test_without_a_home_a_file_is_counted(sealed: Path, model: Path) -> None:
    places = {name: str(sealed / "x") for name in ("HOME", "XDG_CACHE_HOME", "KERAUDIT_CACHE")}
    done = process("flops", model, prepare=unprivileged, TMPDIR=str(sealed), **places)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("typed", [["-o", "out.json"], ["--format", "html", "-o", "out.html"]])
def test_a_folder_that_may_not_be_written_is_one_line(
    typed: list[str], sealed: Path, model: Path
) -> None:
    *options, name = typed
    done = process("flops", model, *options, sealed / name, prepare=unprivileged)
    assert done.returncode == 2
    assert done.stderr.startswith(
        f"keraudit: error: cannot write {sealed / name}: Permission denied"
    )
    assert done.stderr.count("\n") == 1


def test_records_are_published_to_no_sealed_folder(sealed: Path, runs: Path) -> None:
    for target in (sealed, sealed / "inner"):
        done = process("runs", "publish", runs, "--to", target, prepare=unprivileged)
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        assert "Permission denied" in done.stderr


@pytest.mark.parametrize("name", ["flops", "compare", "structure", "reductions", "list", "show"])
def test_a_full_device_is_one_line(name: str, model: Path, runs: Path) -> None:
    typed = words(model, runs)[name]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "keraudit", *map(str, typed)],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    last = done.stderr.splitlines()[-1]
    assert last == "keraudit: error: cannot write the output: No space left on device"
    assert "Traceback" not in done.stderr


def test_a_file_on_a_full_device_is_one_line(model: Path) -> None:
    done = run("flops", model, "--format", "json", "-o", "/dev/full")
    assert done.code == 2
    assert "cannot write /dev/full: No space left on device" in done.err


@pytest.mark.parametrize("name", ["flops", "list"])
def test_a_closed_pipe_is_no_error(name: str, model: Path, runs: Path) -> None:
    typed = words(model, runs)[name]
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "keraudit", *map(str, typed)],
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (0, "")


def test_memory_that_ends_is_one_line(tmp_path: Path) -> None:
    layers = [{**LAYER, "config": {**LAYER["config"], "name": f"d{i}"}} for i in range(20_000)]  # type: ignore[dict-item]
    (path := tmp_path / "m.json").write_text(sequential(*layers))

    def little() -> None:
        resource.setrlimit(resource.RLIMIT_DATA, (60 * 2**20, 60 * 2**20))

    done = process("flops", path, prepare=little)
    assert done.returncode == 2
    assert "memory" in done.stderr
    assert "Traceback" not in done.stderr


def test_memory_that_ends_anywhere_is_one_line(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(main.group, "main", full)
    done = run("flops", model)
    assert (done.code, done.err) == (2, f"keraudit: error: {main.NO_MEMORY}\n")


@pytest.mark.parametrize("jump", [-(10**6), 0, 10**9])
def test_a_clock_that_jumps_shows_no_nonsense(
    jump: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(progress, "LEAST_SECONDS", 0)
    with Progress("run", batch=8) as shown:
        for step in range(1, 90):
            now[0] += jump if step == 3 else 0.5
            shown.show(Tick(epoch=1, epochs=2, step=step, steps=89, loss=1.0, accuracy=0.5))
    told = capsys.readouterr().err
    assert "step 89/89" in told
    assert "Traceback" not in told
    assert "-" not in told.replace("keraudit: ", "").replace("images/s", "")


def test_a_clock_that_is_set_back_saves_a_checkpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(checkpoint.time, "perf_counter", lambda: now[0])
    timer = checkpoint.CheckpointTimer()
    timer.seconds = 60.0
    assert not timer.is_due()
    now[0] -= 500
    assert timer.is_due()
