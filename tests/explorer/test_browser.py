"""The explorer in a real browser, as a visitor uses it."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("streamlit")
pytest.importorskip("playwright")

from playwright.sync_api import expect

from browser import launched
from built import json_of
from explorer.server import click_on_map, metric, opened, served, settled
from explorer.test_upload import MARKUP, dense, model

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


EXHAUSTIVE = pytest.mark.exhaustive


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as found:
        yield found


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    from conftest import CACHE

    with served(KERAUDIT_CACHE=str(CACHE)) as (address, _):
        yield address


def send(page: Page, name: str, data: bytes, *, is_refused: bool = False) -> None:
    """Send a file; one that is accepted changes the address."""
    before = page.url
    box = page.get_by_test_id("stSidebar").locator("input[type=file]")
    box.set_input_files({"name": name, "mimeType": "application/json", "buffer": data})
    if not is_refused:
        page.wait_for_url(lambda url: url != before)
    settled(page)


def test_from_the_map_to_the_cost_without_reductions(browser: Browser, url: str) -> None:
    with opened(browser, f"{url}/?page=map&model=InceptionV3") as page:
        assert metric(page, "MACs") == "5.713 G"
        click_on_map(page, "mixed3")
        page.get_by_text("3 branches").first.wait_for()
        assert "block=mixed3" in page.url
        assert metric(page, "MACs", 1) == "401.9 M"
        page.get_by_text("What if", exact=True).click()
        page.get_by_text("Remove 1×1 reductions").click()
        page.get_by_text("+4.114 G").wait_for()
        assert metric(page, "MACs") == "9.828 G"
        page.go_back()
        settled(page)
        page.go_back()
        page.get_by_text("3 branches").first.wait_for()


@pytest.mark.parametrize(
    ("view", "drawn", "held"),
    [
        ("model=InceptionV3", True, "mixed3"),
        pytest.param("page=map&model=InceptionV3", True, "mixed3", marks=EXHAUSTIVE),
        ("page=what-if&model=InceptionV3&without=reductions", False, "mixed3"),
        pytest.param("page=gradients&model=ResNet-CIFAR-20", True, "depth", marks=EXHAUSTIVE),
        pytest.param(
            "page=compare&model=ResNet50&compared=VGG16", False, "VGG16", marks=EXHAUSTIVE
        ),
    ],
)
def test_a_page_is_taken_along_as_files(
    browser: Browser, url: str, view: str, drawn: bool, held: str
) -> None:
    with opened(browser, f"{url}/?{view}") as page:
        texts = {}
        page.get_by_role("button", name="Save as a file").click()
        for kind in ("HTML", "Markdown", "JSON", "CSV"):
            with page.expect_download() as told:
                page.get_by_test_id("stPopoverBody").get_by_role("button", name=kind).click()
            texts[kind] = told.value.path().read_text("utf-8")
    assert all(held in text for kind, text in texts.items() if kind != "JSON")
    assert json.loads(texts["JSON"])["schema"].startswith("keraudit.")
    assert "<table" in texts["HTML"]
    assert ("plotly" in texts["HTML"]) == drawn
    assert 'src="http' not in texts["HTML"]


def test_a_shared_address_shows_the_same(browser: Browser, url: str) -> None:
    with opened(browser, f"{url}/?page=layer&model=ResNet50&layer=conv4_block2_2_conv") as page:
        page.get_by_text("14 × 14 × 256 × 3 × 3 × 256 = 115,605,504 MACs").wait_for()
        page.get_by_alt_text("the receptive field").wait_for()
    with opened(browser, f"{url}/?page=what-if&batch=%00&model=nonsense&x=1") as page:
        page.get_by_text("Ignored ").nth(2).wait_for()
        assert page.get_by_text("Ignored ").count() == 3
        assert metric(page, "MACs") == "5.713 G"


def test_a_file_is_seen_by_its_own_session_alone(browser: Browser, url: str) -> None:
    with opened(browser, url) as mine, opened(browser, url) as theirs:
        send(mine, "mine.json", json_of("ResNet50").encode())
        assert metric(mine, "MACs") == "3.858 G"
        address = re.sub(r"[?&]kept=[^&]*", "", mine.url).replace("/&", "/?")
        theirs.reload()
        settled(theirs)
        assert metric(theirs, "MACs") == "5.713 G"
        theirs.goto(address)
        theirs.get_by_text("only the session that sent it").wait_for()
        assert theirs.get_by_text("mine.json").count() == 0
        send(theirs, "again.json", json_of("ResNet50").encode())
        assert metric(theirs, "MACs") == "3.858 G"
        mine.reload()
        mine.get_by_text("3.858 G").first.wait_for()
        settled(mine)
        mine.get_by_text("keraudit flops mine.json").wait_for()


def test_a_command_is_copied_and_a_server_that_is_gone_is_told(browser: Browser) -> None:
    from conftest import CACHE

    with served(KERAUDIT_CACHE=str(CACHE)) as (address, pid):
        context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
        page = context.new_page()
        page.goto(f"{address}/?model=ResNet50")
        settled(page)
        expect(page).to_have_title("ResNet50: Network - keraudit")
        page.locator("body[data-shell]").wait_for(state="attached")
        page.get_by_role("button", name="Copy").click()
        page.get_by_text("Copied").wait_for()
        assert page.evaluate("navigator.clipboard.readText()") == "keraudit flops ResNet50"
        os.kill(pid, signal.SIGTERM)
        page.get_by_text("The explorer has stopped").wait_for()
        assert page.get_by_text("keraudit explore").first.is_visible()
        assert page.get_by_text("streamlit run").count() == 0
        context.close()


def test_names_in_a_file_are_drawn_as_text(browser: Browser, url: str) -> None:
    layers = model(dense(MARKUP), dense("other"), name=MARKUP)
    with opened(browser, url) as page:
        send(page, "names.json", layers)
        for name in ("Layer", "What if", "Compare", "Export", "Map"):
            page.get_by_text(name, exact=True).first.click()
            page.wait_for_function("name => document.title.includes(`: ${name} - `)", arg=name)
            settled(page)
            assert page.locator("img[src=x]").count() == 0, name
            assert page.locator("a[href='http://c']").count() == 0, name
        send(page, "bad.json", b"[1]", is_refused=True)
        page.get_by_text("bad.json: the JSON holds a list, not a model").wait_for()


def test_a_live_audit_can_be_cancelled(browser: Browser, url: str) -> None:
    with opened(browser, f"{url}/?page=gradients&model=ResNet-CIFAR-20&record=live") as page:
        page.get_by_role("button", name="Measure, about").click()
        page.get_by_text("Cancel").click()
        page.get_by_text("cancelled; nothing was kept").wait_for()
        page.get_by_role("button", name="Measure, about").wait_for()
