"""What a build server gets: annotations, growth against a baseline, JSON that is nothing but JSON."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from built import application, json_of
from command import process, run


@pytest.fixture
def resnet(tmp_path: Path) -> Path:
    path = tmp_path / "resnet50.json"
    path.write_text(json_of("ResNet50"))
    return path


@pytest.fixture
def main(tmp_path: Path, resnet: Path) -> Path:
    path = tmp_path / "main.json"
    assert run("flops", resnet, "-o", path).code == 0
    return path


def test_annotations(resnet: Path) -> None:
    done = run("flops", resnet, "--max-macs", "1G", "--format", "github")
    notice, error = done.out.splitlines()
    assert (done.code, done.err) == (1, "")
    assert notice.startswith("::notice title=keraudit%3A resnet50::at 224x224x3, batch 1: ")
    assert error.startswith(f"::error file={resnet},title=keraudit%3A budget::resnet50: 3.858 G")
    assert run("flops", resnet, "--max-macs", "4G", "--format", "github").code == 0
    claims = run("structure", "VGG16", "--require", "RES01", "--format", "github")
    assert claims.code == 1
    assert "::error title=keraudit%3A RES01::VGG16: RES01 not applicable" in claims.out


def test_a_name_ends_no_annotation(tmp_path: Path) -> None:
    config = json.loads(json_of("ResNet50"))
    config["config"]["name"] = "a\n::error::b%0A"
    path = tmp_path / "evil.json"
    path.write_text(json.dumps(config))
    lines = run("flops", path, "--max-macs", "1", "-f", "github").out.splitlines()
    assert [line.split(" ")[0] for line in lines] == ["::notice", "::error"]
    assert "%0A::error" not in "".join(lines)


@pytest.mark.parametrize(
    ("changes", "code", "shown"),
    [
        ((), 0, r"\+0\.00%"),
        (("--width", "1.1"), 1, "above --max-growth 0%"),
        (("--width", "1.1", "--max-growth", "1%"), 1, "above --max-growth 1%"),
        (("--width", "1.1", "--max-growth", "50"), 0, r"\+2\d?\.\d\d%"),
        (("--width", "0.5"), 0, r"-\d+\.\d\d%"),
    ],
)
def test_growth(resnet: Path, main: Path, changes: tuple[str, ...], code: int, shown: str) -> None:
    done = run("flops", resnet, *changes, "--baseline", main)
    assert done.code == code, done.err
    assert re.search(shown, done.out + done.err)
    assert "Before" in done.out


def test_growth_in_json_and_annotations(resnet: Path, main: Path) -> None:
    done = run("flops", resnet, "--width", "1.1", "--baseline", main, "-f", "json")
    growth = json.loads(done.out)["baseline"]["growth"]["macs"]
    assert growth["before"] == 3_857_973_248
    assert growth["percent"] == pytest.approx(100 * (growth["after"] / growth["before"] - 1))
    found = run("flops", resnet, "--width", "1.1", "--baseline", main, "-f", "github").out
    assert found.count("::error file=") == 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not valid JSON"),
        ("[]", "expected a record of keraudit flops"),
        ('{"schema": "keraudit.run/1"}', "received keraudit.run/1"),
        (
            '{"schema": "keraudit.cost/2"}',
            "it is of an unnamed model at an unknown size, batch unk",
        ),
        (
            '{"schema": "keraudit.cost/2", "model": "a", "input_shapes": {"x": [8, 8, 3]}, "batch": 1}',
            "it is of a at 8x8x3, batch 1, compared with resnet50 at 224x224x3, batch 1",
        ),
        (
            '{"schema": "keraudit.cost/2", "input_shapes": {"x": 3}}',
            "an unnamed model at an unknown",
        ),
        (
            None,
            "it is of resnet50 at 224x224x3, batch 7, compared with resnet50 at 224x224x3, batch 1",
        ),
    ],
)
def test_a_baseline_that_is_none(
    resnet: Path, tmp_path: Path, main: Path, text: str | None, message: str
) -> None:
    path = tmp_path / "before.json"
    path.write_text(text or json.dumps({**json.loads(main.read_text()), "batch": 7}))
    done = run("flops", resnet, "--baseline", path)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert message in done.err


def test_models_of_a_baseline_go_by_name(resnet: Path, tmp_path: Path) -> None:
    application("MobileNetV2")
    main = tmp_path / "two.json"
    run("flops", resnet, "MobileNetV2", "-o", main)
    assert run("flops", "MobileNetV2", "--baseline", main).code == 0
    done = run("flops", "VGG16", "--baseline", main)
    assert done.code == 2
    assert "has no record of 'VGG16'" in done.err


def test_json_stays_json_whatever_is_warned_of(resnet: Path, tmp_path: Path) -> None:
    config = json.loads(resnet.read_text())
    config["config"]["layers"][2] |= {
        "class_name": "Mine",
        "module": "m",
        "registered_name": "m>Mine",
    }
    own = tmp_path / "own.json"
    own.write_text(json.dumps(config))
    done = process("flops", own, "--max-macs", "1", "--without-skips", "-f", "json")
    assert json.loads(done.out)["bound"] != "exact"
    assert "over the budget" in done.err


def test_standard_input(resnet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from io import BytesIO, TextIOWrapper

    def typed(data: bytes, *words: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(data)))
        return run(*words)

    code, out, err = typed(resnet.read_bytes(), "flops", "-", "-f", "json")
    assert (code, err) == (0, "")
    assert json.loads(out)["totals"]["macs"] == 3_857_973_248
    for data, message in (
        (b"", "standard input is empty"),
        (b"PK\3\4", "only JSON is read from it"),
        (b"{", "no valid JSON"),
    ):
        code, out, err = typed(data, "flops", "-")
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert message in err


def test_sorted_and_cut() -> None:
    application("ResNet50")
    done = run("flops", "ResNet50", "--by", "layer", "--sort", "params", "--top", "2", "-f", "csv")
    rows = [line.split(",")[1] for line in done.out.splitlines()[1:]]
    assert rows == ["conv5_block1_2_conv", "conv5_block2_2_conv"]
    named = run("flops", "ResNet50", "--sort", "name", "-f", "csv").out.splitlines()[1:]
    assert named == sorted(named)
    table = run("flops", "ResNet50", "--depth", "2", "--sort", "macs", "--top", "1").out
    assert "Shown          1 of 18 rows" in table
    assert table.count("conv3_block1") >= 1


@pytest.mark.parametrize("text", ["4G", "4g", "4 GMAC", "4GMACs", "4_000M", "4000000000", "4.0 g"])
def test_sizes_as_people_write_them(text: str, resnet: Path) -> None:
    from keraudit.cli.values import BYTES_COUNT, MACS_COUNT, PARAMS_COUNT

    assert MACS_COUNT.convert(text, None, None) == 4 * 10**9
    assert PARAMS_COUNT.convert("25m", None, None) == 25 * 10**6
    assert BYTES_COUNT.convert("64 mib", None, None) == 2**26
    assert run("flops", resnet, "--max-macs", text).code == 0
