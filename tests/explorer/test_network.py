"""The first page, without a browser: what it draws, what a click in it does to the address."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("streamlit")

from built import application
from explorer.pages import address, errors, lines, metrics
from keraudit.api import report_of
from keraudit.audits.cost.network_tree import Item
from keraudit.explorer.address import View
from keraudit.explorer.network_data import Network, Shown, network_data, network_of
from keraudit.explorer.pages.drawn import opened, toggled
from keraudit.layers.infer import shaped
from keraudit.model.blocks import blocks

Open = Any


class Drawn:
    """A model as the page draws it."""

    def __init__(self, name: str) -> None:
        self.graph = shaped(application(name))
        self.report = report_of(self.graph)
        self.network: Network = network_of(self.graph, blocks(self.graph))
        self.names = [layer.name for layer in self.report.layers]

    def data(self, **options: Any) -> dict[str, Any]:
        shown = Shown(**options)
        return network_data(self.network, self.graph, self.report.layers, shown)

    def item(self, key: str) -> Item:
        return next(item for item in self.network.root.walk() if item.key == key)


@pytest.fixture(scope="module")
def inception() -> Drawn:
    return Drawn("InceptionV3")


def test_it_is_the_first_page(open_page: Open) -> None:
    app = open_page()
    assert address(app) == {}
    assert metrics(app)["MACs"] == "5.713 G"
    costly = [button.label for button in app.button]
    assert costly[0].replace("\\", "") == "conv2d_4: 696.9 M MACs, 12.2%"
    assert len(costly) == 10
    app.button[0].click().run()
    assert address(app) == {"layer": "conv2d_4"}
    # 71 x 71 positions, 80 channels, 3 x 3 kernel, 192 filters
    assert lines(app)[0] == "71 × 71 × 80 × 3 × 3 × 192 = 696,867,840 MACs"


def test_an_address_opens_a_layer_and_a_block(open_page: Open) -> None:
    app = open_page(layer="conv2d_93")
    assert lines(app)[0] == "8 × 8 × 2048 × 192 = 25,165,824 MACs"
    app = open_page(block="mixed7", open="mixed7;nowhere")
    assert metrics(app)["MACs"] == "617.9 M"
    assert not errors(app)
    assert "has no layer" in errors(open_page(layer="nowhere"))[0]


def test_the_branches_of_a_module_have_their_cost(inception: Drawn) -> None:
    data = inception.data(opened=frozenset({"mixed7"}))
    cost = {box["name"]: box["cost"] for box in data["boxes"] if box["role"] == "branch"}
    assert cost == {
        "branch 1": "340.9 M MACs",
        "branch 2": "191.8 M MACs",
        "branch 3": "42.61 M MACs",
        "branch 4": "42.61 M MACs",
    }
    assert all(box["says"] for box in data["boxes"])


def test_what_leads_to_the_chosen_layer_is_lit(inception: Drawn) -> None:
    layer = inception.names.index("conv2d_66")
    data = inception.data(opened=frozenset({"mixed7"}), layer=layer)
    lit = {box["name"] for box in data["boxes"] if box["lit"]}
    assert {"stem", "mixed6", "mixed7", "branch 1", "conv2d_64", "conv2d_66"} <= lit
    assert not {"mixed8", "branch 2", "conv2d_67", "conv2d_60"} & lit
    assert data["chosenBox"] == "conv2d_66"
    wires = [wire for wire in data["wires"] if wire["lit"]]
    assert 0 < len(wires) < len(data["wires"])


@pytest.mark.parametrize("color", ["kind", "macs", "flops", "params", "memory", "field"])
def test_every_colour_has_a_legend_and_a_cost(inception: Drawn, color: str) -> None:
    data = inception.data(color=color)
    assert len(data["legend"]) >= 2
    word = {"params": "params", "memory": "MiB", "flops": "FLOPs"}.get(color, "MACs")
    assert word in data["boxes"][0]["cost"]
    assert len({box["fill"] for box in data["boxes"]}) > 1


def test_the_most_expensive_layers_are_offered(inception: Drawn) -> None:
    top = inception.data()["top"]
    assert len(top) == 10
    assert inception.names[top[0][0]] == "conv2d_4"


def test_a_block_is_opened_and_closed(inception: Drawn) -> None:
    root, names, block = inception.network.root, inception.names, inception.item("mixed7")
    one = toggled(View(), root, block, names)
    assert (one.open, one.block, one.layer) == (("mixed7",), "mixed7", "")
    assert toggled(one, root, block, names).open == ()
    within = View(layer="conv2d_66")
    assert opened(within, root, names.index("conv2d_66")) == {"mixed7"}
    assert toggled(within, root, block, names).layer == ""
    other = toggled(
        View(layer="conv2d_66", open=("mixed3", "mixed7")), root, inception.item("mixed3"), names
    )
    assert (other.layer, other.open) == ("conv2d_66", ("mixed7",))


def test_colour_by_gradient_is_of_all_kernels_of_a_box() -> None:
    resnet = Drawn("ResNet50")
    at = {name: i for i, name in enumerate(resnet.names)}
    found = {
        at["conv1_conv"]: 100.0,
        at["conv2_block1_1_conv"]: 3.0,
        at["conv2_block1_2_conv"]: 4.0,
    }
    found[at["conv3_block1_1_conv"]] = float("nan")
    data = resnet.data(color="gradient", gradients=found)
    boxes = {box["key"]: box for box in data["boxes"]}
    assert boxes["conv2_block1"]["cost"] == "5"  # 3 and 4 at right angles
    assert boxes["conv3_block1"]["cost"] == ""
    assert "of the model" not in boxes["conv2_block1"]["says"]
    assert data["legend"][0][0] == "smallest gradient norm"


def test_a_model_without_recorded_gradients_says_so(open_page: Open) -> None:
    app = open_page(model="VGG16", color="gradient")
    assert any("No gradients of VGG16 have been recorded" in c.value for c in app.caption)
    app = open_page(model="ResNet50", color="gradient")
    assert not any("No gradients" in c.value for c in app.caption)


def test_costs_are_summed_once(inception: Drawn, monkeypatch: pytest.MonkeyPatch) -> None:
    first = inception.data()
    monkeypatch.setattr("keraudit.explorer.network_data._summed", None)
    assert inception.data(color="params")["names"] == first["names"]
