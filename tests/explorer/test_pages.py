"""Every page and widget, without a browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from built import json_of

pytest.importorskip("streamlit")

from explorer.pages import address, choose, command, errors, lines, metrics, unescaped, warnings
from keraudit.explorer.view import PAGES

Open = Any


def test_the_map_opens_on_a_model_that_everyone_knows(open_page: Open) -> None:
    app = open_page()
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
    app = choose(open_page(), "block", "mixed3")
    assert address(app) == {"block": "mixed3"}
    values = [m.value for m in app.metric]
    assert values[6:9] == ["401.9 M", "7.0%", "1.154 M"]
    assert any("3 branches" in m.value for m in app.markdown)
    assert "conv2d_26" in [str(row) for row in app.dataframe[0].value["layer"]]


@pytest.mark.parametrize(
    ("area", "colour"), [("params", "cost"), ("memory", "field"), ("cost", "memory")]
)
def test_the_map_has_areas_and_colours(open_page: Open, area: str, colour: str) -> None:
    app = open_page(model="ResNet50", level="layers")
    choose(choose(app, "area", area), "colour", colour)
    assert address(app).get("area", "cost") == area
    assert not errors(app)


def test_flops_are_two_for_each_mac_and_the_rest(open_page: Open) -> None:
    app = choose(open_page(), "unit", "flops")
    assert metrics(app)["FLOPs"].startswith("11.4")
    assert address(app) == {"unit": "flops"}


def test_another_model_forgets_the_block_of_the_one_before(open_page: Open) -> None:
    app = choose(open_page(block="mixed3", page="map"), "model", "ResNet50")
    assert address(app) == {"model": "ResNet50"}
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
    assert lines(app)[0] == "35 x 35 x 64 x 3 x 3 x 96 = 67,737,600 MACs"
    assert metrics(app)["Sees"] == "143"
    assert choose(app, "layer", "conv2d_29")
    assert address(app)["layer"] == "conv2d_29"
    choose(app, "row", 3)
    assert address(app)["spot"] == "3x8"
    assert "FLOPs = 2 x" in " ".join(t.value for t in app.text)


def test_the_layer_page_begins_with_the_costliest(open_page: Open) -> None:
    app = open_page(page="layer", model="VGG16")
    assert lines(app)[0] == "56 x 56 x 256 x 3 x 3 x 256 = 1,849,688,064 MACs"


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
    assert metrics(app)["MACs, before: 5.713 G"] == "9.828 G"
    assert command(app) == "keraudit compare InceptionV3 InceptionV3 --without-reductions"
    table = app.dataframe[0].value
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
    table = app.dataframe[0].value
    changed = dict(zip(table["block"], table["change"], strict=True))
    assert changed["mixed0"] == -35 * 35 * (192 * 32 + 25 * 32 * 64)
    assert command(app).endswith("--filters conv2d_6=16")
    choose(app, "reduction", "")
    assert "filters" not in address(app)


def test_a_what_if_that_does_nothing_says_so(open_page: Open) -> None:
    app = open_page(page="what-if", model="VGG16", without="reductions")
    assert "no reduction found" in warnings(app)[0]
    assert any("no 1x1 reductions" in unescaped(c.value) for c in app.caption)


@pytest.mark.parametrize("page", PAGES)
def test_every_page_has_its_place_above(open_page: Open, page: str) -> None:
    app = choose(open_page(), "page", page) if page != "map" else open_page()
    assert app.segmented_control(key="w_page").value == page
    assert not errors(app)


def test_the_app_of_the_checkout_and_of_the_package_are_one() -> None:
    import keraudit.explorer as package

    own = Path(package.__file__).with_name("script") / "app.py"
    checkout = Path(__file__).parents[2] / "streamlit_app" / "app.py"
    assert own.read_text().split('"""')[2] == checkout.read_text().split('"""')[2]
