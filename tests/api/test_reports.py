"""Reports in the hand: one line, lookups, frames, files, figures, budgets."""

from __future__ import annotations

import builtins
import csv
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

import keraudit
from keraudit.output.report import Shown

SMALL = "ResNet-CIFAR-20"


@pytest.fixture(scope="module")
def reports() -> dict[str, Shown]:
    return {
        "cost": keraudit.audit(SMALL),
        "comparison": keraudit.compare(SMALL, keraudit.without_skips(SMALL)),
        "reductions": keraudit.reductions("inception-reduced:lecture-5x5"),
        "structure": keraudit.structure(SMALL),
    }


def test_a_report_is_one_line_and_its_print_the_table(reports: dict[str, Shown]) -> None:
    for report in reports.values():
        assert "\n" not in repr(report)
        assert len(repr(report)) < 200
        assert repr(report).startswith(f"<{type(report).__name__} ")
        assert len(str(report).splitlines()) > 5
    cost: Any = reports["cost"]
    for record in (cost.costs, cost.layers[0], cost.blocks[0], keraudit.read(SMALL)):
        assert len(repr(record)) < 120


def test_every_report_in_every_format(reports: dict[str, Shown], tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    for name, report in reports.items():
        for by in (None, *report.VIEWS):
            frame = report.to_dataframe(by=by)
            rows = list(csv.DictReader(StringIO(report.to_csv(by=by))))
            assert len(frame) == len(rows) or (name == "cost" and by is None)
            assert report.to_markdown(by=by).count("\n| ") >= len(rows)
            assert report.to_html(by=by).startswith("<!doctype html>")
        for ending in ("csv", "html", "json", "md", "txt"):
            report.save(tmp_path / f"{name}.{ending}")
        assert json.loads((tmp_path / f"{name}.json").read_text()) == report.to_dict()
        assert (tmp_path / f"{name}.csv").read_text() == report.to_csv()


def test_a_frame_adds_up_in_every_view(reports: dict[str, Shown]) -> None:
    pytest.importorskip("pandas")
    report = reports["cost"]
    for by in report.VIEWS:
        frame = report.to_dataframe(by=by)
        assert frame["macs"].sum() == 40_551_040
        assert frame["share"].sum() == pytest.approx(1)
        assert frame["params"].sum() == 271_098
    last = report.to_dataframe(by="block").set_index("name").loc["stage3_block3"]
    # 3 in the stem, 6 convolutions at stride 1, 1 into and 5 at stride 2, 1 into and 5 at stride 4
    assert last["receptive_field"] == [3 + 6 * 2 + 2 + 5 * 4 + 4 + 5 * 8] * 2
    assert last["effective_stride"] == [4, 4]


@pytest.mark.parametrize("by", ["blok", "", 3, ["layer"]])
def test_there_is_no_such_view(reports: dict[str, Shown], by: Any) -> None:
    for report in reports.values():
        for made in (report.to_csv, report.to_html, report.to_markdown, report.to_dataframe):
            with pytest.raises(keraudit.KerauditError, match=r"^by: received .*accepted: "):
                made(by=by)


def test_no_file_of_another_ending(reports: dict[str, Shown], tmp_path: Path) -> None:
    with pytest.raises(keraudit.KerauditError, match=r"its ending must be \.csv"):
        reports["cost"].save(tmp_path / "report.xlsx")
    assert not list(tmp_path.iterdir())


def test_lookups_suggest_what_is_meant(reports: dict[str, Any]) -> None:
    cost, comparison, saved, claims = reports.values()
    assert cost["stem_conv"].cost.macs == 442_368  # 32 * 32 * 3 * 3 * 3 * 16
    assert cost.block("stem").layers[1] == "stem_conv"
    assert comparison["stem_conv"].status == "same"
    assert comparison.block("stage1_block1").status == "changed"
    assert saved.block(saved.blocks[0].name) == saved.blocks[0]
    assert claims["RES04"].holds
    for look in (
        lambda: cost["stem_con"],
        lambda: cost.block("stage1_blok1"),
        lambda: comparison["stem_con"],
        lambda: comparison.block("stag1_block1"),
        lambda: claims["RES4"],
    ):
        with pytest.raises(keraudit.KerauditError, match="did you mean ") as caught:
            look()
        assert isinstance(caught.value, KeyError)
        assert not str(caught.value).startswith(("'", '"'))  # as KeyError writes itself
    for name in (3, None, [1], object()):
        with pytest.raises(keraudit.KerauditError, match=r"has no layer .*: the first are"):
            cost[name]


def test_figures(reports: dict[str, Any]) -> None:
    go = pytest.importorskip("plotly.graph_objects")
    for name in ("cost", "comparison", "reductions"):
        figure = reports[name].plot()
        assert isinstance(figure, go.Figure)
        assert figure.layout.title.text
    bars = {bar.name: list(bar.x) for bar in reports["comparison"].plot().data}
    assert list(bars) == [f"A: {SMALL}", f"B: {SMALL}, without skips"]
    cost = reports["cost"]
    total = sum(sum(values) for values in bars.values())
    assert total == pytest.approx(2 * cost.total.macs / 1e6)  # its shortcuts have no MACs


def test_a_figure_of_every_view(reports: dict[str, Any]) -> None:
    pytest.importorskip("plotly")
    cost, comparison = reports["cost"], reports["comparison"]
    for by in cost.VIEWS:
        figure = cost.plot(by=by)
        assert figure.layout.title.text == f"{SMALL}: MACs per {by}, batch 1"
        assert sum(sum(bar.x) for bar in figure.data) == pytest.approx(40.551040)  # in millions
        names = [name for bar in figure.data for name in bar.y]
        assert len(names) == len(set(names))
    assert len(cost.plot(by="layer").data[0].y) == 20  # 19 convolutions and the classifier
    assert cost.plot().data == cost.plot(by="block").data
    layers = comparison.plot(by="layer")
    assert layers.layout.title.text.endswith("MACs per layer")
    assert {len(bar.y) for bar in layers.data} == {20}
    for report in (cost, comparison):
        with pytest.raises(keraudit.KerauditError, match=r"^by: received 'layr'; did you mean lay"):
            report.plot(by="layr")


def test_a_stage_that_comes_back_has_a_bar_of_its_own() -> None:
    pytest.importorskip("plotly")
    keras = pytest.importorskip("keras")
    x = start = keras.Input((8, 8, 3))
    for step in (keras.layers.MaxPooling2D, keras.layers.UpSampling2D):
        x = step()(keras.layers.Conv2D(4, 3, padding="same")(x))
    model = keras.Model(start, keras.layers.Conv2D(4, 3, padding="same")(x))
    report = keraudit.audit(model)
    (bars,) = report.plot(by="stage").data
    assert len(set(bars.y)) == len(bars.y)
    assert sum(bars.x) == pytest.approx(report.macs / 1e3)


def test_a_view_is_printed(reports: dict[str, Any]) -> None:
    for report in reports.values():
        assert str(report.view()) == str(report)
        assert report.view()._repr_html_() == report._repr_html_()
        for by in report.VIEWS:
            assert len(str(report.view(by)).splitlines()) > 5
            assert "\n" not in repr(report.view(by))
            assert len(repr(report.view(by))) < 200


def test_without_plotly_or_pandas_one_line_says_what_to_install(
    reports: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def missing(name: str, *rest: Any, **more: Any) -> Any:
        if name.partition(".")[0] in ("plotly", "pandas"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(
        keraudit.KerauditError, match=r"figures need plotly: pip install 'keraudit\[plot\]'"
    ):
        reports["cost"].plot()
    with pytest.raises(keraudit.KerauditError, match="data frames need pandas: pip install"):
        reports["cost"].to_dataframe()


def test_a_budget_in_a_test() -> None:
    report = keraudit.assert_budget(SMALL, max_macs=40_551_040, max_params=271_098)
    assert report.total.macs == 40_551_040
    with pytest.raises(AssertionError) as caught:
        keraudit.assert_budget(report, max_macs=40_551_039, max_params=10, max_peak_memory=10)
    macs, params, memory = str(caught.value).splitlines()
    assert "40.55 M MACs, over the budget of 40.55 M (max_macs=); the heaviest blocks: " in macs
    assert "parameters, over the budget of 10 (max_params=)" in params
    assert "192.0 KiB held at once" in memory
    with pytest.raises(keraudit.KerauditError, match="max_macs: received None"):
        keraudit.assert_budget(report)


def test_a_budget_on_what_is_not_counted(tmp_path: Path) -> None:
    layers = [
        {"class_name": "InputLayer", "config": {"name": "x", "batch_shape": [None, 4]}},
        {"class_name": "Mine", "module": "mine", "config": {"name": "own"}},
    ]
    model = {"class_name": "Sequential", "config": {"name": "m", "layers": layers}}
    path = tmp_path / "m.json"
    path.write_text(json.dumps(model))
    with pytest.raises(AssertionError, match=r"or pass allow_uncounted=True$"):
        keraudit.assert_budget(path, max_macs=10)
    keraudit.assert_budget(path, max_macs=10, allow_uncounted=True)


def test_a_summary_prints_every_layer(capsys: pytest.CaptureFixture[str]) -> None:
    keraudit.summary(SMALL)
    text = capsys.readouterr().out
    assert "stem_conv (Conv2D)" in text
    assert "442,368" in text
    assert "Total params       271,098 (1.03 MiB)" in text
    assert "Total MACs         40,551,040 at batch 1" in text
    assert sum(layer.name in text for layer in keraudit.audit(SMALL).layers) == 73
