"""Every page and widget, without a browser."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from built import json_of

pytest.importorskip("streamlit")

import streamlit as st
from streamlit.testing.v1 import AppTest

from explorer.fake_runs import IMAGES, folder, record
from explorer.pages import (
    address,
    by_block,
    choose,
    command,
    errors,
    lines,
    metrics,
    unescaped,
    warnings,
)
from keraudit.data.dataset import Split
from keraudit.explorer.address import PAGES
from keraudit.explorer.pages import predictions
from keraudit.explorer.places import typed
from keraudit.explorer.start import MODEL_VARIABLE, RUNS_VARIABLE
from keraudit.explorer.ui import plain

Open = Any


def test_the_map_opens_on_a_model_that_everyone_knows(open_page: Open) -> None:
    app = open_page(page="map")
    assert metrics(app) == {
        "Input": "299x299x3",
        "MACs": "5.713 G",
        "Parameters": "23.85 M",
        "Weights": "90.99 MiB",
        "Peak activations": "10.55 MiB",
        "Layers": "313",
    }
    assert command(app) == "keraudit flops InceptionV3"
    assert not errors(app)


def test_a_block_that_is_chosen_is_looked_into(open_page: Open) -> None:
    app = choose(open_page(page="map"), "block", "mixed3")
    assert address(app) == {"page": "map", "block": "mixed3"}
    values = [m.value for m in app.metric]
    assert values[6:9] == ["401.9 M", "7.0%", "1.154 M"]
    assert any("3 branches" in m.value for m in app.markdown)
    assert "conv2d_26" in [str(row) for row in app.dataframe[0].value["layer"]]


@pytest.mark.parametrize(
    ("area", "color"), [("params", "cost"), ("memory", "field"), ("cost", "memory")]
)
def test_the_map_has_areas_and_colours(open_page: Open, area: str, color: str) -> None:
    app = open_page(page="map", model="ResNet50", level="layers")
    choose(choose(app, "area", area), "color", color)
    assert address(app).get("area", "cost") == area
    assert address(app)["color"] == color
    assert not errors(app)


def test_flops_are_two_for_each_mac_and_the_rest(open_page: Open) -> None:
    app = choose(open_page(), "unit", "flops")
    assert metrics(app)["FLOPs"].startswith("11.4")
    assert address(app) == {"unit": "flops"}


def test_another_model_forgets_the_block_of_the_one_before(open_page: Open) -> None:
    app = choose(open_page(block="mixed3", page="map"), "model", "ResNet50")
    assert address(app) == {"page": "map", "model": "ResNet50"}
    assert metrics(app)["MACs"] == "3.858 G"


def test_size_and_batch(open_page: Open) -> None:
    app = choose(open_page(model="ResNet50"), "size_text", "96, 96, 3")
    assert address(app) == {"model": "ResNet50", "size": "96x96x3"}
    choose(app, "batch", 4)
    assert command(app) == "keraudit flops ResNet50 --input-shape 96,96,3 --batch 4"
    choose(app, "size_text", "")
    assert "size" not in address(app)


def test_a_size_that_is_none_is_told(open_page: Open) -> None:
    app = choose(open_page(model="VGG16"), "size_text", "many")
    assert "expected sizes such as 96x96x3" in warnings(app)[0]
    app = open_page(model="VGG16", size="8x8x3")
    assert "too small" in errors(app)[0]
    assert "Traceback" not in errors(app)[0]


def test_a_layer_with_its_product(open_page: Open) -> None:
    app = open_page(page="layer", layer="conv2d_28")
    # 35 x 35 positions, 64 channels, 3 x 3 kernel, 96 filters
    assert lines(app)[0] == "35 × 35 × 64 × 3 × 3 × 96 = 67,737,600 MACs"
    assert metrics(app)["Receptive field"] == "143"
    assert choose(app, "layer", "conv2d_29")
    assert address(app)["layer"] == "conv2d_29"
    choose(app, "row", 3)
    assert address(app)["spot"] == "3x8"
    assert "FLOPs = 2 ×" in " ".join(t.value for t in app.text)


def test_the_layer_page_begins_with_the_costliest(open_page: Open) -> None:
    app = open_page(page="layer", model="VGG16")
    assert lines(app)[0] == "56 × 56 × 256 × 3 × 3 × 256 = 1,849,688,064 MACs"


@pytest.mark.parametrize(
    "name", ["predictions", "avg_pool", "mixed3", "activation_28", "input_layer"]
)
def test_layers_of_every_kind_have_a_page(open_page: Open, name: str) -> None:
    found = json.loads(json_of("InceptionV3"))["config"]["layers"]
    if name == "input_layer":
        name = found[0]["config"]["name"]
    assert not errors(open_page(page="layer", layer=name))


def test_without_reductions_the_cost_goes_up(open_page: Open) -> None:
    app = choose(open_page(page="what-if"), "reductions", value=True)
    assert address(app) == {"page": "what-if", "without": "reductions"}
    assert metrics(app)["MACs"] == "9.828 G"
    assert command(app) == "keraudit compare InceptionV3 InceptionV3 --without-reductions"
    table = by_block(app)
    assert dict(zip(table["block"], table["change"], strict=True))["mixed0"] == 391_372_800
    choose(app, "pools", value=True)
    assert address(app)["without"] == "reductions,pools"
    choose(app, "reductions", value=False)
    assert address(app) == {"page": "what-if"}


def test_every_other_what_if(open_page: Open) -> None:
    app = open_page(page="what-if", model="ResNet50")
    for word in ("skips", "norm"):
        choose(app, word, value=True)
    choose(app, "width", 0.5)
    assert address(app)["without"] == "skips,norm"
    choose(app, "to_text", "96x96x3")
    assert command(app).splitlines()[1] == (
        "keraudit flops ResNet50 --input-shape 96,96,3 --without-skips --without-norm --width 0.5"
    )


def test_the_channels_of_one_reduction(open_page: Open) -> None:
    app = choose(open_page(page="what-if"), "reduction", "conv2d_6")
    assert address(app)["filters"] == "conv2d_6=48"
    choose(app, "count", 16)
    # 35 x 35 x (192 x 32 + 5 x 5 x 32 x 64) fewer
    table = by_block(app)
    changed = dict(zip(table["block"], table["change"], strict=True))
    assert changed["mixed0"] == -35 * 35 * (192 * 32 + 25 * 32 * 64)
    assert command(app).endswith("--filters conv2d_6=16")
    choose(app, "reduction", "")
    assert "filters" not in address(app)


def test_a_what_if_that_does_nothing_says_so(open_page: Open) -> None:
    app = open_page(page="what-if", model="VGG16", without="reductions")
    assert "no reduction found" in warnings(app)[0]
    assert any("no 1×1 reductions" in unescaped(c.value) for c in app.caption)


@pytest.mark.parametrize("page", PAGES)
def test_every_page_has_its_place_above(open_page: Open, page: str) -> None:
    app = choose(open_page(), "page", page) if page != "network" else open_page()
    assert app.segmented_control(key="w_page").value == page
    assert not errors(app)


@pytest.fixture
def clickable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Maps and tables that a test can click; as in a browser, a click that changes nothing is not told."""
    table = st.dataframe

    def told(key: str, state: Mapping[str, Any], on_select: Callable[[], None]) -> None:
        if st.session_state.get(key) != state:
            st.session_state[key] = state
            on_select()

    def chart(option: Any, *, key: str, on_select: Any = None, **_: Any) -> None:
        flat = [""]

        def walk(items: list[dict[str, Any]]) -> None:
            for item in items:
                flat.append(item["name"])
                walk(item.get("children", []))

        walk(option["series"][0]["data"])
        for at, name in enumerate(flat):
            if name in ("mixed3", "mixed5"):
                state = {"selection": {"selected": [{"data_indices": [at]}]}}
                st.button(name, f"{key}/{name}", on_click=told, args=(key, state, on_select))

    def rows(data: Any, *, key: str = "", on_select: Any = None, **options: Any) -> None:
        if not on_select:
            table(data, **options)
            return
        old = st.session_state.get(key, {}).get("selection", {}).get("rows")
        state = {"selection": {"rows": [] if old == [2] else [2]}}
        st.button("row", f"{key}/row", on_click=told, args=(key, state, on_select))

    monkeypatch.setattr(st, "echarts_chart", chart)
    monkeypatch.setattr(st, "dataframe", rows)


def click(app: AppTest, label: str) -> AppTest:
    next(b for b in app.button if b.label == label).click().run()
    assert not app.exception
    return app


@pytest.mark.usefixtures("clickable")
def test_a_block_can_be_clicked_again(open_page: Open) -> None:
    app = click(open_page(page="map"), "mixed3")
    choose(app, "block", "mixed5")
    assert address(click(app, "mixed3")) == {"page": "map", "block": "mixed3"}


@pytest.mark.usefixtures("clickable")
def test_a_row_can_be_clicked_again(open_page: Open) -> None:
    app = click(open_page(page="map", block="mixed3"), "row")
    first = address(app)["layer"]
    choose(app, "block", "mixed5")
    other = address(click(app, "row"))["layer"]
    assert first != other
    choose(app, "block", "mixed3")
    assert address(click(app, "row"))["layer"] == first
    click(app, "mixed3")
    assert "layer" not in address(app)
    assert address(click(app, "row"))["layer"] == first


def test_a_file_that_is_refused_is_told_beside_the_sidebar(open_page: Open) -> None:
    app = open_page()
    app.file_uploader[0].upload("a.json", b"[]").run()
    assert "a.json" in errors(app)[0]
    assert not app.sidebar.error


def test_a_model_that_is_named_is_read_anew_when_its_file_is_written(
    open_page: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mine.keras"
    monkeypatch.setenv(MODEL_VARIABLE, str(path))
    reads: list[Path] = []
    read_bytes = Path.read_bytes

    def counted(self: Path) -> bytes:
        reads.extend([self] if self == path else [])
        return read_bytes(self)

    monkeypatch.setattr(Path, "read_bytes", counted)
    for name, macs in (("ResNet50", "3.858 G"), ("VGG16", "15.47 G")):
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("config.json", json_of(name))
        app = open_page()
        assert metrics(app)["MACs"] == macs
        before = len(reads)
        app.run()
        assert len(reads) == before


def test_a_wrong_reduction_is_told_once(open_page: Open) -> None:
    app = open_page(page="what-if", filters="nothing=5")
    (error,) = errors(app)
    assert "nothing" in error
    assert "filters" not in address(choose(app, "reduction", ""))


def test_every_convolution_whose_channels_change_is_seen_and_kept(open_page: Open) -> None:
    app = open_page(page="what-if", filters="conv2d_26=5,conv2d_29=6")
    assert not errors(app)
    assert app.selectbox(key="w_reduction").value == "conv2d_26"
    assert plain("and conv2d_29 with 6 filters") in [c.value for c in app.caption]
    choose(app, "count", 7)
    assert address(app)["filters"] == "conv2d_26=7,conv2d_29=6"
    assert command(app).endswith("--filters conv2d_26=7 --filters conv2d_29=6")
    choose(app, "reduction", "conv2d_29")
    assert address(app)["filters"] == "conv2d_29=6,conv2d_26=7"
    choose(app, "reduction", "")
    assert address(app)["filters"] == "conv2d_26=7"
    app = open_page(page="what-if", model="VGG16", filters="block1_conv1=8")
    assert app.selectbox(key="w_reduction").value == "block1_conv1"


def test_a_width_that_is_typed_is_rounded(open_page: Open) -> None:
    app = choose(open_page(page="what-if"), "width", 0.33333)
    assert address(app)["width"] == "0.3333"
    assert app.number_input(key="w_width").value == 0.3333
    assert not warnings(app)


def test_an_export_at_another_size_names_what_gives_it(open_page: Open) -> None:
    app = open_page(page="export", model="ResNet50", what="what-if", to="150x150x3", width=0.5)
    assert command(app).splitlines() == [
        "keraudit flops ResNet50",
        "keraudit flops ResNet50 --input-shape 150,150,3 --width 0.5",
    ]


def test_a_layer_and_runs_are_exported(
    open_page: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = open_page(page="export", layer="conv2d_28", what="layer")
    (table,) = [h.value for h in app.html if "<table>" in h.value]
    assert "conv2d_28" in table
    assert "conv2d_29" not in table
    assert command(app) == "keraudit flops InceptionV3 --by layer"
    monkeypatch.setenv(RUNS_VARIABLE, str(tmp_path))
    assert "no finished training runs" in errors(choose(app, "what", "runs"))[0]
    folder(tmp_path)
    app = open_page(page="export", what="runs")
    assert command(app) == f"keraudit runs list {typed(tmp_path)}"
    assert not errors(app)


def test_commands_name_the_folders_of_the_runs(
    open_page: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "my runs"
    (made := folder(place)).joinpath("published.json").write_text(
        json.dumps(record("ResNet-CIFAR-56", 0))
    )
    monkeypatch.setenv(RUNS_VARIABLE, str(place))
    app = open_page(page="runs", run="plain-cifar-20-he2015-seed0")
    assert f"keraudit runs list '{typed(made)}'" in lines(app)
    assert f"keraudit evaluate {typed(made / 'plain-cifar-20-he2015-seed0')}" in lines(app)
    choose(app, "run", "published")
    assert not [line for line in lines(app) if "evaluate" in line]
    assert "no evaluation" in app.info[0].value
    monkeypatch.chdir(tmp_path)
    assert "keraudit runs list 'my runs'" in lines(app.run())


def test_the_model_that_is_matched_stands_in_the_address(open_page: Open) -> None:
    app = open_page(page="compare", model="ResNet50", compared="VGG16;InceptionV3")
    choose(app, "matched", "InceptionV3")
    assert address(app)["matched"] == "InceptionV3"
    again = open_page(**address(app))
    assert command(again) == command(app) == "keraudit compare ResNet50 InceptionV3"


def test_images_that_are_shown_stand_in_the_address(
    open_page: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(RUNS_VARIABLE, str(folder(tmp_path / "runs")))
    monkeypatch.setenv("KERAUDIT_DATA", str(tmp_path))
    monkeypatch.setattr(predictions, "test_split", lambda *_: (images(), "cd" * 16))
    app = open_page(page="runs")
    app.toggle(key="images-at-hand").set_value(True).run()
    assert address(app)["pictures"] == "shown"
    again = open_page(**address(app))
    assert again.toggle(key="images-at-hand").value
    again.toggle(key="images-at-hand").set_value(False).run()
    assert "pictures" not in address(again)


def images() -> Split:
    return Split(images=np.zeros((IMAGES, 8, 8, 3), "uint8"), labels=np.arange(IMAGES) % 3)


def test_shipped_weights_of_other_channels_are_not_promised(open_page: Open) -> None:
    app = open_page(page="layer", model="ResNet-CIFAR-20", size="32x32x1")
    told = " ".join(unescaped(c.value) for c in app.caption)
    assert "Trained by this project" not in told
    assert "expect another number of channels." in told
    app = open_page(page="layer", model="ResNet-CIFAR-20", size="40x40x3")
    assert "Trained by this project" in " ".join(unescaped(c.value) for c in app.caption)


def test_the_app_of_the_checkout_sets_limits_and_is_that_of_the_package() -> None:
    import keraudit.explorer as package

    own = Path(package.__file__).with_name("script") / "app.py"
    checkout = Path(__file__).parents[2] / "streamlit_app" / "app.py"
    assert checkout.read_text().endswith(own.read_text().split('"""')[2])
