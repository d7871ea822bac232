"""Large and deep-named networks in a real browser: opened level by level, searched."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("streamlit")

from browser import launched
from chains import chain, dense
from explorer.server import metric, opened, served, settled
from explorer.test_browser import send
from keraudit.explorer.start import FOLDER_VARIABLE, MODEL_VARIABLE

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.exhaustive
MOST_BOXES = 100  # of one level: what can be looked through
LAYERS = 9_990
VIT = """
def make():
    import keras_hub

    backbone = keras_hub.models.ViTBackbone(
        image_shape=(64, 64, 3), patch_size=16, num_layers=12, num_heads=3, hidden_dim=48, mlp_dim=96
    )
    return keras_hub.models.ViTImageClassifier(backbone=backbone, num_classes=10, preprocessor=None)
"""


def names(page: Page) -> list[str]:
    return page.locator("svg .box > .name").all_text_contents()


def test_ten_thousand_layers_are_opened_level_by_level_and_searched() -> None:
    text = json.dumps(chain([8], *(dense(f"dense_{i}", 8) for i in range(LAYERS)))).encode()
    with launched() as browser, served() as (url, _), opened(browser, url) as page:
        send(page, "large.json", text)
        page.locator("svg .box > .name", has_text=re.compile("^m$")).wait_for()
        assert names(page) == ["m"]
        page.locator("svg .box").click()
        page.locator("svg .box.open").wait_for()
        settled(page)
        assert 10 < page.locator("svg .box").count() < MOST_BOXES
        page.keyboard.press("Control+k")
        page.keyboard.type("dense_7777")
        page.keyboard.press("Enter")
        page.get_by_text("8 × 8 = 64 MACs").wait_for()
        settled(page)
        page.locator("svg .box.chosen > .name").wait_for()
        assert page.locator("svg .box").count() < 2 * MOST_BOXES
        chosen = page.locator("svg .box.chosen > .name").all_text_contents()
        assert chosen == ["dense_7777"]


def test_a_traced_transformer_is_opened_block_by_block(tmp_path: Path) -> None:
    pytest.importorskip("keras_hub")
    (tmp_path / "hub_vit.py").write_text(VIT)
    chosen = {MODEL_VARIABLE: "hub_vit:make", FOLDER_VARIABLE: str(tmp_path)}
    with launched() as browser, served(**chosen) as (url, _), opened(browser, url) as page:
        page.locator("svg .box").first.wait_for(timeout=120_000)
        settled(page)
        found = names(page)
        assert sum("transformer_block" in name or "block_1" in name for name in found) == 12
        assert page.locator("svg .arc").count() >= 12
        assert metric(page, "MACs")
        page.locator("svg .box", has_text="block_2").click()
        page.locator("svg .box.open").wait_for()
        assert {"ln_1", "mha", "ln_2"} <= set(names(page))
        page.locator('svg .box[data-key$="/mha"]').click()
        page.get_by_text("Cost, written out").wait_for()
