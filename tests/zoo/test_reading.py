"""Names at the command line: built once, kept, built again when the zoo's source changes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from built import zoo
from keraudit.api import audit, report_of
from keraudit.cli.main import run
from keraudit.cli.values import MODEL
from keraudit.errors import ShapeError
from keraudit.layers.infer import shaped
from keraudit.model.bounds import Bound
from keraudit.reading.applications import applications
from keraudit.reading.zoo import mark, zoo_models, zoo_path
from keraudit.zoo.names import listed, zoo_model


@pytest.mark.parametrize("name", listed())
def test_every_listed_model_agrees_with_the_record(name: str) -> None:
    found, record = report_of(shaped(zoo(name))), zoo_models()[name]
    assert found.model == record.name
    assert found.bound is Bound.EXACT
    assert (found.total.macs, found.total.params) == (record.macs, record.params)
    assert (len(found.layers), *found.input_shapes.values()) == (record.layers, record.input_shape)


def test_the_record_holds_what_is_listed() -> None:
    assert list(zoo_models()) == list(listed())


def test_a_model_is_built_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAUDIT_CACHE", str(tmp_path))
    told: list[str] = []
    first = audit("inception_naive:lecture-5x5", notify=told.append)
    assert told == [message for message in told if message.startswith("building inception-naive")]
    again = audit("inception-naive:lecture-5x5", notify=told.append)
    assert len(told) == 1
    assert first.total == again.total
    assert "Szegedy et al. 2014" in first.source


def test_an_edit_of_the_zoo_makes_another_file(tmp_path: Path) -> None:
    model = zoo_model("GoogLeNet")
    assert model is not None
    source = tmp_path / "zoo"
    source.mkdir()
    (source / "googlenet.py").write_text("FILTERS = 64\n")
    before = zoo_path(model, (224, 224, 3), source=source)
    assert before == zoo_path(model, (224, 224, 3), source=source)
    assert before != zoo_path(model, (96, 96, 3), source=source)
    (source / "googlenet.py").write_text("FILTERS = 65\n")
    after = zoo_path(model, (224, 224, 3), source=source)
    assert (after.name, after.parent == before.parent) == (before.name, False)
    (source / "googlenet.py").rename(source / "other.py")
    assert mark(source) not in (before.parent.name, after.parent.name)


def test_files_of_different_arguments_differ() -> None:
    names = (*listed(), "inception-reduced:f5=48", "inception-reduced:f5=4", "ResNet-CIFAR-20-B")
    models = [model for model in map(zoo_model, names) if model]
    paths = {zoo_path(model, model.input_shape) for model in models}
    assert len(paths) == len(models) == len(names)


def test_a_shape_that_is_no_image_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"height, width and channels.*received 32,32"):
        audit("ResNet-18", input_shape=(32, 32))
    with pytest.raises(ShapeError, match="from 1 up"):
        audit("ResNet-18", input_shape=(0, 32, 3))


def test_the_models_command_tells_the_origin(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)["models"]
    assert len(rows) == len(applications()) + len(listed())
    assert {row["origin"] for row in rows} == {"Keras", "zoo"}
    assert [row["name"].lower() for row in rows] == sorted(row["name"].lower() for row in rows)
    assert run(["models", "resnet_cifar"]) == 0
    table = capsys.readouterr().out
    assert "ResNet-CIFAR-1202" in table
    assert "19.51 M" in table


def test_the_shell_completes_names_of_the_zoo() -> None:
    offered = {item.value for item in MODEL.shell_complete(None, None, "resnet-cifar-1")}
    assert {"ResNet-CIFAR-110", "ResNet-CIFAR-1202"} <= offered


def test_a_bad_name_ends_with_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["flops", "ResNet-CIFAR-21"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_what_can_be_named_is_known_without_keras() -> None:
    code = "import sys, keraudit.reading.zoo, keraudit.zoo.names; sys.exit('keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
