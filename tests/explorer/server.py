"""The explorer as a server of its own, and a browser's page that tells of every error."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

APP = Path(__file__).parents[2] / "streamlit_app" / "app.py"
# More than any task here takes.
WIDE = {"KERAUDIT_EXPLORE_TASKS": "2", "KERAUDIT_EXPLORE_TASK_MIB": "100000"}
# Of the library that draws graphs, on every page with one; nothing is wrong.
HARMLESS = ("useWorker",)


@contextmanager
def served(
    script: Path = APP, prefix: str = "", python: str = sys.executable, **environment: str
) -> Iterator[tuple[str, int]]:
    """Its address and its process id, while it runs."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    words = ["-m", "streamlit", "run", str(script), "--server.port", str(port)]
    process = subprocess.Popen(
        [python, *words, "--server.headless", "true", "--server.address", "localhost"],
        env={**os.environ, "STREAMLIT_SERVER_BASE_URL_PATH": prefix, **WIDE, **environment},
        cwd=script.parent,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://localhost:{port}/{prefix}".rstrip("/")
    try:
        wait(url, process)
        yield url, process.pid
    finally:
        process.terminate()
        process.wait()


def wait(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            assert process.poll() is None, "the server ended"
            time.sleep(0.1)
    raise TimeoutError(url)


@contextmanager
def opened(browser: Browser, url: str, *, scheme: str = "light") -> Iterator[Page]:
    """A page in a session of its own; at its end nothing may have gone wrong in the browser."""
    context = browser.new_context(viewport={"width": 1280, "height": 1500}, color_scheme=scheme)
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda m: wrong.append(m.text) if m.type in ("error", "warning") else None)
    page.on("request", lambda r: wrong.append(r.url) if elsewhere(r.url) else None)
    page.goto(url)
    settled(page)
    yield page
    context.close()
    assert not [w for w in wrong if not any(word in w for word in HARMLESS)]


def elsewhere(url: str) -> bool:
    return not re.match(r"(https?|wss?)://localhost[:/]|data:|blob:", url)


def settled(page: Page) -> None:
    """Wait until the script is not running. What it drew may come later: wait for that too."""
    page.wait_for_selector("[data-testid=stApp]")
    page.wait_for_timeout(300)
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")
    page.wait_for_selector("[data-testid=stSkeleton]", state="detached")


def metric(page: Page, label: str, nth: int = 0) -> str:
    """The value under a label."""
    found = page.get_by_test_id("stMetric").filter(has_text=label).nth(nth)
    return found.get_by_test_id("stMetricValue").inner_text()


def click_on_map(page: Page, name: str) -> None:
    """Move over the map until it says that a part lies there, and click."""
    chart = page.locator(".st-key-map")
    chart.scroll_into_view_if_needed()
    chart.locator("svg, canvas").first.wait_for()
    box = chart.bounding_box()
    assert box is not None
    for pause in (40, 250):  # on a busy machine what is said comes later
        for y in range(40, int(box["height"]), 60):
            for x in range(15, int(box["width"]), 40):
                page.mouse.move(box["x"] + x, box["y"] + y)
                page.wait_for_timeout(pause)
                if said(chart, name):
                    page.wait_for_timeout(400)  # what is said may be of the place before
                    if said(chart, name):
                        page.mouse.click(box["x"] + x, box["y"] + y)
                        return
    raise AssertionError(f"{name} is not on the map")


def said(chart: Locator, name: str) -> bool:
    found = chart.get_by_text(f"{name} (")
    return found.count() > 0 and found.first.is_visible()
