"""Pictures that the explorer draws."""

from __future__ import annotations

import io
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from built import application, zoo
from explorer.conftest import Open
from explorer.pages import choose, errors
from keraudit.api import report_of
from keraudit.errors import KerauditError
from keraudit.explorer import activations, picture
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


def test_a_large_input_is_drawn_small_and_a_huge_one_not_at_all(open_page: Open) -> None:
    assert test_image(2048, 100).size == (100, 2048)
    app = open_page(page="layer", model="residual-block:height=20000,width=20000")
    assert any("more than 2,048 pixels a side is not drawn" in t.value for t in app.text)
    assert not errors(app)


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


def test_a_weight_that_is_not_finite_is_told_by_its_layer() -> None:
    graph = shaped(zoo("ResNet-CIFAR-8"), batch=1)
    made = {path: SimpleNamespace(weights=[np.ones(3)]) for path in graph.architecture.layers}
    activations._refuse_not_finite(graph, made, {0: np.ones(2)})
    made["stem_bn"] = SimpleNamespace(weights=[np.array([1.0, np.nan])])
    with pytest.raises(KerauditError, match="layer 'stem_bn' has weights or outputs that are not"):
        activations._refuse_not_finite(graph, made, {})
