"""``keraudit structure`` as a user meets it: the table, the formats, ``--require``, mistakes."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path

import pytest

import keraudit
from built import application, json_of, zoo
from keraudit.audits.structure.report import claims
from keraudit.cli.main import run

OUTPUT = Path(__file__).parent / "output"


@pytest.fixture(autouse=True)
def width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


@pytest.mark.parametrize("model", ["ResNet50", "InceptionV3", "VGG16", "ResNet-CIFAR-56"])
def test_the_table(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    """``KERAUDIT_SNAPSHOTS=1`` writes the files anew."""
    zoo(model) if model.startswith("ResNet-") else application(model)
    assert run(["structure", model]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert all(len(line) <= 80 for line in printed.out.splitlines())
    path = OUTPUT / f"structure-{model.lower()}.txt"
    if os.environ.get("KERAUDIT_SNAPSHOTS"):
        path.write_text(printed.out)
    assert printed.out == path.read_text()


@pytest.fixture(scope="module")
def resnet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "resnet50.json"
    path.write_text(json_of("ResNet50"))
    return path


def test_json_and_the_python_api_agree(resnet: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["structure", str(resnet), "--format", "json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["schema"] == "keraudit.structure/2"
    assert data["checks"] == keraudit.structure(resnet).to_dict()["checks"]
    assert data["versions"]["keraudit"] == keraudit.__version__


def test_csv_has_every_claim(resnet: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["structure", str(resnet), "--format", "csv"]) == 0
    text = capsys.readouterr().out
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["code"] for row in rows] == list(claims())
    assert len(text.splitlines()) == 1 + len(rows)  # evidence in one line
    assert rows[3]["verdict"] == "does not hold"


def test_markdown(resnet: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["structure", str(resnet), "--format", "markdown"]) == 0
    text = capsys.readouterr().out
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + 9
    assert "conv5\\_block1.<br>12 identity shortcuts" in text
    assert "Convention: depth is the number of layers" in text


def test_html(resnet: Path, tmp_path: Path) -> None:
    target = tmp_path / "structure.html"
    assert run(["structure", str(resnet), "--output", str(target)]) == 0
    page = target.read_text()
    assert page.startswith("<!doctype html>")
    assert '<tr class="warn"><td data-v="RES04">' in page.replace(' style="padding-left:0.8em"', "")
    assert "depth is the number of layers" in page


@pytest.mark.parametrize(
    ("codes", "code", "told"),
    [
        ("RES01,res09", 0, []),
        ("RES01,RES04", 1, ["RES04 does not hold: Every residual block has two 3x3"]),
        ("INC01", 1, ["INC01 not applicable: Inception modules"]),
    ],
)
def test_require(
    resnet: Path, codes: str, code: int, told: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["structure", str(resnet), "--require", codes]) == code
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == len(told)
    for line, text in zip(lines, told, strict=True):
        assert line.startswith("keraudit: ")
        assert text in line


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--require", "RES4"], "expected RES01 to RES09 or INC01 to INC09, received 'RES4'"),
        (["--require", ","], "expected codes such as RES01,RES06"),
        (["--input-shape", "7"], "7"),
    ],
)
def test_mistakes_are_one_line(
    resnet: Path, arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["structure", str(resnet), *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert told in printed.err
