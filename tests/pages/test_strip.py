"""The strips of whole networks: to scale, and each block opens to the explorer's drawing of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mkdocs")
pytest.importorskip("keras")
pytest.importorskip("playwright")

from axe_playwright_python.sync_playwright import Axe

import keraudit
from browser import launched
from pages import strip

FIGURES = {
    "inception.html": ("GoogLeNet", "InceptionV3"),
    "resnet.html": ("ResNet-18", "ResNet-34", "ResNet50", "ResNet101", "ResNet152"),
}
CHOSEN = ".ka-strip rect.ka-chosen"
SAYS = ".ka-strip-picture [role=status]"


class Rects(HTMLParser):
    """The rectangles of a page's strips, by network, as numbers."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: dict[str, list[dict[str, str]]] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {key: value or "" for key, value in attrs}
        if "data-network" in given:
            self.found[given["data-network"]] = []
        elif tag == "rect" and "data-block" in given:
            self.found[next(reversed(self.found))].append(given)


@pytest.mark.parametrize("page", FIGURES)
def test_the_rectangles_are_the_audits_to_one_scale(page: str, site: Path) -> None:
    drawn = Rects((site / page).read_text("utf-8")).found
    assert tuple(drawn) == FIGURES[page]
    scales: list[tuple[float, float]] = []
    for name, rects in drawn.items():
        report = keraudit.audit(name)
        assert [rect["data-block"] for rect in rects] == [block.name for block in report.blocks]
        macs = 0
        for rect, block in zip(rects, report.blocks, strict=True):
            if macs:
                scales.append((float(rect["y"]), macs))
            wide = float(rect["width"].removesuffix("%"))
            assert wide == pytest.approx(100 * block.output_shape[-1] / 2048, abs=0.01)
            macs += block.cost.macs
        assert macs == report.total.macs
    per_mac = scales[-1][0] / scales[-1][1]
    assert all(y == pytest.approx(macs * per_mac, abs=0.2) for y, macs in scales)


def test_a_block_opens_to_its_branches_between_its_neighbours() -> None:
    found = strip.block_pictures("InceptionV3")
    assert list(found) == [block.name for block in keraudit.audit("InceptionV3").blocks]
    boxes = found["mixed7"]["boxes"]
    outer = {box["name"]: box["open"] for box in boxes if box["depth"] == 0}
    assert outer == {"mixed6": False, "mixed7": True, "mixed8": False}
    costs = {box["name"]: box["cost"] for box in boxes if box["role"] == "branch"}
    # 17 x 17 x 768 x 192 of the 1x1 and, in the longer branches, 17 x 17 x 192 x 7 x 192 of each other
    one, seven = 17 * 17 * 768 * 192, 17 * 17 * 192 * 7 * 192
    millions = [(one + n * seven) / 1e6 for n in (4, 2, 0, 0)]
    assert [float(cost.split()[0]) for cost in costs.values()] == pytest.approx(millions, rel=1e-3)


def test_what_the_pages_say_of_strips() -> None:
    totals = {n: keraudit.audit(n).total.macs for n in FIGURES["inception.html"]}
    stems = {n: keraudit.audit(n).blocks[0].cost.macs for n in totals}
    assert strip.times("InceptionV3", "GoogLeNet") == f"{5_713_216_096 / totals['GoogLeNet']:.1f}"
    for name, whole in totals.items():
        assert strip.stem_share(name) == f"{round(100 * stems[name] / whole)} %"
    # a bottleneck without and with a projection, at 56x56: 64 channels inside, 256 outside
    identity = 56 * 56 * (256 * 64 + 9 * 64 * 64 + 64 * 256)
    widest = max(b.cost.macs for b in keraudit.audit("ResNet50").blocks)
    assert strip.units("ResNet50") == f"{identity / 1e6:.0f} to {widest / 1e6:.0f} million"
    assert widest / identity < 1.4  # "about the same"


@pytest.fixture(scope="module")
def running() -> Iterator[Any]:
    with launched() as browser:
        yield browser


@pytest.fixture
def visit(running: Any, site: Path) -> Iterator[Callable[..., Any]]:
    opened: list[Any] = []

    def go(page: str, **options: Any) -> Any:
        context = running.new_context(**options)
        opened.append(context)
        tab = context.new_page()
        tab.problems = []
        tab.on("pageerror", lambda error: tab.problems.append(str(error)))
        tab.on("requestfailed", lambda request: tab.problems.append(request.url))
        tab.goto((site / page).as_uri())  # from the disk: nothing may need a server
        return tab

    yield go
    for context in opened:
        context.close()


def drawn(tab: Any, key: str) -> Any:
    found = tab.locator(f'.ka-strip-picture svg .box.open[data-key="{key}"]')
    found.wait_for()
    return found


def test_a_click_opens_a_block_and_its_neighbour(visit: Callable[..., Any]) -> None:
    tab = visit("inception.html")
    tab.locator("rect[data-block=mixed7]").click()
    drawn(tab, "mixed7")
    assert tab.locator(SAYS).text_content() == (
        "mixed7 of InceptionV3: 17×17×768, 617,914,368 MACs, 10.8% of the network"
    )
    tab.locator('.ka-strip-picture svg .box[data-key="conv2d_64"] .hit').first.click()
    assert tab.locator(SAYS).text_content().startswith("conv2d_64, Conv2D 1×1")
    tab.locator('.ka-strip-picture svg .box[data-key="mixed8"] .hit').click()
    drawn(tab, "mixed8")
    assert tab.locator(CHOSEN).get_attribute("data-block") == "mixed8"
    tab.get_by_role("button", name="Close the drawing").click()
    assert not tab.locator(".ka-strip-picture").is_visible()
    assert tab.locator(CHOSEN).count() == 0
    assert not tab.problems


def test_no_text_of_a_box_runs_into_another(visit: Callable[..., Any]) -> None:
    tab = visit("inception.html")
    tab.locator("rect[data-block=mixed9]").click()
    drawn(tab, "mixed9")
    gaps = tab.locator(".ka-strip-picture svg .box:not(.open)").evaluate_all(
        """(boxes) => boxes.map((box) => ["sub", "cost"].map((name) => box.querySelector(`:scope > .${name}`)))
          .filter(([, cost]) => cost.textContent)
          .map(([sub, cost]) => cost.getBBox().x - sub.getBBox().x - sub.getBBox().width)"""
    )
    assert len(gaps) == 11
    assert min(gaps) > 0


def test_the_fields_do_the_same_by_keyboard(visit: Callable[..., Any]) -> None:
    tab = visit("resnet.html")
    network, block = tab.locator("select[name=network]"), tab.locator("select[name=block]")
    assert block.locator("option").count() == 1 + sum(
        len(keraudit.audit(name).blocks) for name in FIGURES["resnet.html"]
    )
    network.focus()
    tab.keyboard.press("End")
    assert tab.locator(".ka-strip:visible").count() == 1
    assert block.locator("option").count() == 53  # 50 units, the stem and the head, and none
    tab.get_by_role("button", name="Next block").press("Enter")
    drawn(tab, "stem")
    tab.get_by_role("button", name="Next block").press("Enter")
    drawn(tab, "conv2_block1")
    tree = tab.locator(".ka-strip-picture").get_by_role("treeitem")
    tree.last.focus()
    tab.keyboard.press("Enter")
    drawn(tab, "conv2_block2")
    tab.get_by_role("button", name="Previous block").press("Enter")
    drawn(tab, "conv2_block1")
    network.select_option("")
    assert tab.locator(".ka-strip:visible").count() == 5
    assert not tab.locator(".ka-strip-picture").is_visible()
    assert not tab.problems


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_accessible_and_fits_a_phone(scheme: Any, visit: Callable[..., Any]) -> None:
    tab = visit("inception.html", color_scheme=scheme, viewport={"width": 360, "height": 740})
    tab.locator("rect[data-block=mixed9]").click()
    drawn(tab, "mixed9")
    found = Axe().run(tab, ".ka-strips").response["violations"]
    assert not [v["id"] for v in found if v["impact"] in ("serious", "critical")]
    assert tab.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    small = tab.evaluate(
        """() => [...document.querySelectorAll(".ka-strips :is(text, b, p, span, select)")]
          .filter((e) => e.getClientRects().length && parseFloat(getComputedStyle(e).fontSize) < 11).length"""
    )
    assert small == 0


def test_without_a_script_the_strips_stand(visit: Callable[..., Any]) -> None:
    tab = visit("resnet.html", java_script_enabled=False)
    assert tab.locator(".ka-strip svg > svg").count() == 5
    assert tab.locator(".ka-strip-row").is_visible()
    assert not tab.locator(".ka-strips form").is_visible()
    names = [re.sub(r"\W", "", text) for text in tab.locator(".ka-strip > b").all_text_contents()]
    assert names == [re.sub(r"\W", "", name) for name in FIGURES["resnet.html"]]
