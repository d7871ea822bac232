"""The last files that were sent to a server of this machine alone: a reload finds them by a random key."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Iterable

import streamlit as st

from keraudit.explorer.upload import LARGEST_FILE_MIB, Upload

MOST = 5  # files, of all sessions together
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Kept:
    """Uploads by a key that nobody can guess; the oldest make room, and of weights only so much is held."""

    def __init__(self, most: int = MOST, most_bytes: int = LARGEST_FILE_MIB * 2**20) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._lock = threading.Lock()
        self._found: OrderedDict[str, Upload] = OrderedDict()

    def keep(self, upload: Upload) -> str:
        """Keep a file; the key that finds it. The same file sent again has a new one."""
        token = secrets.token_urlsafe(12)
        with self._lock:
            self._found[token] = upload
            while len(self._found) > self._most:
                self._found.popitem(last=False)
            held = 0
            for key, older in reversed(self._found.items()):
                held += len(older.data)
                if held > self._most_bytes:
                    self._found[key] = older._replace(data=b"")
        return token

    def find(self, tokens: Iterable[str]) -> list[Upload]:
        """The files of some keys; a key of none, or of one that has gone, is passed over."""
        with self._lock:
            return [self._found[token] for token in tokens if token in self._found]


@st.cache_resource(show_spinner=False)
def kept() -> Kept:
    """The files of this server."""
    return Kept()


def is_loopback() -> bool:
    """Whether this machine alone reaches the server: not even through a proxy, which has another host or a path."""
    host = str(st.context.headers.get("Host") or "localhost").lower()
    name = host.partition("]")[0].strip("[") if host.startswith("[") else host.partition(":")[0]
    is_bound = str(st.get_option("server.address")) in LOOPBACK
    return is_bound and name in LOOPBACK and not st.get_option("server.baseUrlPath")
