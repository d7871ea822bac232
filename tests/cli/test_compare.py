"""Two models side by side."""

from __future__ import annotations

import json

import pytest

from built import application
from keraudit.api import report_of
from keraudit.audits.cost.compare import Comparison, compare, comparison_grid
from keraudit.layers.infer import shaped
from keraudit.output.terminal import grid_text


def compared(a: str, b: str, shape: tuple[int, ...] | None = None) -> Comparison:
    shapes = None if shape is None else [shape]
    first = report_of(shaped(application(a)))
    return compare(first, report_of(shaped(application(b), input_shapes=shapes)))


def statuses(pairs: tuple[object, ...]) -> dict[str, int]:
    found: dict[str, int] = {}
    for pair in pairs:
        status = pair.status  # type: ignore[attr-defined]
        found[status] = found.get(status, 0) + 1
    return found


def test_a_model_with_itself() -> None:
    same = compared("ResNet50", "ResNet50")
    assert statuses(same.blocks) == {"same": 18}
    assert statuses(same.layers) == {"same": 177}


def test_seventeen_units_more() -> None:
    """ResNet101 has 23 units in its third stage where ResNet50 has 6."""
    more = compared("ResNet50", "ResNet101")
    assert statuses(more.blocks) == {"same": 18, "added": 17}
    added = [p.name for p in more.blocks if p.status == "added"]
    assert added == [f"conv4_block{i}" for i in range(7, 24)]
    data = more.to_dict()
    assert data["schema"] == "keraudit.compare/2"
    change = data["totals"]["change"]["macs"]
    assert change == 7_570_194_432 - 3_857_973_248
    assert sum(row["change"]["macs"] for row in data["blocks"]) == change
    assert sum(row["change"]["macs"] for row in data["layers"]) == change
    json.dumps(data)


def test_removed_is_added_the_other_way_round() -> None:
    less = compared("ResNet101", "ResNet50")
    assert statuses(less.blocks) == {"same": 18, "removed": 17}


def test_another_size_changes_every_block_that_computes() -> None:
    smaller = compared("ResNet50", "ResNet50", (128, 128, 3))
    assert statuses(smaller.blocks) == {"changed": 18}  # the head pools fewer positions
    assert smaller.blocks[-1].a.macs == smaller.blocks[-1].b.macs  # type: ignore[union-attr]


@pytest.mark.parametrize("b", ["VGG16", "ResNet50", "DenseNet201"])
def test_whatever_is_compared_adds_up(b: str) -> None:
    data = compared("InceptionV3", b).to_dict()
    for rows in (data["blocks"], data["layers"]):
        for side in ("a", "b"):
            total = sum(row[side]["macs"] for row in rows if row[side])
            assert total == data[side]["totals"]["macs"]


def test_automatic_names_are_matched_by_structure() -> None:
    import keras

    from witness import graph_of

    def chain(offset: int) -> object:
        keras.utils.clear_session()
        for _ in range(offset):
            keras.layers.Conv2D(1, 1)
        layers = [keras.layers.Conv2D(8, 3), keras.layers.ReLU(), keras.layers.Conv2D(4, 3)]
        return graph_of(keras.Sequential([keras.Input((16, 16, 3)), *layers]))

    a, b = (report_of(chain(n)) for n in (0, 7))  # type: ignore[arg-type]
    assert {p.status for p in compare(a, b).layers} == {"same"}


def test_the_table_fits() -> None:
    text = grid_text(comparison_grid(compared("InceptionV3", "InceptionResNetV2")))
    assert all(len(line) <= 80 for line in text.splitlines())
