"""How ``make test`` comes by a browser where there is none."""

from __future__ import annotations

from typing import Any

import pytest

import browser


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that were started; none of them is."""
    found: list[list[str]] = []
    monkeypatch.setattr(browser.subprocess, "run", lambda words, **_: found.append(words))
    return found


def where(monkeypatch: pytest.MonkeyPatch, *answers: Any, root: bool, apt: bool = True) -> None:
    """A machine that has a browser only after so many installations."""
    waiting = list(answers)
    monkeypatch.setattr(browser, "executable", lambda: waiting.pop(0))
    monkeypatch.setattr(browser, "is_root", lambda: root)
    monkeypatch.setattr(browser.shutil, "which", lambda name: "/usr/bin/apt-get" if apt else None)


def test_a_browser_that_is_there_is_taken(
    monkeypatch: pytest.MonkeyPatch, started: list[list[str]]
) -> None:
    where(monkeypatch, "/usr/bin/chromium", root=True)
    assert browser.install() == 0
    assert not started


def test_debian_s_package_comes_first(
    monkeypatch: pytest.MonkeyPatch, started: list[list[str]]
) -> None:
    where(monkeypatch, None, "/usr/bin/chromium", "/usr/bin/chromium", root=True)
    assert browser.install() == 0
    assert [words[1] for words in started] == ["update", "install"]


def test_playwright_s_own_comes_next(
    monkeypatch: pytest.MonkeyPatch, started: list[list[str]]
) -> None:
    where(monkeypatch, None, None, "own", root=False)
    assert browser.install() == 0
    assert started == [[browser.sys.executable, "-m", "playwright", "install", "chromium"]]


def test_without_any_it_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, started: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    where(monkeypatch, None, None, None, root=False, apt=False)
    assert browser.install() == 1
    assert "install chromium" in capsys.readouterr().err
