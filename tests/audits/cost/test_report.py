"""The report as Python users meet it: text, HTML for notebooks, plain data, a data frame."""

from __future__ import annotations

import json
from typing import Any

import pytest

import keraudit
from built import application
from keraudit.api import report_of
from keraudit.layers.infer import shaped
from keraudit.model.bounds import Bound


def small() -> Any:
    import keras

    return keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3, name="conv")])


def test_str_is_the_table() -> None:
    text = str(keraudit.audit(small()))
    assert "conv" in text
    assert "3,888" in text  # 6 * 6 * 3 * 3 * 3 * 4
    assert all(len(line) <= 80 for line in text.splitlines())


def test_html_shows_names_as_text() -> None:
    model = small()
    config = json.loads(model.to_json())
    config["config"]["layers"][1]["config"]["name"] = "<script>alert(1)</script>"
    from keraudit.reading.config import architecture

    report = report_of(shaped(architecture(config, source="x")))
    page = report._repr_html_()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_markdown_and_csv_show_names_as_text() -> None:
    from keraudit.audits.cost.report import report_grid
    from keraudit.output.csv_markdown import csv_text, markdown_text
    from keraudit.reading.config import architecture

    config = json.loads(small().to_json())
    config["config"]["layers"][1]["config"]["name"] = "=a|b*c"
    grid = report_grid(report_of(shaped(architecture(config, source="x"))), by="layer")
    assert r"=a\|b\*c" in markdown_text(grid)
    assert ",'=a|b*c," in csv_text([grid])


def test_plain_data_and_json_agree() -> None:
    report = report_of(shaped(application("ResNet50")))
    assert json.loads(report.to_json()) == json.loads(json.dumps(report.to_dict()))


def test_a_data_frame() -> None:
    pandas = pytest.importorskip("pandas")
    frame = report_of(shaped(application("ResNet50"))).to_dataframe()
    assert isinstance(frame, pandas.DataFrame)
    assert frame["macs"].sum() == 3_857_973_248
    assert len(frame) == 177


@pytest.mark.parametrize("what", [42, None, [1, 2]])
def test_what_is_no_model(what: Any) -> None:
    with pytest.raises(keraudit.ModelError, match=r"^model: received .*; accepted: a name such"):
        keraudit.audit(what)


def test_every_public_name_is_there() -> None:
    for name in keraudit.__all__:
        assert getattr(keraudit, name) is not None
    with pytest.raises(AttributeError):
        _ = keraudit.no_such_name


def test_a_rule_given_in_python() -> None:
    import keras

    from keraudit.layers.call import Site
    from keraudit.model.graph import Effect, Term

    class Twice(keras.layers.Layer):
        def call(self, x: Any) -> Any:
            if isinstance(x, keras.KerasTensor):
                raise TypeError("it looks at values")
            return 2 * x

    model = keras.Sequential([keras.Input((5,)), Twice()])
    without = keraudit.audit(model)
    assert without.bound is Bound.LOWER
    assert [layer.kind for layer in without.costs.unsupported] == ["Twice"]

    def twice(site: Site) -> Effect:
        return Effect(
            outputs=(site.shape,), terms=(Term("flop", "scale", (("elements", site.shape[-1]),)),)
        )

    counted = keraudit.audit(model, rules={"Twice": twice})
    assert counted.bound is Bound.EXACT
    assert counted.total.flops == 5
