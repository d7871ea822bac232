"""The explorer's pages, run without a browser by Streamlit's own test harness."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("streamlit")
pytest.importorskip("keras")

from streamlit.testing.v1 import AppTest

from built import application, zoo
from conftest import CACHE
from explorer.server import WIDE

APP = Path(__file__).parents[2] / "streamlit_app" / "app.py"
Open = Callable[..., AppTest]


@pytest.fixture(scope="session", autouse=True)
def built() -> None:
    with pytest.MonkeyPatch.context() as patch:  # the fixture of each test comes later
        patch.setenv("KERAUDIT_CACHE", str(CACHE))
        for name in ("InceptionV3", "ResNet50", "VGG16"):
            application(name)
        zoo("ResNet-CIFAR-20")


@pytest.fixture(scope="session", autouse=True)
def capacity() -> Iterator[None]:
    """Tasks as ``keraudit explore`` lets them run, not as the deployed app does, whose script sets less."""
    with pytest.MonkeyPatch.context() as patch:
        for variable, number in WIDE.items():
            patch.setenv(variable, number)
        yield


@pytest.fixture(scope="session", autouse=True)
def quick_harness() -> Iterator[None]:
    """Streamlit's harness without two delays of half a second each that no server has.

    It looks through every installed package for components each time an app is opened, and clears the
    Keras of this process after each run; the server's own process imports none.
    """
    from streamlit.components.v2 import manifest_scanner
    from streamlit.runtime.scriptrunner import script_runner

    scan = cache(manifest_scanner.scan_component_manifests)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", scan)
        patch.setattr(script_runner, "_clean_problem_modules", lambda: None)
        yield


@pytest.fixture
def open_page(monkeypatch: pytest.MonkeyPatch) -> Open:
    """Open an address; nothing may go wrong that the page does not tell."""

    def opened(**params: Any) -> AppTest:
        app = AppTest.from_file(str(APP), default_timeout=60)
        for key, value in params.items():
            app.query_params[key] = str(value)
        app.run()
        assert not app.exception
        return app

    return opened
