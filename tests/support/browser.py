"""A browser for tests: the system's Chromium, else playwright's own.

``python tests/support/browser.py`` installs one where there is none; ``make test`` runs it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING = "no browser: 'python tests/support/browser.py' installs one"


def executable() -> str | None:
    """The browser to drive; ``None`` if there is none."""
    if found := next(filter(None, map(shutil.which, NAMES)), None):
        return found
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        own = Path(playwright.chromium.executable_path)
    return str(own) if own.is_file() else None


@contextmanager
def launched() -> Iterator[Browser]:
    """A running browser; skips the test where there is none."""
    import pytest

    api = pytest.importorskip("playwright.sync_api")
    path = executable()
    if path is None:
        pytest.skip(MISSING)
    # Chromium refuses its sandbox to root, which is what a container runs as.
    arguments = ["--no-sandbox"] if is_root() else []
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


def is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def install() -> int:
    """Install a browser where there is none: Debian's package as root, else playwright's own."""
    if executable():
        return 0
    if shutil.which("apt-get") and is_root():
        quiet = {"env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, "check": False}
        subprocess.run(["apt-get", "update", "-qq"], **quiet)
        subprocess.run(
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"], **quiet
        )
    if not executable():
        system = ["--with-deps"] if is_root() else []
        subprocess.run(
            [sys.executable, "-m", "playwright", "install", *system, "chromium"], check=False
        )
    if executable():
        return 0
    sys.stderr.write(
        "The pages are tested in a browser, and none could be installed: install chromium, or run"
        " the tests alone with 'pytest', which then leaves them out.\n"
    )
    return 1


if __name__ == "__main__":
    sys.exit(install())
