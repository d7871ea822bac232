"""The page for those who come from another counter: each example runs, where its counter is installed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

pytest.importorskip("keras")

PAGE = Path(__file__).parents[2] / "site" / "guide" / "other-counters.md"
SECTIONS = re.split(r"^## ", PAGE.read_text("utf-8"), flags=re.MULTILINE)
IMPORTS = re.compile(r"^>>> (?:import|from) (.+)$", re.MULTILINE)
CHECK = """
import doctest, sys, warnings
warnings.simplefilter("ignore")
text = sys.stdin.read()
test = doctest.DocTestParser().get_doctest(text, {}, "page", None, 0)
runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
runner.run(test)
print(runner.summarize(verbose=False), file=sys.stderr)
sys.exit(bool(runner.failures) or not runner.tries)
"""


def examples(section: str) -> str:
    return "\n".join(re.findall(r"^```pycon\n(.*?)^```$", section, re.MULTILINE | re.DOTALL))


def imported(text: str) -> set[str]:
    """The libraries that examples need."""
    found = (
        re.split(r"[ .]", words)[0] for line in IMPORTS.findall(text) for words in _words(line)
    )
    return {*found} - {"os", "keraudit"}


def _words(line: str) -> list[str]:
    return [line] if " import " in line else re.split(r",\s*", line)


def test_each_counter_has_a_section() -> None:
    needed = [imported(examples(section)) for section in SECTIONS[1:]]
    peers = [names - {"keras"} for names in needed]
    assert peers == [{"keras_flops"}, {"tensorflow"}, {"torch", "fvcore"}, {"torchinfo"}]


@pytest.mark.parametrize(
    "section",
    # Each of the others starts a backend and builds ResNet50 in it.
    [SECTIONS[0], *(pytest.param(each, marks=pytest.mark.exhaustive) for each in SECTIONS[1:])],
    ids=[section.splitlines()[0].strip("# ") for section in SECTIONS],
)
def test_the_examples_give_what_the_page_says(section: str) -> None:
    text = examples(section)
    missing = [name for name in imported(text) if find_spec(name) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(sorted(missing))}; make peers has them")
    done = subprocess.run(
        [sys.executable, "-c", CHECK],
        capture_output=True,
        check=False,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"},
        input=text,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
