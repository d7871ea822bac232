"""The interactive figures of the ResNet and the gradients page, in a browser and without a script."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mkdocs")
pytest.importorskip("keras")
pytest.importorskip("playwright")

from axe_playwright_python.sync_playwright import Axe

from browser import launched
from pages import chain_rule, log_chart

pytestmark = pytest.mark.usefixtures("at_the_root")
DRAWN = """[...document.querySelectorAll("[data-picture] > *")]
  .map((e) => e.getAttribute("d") ?? `${e.getAttribute("x")} ${e.getAttribute("y")} ${e.textContent}`)"""

# No row of the table is wider than the figure.
WITHIN = """document.querySelector(".ka-chain table").getBoundingClientRect().right
  <= document.querySelector(".ka-chain").getBoundingClientRect().right + 0.5"""


@pytest.fixture(scope="module")
def running() -> Iterator[Any]:
    with launched() as browser:
        yield browser


def opened(running: Any, site: Path, name: str, **options: Any) -> Any:
    page = running.new_context(**{"color_scheme": "light", **options}).new_page()
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.goto((site / f"{name}.html").as_uri())
    return page


def written(picture: str) -> list[str]:
    """The same of a picture as it is written."""
    found = re.findall(r' d="([^"]+)"| x="([^"]+)" y="([^"]+)"[^>]*>([^<]*)<', picture)
    return [path or f"{x} {y} {words}" for path, x, y, words in found]


def row(page: Any, name: str) -> list[str]:
    return list(page.locator(f"[data-row={name}] td").all_text_contents())


def test_the_script_draws_what_the_page_holds(running: Any, site: Path) -> None:
    still, live = (
        opened(running, site, "gradients", java_script_enabled=on) for on in (False, True)
    )
    assert live.evaluate(DRAWN) == written(
        log_chart.picture(
            {name: curve.logs for name, curve in chain_rule.lines().items()}, chain_rule.stages()
        )
    )
    assert not live.problems
    for name, curve in chain_rule.lines().items():
        assert row(still, name) == row(live, name) == list(chain_rule.told(curve))
    assert still.locator(".ka-chain form").is_hidden()
    assert live.locator(".ka-chain form").is_visible()


@pytest.mark.parametrize(("depth", "network"), [(110, "glorot"), (20, "he")])
def test_other_depths_and_networks_are_drawn_from_the_same_numbers(
    depth: int, network: str, running: Any, site: Path
) -> None:
    page = opened(running, site, "gradients")
    page.locator("select[name=depth]").select_option(str(depth))
    page.locator("select[name=network]").select_option(network)
    assert float(page.locator("input[name=gain]").input_value()) == chain_rule.gain(network)
    curves = {}
    for side in chain_rule.SIDES:
        curves[f"{side}-measured"] = chain_rule.measured(depth, network, side)
        curves[f"{side}-model"] = chain_rule.network_model(depth, network, side)
    logs = {name: curve.logs for name, curve in curves.items()}
    assert page.evaluate(DRAWN) == written(log_chart.picture(logs, chain_rule.stages(depth)))
    for name, curve in curves.items():
        assert row(page, name) == list(chain_rule.told(curve))
    for width in (360, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate(WITHIN)


def test_the_gain_follows_the_keyboard_and_is_told(running: Any, site: Path) -> None:
    page = opened(running, site, "gradients")
    page.locator("input[name=gain]").focus()
    page.keyboard.press("ArrowLeft")
    expected = chain_rule.model(27, 1.2, norm=True, skips=False)
    assert row(page, "off-model") == list(chain_rule.told(expected))
    assert page.locator(".ka-chain output").text_content() == "1.20"
    status = page.locator(".ka-chain [role=status]").text_content()
    assert status.startswith(
        f"without skips: along the fitted line {chain_rule.told(expected)[1]} in"
    )
    page.locator("select[name=skips]").select_option("on")
    assert page.locator("[data-row]:visible").count() == 2
    assert page.locator("[data-picture] [data-line^=off]").count() == 0
    assert not page.problems


@pytest.mark.parametrize("script", [True, False])
def test_the_skip_is_switched_with_a_script_and_without(
    *, script: bool, running: Any, site: Path
) -> None:
    page = opened(running, site, "resnet", java_script_enabled=script)
    on, off = (page.locator(f".ka-states .ka-{state}") for state in ("on", "off"))
    assert on.is_visible()
    assert off.is_hidden()
    assert page.locator(".ka-skip .ka-shortcut:visible").count() == 4
    page.get_by_role("radio", name="skip on").focus()
    page.keyboard.press("ArrowRight")
    assert on.is_hidden()
    assert off.is_visible()
    assert "learn the identity" in off.text_content()
    assert page.locator(".ka-skip .ka-shortcut:visible").count() == 0
    page.emulate_media(media="print")  # on paper both states are in words
    assert on.is_visible()
    assert off.is_visible()


@pytest.mark.parametrize("name", ["resnet", "gradients"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everyone_can_read_them(name: str, scheme: str, running: Any, site: Path) -> None:
    page = opened(running, site, name, color_scheme=scheme)
    found = Axe().run(page).response["violations"]
    assert not [
        (rule["id"], [node["target"] for node in rule["nodes"]][:3])
        for rule in found
        if rule["impact"] in ("serious", "critical")
    ]
    for width in (360, 1920):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    page.set_viewport_size({"width": 360, "height": 800})
    sizes = page.evaluate(
        """() => [...document.querySelectorAll(".ka-chart svg text, .ka-block text")].map((e) => {
          const svg = e.ownerSVGElement;
          return parseFloat(getComputedStyle(e).fontSize) * svg.getBoundingClientRect().width
            / svg.viewBox.baseVal.width; })"""
    )
    assert min(sizes) >= 11
