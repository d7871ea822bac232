"""Gradients, comparisons, runs and exports, without a browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from explorer.fake_runs import CLASSES, IMAGES, folder, record
from explorer.pages import address, choose, command, errors, metrics, unescaped, warnings
from keraudit.explorer import finished_runs, records
from keraudit.explorer.curves import drawable
from keraudit.explorer.finished_runs import groups
from keraudit.explorer.start import RUNS_VARIABLE
from keraudit.training.record import Run

Open = Any


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(RUNS_VARIABLE, str(tmp_path))
    return folder(tmp_path)


def test_gradient_records_are_drawn(open_page: Open) -> None:
    app = open_page(page="gradients", model="ResNet50")
    assert app.selectbox(key="w_record").value == "resnet50-64"
    assert set(app.dataframe[0].value["network"]) == {"baseline", "without-skips"}
    assert any("ResNet50 at 64x64x3" in unescaped(c.value) for c in app.caption)
    assert not app.info
    assert command(app).startswith("keraudit gradients ResNet50 --input-shape 64,64,3")
    for name in records.gradient_records():
        choose(app, "record", name)
        assert not errors(app), name


def test_a_model_without_a_record_is_measured_and_another_ones_record_says_whose_it_is(
    open_page: Open,
) -> None:
    app = open_page(page="gradients", model="VGG16")
    assert app.selectbox(key="w_record").value == "live"
    assert any("No record of VGG16 is here." in unescaped(c.value) for c in app.caption)
    assert app.button[0].label.startswith("Measure, about ")
    choose(app, "record", "resnet50-64")
    assert (
        unescaped(app.info[0].value) == "This is a record of ResNet50. The chosen model is VGG16."
    )
    choose(app, "model", "ResNet50")
    assert not app.info


def test_a_measurement_offers_only_what_changes_the_network(open_page: Open) -> None:
    app = open_page(page="gradients", model="VGG16")  # without skips, norms or reductions
    assert app.multiselect(key="w_against").value == []
    assert app.multiselect(key="w_against").options == [
        "He initialisation",
        "Glorot initialisation",
    ]
    assert "--against" not in command(app)
    app = open_page(page="gradients", model="ResNet-CIFAR-20", record="live")
    assert app.multiselect(key="w_against").value == ["without-skips"]
    app = open_page(page="gradients", model="VGG16", against="without-skips,he")
    assert "Left out, because this network would stay the same: without skips." in warnings(app)
    assert command(app) == "keraudit gradients VGG16 --batch 16 --against he"


def test_the_batch_fits_what_a_page_runs(open_page: Open) -> None:
    app = open_page(page="gradients", model="InceptionV3", record="live", size="400x400x3")
    assert app.number_input(key="w_images").value == 8
    assert not errors(app)
    app = open_page(page="gradients", model="InceptionV3", record="live", size="2000x2000x3")
    assert "the explorer's limit is" in errors(app)[0]
    assert not app.button


def test_gradients_over_training_have_a_slider(open_page: Open) -> None:
    app = open_page(page="gradients", record="resnet-cifar-56-training", step=97)
    assert app.select_slider[0].value == 100
    app.select_slider[0].set_value(150).run()
    assert address(app)["step"] == "150"


def test_a_missing_or_damaged_record_is_told(
    open_page: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "there is no record 'x'" in errors(open_page(page="gradients", record="x"))[0]
    (tmp_path / "gradients").mkdir()
    monkeypatch.setattr(records, "results", lambda: (tmp_path,))
    assert open_page(page="gradients").selectbox(key="w_record").value == "live"
    (tmp_path / "gradients" / "bad.json").write_text('{"schema": 3')
    assert "bad.json is damaged" in warnings(open_page(page="gradients"))[0]


def test_what_is_too_much_to_run_is_refused_before_it_starts(open_page: Open) -> None:
    app = open_page(page="gradients", model="InceptionV3", record="live", images=32, seeds=5)
    assert "the explorer's limit is" in errors(app)[0]
    assert not app.button


def test_two_models_are_matched(open_page: Open) -> None:
    app = open_page(page="compare", model="ResNet50")
    assert any("Choose a second model" in i.value for i in app.info)
    choose(app, "compared", ["VGG16", "InceptionV3"])
    assert address(app)["compared"] == "VGG16;InceptionV3"
    assert list(app.dataframe[0].value["model"]) == ["ResNet50", "VGG16", "InceptionV3"]
    assert list(app.dataframe[0].value["MACs"]) == [3_857_973_248, 15_470_264_320, 5_713_216_096]
    assert command(app) == "keraudit compare ResNet50 VGG16"


def test_a_model_that_fails_leaves_the_others(open_page: Open) -> None:
    app = open_page(page="compare", model="ResNet50", compared="upload-0123456789abcdef;VGG16")
    assert "only the session" in errors(app)[0]
    assert list(app.dataframe[0].value["model"]) == ["ResNet50", "VGG16"]


def test_without_runs_the_page_says_what_to_do(
    open_page: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(RUNS_VARIABLE, str(tmp_path))
    assert "keraudit train" in open_page(page="runs").info[0].value


@pytest.mark.usefixtures("runs")
def test_runs_have_curves_and_errors(open_page: Open) -> None:
    app = open_page(page="runs")
    assert any("no run of the chosen model, InceptionV3" in c.value for c in app.caption)
    table = app.dataframe[0].value
    assert list(table["Network"]) == ["Plain-CIFAR-20, he2015", "ResNet-CIFAR-20, he2015"]
    assert list(table["Test error %"])[1] == "8.25 +- 0.35"  # 8.0 and 8.5
    for key, value in (("curve", "loss"), ("axis", "time"), ("smooth", 5)):
        choose(app, key, value)
    choose(app, "trained", ["ResNet-CIFAR-20, he2015"])
    assert address(app) == {
        "page": "runs",
        "curve": "loss",
        "axis": "time",
        "smooth": "5",
        "trained": "ResNet-CIFAR-20, he2015",
    }
    assert not errors(app)


@pytest.mark.usefixtures("runs")
def test_runs_of_the_model_come_first_and_a_filter_narrows(open_page: Open) -> None:
    app = open_page(page="runs", model="ResNet-CIFAR-20")
    assert list(app.dataframe[0].value["Network"]) == ["ResNet-CIFAR-20, he2015"]
    choose(app, "only", "plain seed1")
    assert address(app)["only"] == "plain seed1"
    assert app.selectbox(key="w_run").options == ["plain-cifar-20-he2015-seed1"]
    choose(app, "only", "nothing of it")
    assert "No run has all of these words: nothing of it." in unescaped(app.info[0].value)


def test_of_published_runs_those_on_a_part_of_the_data_are_left_out(
    open_page: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(finished_runs, "results", lambda: (tmp_path / "site",))
    for name, images in (("small", 10), ("whole", 100)):
        made = record("ResNet-CIFAR-20", 0)
        made["dataset"]["train_images"] = images
        folder = tmp_path / "site" / "runs" / name
        folder.mkdir(parents=True)
        (folder / "resnet.json").write_text(json.dumps(made))
    assert list(finished_runs.runs().found) == ["whole/resnet"]


def test_every_kind_has_its_own_colour_and_dash(
    open_page: Open, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (runs / "deep.json").write_text(json.dumps(record("ResNet-CIFAR-56", 0)))
    drawn: list[Any] = []
    monkeypatch.setattr("streamlit.plotly_chart", lambda figure, **_: drawn.append(figure))
    open_page(page="runs")
    lines = [t for t in drawn[0]["data"] if t.get("mode") == "lines"]
    test = {
        t["name"]: (t["line"]["color"], t["line"]["dash"]) for t in lines if "test" in t["name"]
    }
    assert len(set(test.values())) == len(test) == 3
    assert [t["opacity"] for t in lines if "training" in t["name"]] == [0.45] * 3


@pytest.mark.usefixtures("runs")
def test_a_run_with_an_evaluation_and_one_without(open_page: Open) -> None:
    app = open_page(page="runs", run="resnet-cifar-20-he2015-seed0")
    assert not app.info
    choose(app, "run", "plain-cifar-20-he2015-seed1")
    assert "has not been evaluated" in app.info[0].value
    choose(app, "other", "resnet-cifar-20-he2015-seed0")
    assert "Both predict the same class for" in " ".join(t.value for t in app.text)
    assert "there is no run 'x'" in errors(open_page(page="runs", run="x"))[0]


def seen(runs: Path, path: Path, arrays: dict[str, Any], **changes: Any) -> None:
    """Save some data, of which the runs' records then are."""
    import numpy as np

    from keraudit.data.dataset import validation_split
    from keraudit.data.load import load

    np.savez(path, **arrays)
    print_of = validation_split(load(str(path)), changes.get("held_out", 0)).fingerprint
    for file in runs.glob("*/run.json"):
        found = json.loads(file.read_text())
        found["dataset"] |= {"fingerprint": print_of, **changes}
        file.write_text(json.dumps(found))


def test_images_are_shown_where_the_data_are_at_hand(
    open_page: Open, runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import numpy as np

    rng = np.random.default_rng(0)
    count = {"train": 90, "test": IMAGES}
    arrays = {f"x_{k}": rng.integers(0, 255, (n, 8, 8, 3), "uint8") for k, n in count.items()}
    arrays |= {f"y_{k}": np.arange(n) % 3 for k, n in count.items()}
    data = tmp_path / "data.npz"
    seen(runs, data, arrays)
    monkeypatch.setenv("KERAUDIT_DATA", str(data))
    app = open_page(page="runs")
    app.toggle(key="images-at-hand").set_value(True).run()
    assert not app.exception
    assert not errors(app)
    assert len(app.tabs) == 5
    shown = app.tabs[1].dataframe[0].value
    assert list(shown["label"]) == [CLASSES[at % 3] for at in shown["image"]]
    other = tmp_path / "other.npz"  # as many, and not the same
    np.savez(other, **arrays | {"x_test": 255 - arrays["x_test"]})
    monkeypatch.setenv("KERAUDIT_DATA", str(other))
    assert "are not those of this run" in errors(app.run())[0]
    turned = {key: arrays[key][::-1] for key in ("x_test", "y_test")}
    np.savez(tmp_path / "turned.npz", **arrays | turned)  # the same, in another order
    monkeypatch.setenv("KERAUDIT_DATA", str(tmp_path / "turned.npz"))
    assert "in another order" in errors(open_page(page="runs", pictures="shown"))[0]


def test_images_held_out_are_those_of_the_training(
    open_page: Open, runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import numpy as np

    count = {"train": 30 + IMAGES, "test": IMAGES}
    arrays = {f"x_{k}": np.zeros((n, 8, 8, 3), "uint8") for k, n in count.items()}
    arrays |= {"y_train": np.arange(count["train"]) % 3, "y_test": np.arange(IMAGES) % 3}
    seen(runs, tmp_path / "data.npz", arrays, held_out=IMAGES)
    monkeypatch.setenv("KERAUDIT_DATA", str(tmp_path / "data.npz"))
    app = open_page(page="runs")
    app.toggle(key="images-at-hand").set_value(True).run()
    assert not errors(app)
    shown = app.tabs[0].dataframe[0].value
    assert len(set(shown["label"])) > 1
    assert list(shown["label"]) == [CLASSES[at % 3] for at in shown["image"]]


def test_damaged_runs_are_told_and_the_rest_shown(open_page: Open, runs: Path) -> None:
    (runs / "bad.json").write_text("{")
    (runs / "comparison.json").write_text('{"schema": "keraudit.experiment/1"}')  # no run
    broken = record("ResNet-CIFAR-20", 3)
    broken["history"][0]["loss"] = None
    (runs / "worse.json").write_text(json.dumps(broken))
    (runs / "resnet-cifar-20-he2015-seed0" / "predictions.npz").write_bytes(b"PK no")
    app = open_page(page="runs", run="resnet-cifar-20-he2015-seed0")
    assert len(warnings(app)) == 2
    assert "predictions.npz is damaged" in errors(app)[0]


@pytest.mark.usefixtures("runs")
def test_recorded_errors_stand_beside_the_costs(open_page: Open) -> None:
    app = open_page(page="compare", model="ResNet-CIFAR-20")
    assert list(app.dataframe[0].value["test error"]) == ["8.25 ± 0.35 %, 2 runs of recipe he2015"]


def test_runs_of_other_recipes_are_not_averaged() -> None:
    other = record("ResNet-CIFAR-20", 2)
    other["recipe"]["batch"] = 64
    made = [Run(**record("ResNet-CIFAR-20", seed)) for seed in (0, 1)] + [Run(**other)]
    assert {name: len(members) for name, members in groups(made).items()} == {
        "ResNet-CIFAR-20, he2015, batch 128": 2,
        "ResNet-CIFAR-20, he2015, batch 64": 1,
    }


def test_curves_are_smoothed_and_cut_to_the_shortest() -> None:
    made = [Run(**record("ResNet-CIFAR-20", seed, epochs=4 + seed)) for seed in (0, 2)]
    (first, second) = drawable(made, axis="time", smooth=2)
    assert len(first["history"]) == len(second["history"]) == 4
    assert first["history"][0]["epoch"] == pytest.approx((30 + 32) / 2 / 60)
    assert first["history"][1]["loss"] == pytest.approx((2.0 + 1.0) / 2)


@pytest.mark.parametrize("what", ["cost", "layers", "what-if", "reductions", "structure"])
def test_exports(open_page: Open, what: str) -> None:
    app = open_page(page="export", model="ResNet50", without="skips")
    if what != "cost":
        choose(app, "what", what)
    assert command(app).startswith("keraudit ")
    (shown,) = [h.value for h in app.html if "keraudit" in h.value and "<table>" in h.value]
    assert "ResNet50" in shown
    assert [b.label for b in app.download_button] == ["HTML", "Markdown", "JSON", "CSV"]
    assert not errors(app)


def test_figures_hold_no_markup_of_a_records_names(
    open_page: Open, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[str] = []
    monkeypatch.setattr(
        "streamlit.plotly_chart", lambda figure, **_: drawn.append(json.dumps(figure))
    )
    open_page(page="runs", run="resnet-cifar-20-he2015-seed0")  # has a class named <b>dog</b>
    assert len(drawn) == 3
    assert not [figure for figure in drawn if "<b>dog" in figure]
    assert any("&lt;b&gt;dog&lt;/b&gt;" in figure for figure in drawn)
    (matrix,) = [t for f in drawn for t in json.loads(f)["data"] if t["type"] == "heatmap"]
    # of twenty images each: a row is a class, a column what it was taken for
    assert matrix["z"] == [[None, 5.0, 5.0], [10.0, None, 0.0], [0.0, 5.0, None]]


def test_texts_say_what_is_missing(open_page: Open) -> None:
    app = open_page(page="layer", model="ResNet-CIFAR-20")
    captions = " ".join(unescaped(c.value) for c in app.caption)
    assert "Trained by this project" in captions
    assert metrics(app)["MACs"]
