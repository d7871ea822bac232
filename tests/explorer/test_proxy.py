"""Behind a proxy with a prefix: the page is whole, and nothing is fetched from outside the prefix."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

import pytest

pytest.importorskip("keras")
pytest.importorskip("streamlit")
pytest.importorskip("playwright")

from browser import launched
from explorer.server import metric, opened, served

pytestmark = pytest.mark.browser

PREFIX = "tools/class"


def carry(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextmanager
def forwarded(port: int) -> Iterator[int]:
    """Another port that passes on every byte: requests, the host that they name, web sockets."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def accept() -> None:
            with suppress(OSError):  # the end
                while True:
                    client, _ = listening.accept()
                    server = socket.create_connection(("localhost", port))
                    for pair in ((client, server), (server, client)):
                        threading.Thread(target=carry, args=pair, daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)


def test_the_page_is_whole_under_a_prefix_and_behind_a_proxy() -> None:
    paths: list[str] = []
    with served(prefix=PREFIX) as (url, _), launched() as browser:
        port = urlsplit(url).port
        assert port is not None
        with (
            forwarded(port) as outside,
            opened(browser, f"http://localhost:{outside}/{PREFIX}/?model=ResNet50") as page,
        ):
            page.on("request", lambda request: paths.append(urlsplit(request.url).path))
            page.on("websocket", lambda web: paths.append(urlsplit(web.url).path))
            page.reload()
            page.locator("svg .box").first.wait_for()
            assert metric(page, "MACs") == "3.858 G"
            assert page.url.startswith(f"http://localhost:{outside}/{PREFIX}/?model=ResNet50")
    assert f"/{PREFIX}/_stcore/stream" in paths
    assert [path for path in paths if path and not path.startswith(f"/{PREFIX}/")] == []
