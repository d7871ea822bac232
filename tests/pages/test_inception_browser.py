"""The chapter on Inception in a browser: steps, curve, exercises."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mkdocs")
pytest.importorskip("keras")
pytest.importorskip("playwright")

from browser import launched

CURVE = """() => [...document.querySelectorAll(".ka-curve *, .ka-curve, .ka-even")].map((e) =>
  [e.getAttribute("d"), e.style.left, e.style.bottom, e.getAttribute("aria-label"),
   e.children.length ? "" : e.textContent])"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with launched() as running:
        yield running


@pytest.fixture
def visit(browser: Any, site: Path) -> Iterator[Callable[..., Any]]:
    opened: list[Any] = []

    def go(query: str = "", **options: Any) -> Any:
        opened.append(browser.new_context(**options))
        page = opened[-1].new_page()
        page.goto(f"{(site / 'inception.html').as_uri()}{query}")
        return page

    yield go
    for context in opened:
        context.close()


def shown(page: Any) -> list[str]:
    """The steps that are visible, by their first words."""
    return [li.locator("b").inner_text() for li in page.locator(".ka-steps li:visible").all()]


def test_steps_are_shown_one_at_a_time(visit: Callable[..., Any]) -> None:
    page = visit()
    assert shown(page) == ["One output value."]
    back, forth = (page.get_by_role("button", name=name, exact=True) for name in ("Back", "Next"))
    assert back.get_attribute("aria-disabled") == "true"
    forth.focus()
    for count in (2, 3, 4):
        page.keyboard.press("Enter")
        assert page.locator(".ka-steps [role=status]").inner_text() == f"Step {count} of 4"
    assert len(shown(page)) == 1
    assert "reduction to 16" in shown(page)[0]
    page.keyboard.press("Enter")  # there is no fifth
    assert page.locator(".ka-steps [role=status]").inner_text() == "Step 4 of 4"
    assert forth.get_attribute("aria-disabled") == "true"
    back.click()
    assert shown(page) == ["All 784 positions."]


def test_all_steps_stand_on_paper_and_without_a_script(visit: Callable[..., Any]) -> None:
    page = visit()
    page.emulate_media(media="print")
    assert len(shown(page)) == 4
    assert not page.locator(".ka-steps-nav").is_visible()
    plain = visit(java_script_enabled=False)
    assert len(shown(plain)) == 4
    assert not plain.locator(".ka-steps-nav").is_visible()


def test_the_live_curve_is_the_still_one(visit: Callable[..., Any]) -> None:
    live = visit().evaluate(CURVE)
    still = visit(java_script_enabled=False)
    assert live == still.evaluate(CURVE)
    assert any("break-even 154.8" in str(row) for row in live)


def test_the_curve_follows_the_sizes(visit: Callable[..., Any]) -> None:
    page = visit()
    page.locator("input[data-of=reduction]").fill("160")
    assert page.locator("[data-words=now]").inner_text().startswith("r = 160: 124.4 M")
    left = page.locator("[data-mark=now]").evaluate("(e) => parseFloat(e.style.left)")
    assert left == pytest.approx(100 * 160 / 192, abs=0.01)
    page.locator("input[name=kernel]").fill("1")
    assert "32 · 192 / (32 + 192) = 27.4" in page.locator(".ka-even").inner_text()
    assert "break-even 27.4" in str(page.locator(".ka-curve").get_attribute("aria-label"))
    meets = page.evaluate(
        """() => ["even"].map((name) => {
          const [, x, y] = document.querySelector(`[data-curve=${name}]`).getAttribute("d").match(/M(\\S+) (\\S+)V/);
          const [, end] = document.querySelector("[data-curve=total]").getAttribute("d").match(/L100 (\\S+)/);
          return Math.abs((100 - y) - (x / 100) * (100 - end));
        })[0]"""
    )
    assert meets < 0.05  # the break-even lies on the line


@pytest.mark.parametrize("width", [360, 768, 1920])
def test_words_keep_within_the_page_and_legible(width: int, visit: Callable[..., Any]) -> None:
    page = visit(viewport={"width": width, "height": 800})
    page.locator("input[name=reduction]").fill("150")  # beside the break-even
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    sizes = page.evaluate(
        """() => [...document.querySelectorAll("svg.ka-sketch")].map((e) =>
          12 * e.getBoundingClientRect().width / e.viewBox.baseVal.width)"""
    )
    assert min(sizes) >= 11
    inside = page.evaluate(
        """() => [...document.querySelectorAll(".ka-curve span")].every((e) => {
          const [a, b] = [e, e.closest(".ka-calculator")].map((x) => x.getBoundingClientRect());
          return a.left >= b.left && a.right <= b.right && parseFloat(getComputedStyle(e).fontSize) >= 11;
        })"""
    )
    assert inside


def test_modules_are_drawn_for_the_width(visit: Callable[..., Any]) -> None:
    for width, shown, hidden in ((360, "below", "beside"), (1280, "beside", "below")):
        page = visit(viewport={"width": width, "height": 800})
        assert page.locator(f"svg.ka-{hidden}:visible").count() == 0
        drawings = page.locator(f"svg.ka-{shown}")
        assert drawings.count() == 2
        for drawing in drawings.all():
            assert drawing.is_visible()
            fits = "(e) => e.parentElement.scrollWidth <= e.parentElement.clientWidth"
            assert drawing.evaluate(fits)


def test_an_answer_opens_by_key(visit: Callable[..., Any]) -> None:
    page = visit()
    answer = page.locator("#exercise-1 details")
    assert not answer.locator("p").first.is_visible()
    answer.locator("summary").focus()
    page.keyboard.press("Enter")
    assert "15,872" in answer.inner_text()
    assert page.locator(".ka-exercise").count() == 5
