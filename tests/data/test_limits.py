"""Images of a data set have a limit, which is asked for before they are decoded."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from keraudit.data import sources


def test_an_image_of_too_many_pixels_is_not_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "MOST_PIXELS", 99)
    monkeypatch.setattr(Image.Image, "convert", None)  # to call it would raise
    (tmp_path / "a").mkdir()
    Image.new("RGB", (10, 10)).save(path := tmp_path / "a" / "1.png")
    assert sources.pixels(path) == "a/1.png (10 x 10 pixels; 99 at most)"
