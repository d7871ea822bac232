"""Pictures that the explorer draws."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from built import application
from explorer.conftest import Open
from explorer.pages import choose
from keraudit.api import report_of
from keraudit.explorer import picture
from keraudit.explorer.picture import fitted, framed_field, mosaic, sent_image, spans, test_image
from keraudit.layers.infer import shaped


def test_what_a_position_sees_is_framed() -> None:
    report = report_of(shaped(application("InceptionV3")))
    layer = next(x for x in report.layers if x.name == "conv2d_28")
    assert layer.field is not None
    rows, columns = spans(layer.field, (17, 17))
    # 143 pixels around 8 * 17 + 13, the centre of the stem's valid paddings
    assert (rows.high - rows.low + 1, columns.high - columns.low + 1) == (143, 143)
    framed = framed_field(fitted(test_image(100, 60), 299, 299), layer.field, (0, 0))
    assert framed.size == (2 * 299 + 24, 2 * 299 + 24)
    assert mosaic(np.zeros((5, 3, 3), "uint8"), columns=4).size == (4 * 100 - 4, 2 * 100 - 4)


def test_one_picture_is_decoded_once(open_page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.BytesIO()
    Image.new("RGB", (32, 24), "#123456").save(out, "PNG")
    decoded: list[str] = []

    def counted(name: str, data: bytes) -> Image.Image:
        decoded.append(name)
        return sent_image(name, data)

    monkeypatch.setattr(picture, "sent_image", counted)
    app = open_page(page="layer", layer="conv2d_28")
    app.file_uploader(key="picture").upload("a.png", out.getvalue()).run()
    choose(app, "row", 3)
    assert decoded == ["a.png"]
