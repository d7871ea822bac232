"""Time the explorer in a browser: ``python benchmarks/explorer.py [--all]``.

First words and the whole first page of a new session, beside those of an empty Streamlit page; switching the model, looking into a block, changing the page; with
``--all`` also the server's memory after one session has looked at all 40 applications. Every model's
graph is built before, so that Keras' own time is not counted.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.pop(0)  # this folder: its files are named as our packages are
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from browser import launched
from built import NAMES, application
from conftest import CACHE
from explorer.server import served

TIMES = 5


def memory_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def timed(action: Callable[[], object]) -> float:
    begun = time.perf_counter()
    action()
    return time.perf_counter() - begun


def main() -> None:
    os.environ.setdefault("KERAUDIT_CACHE", str(CACHE))
    names = NAMES if "--all" in sys.argv else ("InceptionV3", "ResNet50", "VGG16")
    for name in names:
        application(name)
    found: dict[str, list[float]] = {}
    with TemporaryDirectory() as folder:
        script = Path(folder) / "empty.py"
        script.write_text("import streamlit\nstreamlit.write('nothing here')\n")
        with served(script) as (url, _), launched() as browser:
            for _ in range(TIMES):
                page = browser.new_context().new_page()
                begun = time.perf_counter()
                page.goto(url)
                page.get_by_text("nothing here").wait_for()
                found.setdefault("an empty Streamlit page", []).append(time.perf_counter() - begun)
                page.context.close()
    with served(KERAUDIT_CACHE=str(CACHE)) as (url, pid), launched() as browser:
        before = memory_mib(pid)

        def note(what: str, seconds: float) -> None:
            found.setdefault(what, []).append(seconds)

        for number in range(TIMES + 1):
            page = browser.new_context(viewport={"width": 1280, "height": 1500}).new_page()

            def first(page=page) -> None:
                begun = time.perf_counter()
                page.goto(url)
                page.get_by_text("keraudit explorer").wait_for()
                found.setdefault("first words", []).append(time.perf_counter() - begun)
                page.get_by_text("5.713 G").first.wait_for()
                page.locator(".st-key-map canvas").wait_for()

            note("first page, cold" if not number else "first page", timed(first))

            def switch(name: str, macs: str, page=page) -> None:
                choose(page, name)
                page.get_by_text(macs).first.wait_for()

            cold = not number
            note(
                "switch, first time" if cold else "switch",
                timed(lambda: switch("ResNet50", "3.858 G")),
            )
            note(
                "switch, first time" if cold else "switch",
                timed(lambda: switch("VGG16", "15.47 G")),
            )
            switch("InceptionV3", "5.713 G")

            def go(word: str, awaited: str, page=page) -> None:
                page.get_by_text(word, exact=True).first.click()
                page.get_by_text(awaited).first.wait_for()

            note("to the page What if", timed(lambda: go("What if", "Block by block")))

            def toggle(page=page) -> None:
                page.get_by_text("Remove 1x1 reductions").click()
                page.get_by_text("9.828 G").first.wait_for()

            note("remove reductions" if number else "remove reductions, first time", timed(toggle))
            note("to the page Layer", timed(lambda: go("Layer", "Cost, written out")))
            page.context.close()
        result = {
            "seconds": {k: round(statistics.median(v), 3) for k, v in found.items()},
            "memory_mib": {"at the start": before, "after these": memory_mib(pid)},
        }
        if "--all" in sys.argv:
            page = browser.new_context(viewport={"width": 1280, "height": 1500}).new_page()
            page.goto(url)
            page.locator(".st-key-map canvas").wait_for()
            spent = []
            for name in NAMES:
                spent.append(timed(lambda name=name: one(page, name)))
            result["memory_mib"]["after all 40 applications in one session"] = memory_mib(pid)
            result["seconds"]["each of the 40, median"] = round(statistics.median(spent), 3)
            result["seconds"]["each of the 40, longest"] = round(max(spent), 3)
    print(json.dumps(result, indent=1))


def choose(page, name: str) -> None:
    box = page.get_by_label("Model", exact=True).first
    box.click()
    box.fill(name)
    page.get_by_role("option", name=name, exact=True).click()


def one(page, name: str) -> None:
    choose(page, name)
    page.get_by_role("heading", name=name, exact=True).wait_for()
    page.locator(".st-key-map canvas").wait_for()
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")


if __name__ == "__main__":
    main()
