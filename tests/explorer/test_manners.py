"""The explorer as a program: it stops when it is told to, says so where it cannot start, leads home."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

pytest.importorskip("streamlit")

from explorer.server import wait
from keraudit.errors import KerauditError
from keraudit.explorer import shell
from keraudit.explorer.home import Home
from keraudit.explorer.start import (
    IMPORTS_VARIABLE,
    MODEL_VARIABLE,
    RUNS_VARIABLE,
    check_port,
    is_free,
)


@contextmanager
def taken() -> Iterator[int]:
    """A port at which something is served."""
    with socket.socket() as server:
        server.bind(("localhost", 0))
        server.listen()
        yield server.getsockname()[1]


def test_a_port_that_is_taken_is_one_line() -> None:
    with taken() as port:
        with pytest.raises(KerauditError, match=rf"port {port} is taken.*: choose another, --port"):
            check_port(port)
        words = [sys.executable, "-m", "keraudit", "explore", "--no-browser", "--port", str(port)]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert f"port {port} is taken" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM")
def test_it_stops_with_its_server_when_it_is_told_to() -> None:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    words = [sys.executable, "-m", "keraudit", "explore", "--no-browser", "--port", str(port)]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait(f"http://localhost:{port}", process)
    request = urllib.request.Request(
        f"http://localhost:{port}/no/such/page?model=VGG16", headers={"Accept": "text/html"}
    )
    with urllib.request.urlopen(request) as answer:
        assert answer.url == f"http://localhost:{port}/?model=VGG16"
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    assert is_free(port)


@pytest.mark.parametrize(
    ("path", "accept", "led"),
    [
        ("/", b"text/html", False),
        ("/x", b"text/html,*/*", True),
        ("/x/y", b"text/html", True),
        ("/static/js/a.js", b"text/html", False),
        ("/_stcore/health", b"*/*", False),
        ("/x", b"*/*", False),
    ],
)
def test_unknown_paths_lead_home(path: str, accept: bytes, led: bool) -> None:
    sent: list[Any] = []

    async def inner(*_: Any) -> None:
        sent.append("page")

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        **{"type": "http", "method": "GET", "path": path, "query_string": b"a=1"},
        "headers": [(b"accept", accept)],
    }
    asyncio.run(Home(inner)(scope, inner, send))
    if led:
        assert sent[0]["status"] == 307
        assert dict(sent[0]["headers"])[b"location"] == b"/?a=1"
    else:
        assert sent == ["page"]


def test_the_command_that_starts_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(MODEL_VARIABLE, raising=False)
    monkeypatch.delenv(RUNS_VARIABLE, raising=False)
    options: dict[str, Any] = {"server.port": 8501, "server.address": "localhost"}
    monkeypatch.setattr("streamlit.get_option", options.get)
    assert shell.restart_command() == "keraudit explore"
    monkeypatch.setenv(MODEL_VARIABLE, "my model.keras")
    monkeypatch.setenv(IMPORTS_VARIABLE, "keras_hub")
    options |= {"server.port": 8600, "server.address": "0.0.0.0", "server.baseUrlPath": "/a"}
    assert shell.restart_command() == (
        "keraudit explore 'my model.keras' --import keras_hub --port 8600 --address 0.0.0.0 --prefix a"
    )
