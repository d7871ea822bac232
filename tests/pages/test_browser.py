"""The site in a real browser: nothing fails, nothing is fetched from elsewhere, everyone can read it.

``make test`` visits a page of each kind, ``make test-all`` every page.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mkdocs")
pytest.importorskip("keras")
pytest.importorskip("playwright")

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from browser import launched

ROOT = Path(__file__).parents[2]
# Every page written by hand, and two of those made alike from the record of the zoo.
PAGES = sorted(
    path.relative_to(ROOT / "site").with_suffix(".html").as_posix()
    for path in (ROOT / "site").rglob("*.md")
)
PAGES += ["models/efficientnetb0.html", "models/mobilenet.html"]
# One of each kind: the start, a chapter, a sortable table, a model, a text, a reference.
KINDS = ("index", "inception", "zoo", "models/resnet50", "guide/install", "guide/api")
TEXT_BYTES, FIGURE_BYTES, INDEX_BYTES = 500_000, 2_000_000, 200_000
PATIENCE = 90_000  # milliseconds: two busy cores draw slowly
PHONE = {"width": 360, "height": 740}
FOLDED = "details:not([open])"
# Plotly fits a figure to its column some time after the window's size has changed.
FITS = "[...document.querySelectorAll('.ka-plot .main-svg')].every((e) => e.getBoundingClientRect().width <= innerWidth)"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def running() -> Iterator[Any]:
    with launched() as browser:
        yield browser


class Visit:
    """A page in a context of its own, with what it fetched and what it complained of."""

    def __init__(self, browser: Any, url: str, **options: Any) -> None:
        self.context = browser.new_context(**{"color_scheme": "light", **options})
        self.context.set_default_timeout(PATIENCE)
        self.page = self.context.new_page()
        self.problems: list[str] = []
        self.fetched: dict[str, int] = {}
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on(
            "console", lambda m: self.problems.append(m.text) if m.type == "error" else None
        )
        self.page.on("requestfailed", lambda request: self.problems.append(request.url))
        self.page.on("requestfinished", self.finished)
        self.page.goto(url, wait_until="load")

    def finished(self, request: Any) -> None:
        response = request.response()
        if response and response.status >= 400:
            self.problems.append(f"{response.status} {request.url}")
        self.fetched[request.url] = int((response and response.headers.get("content-length")) or 0)

    def draw(self) -> None:
        """Open what holds a figure, scroll to each, as a reader does, and wait until it is drawn."""
        self.page.evaluate(
            """() => document.querySelectorAll("details:has(.ka-plot)").forEach((e) => (e.open = true))"""
        )
        for plot in self.page.locator(".ka-plot").all():
            plot.scroll_into_view_if_needed()
            plot.and_(self.page.locator("[data-drawn]")).wait_for()

    def violations(self) -> list[str]:
        found = Axe().run(self.page).response["violations"]
        return [
            f"{rule['id']}: {rule['help']}: {[node['target'] for node in rule['nodes']][:3]}"
            for rule in found
            if rule["impact"] in ("serious", "critical")
        ]

    def is_too_wide(self) -> list[str]:
        """What sticks out at the right, if the page scrolls sideways."""
        found: list[str] = self.page.evaluate(
            """() => document.scrollingElement.scrollWidth <= innerWidth ? [] :
              [...document.querySelectorAll("article *")]
                .filter((e) => e.getBoundingClientRect().right > innerWidth + 1)
                .slice(0, 5).map((e) => `${e.tagName}.${e.className}`).concat("page")"""
        )
        return found


@pytest.fixture
def visit(running: Any, address: str) -> Iterator[Callable[..., Visit]]:
    opened: list[Visit] = []

    def go(page: str, **options: Any) -> Visit:
        opened.append(Visit(running, f"{address}/{page}", **options))
        return opened[-1]

    yield go
    for each in opened:
        each.context.close()


@pytest.mark.parametrize(
    "name",
    [
        name
        if name.removesuffix(".html") in KINDS
        else pytest.param(name, marks=pytest.mark.exhaustive)
        for name in PAGES
    ],
)
def test_a_page_loads_whole_light_and_fits(
    name: str, visit: Callable[..., Visit], address: str
) -> None:
    found = visit(name)
    found.draw()
    assert not found.problems
    assert not [url for url in found.fetched if not url.startswith(f"{address}/")]
    # the search's index comes later, in a worker of its own, and has its own limit
    weight = sum(
        size
        for url, size in found.fetched.items()
        if not url.endswith(("plotly.min.js", "search_index.json"))
    )
    has_figures = found.page.locator(".ka-plot").count()
    assert weight < (FIGURE_BYTES if has_figures else TEXT_BYTES)
    assert not found.violations()
    found.page.set_viewport_size(PHONE)
    found.page.wait_for_function(FITS)
    assert not found.is_too_wide()


def test_the_search_is_light(site: Path) -> None:
    assert (site / "search" / "search_index.json").stat().st_size < INDEX_BYTES


@pytest.mark.parametrize("name", ["index.html", "inception.html", "zoo.html", "guide/api.html"])
def test_it_is_readable_in_the_dark(name: str, visit: Callable[..., Visit]) -> None:
    found = visit(name, color_scheme="dark", reduced_motion="reduce")
    assert found.page.locator("body").get_attribute("data-md-color-scheme") == "slate"
    found.draw()
    assert not found.violations()


def test_the_figures_follow_the_palette(visit: Callable[..., Visit]) -> None:
    found = visit("models/resnet50.html")
    found.draw()
    ink = "getComputedStyle(document.querySelector('.ka-plot .xtick text')).fill"
    before = found.page.evaluate(ink)
    found.page.locator("label[for=__palette_1]").click()
    found.page.locator(".ka-plot[data-drawn=slate]").wait_for()
    assert found.page.evaluate(ink) != before
    found.page.locator("label[for=__palette_0]").click()
    found.page.locator(".ka-plot[data-drawn=default]").wait_for()
    assert found.page.evaluate(ink) == before
    assert not found.problems


def test_a_figure_is_drawn_when_it_is_scrolled_to(visit: Callable[..., Visit]) -> None:
    found = visit("cifar.html")
    last = found.page.locator(".ka-plot").last
    assert last.get_attribute("data-drawn") is None
    assert last.locator("svg.ka-still").is_visible()
    last.scroll_into_view_if_needed()
    last.and_(found.page.locator("[data-drawn]")).wait_for()
    assert last.locator(".main-svg").first.is_visible()


def line(page: Any, name: str) -> str:
    return str(page.locator(f"[data-line={name}] td").first.text_content())


def test_the_calculator_gives_the_lecture_s_numbers(visit: Callable[..., Visit]) -> None:
    page = visit("inception.html").page
    assert line(page, "direct") == "120,422,400"
    assert line(page, "total") == "12,443,648"


def test_the_calculator_follows_the_keyboard(visit: Callable[..., Visit]) -> None:
    page = visit("inception.html").page
    channels = page.locator("input[name=channels]")
    before = page.locator("[data-part=behind]").get_attribute("style")
    channels.focus()
    page.keyboard.press("ArrowUp")
    assert line(page, "direct") == f"{28 * 28 * 32 * 5 * 5 * 193:,}"
    assert page.locator("[data-part=behind]").get_attribute("style") != before
    for _ in range(3):  # kernel, filters, reduction
        page.keyboard.press("Tab")
    page.keyboard.press("Control+A")
    page.keyboard.type("193")
    assert line(page, "squeeze") == f"{28 * 28 * 193 * 193:,}"
    assert "costs more than it saves" in str(page.locator(".ka-verdict").text_content())


@pytest.mark.parametrize("nonsense", ["", "0", "-3", "2.5", "1e9", "99999"])
def test_the_calculator_refuses_politely(nonsense: str, visit: Callable[..., Visit]) -> None:
    found = visit("inception.html")
    kernel = found.page.locator("input[name=kernel]")
    kernel.fill(nonsense)
    assert kernel.get_attribute("aria-invalid") == "true"
    told = found.page.locator(".ka-refusal").text_content()
    assert told == "kernel: a whole number from 1 to 63, please. Below are the last valid sizes."
    assert found.page.locator(".ka-result.ka-stale").count() == 1
    assert line(found.page, "direct") == "120,422,400"  # of the last good sizes
    kernel.fill("3")
    assert found.page.locator(".ka-refusal").text_content() == ""
    assert found.page.locator(".ka-stale").count() == 0
    assert line(found.page, "direct") == f"{28 * 28 * 32 * 3 * 3 * 192:,}"
    assert not found.problems


def test_the_calculator_starts_from_googlenet(visit: Callable[..., Visit]) -> None:
    page = visit("inception.html").page
    page.locator("select[name=start]").select_option(label="GoogLeNet 5b")
    # Szegedy et al. 2014, Table 1: 7x7x832, 48 before 128 filters of 5x5
    assert line(page, "direct") == f"{7 * 7 * 128 * 5 * 5 * 832:,}"
    assert line(page, "total") == f"{7 * 7 * 48 * 832 + 7 * 7 * 128 * 5 * 5 * 48:,}"


def test_the_calculator_has_sliders_and_an_address(visit: Callable[..., Visit]) -> None:
    page = visit("inception.html").page
    page.locator("input[data-of=channels]").fill("256")
    assert page.locator("input[name=channels]").input_value() == "256"
    assert line(page, "direct") == f"{28 * 28 * 32 * 5 * 5 * 256:,}"
    again = visit(f"inception.html?{page.url.partition('?')[2]}")
    assert line(again.page, "direct") == f"{28 * 28 * 32 * 5 * 5 * 256:,}"


def test_the_products_are_visible_on_a_phone(visit: Callable[..., Visit]) -> None:
    page = visit("inception.html", viewport=PHONE).page
    for name in ("direct", "squeeze", "behind"):
        cell = page.locator(f"[data-line={name}] td").last
        box = cell.bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= PHONE["width"]


def names(page: Any) -> list[str]:
    return list(page.locator(".ka-zoo tbody tr:visible th").all_text_contents())


def test_the_zoo_is_sorted_and_narrowed(visit: Callable[..., Visit]) -> None:
    found = visit("zoo.html")
    page = found.page
    assert len(names(page)) == 40
    head = page.get_by_role("columnheader", name="top-1, %")
    page.get_by_role("button", name="top-1, %").press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    assert names(page)[0] == "MobileNet"
    page.get_by_role("button", name="top-1, %").press("Enter")
    assert head.get_attribute("aria-sort") == "descending"
    assert names(page)[0] == "EfficientNetV2L"
    assert names(page)[-1].startswith(("ConvNeXt", "MobileNetV3"))  # their accuracy is not known
    page.get_by_label("name contains").fill("resnet50")
    assert sorted(names(page)) == ["ResNet50", "ResNet50V2"]
    page.get_by_label("at most, billion MACs").fill("3.5")
    assert names(page) == ["ResNet50V2"]
    assert "1 of 40 models" in str(page.locator(".ka-found").text_content())


def test_the_zoo_s_axes_can_be_chosen(visit: Callable[..., Visit]) -> None:
    found = visit("zoo.html")
    found.draw()
    found.page.get_by_label("across").select_option(label="parameters, millions")
    found.page.locator(".ka-plot .xtitle", has_text="parameters, millions").wait_for()
    assert not found.problems


def points(page: Any) -> list[str]:
    found: list[str] = page.evaluate(
        "document.querySelector('.ka-plot').data.flatMap((t) => t.customdata.map((row) => row[0]))"
    )
    return found


def test_the_zoo_s_filters_act_on_its_figure_and_stand_in_the_address(
    visit: Callable[..., Visit],
) -> None:
    found = visit("zoo.html")
    found.draw()
    assert len(points(found.page)) == 40
    found.page.get_by_label("name contains").fill("resnet50")
    found.page.get_by_label("across").select_option(label="parameters, millions")
    found.page.locator(".ka-plot .xtitle", has_text="parameters, millions").wait_for()
    assert sorted(points(found.page)) == ["ResNet50", "ResNet50V2"]
    again = visit(f"zoo.html?{found.page.url.partition('?')[2]}")
    again.draw()
    assert sorted(names(again.page)) == sorted(points(again.page)) == ["ResNet50", "ResNet50V2"]
    again.page.locator(".ka-plot .xtitle", has_text="parameters, millions").wait_for()
    odd = visit("zoo.html?x=nonsense&sort=99")
    odd.draw()
    assert len(points(odd.page)) == 40
    assert not odd.problems


def test_a_point_of_the_zoo_leads_to_its_model(visit: Callable[..., Visit]) -> None:
    found = visit("zoo.html?name=nasnetlarge")
    found.draw()
    found.page.evaluate(
        "document.querySelector('.ka-plot').emit('plotly_click', {points: [{customdata: ['NASNetLarge']}]})"
    )
    found.page.wait_for_url("**/models/nasnetlarge.html")


@pytest.mark.parametrize(
    ("topic", "chapter"),
    [
        ("backpropagation", "gradients"),
        ("vanishing gradient", "gradients"),
        ("skip connection", "resnet"),
    ],
)
def test_the_search_leads_to_the_chapter(
    topic: str, chapter: str, visit: Callable[..., Visit]
) -> None:
    page = visit("index.html").page
    page.locator(".md-search__input").click()
    page.keyboard.type(topic)
    first = page.locator(".md-search-result__link").first
    expect(first).to_have_attribute("href", re.compile(rf"{chapter}\.html"))


def test_panels_are_stacked_on_a_phone(visit: Callable[..., Visit]) -> None:
    found = visit("resnet.html", viewport=PHONE)
    found.draw()
    lefts = found.page.evaluate(
        """() => [...document.querySelectorAll('.ka-plot')].map((plot) =>
          [...plot.querySelectorAll('.nsewdrag')].map((panel) => Math.round(panel.getBoundingClientRect().left)))"""
    )
    assert any(len(panels) > 1 for panels in lefts)
    assert all(len(set(panels)) <= 1 for panels in lefts)
    assert not found.is_too_wide()


def test_without_a_script_everything_is_there(visit: Callable[..., Visit]) -> None:
    page = visit("inception.html", java_script_enabled=False).page
    stills = page.locator(f"svg.ka-still:not(.ka-below, {FOLDED} *)").all()
    assert stills
    assert all(still.is_visible() for still in stills)
    assert not page.locator(".ka-calculator form").is_visible()
    assert line(page, "total") == "12,443,648"
    page = visit("zoo.html", java_script_enabled=False).page
    assert page.locator(".ka-zoo tbody tr").count() == 40


def test_it_opens_from_the_disk(running: Any, site: Path) -> None:
    found = Visit(running, (site / "index.html").as_uri())
    found.draw()
    assert not [url for url in found.fetched if not url.startswith("file:")]
    found.context.close()


def test_the_numbers_of_a_figure_are_offered(visit: Callable[..., Visit], site: Path) -> None:
    page = visit("models/resnet50.html").page
    with page.expect_download() as caught:
        page.locator("details.ka-data summary").click()
        page.get_by_role("link", name="CSV").click()
    rows = Path(caught.value.path()).read_text("utf-8").splitlines()
    assert rows[0] == ",fork-join,segment"
    assert len(rows) == 19  # sixteen units, a stem and a head, under the names
    told = json.loads((site / "data" / "resnet50-macs-per-block-batch-1.json").read_text("utf-8"))
    assert "keraudit flops ResNet50" in told["made"]
