"""What changes between two networks, drawn and listed; and changes of what is chosen in the drawing."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("streamlit")

from explorer.pages import address, choose, command, errors, unescaped
from explorer.test_network import Drawn
from keraudit.api import report_of
from keraudit.audits.cost.compare import compare
from keraudit.errors import KerauditError
from keraudit.explorer.network_data import Shown, network_data
from keraudit.explorer.pages.changes import marks
from keraudit.rewrite.apply import rewritten
from keraudit.rewrite.options import Rewriting
from keraudit.rewrite.reductions import without_reductions
from keraudit.rewrite.skips import without_skips
from keraudit.rewrite.width import with_filters

Open = Any


@pytest.fixture(scope="module")
def resnet() -> Drawn:
    return Drawn("ResNet50")


def test_one_skip_is_cut_and_the_others_stay(resnet: Drawn) -> None:
    done = without_skips(resnet.graph, only="conv2_block2_add")
    assert [change.layer for change in done.changes] == ["conv2_block2_add"]
    left = [n.name for n in done.graph.nodes if n.layer.kind == "Add"]
    assert len(left) == 15
    with pytest.raises(KerauditError, match="no sum is called 'conv1_conv': expected one of"):
        without_skips(resnet.graph, only="conv1_conv")


def test_one_reduction_is_removed_and_the_others_stay(resnet: Drawn) -> None:
    done = without_reductions(resnet.graph, only="conv2_block2_1_conv")
    gone = {n.name for n in resnet.graph.nodes} - {n.name for n in done.graph.nodes}
    # with its normalisation and activation
    assert gone == {f"conv2_block2_1_{part}" for part in ("conv", "bn", "relu")}
    with pytest.raises(KerauditError, match="no convolution is called 'x'"):
        without_reductions(resnet.graph, only="x")


def test_a_sum_that_no_longer_fits_is_refused_by_name(resnet: Drawn) -> None:
    with pytest.raises(KerauditError, match="layer 'conv3_block1_add'"):
        with_filters(resnet.graph, "conv3_block1_3_conv", 100)


def test_the_command_line_has_what_the_page_does() -> None:
    made = Rewriting(without_skip=("a",), without_reduction=("b", "c"))
    assert made.options() == (
        *("--without-skip", "a"),
        *("--without-reduction", "b", "--without-reduction", "c"),
    )


def test_layers_are_marked_on_both_sides(resnet: Drawn) -> None:
    options = Rewriting(without_skip=("conv2_block2_add",), filters=(("conv3_block1_1_conv", 8),))
    graph, _ = rewritten(resnet.graph, options)
    comparison = compare(resnet.report, report_of(graph))
    before, after = marks(comparison, "before"), marks(comparison, "after")
    assert len(before) == len(resnet.names)
    assert len(after) == len(graph.nodes)
    by_name = dict(zip(resnet.names, before, strict=True))
    assert by_name["conv2_block2_add"] == "removed"
    assert by_name["conv3_block1_1_conv"] == by_name["conv3_block1_2_conv"] == "changed"
    assert by_name["conv1_conv"] == "same"
    data = network_data(resnet.network, resnet.graph, resnet.report.layers, Shown(marks=before))
    shown = {box["key"]: box["mark"] for box in data["boxes"]}
    assert shown["conv3_block1"] == "changed"
    assert shown["conv4_block1"] == ""
    assert "changed" in next(b["says"] for b in data["boxes"] if b["key"] == "conv3_block1")
    assert [word for word, _ in data["legend"]] == ["removed", "changed"]


def test_a_network_that_is_not_compared_has_no_marks(resnet: Drawn) -> None:
    assert not any(box["mark"] for box in resnet.data()["boxes"])


def test_what_is_chosen_in_the_drawing_is_changed(open_page: Open) -> None:
    app = open_page(model="ResNet50", block="conv2_block2")
    next(b for b in app.button if b.label == "Cut this skip").click().run()
    assert address(app)["page"] == "what-if"
    assert address(app)["cut"] == "conv2_block2_add"
    assert command(app) == "keraudit compare ResNet50 ResNet50 --without-skip conv2_block2_add"
    differing = next(d.value for d in app.dataframe if "layer" in d.value)
    assert "conv2_block2_add" in list(differing["layer"])
    next(b for b in app.button if "Undo" in b.label).click().run()
    assert "cut" not in address(app)
    assert not errors(app)


def test_filters_of_the_chosen_layer(open_page: Open) -> None:
    app = open_page(page="what-if", model="ResNet50", layer="conv3_block1_1_conv")
    assert any(b.label == "Remove this reduction" for b in app.button)
    app.number_input(key="w_own_filters").set_value(64).run()
    assert address(app)["filters"] == "conv3_block1_1_conv=64"
    assert command(app).endswith("--filters conv3_block1_1_conv=64")
    app = open_page(page="what-if", model="ResNet50", filters="conv3_block1_3_conv=100")
    assert "layer 'conv3_block1_add' (Add)" in errors(app)[0].replace("\\_", "_")


def test_a_changed_network_has_not_the_gradients_of_the_unchanged_one(open_page: Open) -> None:
    app = open_page(page="what-if", model="ResNet50", without="skips", color="gradient")
    choose(app, "side", "after")
    assert any("of the unchanged network" in unescaped(c.value) for c in app.caption)


def test_nothing_is_compared_with_a_model_that_fails(open_page: Open) -> None:
    app = open_page(page="compare", model="InceptionV3", size="32x32x3", compared="ResNet-CIFAR-20")
    assert "InceptionV3" in errors(app)[0]
    assert not app.dataframe


def test_two_models_are_drawn_one_at_a_time(open_page: Open) -> None:
    app = open_page(page="compare", model="ResNet50", compared="VGG16")
    assert any("only in VGG16" in unescaped(c.value) for c in app.caption)
    heads = [column for d in app.dataframe for column in d.value]
    assert heads
    assert not [head for head in heads if "\\" in head]
    choose(app, "side", "before")
    assert address(app)["side"] == "before"
    assert not errors(app)
