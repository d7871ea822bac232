"""The network's drawing in a real browser: opened, searched, walked through by keyboard, shared."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("streamlit")

from browser import launched
from explorer.server import metric, opened, served, settled
from explorer.test_browser import send
from explorer.test_upload import MARKUP, dense, model

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as found:
        yield found


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    from conftest import CACHE

    with served(KERAUDIT_CACHE=str(CACHE)) as (address, _):
        yield address


def box(page: Page, key: str) -> Locator:
    return page.locator(f'svg .box[data-key="{key}"]')


def texts(page: Page, selector: str) -> list[str]:
    return page.locator(selector).all_text_contents()


def test_a_layer_is_found_and_a_module_opened(browser: Browser, url: str) -> None:
    with opened(browser, f"{url}/?model=InceptionV3") as page:
        assert metric(page, "MACs") == "5.713 G"
        box(page, "mixed7").click()
        page.locator('svg .box.open[data-key="mixed7"]').wait_for()
        assert texts(page, "svg .branch .cost") == [
            "340.9 M MACs",
            "191.8 M MACs",
            "42.61 M MACs",
            "42.61 M MACs",
        ]
        page.get_by_text("4 branches").first.wait_for()
        page.keyboard.press("Control+k")
        page.keyboard.type("conv2d_93")
        page.keyboard.press("Enter")
        page.get_by_text("8 × 8 × 2048 × 192 = 25,165,824 MACs").wait_for()
        settled(page)
        assert "layer=conv2d_93" in page.url
        assert "chosen" in str(box(page, "conv2d_93").get_attribute("class"))
        assert page.locator("svg .wire.lit").count() > 12
        page.go_back()
        page.locator('svg .box.open[data-key="mixed10"]').wait_for(state="detached")
        assert box(page, "mixed7").count() == 1
        settled(page)
        page.go_forward()
        page.get_by_text("25,165,824 MACs").wait_for()
        settled(page)
        page.reload()
        page.get_by_text("25,165,824 MACs").wait_for()
        settled(page)
        assert "chosen" in str(box(page, "conv2d_93").get_attribute("class"))


def test_sixteen_skips_are_drawn_around_closed_blocks(browser: Browser, url: str) -> None:
    with opened(browser, f"{url}/?model=ResNet50") as page:
        page.locator("svg .arc").nth(15).wait_for()
        assert page.locator("svg .arc").count() == 16
        assert page.locator("svg .plus").count() == 16
        assert page.locator("svg .box.open").count() == 0
        page.get_by_role("button", name="Show the whole network").click()
        stage = page.locator(".stage").bounding_box()
        assert stage is not None
        for arc in page.locator("svg .arc").all():
            at = arc.bounding_box()
            assert at is not None
            assert stage["y"] <= at["y"]
            assert at["y"] + at["height"] <= stage["y"] + stage["height"]


def test_what_if_colours_the_layers_that_change(browser: Browser, url: str) -> None:
    with opened(browser, f"{url}/?page=what-if&model=ResNet50&without=reductions") as page:
        page.locator("svg .box.changed").nth(10).wait_for(state="attached")
        assert page.locator("svg .box.removed").count() == 0
        page.get_by_text("before", exact=True).first.click()
        page.wait_for_url(re.compile("side=before"))
        settled(page)
        box(page, "conv2_block2").click()
        page.locator('svg .box.open[data-key="conv2_block2"]').wait_for()
        settled(page)
        assert "removed" in str(box(page, "conv2_block2_1_conv").get_attribute("class"))
        page.get_by_role("button", name="Cut this skip").click()
        page.get_by_role("button", name="Undo: skip to conv2_block2_add cut").wait_for()
        assert "cut=conv2_block2_add" in page.url


def test_the_panel_stands_beside_the_drawing(browser: Browser, url: str) -> None:
    with opened(browser, f"{url}/?model=ResNet50&layer=conv2_block1_1_conv") as page:
        page.set_viewport_size({"width": 1280, "height": 800})
        line = page.get_by_text("56 × 56 × 64 × 64 = 12,845,056 MACs").bounding_box()
        stage = page.locator(".stage").bounding_box()
        assert line is not None
        assert stage is not None
        assert line["x"] > stage["x"] + stage["width"]
        assert line["y"] + line["height"] < 800


def test_it_is_walked_through_by_keyboard(browser: Browser, url: str) -> None:
    with opened(browser, f"{url}/?model=VGG16") as page:
        tree = page.get_by_role("tree")
        first = tree.get_by_role("treeitem").first
        first.focus()
        assert (first.text_content() or "").startswith("block1")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        page.locator('svg .box.open[data-key="block2"]').wait_for()
        settled(page)
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        page.get_by_text("112 × 112 × 64 × 3 × 3 × 128").wait_for()
        settled(page)
        assert "layer=block2_conv1" in page.url
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowLeft")
        page.locator('svg .box.open[data-key="block2"]').wait_for(state="detached")
        settled(page)
        page.keyboard.press("Escape")
        page.get_by_text("138.4 M").first.wait_for()
        assert "block=" not in page.url


def test_a_small_network_shows_its_layers_and_can_be_saved(browser: Browser, url: str) -> None:
    layers = model(dense("first"), dense("second"), dense("third"))
    with opened(browser, url) as page:
        send(page, "small.json", layers)
        page.locator("svg .box.stack > .name", has_text="third").wait_for()
        names = texts(page, "svg .box.stack > .name")
        assert names[1:] == ["first", "second", "third"]
        for kind, start in (("SVG", b"<svg"), ("PNG", b"\x89PNG")):
            with page.expect_download() as told:
                page.get_by_role("button", name=f"Save as {kind}").click()
            data = told.value.path().read_bytes()
            assert data.startswith(start)
            assert kind == "PNG" or b"second" in data


def test_names_in_a_drawing_are_text(browser: Browser, url: str) -> None:
    with opened(browser, url) as page:
        send(page, "names.json", model(dense(MARKUP), dense("other"), name=MARKUP))
        page.locator("svg .box > .name", has_text="other").wait_for()
        page.keyboard.press("Control+k")
        page.keyboard.type("img")
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile("layer="))
        page.locator("svg .box.chosen").wait_for()
        assert page.locator("img[src=x]").count() == 0
        assert page.locator("a[href='http://c']").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_accessible(browser: Browser, url: str, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    address = f"{url}/?model=InceptionV3&layer=conv2d_66"
    with opened(browser, address, scheme=scheme) as page:
        box(page, "conv2d_66").wait_for()
        response = axe.run(page).response
        found = [
            (violation["id"], node["html"][:200])
            for violation in response["violations"]
            for node in violation["nodes"]
            if "stFileUploaderDropzone" not in node["html"]  # Streamlit's own
        ]
        assert not found
        looked_at = [node["html"] for passed in response["passes"] for node in passed["nodes"]]
        assert any('role="treeitem"' in html for html in looked_at)
