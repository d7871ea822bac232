"""``keraudit.explore``: what is handed over, where a frame is shown, and that it ends."""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import keraudit
from keraudit.explorer import session, start
from keraudit.explorer.session import REMOTE, Session, explore, is_local

keras = pytest.importorskip("keras")
pytest.importorskip("streamlit")


class Fake:
    """A process that was started, by its words and environment."""

    def __init__(self, words: list[str], **how: Any) -> None:
        self.words, self.env, self.code = words, how["env"], None

    def poll(self) -> int | None:
        return self.code

    def terminate(self) -> None:
        self.code = -15

    def wait(self, seconds: float | None = None) -> int:
        assert self.code is not None
        return self.code


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Fake]]:
    seen: list[Fake] = []

    def popen(words: list[str], **how: Any) -> Fake:
        seen.append(Fake(words, **how))
        return seen[-1]

    monkeypatch.setattr(session.subprocess, "Popen", popen)
    monkeypatch.setattr(Session, "wait", lambda self, seconds=0.0: None)
    yield seen
    assert all(one.code is not None for one in seen)


def model_of(fake: Fake) -> str:
    return str(fake.env[start.MODEL_VARIABLE])


def test_a_live_model_is_handed_over_and_its_copy_goes(
    started: list[Fake], capsys: pytest.CaptureFixture[str]
) -> None:
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3, name="conv")])
    before = [v.numpy().tobytes() for v in model.weights]
    with explore(model) as running:
        assert running.is_running
        copy = Path(model_of(started[0]))
        assert copy.suffix == ".keras"
        assert keraudit.audit(copy).total == keraudit.audit(model).total
        again = keras.models.load_model(copy)
        assert [v.numpy().tobytes() for v in again.weights] == before
        assert capsys.readouterr().out == f"{running.address}\n"
    assert not running.is_running
    assert not copy.parent.exists()
    running.stop()
    assert repr(running) == f"<Session at {running.address}, stopped>"


class Gate(keras.layers.Layer):  # type: ignore[misc]  # Keras ships no types
    def build(self, shape: Any) -> None:
        self.inner = keras.layers.Dense(shape[-1])
        self.inner.build(shape)
        self.built = True

    def call(self, x: Any) -> Any:
        return x * keras.ops.sigmoid(self.inner(x))


def test_what_a_file_cannot_name_is_handed_over_as_what_it_is_made_of(started: list[Fake]) -> None:
    own = keras.Sequential([keras.Input((6,)), Gate(name="gate")])
    for model in (own, keraudit.read("ResNet-CIFAR-20"), keraudit.without_skips("ResNet-CIFAR-20")):
        with explore(model):
            copy = Path(model_of(started[-1]))
            assert copy.suffix == ".json"
            assert keraudit.audit(copy).total.macs == keraudit.audit(model).total.macs > 0


def test_a_name_is_handed_over_as_it_is(started: list[Fake], tmp_path: Path) -> None:
    with explore("ResNet50", runs=tmp_path, port=8600):
        assert model_of(started[0]) == "ResNet50"
        assert started[0].env[start.RUNS_VARIABLE] == str(tmp_path)
        assert started[0].words[started[0].words.index("--server.port") + 1] == "8600"
    with explore():
        assert start.MODEL_VARIABLE not in started[1].env


@pytest.mark.parametrize("model", ["ResNet5", "none.keras"])
def test_what_cannot_be_shown_starts_nothing(started: list[Fake], model: str) -> None:
    with pytest.raises(keraudit.KerauditError):
        explore(model)
    assert not started


def test_a_frame_is_shown_in_a_local_notebook_alone(
    started: list[Fake], monkeypatch: pytest.MonkeyPatch
) -> None:
    class ZMQInteractiveShell:
        pass

    class IPython:
        @staticmethod
        def get_ipython() -> Any:
            return ZMQInteractiveShell()

    for name in REMOTE:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    with explore("ResNet50") as running:
        assert not is_local()
        assert "<iframe" not in running._repr_html_()
        monkeypatch.setitem(sys.modules, "IPython", IPython)
        assert f'<iframe src="{running.address}/?embed=true"' in running._repr_html_()
        for name in REMOTE:
            monkeypatch.setenv(name, "here")
            assert running._repr_html_() == f'<a href="{running.address}">{running.address}</a>'
            monkeypatch.delenv(name)
    assert "was stopped" in running._repr_html_()


SCRIPT = """
import keraudit, os, sys
running = keraudit.explore("ResNet-CIFAR-20")
print(running._process.pid)
"""


def test_the_server_answers_and_ends_with_the_interpreter(cache: Path) -> None:
    running = explore("ResNet-CIFAR-20")
    with running, urllib.request.urlopen(running.address, timeout=10) as page:
        assert page.status == 200
    assert not running.is_running
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True
    )
    pid = done.stdout.splitlines()[-1]
    found = Path(f"/proc/{pid}/cmdline")
    assert not found.exists() or "streamlit" not in found.read_text()


def test_a_server_that_ends_at_once_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = start.Server([sys.executable, "-c", "raise SystemExit(1)"], {}, Path.cwd())
    with pytest.raises(keraudit.KerauditError, match="the explorer stopped while starting"):
        Session(prepared, "http://localhost:9", None).wait(30)
