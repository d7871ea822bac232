"""Models by name for tests: built in this process, read by the toolkit, kept in the cache."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from keraudit.model.graph import Architecture
from keraudit.reading.applications import applications, cached_path, read_application
from keraudit.reading.cache import is_kept, kept, store
from keraudit.reading.resolve import silent
from keraudit.reading.zoo import read_zoo, zoo_path
from keraudit.zoo.names import zoo_model

NAMES = tuple(applications())


def build_once(name: str, shape: tuple[int, ...] | None = None) -> Path:
    """Where the cache of the moment holds an application; Keras builds it here when it does not."""
    path = cached_path(name, shape or applications()[name].input_shape)
    if not is_kept(path):
        from keraudit.reading.keras_worker import application_json

        store(path, application_json(name, shape).encode())
    return path


@lru_cache(maxsize=64)
def application(name: str, shape: tuple[int, ...] | None = None) -> Architecture:
    """The architecture of an application."""
    build_once(name, shape)
    return read_application(name, shape, notify=silent)


@lru_cache(maxsize=128)
def zoo(name: str, shape: tuple[int, ...] | None = None) -> Architecture:
    """The architecture of a model of the zoo; Keras builds it here when no cache holds it."""
    model = zoo_model(name)
    assert model is not None
    path = zoo_path(model, shape or model.input_shape)
    if not is_kept(path):
        from keraudit.reading.keras_worker import zoo_json

        store(path, zoo_json(name, shape).encode())
    return read_zoo(model, shape, notify=silent)


def json_of(name: str) -> str:
    """The JSON that Keras wrote for an application at its default size."""
    return kept(build_once(name)).decode()
