"""Behind a proxy with a prefix: the page is whole, and nothing is fetched from outside the prefix."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

import pytest

pytest.importorskip("keras")
pytest.importorskip("streamlit")
pytest.importorskip("playwright")

from browser import launched
from explorer.server import metric, opened, served

PREFIX = "tools/class"


def carry(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    end(target)


def end(connection: socket.socket) -> None:
    with suppress(OSError):  # it has ended
        connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def forwarded(port: int) -> Iterator[int]:
    """Another port that passes on every byte: requests, the host that they name, web sockets."""
    connections: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def start(work: Callable[..., None], *arguments: socket.socket) -> None:
        threads.append(threading.Thread(target=work, args=arguments, daemon=True))
        threads[-1].start()

    def accept(listening: socket.socket) -> None:
        with suppress(OSError):  # the end
            while True:
                client, _ = listening.accept()
                connections.append(client)
                server = socket.create_connection(("localhost", port))
                connections.append(server)
                start(carry, client, server)
                start(carry, server, client)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        start(accept, listening)
        yield listening.getsockname()[1]
        for each in (listening, *connections):
            end(each)
        for thread in threads:
            thread.join(10)
        for each in connections:
            each.close()


@pytest.mark.exhaustive
def test_the_page_is_whole_under_a_prefix_and_behind_a_proxy() -> None:
    asked: list[str] = []
    with served(prefix=PREFIX) as (url, _), launched() as browser:
        port = urlsplit(url).port
        assert port is not None
        with (
            forwarded(port) as outside,
            opened(browser, f"http://localhost:{outside}/{PREFIX}/?model=ResNet50") as page,
        ):
            page.on("request", lambda request: asked.append(request.url))
            page.on("websocket", lambda web: asked.append(web.url))
            page.reload()
            page.locator("svg .box").first.wait_for()
            assert metric(page, "MACs") == "3.858 G"
            assert page.url.startswith(f"http://localhost:{outside}/{PREFIX}/?model=ResNet50")
    paths = {urlsplit(one).path for one in asked if one.startswith(("http", "ws"))}
    assert f"/{PREFIX}/_stcore/stream" in paths
    assert {path for path in paths if not path.startswith(f"/{PREFIX}/")} == set()
