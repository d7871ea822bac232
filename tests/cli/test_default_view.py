"""What a row is where nothing says so: layers of a small network, stages of one with many blocks."""

from __future__ import annotations

import csv
import json
from io import StringIO
from pathlib import Path

import pytest

import keraudit
from built import application
from command import run

SMALL = (
    ("Conv2D", {"filters": 16, "kernel_size": 3}),
    ("MaxPooling2D", {"pool_size": 2}),
    ("Conv2D", {"filters": 32, "kernel_size": 3}),
    ("MaxPooling2D", {"pool_size": 2}),
    ("Flatten", {}),
    ("Dense", {"units": 10}),
)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two convolutions, two poolings and a classifier: no layer forks, so it has no blocks."""
    start = {"class_name": "InputLayer", "config": {"name": "x", "batch_shape": [None, 32, 32, 3]}}
    layers = [start] + [
        {"class_name": kind, "config": {"name": f"{kind.lower()}_{place}", **config}}
        for place, (kind, config) in enumerate(SMALL)
    ]
    path = tmp_path_factory.mktemp("models") / "small.json"
    path.write_text(
        json.dumps({"class_name": "Sequential", "config": {"name": "small", "layers": layers}})
    )
    return path


def test_a_network_of_two_blocks_is_shown_by_layer(small: Path) -> None:
    done = run("flops", small)
    assert (done.code, done.err) == (0, "")
    assert "conv2d_2" in done.out
    assert "388.8 k" in done.out  # 30 * 30 * 3 * 3 * 3 * 16
    assert done.out == run("flops", small, "--by", "layer").out
    report = keraudit.audit(small)
    assert "conv2d_2" in str(report)
    assert "conv2d" in report.to_markdown()
    assert "conv2d" in report._repr_html_()


def test_blocks_are_shown_where_they_are_asked_for(small: Path) -> None:
    for words in (("--by", "block"), ("--depth", "2")):
        shown = run("flops", small, *words).out
        assert " stem " in shown
        assert "conv2d_2" not in shown
    page = " ".join(run("flops", "--help").out.split())
    assert "[default: block; layer for few blocks, stage for many]" in page


def test_the_rows_of_a_file_do_not_depend_on_the_model(small: Path) -> None:
    application("ResNet50")
    rows = csv.DictReader(StringIO(run("flops", small, "ResNet50", "-f", "csv").out))
    names = [row["name"] for row in rows]
    assert names[:2] == ["stem", "head"]
    assert "conv2_block1" in names
    assert keraudit.audit(small).to_csv() == run("flops", small, "-f", "csv").out
    assert [b["name"] for b in json.loads(run("flops", small, "-f", "json").out)["blocks"]] == [
        "stem",
        "head",
    ]


def test_a_network_of_many_blocks_is_shown_by_stage() -> None:
    done = run("flops", "ResNet-CIFAR-110")
    assert "has 56 blocks; shown by stage, --by block lists them" in done.err
    assert done.out == run("flops", "ResNet-CIFAR-110", "--by", "stage").out
