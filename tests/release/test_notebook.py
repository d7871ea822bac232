"""The notebook of five minutes gives what is committed in it, and the page shows that."""

from __future__ import annotations

import json
import re

import pytest

pytest.importorskip("keras")
pytest.importorskip("mkdocs")
pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

from pages import notebook as page
from records.notebook import NOTEBOOK, executed, outputs

COMMITTED = json.loads(NOTEBOOK.read_text("utf-8"))
NUMBER = re.compile(r"-?\d[\d,]*\.?\d*(?:e[+-]?\d+)?")


@pytest.mark.exhaustive
def test_a_run_gives_what_is_committed() -> None:
    now, before = outputs(executed()), outputs(COMMITTED)
    assert [[*map(sorted, cell)] for cell in now] == [[*map(sorted, cell)] for cell in before]
    for ran, kept in zip(now, before, strict=True):
        for one, other in zip(ran, kept, strict=True):
            for kind, text in one.items():
                assert NUMBER.sub("#", text) == NUMBER.sub("#", other[kind])
                # Sums in another order, on another processor, differ in the last digits.
                assert numbers(text) == pytest.approx(numbers(other[kind]), rel=0.02)


def numbers(text: str) -> list[float]:
    return [float(found.replace(",", "")) for found in NUMBER.findall(text)]


def test_it_shows_what_it_promises() -> None:
    code = "\n".join("".join(c["source"]) for c in COMMITTED["cells"] if c["cell_type"] == "code")
    for name in ("audit", "without_reductions", "without_skips", "gradients", "assert_budget"):
        assert f"keraudit.{name}(" in code
    assert all(outputs(COMMITTED))
    assert "stderr" not in NOTEBOOK.read_text("utf-8")


def test_the_page_has_each_cell_and_its_outputs() -> None:
    text = page.shown()
    for cell in COMMITTED["cells"]:
        assert "".join(cell["source"]) in text
    for cell in outputs(COMMITTED):
        for each in cell:
            assert each.get("stdout", "").rstrip() in text
    assert "<script" not in text
