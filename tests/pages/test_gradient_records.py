"""The records behind the gradients page: each has a command, none holds what it should not."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

pytest.importorskip("mkdocs")

from pages import gradients
from records import gradients as records

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / records.FOLDER


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_a_record_names_what_made_it_and_no_place(path: Path) -> None:
    text = path.read_text("utf-8")
    record = json.loads(text)
    assert record["command"] == records.command(path.stem)
    assert record["data"]
    assert record["date"]
    assert record["hardware"]
    assert record["seeds"]
    assert record["versions"]["keras"]
    assert not [word for word in ("/tmp", "/home", "/work", "/root") if word in text]


def test_every_case_of_the_page_can_be_made() -> None:
    pages = (ROOT / "site").rglob("*.md")
    text = "\n".join(page.read_text("utf-8") for page in pages)
    shown = re.findall(r'\{\{ gradients\.(\w+)\("([^"]+)"', text)
    assert len(shown) > 15
    for function, name in shown:
        if function == "of_run":  # by `keraudit train --watch-gradients`
            assert (ROOT / "site/results/runs" / f"{name}.json").is_file()
        else:
            assert name in (*records.CASES, *records.WATCHED)


def test_the_verdicts_are_those_of_the_thresholds() -> None:
    from keraudit.audits.gradients.growth import ACROSS

    told = 0
    for path in FOLDER.glob("*.json"):
        for found in json.loads(path.read_text("utf-8")).get("verdicts", ()):
            told += 1
            low, high = found["interval"]
            vanishing = found["across"] <= 1 / ACROSS and high < 1
            exploding = found["across"] >= ACROSS and low > 1
            expected = "vanishing" if vanishing else "exploding" if exploding else "healthy"
            assert found["verdict"] == expected, (path.stem, found["label"])
    assert told > 20


def test_slim_keeps_the_blocks_of_every_seed_and_the_kernels_of_one() -> None:
    profiles = [{"seed": s, "blocks": [1], "layers": [2]} for s in (0, 1)]
    made = records.slim({"seeds": [0, 1], "profiles": profiles})
    assert [(p["blocks"], p["layers"]) for p in made["profiles"]] == [([1], [2]), ([1], [])]


def test_a_missing_record_names_its_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gradients, "FOLDER", tmp_path)
    assert "records.gradients resnet50-64`" in gradients.figure("resnet50-64")
