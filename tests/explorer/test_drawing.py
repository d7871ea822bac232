"""The map and the block's graph, as data: what is clicked is what is meant; names end nothing."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest

pytest.importorskip("streamlit")

from PIL import Image

from built import application
from keraudit.api import report_of
from keraudit.audits.cost import block_graph
from keraudit.audits.cost.block_graph import block_dot, quoted
from keraudit.audits.cost.parts import LAYER, block_part, parts
from keraudit.audits.cost.treemap import KINDS, MEASURES, family, legend, treemap
from keraudit.explorer.pages.map import part_at
from keraudit.explorer.picture import sent_image
from keraudit.layers.infer import shaped
from keraudit.model.blocks import blocks
from keraudit.output.palette import ink


@pytest.mark.parametrize("name", ["VGG16", "InceptionV3", "ResNet50"])
def test_every_level_adds_up(name: str) -> None:
    graph = shaped(application(name))
    report, found = report_of(graph), blocks(graph)
    tree = parts(name, found, report.layers)
    assert tree.cost == report.total
    for part in tree.walk():
        if part.children:
            assert sum(child.cost.macs for child in part.children) == part.cost.macs
    for block in found:
        whole = block_part(block, report.layers, branches=True)
        assert sum(p.role == LAYER for p in whole.walk()) == len(block.nodes)
        assert whole.cost == next(b.cost for b in report.blocks if b.name == block.name)


def test_the_index_that_is_clicked_is_the_part_in_the_walk() -> None:
    graph = shaped(application("InceptionV3"))
    report = report_of(graph)
    tree = parts("InceptionV3", blocks(graph), report.layers, down_to="block")
    option = treemap(tree, area="macs", color="kind")
    flat: list[str] = [tree.name]

    def walk(items: list[dict[str, Any]]) -> None:
        for item in items:
            flat.append(item["name"])
            walk(item.get("children", []))

    walk(option["series"][0]["data"])
    assert flat == [part.name for part in tree.walk()]
    boxes = {box["name"]: box for stage in option["series"][0]["data"] for box in stage["children"]}
    # 401.9 M of 5.713 G
    assert boxes["mixed3"]["label"]["formatter"] == "{b}\n7.0%"
    at = flat.index("mixed3")
    state = {"selection": {"selected": [{"data_indices": [at]}], "areas": []}}
    assert part_at(tree, state) == next(p for p in tree.walk() if p.name == "mixed3")
    for nothing in (None, {}, {"selection": {"selected": []}}):
        assert part_at(tree, nothing) is None
    assert part_at(tree, {"selection": {"selected": [{"data_indices": [10**6]}]}}) is None


@pytest.mark.parametrize("area", ["macs", "flops", "params", "memory"])
@pytest.mark.parametrize("color", ["kind", *MEASURES])
def test_every_map_has_a_legend(area: str, color: str) -> None:
    graph = shaped(application("ResNet50"))
    tree = parts("ResNet50", blocks(graph), report_of(graph).layers)
    assert treemap(tree, area=area, color=color)["series"][0]["data"]
    assert 1 <= len(legend(tree, area=area, color=color)) <= len(KINDS)


def test_every_kind_has_a_colour_of_its_own_whose_text_can_be_read() -> None:
    assert len(set(KINDS.values())) == len(KINDS)
    for kind in KINDS:
        assert ink(KINDS[kind]) in ("#000", "#fff")
    assert family("Conv2D") == "convolution"
    assert family("Mine") == "other"


def test_a_block_is_drawn_with_its_fork_and_its_join() -> None:
    graph = shaped(application("InceptionV3"))
    report = report_of(graph)
    block = next(b for b in blocks(graph) if b.name == "mixed0")
    dot = block_dot(graph, block, report.layers, chosen="conv2d_6")
    assert dot.count("fillcolor") == 9  # seven convolutions, a pooling, the join
    assert dot.count('"in" ->') == 4
    assert dot.count("-> ") == 4 + 3 + 1 + 4  # in; within branches; behind the pooling; out
    assert dot.count("penwidth=4") == 1


def test_a_block_of_too_many_layers_is_not_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = shaped(application("InceptionV3"))
    block, layers = next(b for b in blocks(graph) if b.name == "mixed0"), report_of(graph).layers
    monkeypatch.setattr(block_graph, "MOST_BOXES", 9)
    assert block_dot(graph, block, layers)
    monkeypatch.setattr(block_graph, "MOST_BOXES", 8)
    assert block_dot(graph, block, layers) == ""


def test_a_picture_is_turned_as_its_camera_was_held() -> None:
    taken = Image.new("RGB", (40, 20), "#ff0000")
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned to its right
    out = BytesIO()
    taken.save(out, "JPEG", exif=exif)
    assert sent_image("a.jpg", out.getvalue()).size == (20, 40)


def test_a_name_cannot_end_the_text_of_a_box() -> None:
    assert quoted('a" ]; evil [label="') == '"a\\" ]; evil [label=\\""'
