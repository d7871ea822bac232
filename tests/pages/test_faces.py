"""What the page on faces makes of a record, and of its absence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mkdocs")

from mkdocs.exceptions import PluginError

from keraudit.faces.table import cuts_grid, recognizers_grid
from keraudit.output.csv_markdown import markdown_text
from pages import faces, reproduce


def scores(*errors: float) -> dict[str, list[float]]:
    return {
        "error": list(errors),
        "equal_error": [e + 0.1 for e in errors],
        "true_accepts": [0.5 for _ in errors],
    }


def recogniser(name: str, source: str, *errors: float) -> dict[str, Any]:
    return {
        "name": name,
        "source": source,
        "macs": 1_500_000,
        "params": 2000,
        "matching_macs": 3000,
        "blocks": ["mixed0", "mixed2", "mixed0"] if source else [],
        "scores": scores(*errors),
    }


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "faces.json"
    monkeypatch.setattr(faces, "PATH", path)
    return path


def record() -> dict[str, Any]:
    source = "InceptionV3, random initialisation"
    cuts = [
        {"source": source, "block": f"mixed{n}", "macs": 10**8 * (n + 1), "scores": scores(e, e)}
        for n, e in enumerate((0.04, 0.06))
    ]
    return {
        "schema": "keraudit.faces/1",
        "dataset": {
            "name": "pictures",
            "source": "pictures",
            "people": 10,
            "images": 100,
            "fingerprint": "ab" * 16,
            "image_shape": [112, 92, 1],
        },
        "each": 5,
        "probes": 50,
        "seeds": [0, 1, 2],
        "size": 96,
        "epochs": 40,
        "sources": [{"label": source, "network": "InceptionV3", "origin": "seed 0"}],
        "cuts": cuts,
        "recognisers": [
            recogniser("Pixels", "", 0.05, 0.05, 0.05),
            recogniser("Features", source, 0.06, 0.07, 0.08),
        ],
        "hardware": {"processor": "P", "cores": 2},
        "versions": {"keras": "3"},
        "date": "2026-11-28",
        "command": "keraudit faces --data pictures",
    }


def test_the_table_of_recognisers(kept: Path) -> None:
    kept.write_text(json.dumps(record()))
    shown = faces.results()
    assert "| Pixels | 5.00 ± 0.00 | 15.00 ± 0.00 | 50.0% | 1.500 M |\n" in shown
    whole = faces.all_columns()
    row = "| Pixels | 5.00 ± 0.00 | 15.00 ± 0.00 | 50.0% | 1.500 M | 3.000 k | 2.000 k |  |"
    assert row in whole
    # 2 points more, and t(2) x 1 x sqrt(1/3 + 50/50) = 4.97 to either side
    assert "| Features<br>InceptionV3, random | 7.00 ± 1.00 |" in shown
    assert "| −3.0 to +7.0 | mixed0, mixed2 |" in whole
    assert ">3 splits · 1 initialisation · 2 CPU cores · 10 people, 100 images<" in shown
    assert "100 images of 92x112 (pictures" in shown
    assert "Mean and standard deviation over 3 random splits" in shown
    assert "Made by `keraudit faces --data pictures`" in shown
    listed = reproduce.commands()
    assert ("faces.md", kept.as_posix(), "keraudit faces --data pictures") in listed


def test_the_figure_has_a_line_for_each_source_and_one_for_pixels(kept: Path) -> None:
    kept.write_text(json.dumps(record()))
    drawn = faces.figure()
    assert "pixels, no network" in drawn
    assert drawn.count("mixed1") == 2  # in either panel


def test_the_roc_has_pixels_and_the_recognisers_of_trained_features(
    kept: Path,
) -> None:
    found = record()
    found["roc_false_accepts"] = [0.01, 1.0]
    found["recognisers"].append(recogniser("Features", "ResNet-CIFAR-20, trained on toys", 0.1))
    for one in found["recognisers"]:
        one["roc"] = [[0.5, 1.0], [0.7, 1.0]]
    kept.write_text(json.dumps(found))
    text = faces.curve().partition('<script type="application/json">')[2]
    lines = json.loads(text.partition("</script>")[0])["data"]
    assert [line["name"] for line in lines] == [
        "Pixels",
        "ResNet-CIFAR-20",
        "equal error",
    ]
    assert (lines[0]["x"], lines[0]["y"]) == ([1.0, 100.0], [60.0, 100.0])
    assert lines[2]["y"] == [99.0, 0.0]


def test_the_staircase_is_of_random_networks_block_by_block(kept: Path) -> None:
    found = record()
    for source, name in faces.RANDOM.items():
        for block, error in (("conv2_block1", 0.04), ("conv2_block2", 0.2 + 0.1 * len(name))):
            cut = {"source": source, "block": block, "macs": 10**8, "scores": scores(error, error)}
            found["cuts"].append(cut)
    kept.write_text(json.dumps(found))
    drawn = faces.staircase()
    data = json.loads(
        drawn.partition('<script type="application/json">')[2].partition("</script>")[0]
    )
    assert [(t["name"], t["x"], t["y"]) for t in data["data"]] == [
        ("with skips", ["conv2_block1", "conv2_block2"], [4.0, 120.0]),
        ("without skips", ["conv2_block1", "conv2_block2"], [4.0, 150.0]),
        ("pixels", ["conv2_block1", "conv2_block2"], [5.0, 5.0]),
    ]
    ends = [note["text"] for note in data["layout"]["annotations"]]
    assert ends == ["without skips", "with skips", "pixels"]  # from the top
    assert faces.errors_at_the_end("InceptionV3, random initialisation") == "6 %"
    assert faces.errors_at_the_end("pixels") == "5 %"
    with pytest.raises(PluginError, match="no features of 'ResNet51'"):
        faces.errors_at_the_end("ResNet51")
    assert faces.accepted("") == "50 %"


def test_the_grids_hold_the_same_numbers() -> None:
    found = record()
    for cut in found["cuts"]:
        cut |= {"shape": [9, 7, 256], "params": 5}
    found["dataset"]["name"] = "pictures"
    one, two = recognizers_grid(found), cuts_grid(found)
    assert [line.cells["name"] for line in one.lines] == [
        "Pixels",
        "Features: InceptionV3, random initialisation",
    ]
    assert one.lines[1].cells["difference"] == "-3.0 to +7.0"
    assert one.lines[0].cells["difference"] == ""
    for recogniser in found["recognisers"]:  # a single seed has no interval
        recogniser["scores"] = scores(0.05)
    assert recognizers_grid(found).lines[1].cells["difference"] == ""
    text = markdown_text(two)
    assert "| InceptionV3, random initialisation: mixed0 | 9x7x256 |" in text


def test_no_record(kept: Path) -> None:
    assert f"The record `{kept.as_posix()}` is not here" in faces.results()
    assert faces.figure() == faces.all_columns() == ""
    assert "is not here" in faces.staircase()
    assert faces.errors_at_the_end("pixels") == faces.accepted("") == "(not measured)"
    assert faces.curve() == ""
