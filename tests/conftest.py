"""Fixtures for all tests: Keras kept quiet, and its applications built once and kept in build/."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

CACHE = Path(__file__).parent.parent / "build" / "keras-graphs"


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where built applications are kept: never the user's own cache."""
    monkeypatch.setenv("KERAUDIT_CACHE", str(CACHE))
    return CACHE


@pytest.fixture(scope="session")
def inception_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved InceptionV3 with its weights, as a user has one."""
    import keras

    path = tmp_path_factory.mktemp("saved") / "inception.keras"
    keras.utils.clear_session()
    keras.applications.InceptionV3(weights=None).save(path)
    return path
