"""The JSON schemas of the site: one for each in the code, and everything written follows its own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import run_records
from built import application, json_of
from command import run
from schemas import FOLDER, faults, file_of

HOME = Path(__file__).parents[1]
NAME = re.compile(r"[\"`](keraudit\.[a-z-]+/\d+)[\"`]")
PUBLISHED = sorted((HOME / "site" / "results").rglob("*.json"))


def named_in_code() -> set[str]:
    sources = (HOME / "analysis" / "keraudit").rglob("*.py")
    return {name for path in sources for name in NAME.findall(path.read_text("utf-8"))}


def test_each_schema_of_the_code_is_published_and_no_other() -> None:
    assert {file_of(name).name for name in named_in_code()} == {p.name for p in FOLDER.iterdir()}


@pytest.mark.parametrize("path", sorted(FOLDER.iterdir()), ids=lambda path: path.stem)
def test_a_schema_is_one(path: Path) -> None:
    schema = json.loads(path.read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == path.name
    assert schema["title"]
    assert schema["description"]
    assert "schema" in schema["required"]


def ours(record: Any) -> Iterator[dict[str, Any]]:
    """The records of the program within a file, at any depth."""
    if isinstance(record, dict):
        if file_of(str(record.get("schema"))).is_file():
            yield record
        record = list(record.values())
    if isinstance(record, list):
        for item in record:
            yield from ours(item)


def test_every_published_record_follows_its_schema() -> None:
    records = [one for path in PUBLISHED for one in ours(json.loads(path.read_text("utf-8")))]
    assert len(records) > 40
    assert [fault for record in records for fault in faults(record)] == []


def written(*words: object) -> Any:
    done = run(*words, "-f", "json")
    assert done.code in (0, 1), done.err
    return json.loads(done.out)


@pytest.mark.parametrize(
    "line",
    [
        "flops MobileNetV2",
        "flops ResNet50 InceptionV3",
        "flops ResNet50 --without-skips --width 0.5",
        "compare ResNet50 MobileNetV2",
        "compare ResNet50 --without-skips",
        "reductions InceptionV3",
        "structure ResNet50 VGG16",
        "models",
        "experiment",
    ],
)
def test_what_a_command_writes_follows_its_schema(line: str) -> None:
    for name in ("ResNet50", "InceptionV3", "MobileNetV2", "VGG16"):
        application(name)
    assert faults(written(*line.split())) == []


def test_lower_bounds_and_baselines_follow_it(tmp_path: Path) -> None:
    config = json.loads(json_of("ResNet50"))
    for layer in config["config"]["layers"]:
        if layer["name"] == "conv1_conv":
            layer |= {"class_name": "Mine", "module": "my.code", "registered_name": "my>Mine"}
    own, before = tmp_path / "own.json", tmp_path / "before.json"
    own.write_text(json.dumps(config))
    record = written("flops", own)
    assert record["bound"] == "lower"
    before.write_text(json.dumps(record))
    assert faults(record) == []
    assert faults(written("flops", own, "--baseline", before, "--allow-uncounted")) == []
    assert faults(written("compare", own, "ResNet50")) == []


def test_runs_follow_it(tmp_path: Path) -> None:
    names = ("ResNet-CIFAR-20", "Plain-CIFAR-20")
    run_records.publish(
        tmp_path, *(run_records.run(name, seed) for name in names for seed in (0, 1))
    )
    for command in ("list", "compare"):
        assert faults(written("runs", command, tmp_path)) == []


def test_a_wrong_record_has_faults() -> None:
    application("MobileNetV2")
    record = written("flops", "MobileNetV2")
    for path, value in (
        (("batch",), "four"),
        (("bound",), "roughly"),
        (("totals", "macs"), 1.5),
        (("layers", 0, "name"), None),
        (("blocks", 0, "children"), [{}]),
    ):
        wrong = json.loads(json.dumps(record))
        place = wrong
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value
        assert faults(wrong)
