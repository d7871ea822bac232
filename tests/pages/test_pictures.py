"""The pictures on the CIFAR-10 page, from their record."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import pytest

from pages import pictures
from records.pictures import DRAWINGS, NETWORKS, PHOTOGRAPHS, drawn

RECORD = Path(__file__).parents[2] / pictures.PATH


@pytest.fixture
def record(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(RECORD.parents[2])
    return json.loads(RECORD.read_text("utf-8"))


def test_every_picture_says_where_it_is_from(record: Any) -> None:
    image = pytest.importorskip("PIL.Image")
    assert len(record["pictures"]) == len(DRAWINGS) + len(PHOTOGRAPHS)
    assert set(record["networks"]) <= set(NETWORKS)
    for one in record["pictures"]:
        assert any(word in one["source"] for word in ("CC0", "public domain", "SIL Open Font"))
        with image.open(io.BytesIO(base64.b64decode(one["image"]))) as opened:
            assert opened.size == (32, 32)
        for seen in one["networks"].values():
            shares = [share for _, share in seen["top"]]
            assert shares == sorted(shares, reverse=True)
            assert sum(shares) <= 1.0001


def test_the_page_counts_what_is_correct(record: Any) -> None:
    html = pictures.gallery()
    for name in record["networks"]:
        right = sum(
            one["networks"][name]["top"][0][0] == one["class"]
            for one in record["pictures"]
            if one["title"].startswith("drawing")
        )
        assert f"{name} {right}" in pictures.correct("drawing")
    assert html.count("<li>") == len(record["pictures"])
    assert html.count(">correct<") + html.count(">wrong<") == len(record["networks"]) * sum(
        bool(one["class"]) for one in record["pictures"]
    )


def test_a_drawing_fills_its_picture() -> None:
    font = Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")
    if not font.is_file():
        pytest.skip("Noto Color Emoji is not installed")
    np = pytest.importorskip("numpy")
    for one in drawn(font, (125, 123, 114)):
        pixels = np.asarray(one.image, dtype=int)
        assert (abs(pixels - (125, 123, 114)).sum(axis=-1) > 30).mean() > 0.15, one.title
