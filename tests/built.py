"""Keras applications for tests: built in this process, read by the toolkit, kept in the cache."""

from __future__ import annotations

from functools import lru_cache

from keraudit.graph import Architecture
from keraudit.reading.applications import applications, cached_path, read_application, store
from keraudit.reading.resolve import silent

NAMES = tuple(applications())


@lru_cache(maxsize=64)
def application(name: str, shape: tuple[int, ...] | None = None) -> Architecture:
    """The architecture of an application; Keras builds it here when no cache holds it."""
    path = cached_path(name, shape or applications()[name].input_shape)
    if not path.is_file():
        from keraudit.reading.live import application_json

        store(path, application_json(name, shape).encode())
    return read_application(name, shape, notify=silent)


def json_of(name: str) -> str:
    """The JSON that Keras wrote for an application at its default size."""
    application(name)
    return cached_path(name, applications()[name].input_shape).read_text("utf-8")
