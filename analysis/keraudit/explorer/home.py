"""Paths that the explorer does not have lead to its first page, whatever an address bar holds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
# What Streamlit serves besides the page itself.
SERVED = ("/_stcore/", "/static/", "/media/", "/component", "/app/static/")


class Home:
    """An ASGI application around another: a browser that asks for an unknown page is sent to ``/``."""

    def __init__(
        self, app: Callable[[Scope, Receive, Send], Awaitable[None]], prefix: str = ""
    ) -> None:
        """Go around ``app``; ``prefix`` is the path under which the explorer is served."""
        self.app = app
        self.base = f"/{prefix.strip('/')}" if prefix.strip("/") else ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or not is_lost(scope, self.base):
            await self.app(scope, receive, send)
            return
        query = scope.get("query_string", b"")
        root = scope.get("root_path") or self.base
        target = root.encode() + b"/" + (b"?" + query if query else b"")
        headers = [(b"location", target), (b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 307, "headers": headers})
        await send({"type": "http.response.body", "body": b""})


def is_lost(scope: Scope, base: str = "") -> bool:
    """Whether a request is a browser's for a page that is not there."""
    path = scope["path"].removeprefix(scope.get("root_path") or base)
    accepts = dict(scope["headers"]).get(b"accept", b"")
    return (
        scope["method"] == "GET"
        and path not in ("", "/")
        and not path.startswith(SERVED)
        and b"text/html" in accepts
    )
