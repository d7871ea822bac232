"""Time the explorer in a browser: ``python analysis/benchmarks/explorer.py [--all] [--times N] [--record FILE]``.

- A new session: first words and the whole first page, beside those of an empty Streamlit page.
- Interactions: from the press of the mouse to the frame in which the answer stands on the page, as the
  page itself measures it, beside the same of one switch on an empty Streamlit page: that much is
  Streamlit's own and the browser's.
- With ``--all`` also the server's memory after one session has looked at all 40 applications.

Browser and server share the machine. Every model's graph is built before, so that Keras' own time is not
counted.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from benchmarks.processes import command_line, machine

sys.path.remove(str(Path(__file__).parent))  # this folder: its files are named as our packages are
sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "support"))

from browser import launched
from built import NAMES, application
from conftest import CACHE
from explorer.server import served

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser, Locator, Page

    Find = Callable[[Page], Locator]

SCHEMA = "keraudit.explorer-benchmark/1"
WINDOW = {"width": 1280, "height": 1000}
EMPTY = "import streamlit as st\nst.write('it is on' if st.toggle('press here') else 'it is off')\n"
# Kept in the page: milliseconds from the press to the frame with the words.
WATCH = """words => {
  window.answered = new Promise((answered, failed) => {
    setTimeout(() => failed(new Error('no answer: ' + words)), 30000)
    let pressed = null
    const there = () => document.body.textContent.includes(words)
    const observer = new MutationObserver(() => {
      if (pressed === null || !there()) return
      observer.disconnect()
      requestAnimationFrame(() => setTimeout(() => answered(performance.now() - pressed)))
    })
    addEventListener('pointerdown', () => { pressed = performance.now() }, {capture: true, once: true})
    observer.observe(document.body, {subtree: true, childList: true, characterData: true})
  })
}"""
# Kept in the page: milliseconds from a key in the search field to the frame with the name in its list.
WATCH_LIST = """(field, name) => {
  const list = field.getRootNode().querySelector('[role=listbox]')
  window.answered = new Promise((answered, failed) => {
    setTimeout(() => failed(new Error('not listed: ' + name)), 30000)
    let pressed = null
    const observer = new MutationObserver(() => {
      if (pressed === null || !list.textContent.includes(name)) return
      observer.disconnect()
      requestAnimationFrame(() => setTimeout(() => answered(performance.now() - pressed)))
    })
    field.addEventListener('keydown', () => { pressed = performance.now() }, {once: true})
    observer.observe(list, {subtree: true, childList: true})
  })
}"""
FOUND = "conv2d_93"
IDLE = "[data-testid=stApp][data-test-script-state=notRunning]"

Found = dict[str, list[float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--times", type=int, default=9)
    parser.add_argument("--record", type=Path)
    options = parser.parse_args()
    os.environ.setdefault("KERAUDIT_CACHE", str(CACHE))
    for name in NAMES if options.all else ("InceptionV3", "ResNet50", "VGG16"):
        application(name)
    starts: Found = {}
    answers: Found = {}
    memory: dict[str, float] = {}
    with TemporaryDirectory() as folder, launched() as browser:
        script = Path(folder) / "empty.py"
        script.write_text(EMPTY)
        with served(script) as (url, _):
            empty(browser, url, options.times, starts, answers)
        with served(KERAUDIT_CACHE=str(CACHE)) as (url, pid):
            memory["at the start"] = memory_mib(pid)
            for number in range(options.times + 1):  # the first one finds nothing in the caches
                session(browser, url, starts if number else {}, answers if number else {})
            memory["after these sessions"] = memory_mib(pid)
            if options.all:
                starts["a model of the 40, whole page"] = every(browser, url)
                memory["after all 40 applications in one session"] = memory_mib(pid)
    result = {
        "schema": SCHEMA,
        "date": time.strftime("%Y-%m-%d"),
        "command": command_line(),
        "times": options.times,
        "starts_s": {what: summary(values) for what, values in starts.items()},
        "answers_ms": {what: summary(values) for what, values in answers.items()},
        "memory_mib": {what: round(value, 1) for what, value in memory.items()},
        "machine": machine("streamlit", "playwright"),
    }
    text = json.dumps(result, indent=1)
    print(text)
    if options.record:
        options.record.write_text(text + "\n")


def summary(values: list[float]) -> dict[str, float]:
    return {
        "median": round(statistics.median(values), 3),
        "least": round(min(values), 3),
        "most": round(max(values), 3),
    }


def memory_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def empty(browser: Browser, url: str, times: int, starts: Found, answers: Found) -> None:
    """What an empty Streamlit page takes."""
    for number in range(times + 1):
        page = browser.new_context(viewport=WINDOW).new_page()
        begun = time.perf_counter()
        page.goto(url)
        page.get_by_text("it is off").wait_for()
        if number:
            note(starts, "an empty Streamlit page", time.perf_counter() - begun)
        settled(page)
        seconds = answer(page, word("press here")(page), "it is on")
        if number:
            note(answers, "a switch on an empty Streamlit page", seconds)
        page.context.close()


def session(browser: Browser, url: str, starts: Found, answers: Found) -> None:
    """One visitor: the first page, and from there what the pages answer."""
    page = browser.new_context(viewport=WINDOW).new_page()
    begun = time.perf_counter()
    page.goto(url)
    page.get_by_text("keraudit explorer").wait_for()
    note(starts, "first words", time.perf_counter() - begun)
    page.get_by_text("5.713 G").first.wait_for()
    page.locator("svg .box").first.wait_for()
    note(starts, "the first page, whole", time.perf_counter() - begun)
    settled(page)
    steps: tuple[tuple[str, Find, str], ...] = (
        ("cost in FLOPs", word("FLOPs"), "11.48 G"),
        ("cost in MACs", word("MACs"), "5.713 G"),
        ("open a block", lambda page: page.locator('svg .box[data-key="mixed3"]'), "3 branches"),
        ("choose a layer", lambda page: page.locator('svg [data-key="conv2d_26"]'), "288 × 3 × 3"),
        ("to the page What if", word("What if"), "Nothing is changed yet"),
        ("remove 1x1 reductions", word("Remove 1×1 reductions"), "9.828 G"),
        ("put them back", word("Remove 1×1 reductions"), "Nothing is changed yet"),
        ("to the page Layer", word("Layer"), "Cost, written out"),
        ("to the page Map", word("Map"), "Detail"),
        ("to the page Network", word("Network"), "Share of the model"),
        ("switch to ResNet50", option("Model", "ResNet50"), "3.858 G"),
        ("switch to VGG16", option("Model", "VGG16"), "15.47 G"),
    )
    note(answers, "find a layer", searched(page))
    for what, find, words in steps:
        note(answers, what, answer(page, find(page), words))
    page.context.close()


def searched(page: Page) -> float:
    """Milliseconds from the last letter of a layer's name to the list that holds it."""
    page.keyboard.press("Control+k")
    page.keyboard.type(FOUND[:-1])
    page.get_by_role("combobox", name="Find a layer").evaluate(WATCH_LIST, FOUND)
    page.keyboard.type(FOUND[-1])
    seconds: float = page.evaluate("window.answered")
    page.keyboard.press("Escape")
    settled(page)
    return seconds


def word(text: str) -> Find:
    """A word to press."""
    return lambda page: page.get_by_text(text, exact=True).first


def option(box: str, name: str) -> Find:
    """An entry of a list, which is opened for it."""

    def find(page: Page) -> Locator:
        field = page.get_by_label(box, exact=True).first
        field.click()
        field.fill(name)
        return page.get_by_role("option", name=name, exact=True)

    return find


def answer(page: Page, pressed: Locator, words: str) -> float:
    """Milliseconds from the press to the words; the rest of the page is waited for."""
    pressed.wait_for()
    page.evaluate(WATCH, words)
    pressed.click()
    seconds: float = page.evaluate("window.answered")
    settled(page)
    return seconds


def settled(page: Page) -> None:
    """Wait until nothing is drawn any more."""
    page.wait_for_timeout(100)
    page.locator(IDLE).wait_for()
    page.wait_for_timeout(500)


def note(found: Found, what: str, value: float) -> None:
    found.setdefault(what, []).append(value)


def every(browser: Browser, url: str) -> list[float]:
    """Seconds that each of the 40 applications takes in one session, to the whole page."""
    page = browser.new_context(viewport=WINDOW).new_page()
    page.goto(url)
    page.locator("svg .box").first.wait_for()
    seconds = []
    for name in NAMES:
        entry = option("Model", name)(page)
        begun = time.perf_counter()
        entry.click()
        page.get_by_role("heading", name=name, exact=True).wait_for()
        page.locator("svg .box").first.wait_for()
        page.locator(IDLE).wait_for()
        seconds.append(time.perf_counter() - begun)
    return seconds


if __name__ == "__main__":
    main()
