"""Rewrites and reductions on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from built import application
from chains import chain, conv, dense, layer
from command import run, snapshot


@pytest.fixture(autouse=True)
def built() -> None:
    for name in ("ResNet50", "InceptionV3", "VGG16"):
        application(name)


def test_reductions_table() -> None:
    done = run("reductions", "InceptionV3")
    assert (done.code, done.err) == (0, "")
    assert all(len(line) <= 80 for line in done.out.splitlines())
    snapshot("inceptionv3-reductions.txt", done.out)


def test_reductions_json() -> None:
    data = json.loads(run("reductions", "ResNet50", "-f", "json").out)
    assert data["schema"] == "keraudit.reductions/2"
    assert sum(b["macs_without"] for b in data["blocks"]) == data["totals"]["macs_without"]


@pytest.mark.parametrize("notation", ["text", "latex", "html"])
def test_derivation(notation: str) -> None:
    done = run("reductions", "InceptionV3", "--derive", "mixed0", "--notation", notation)
    assert done.code == 0
    snapshot(f"mixed0-derivation.{notation}.txt", done.out)


def test_derivation_to_a_file(tmp_path: Path) -> None:
    target = tmp_path / "mixed0.tex"
    done = run("reductions", "InceptionV3", "--derive", "all", "--notation", "latex", "-o", target)
    assert (done.code, done.out) == (0, "")
    assert target.read_text().count(r"\begin{align*}") == 2 * 13


def test_an_unknown_block_lists_near_ones() -> None:
    done = run("reductions", "InceptionV3", "--derive", "mixed99")
    assert done.code == 2
    assert "no block is called 'mixed99': did you mean mixed9" in done.err


@pytest.mark.parametrize("command", [["reductions"], ["flops", "--without-reductions"]])
def test_nothing_to_do_is_said_and_is_no_error(command: list[str]) -> None:
    done = run(command[0], "VGG16", *command[1:])
    assert done.code == 0
    assert "no reduction found: no 1x1 convolution" in done.err
    assert "15.47 G" in done.out


def test_flops_of_a_rewritten_network() -> None:
    data = json.loads(
        run("flops", "ResNet50", "--without-skips", "--without-norm", "-f", "json").out
    )
    assert [(n["name"], n["changes"]) for n in data["rewrites"]] == [
        ("without skips", 16),
        ("without normalisation", 49),
    ]
    assert data["rewrites"][0]["log"][0]["layer"] == "conv2_block1_add"
    assert data["totals"]["macs"] == sum(b["macs"] for b in data["blocks"]) < 3_857_973_248


def test_every_rewrite_at_once() -> None:
    done = run(
        *("flops", "ResNet50", "--without-skips", "--without-reductions", "--factorized"),
        *("separable", "--without-norm", "--activation", "gelu", "--width", "0.5"),
        *("-f", "json"),
    )
    assert done.code == 0
    assert len(json.loads(done.out)["rewrites"]) == 6


def test_a_deeper_network() -> None:
    done = run("flops", "ResNet50", "--repeat", "conv4_block6=18", "-f", "json")
    assert json.loads(done.out)["totals"]["macs"] == 7_570_194_432  # ResNet101's


def test_what_went() -> None:
    done = run("compare", "ResNet50", "ResNet50", "--without-skips")
    assert (done.code, done.err) == (0, "")
    snapshot("resnet50-without-skips.txt", done.out)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--width", "0"], "above 0"),
        (["--activation", "rellu"], "no activation is called"),
        (["--factorized", "cubes"], "--factorized"),
        (["--repeat", "conv9=2"], "no block is called 'conv9'"),
        (["--repeat", "conv3_block1=2"], "only where its output has its input's shape"),
        (["--repeat", "conv3_block2"], "expected BLOCK=TIMES"),
        (["--also-pool-projections"], "goes with --without-reductions"),
    ],
)
def test_mistakes(arguments: list[str], message: str) -> None:
    done = run("flops", "ResNet50", *arguments)
    assert (done.code, done.out) == (2, "")
    assert len(done.err.splitlines()) == 1
    assert message in done.err


GATE = """
[layers.Gate]
output = ["batch", "input[1]", "input[2]", "units"]
macs = "batch * input[1] * input[2] * input[-1] * units"
"""


def narrowed(folder: Path) -> tuple[Path, Path]:
    """16 channels to 4 by 1x1, 3x3 to 16, a class of the user's own to 64, 3x3 to 8; and its rules."""
    gate = layer("Gate", "c", module="my", units=64)
    record = chain((8, 8, 16), conv("r", 4, 1), conv("b", 16, 3), gate, conv("o", 8, 3))
    model, rules = folder / "m.json", folder / "rules.toml"
    model.write_text(json.dumps(record))
    rules.write_text(GATE)
    return model, rules


def test_rules_hold_for_what_is_rewritten(tmp_path: Path) -> None:
    model, rules = narrowed(tmp_path)
    data = json.loads(run("reductions", model, "--rules", rules, "-f", "json").out)
    totals = data["totals"]
    assert (totals["macs_with"], totals["macs_without"]) == (401_408, 507_904)
    assert data["bound"] == "exact"
    line = ("flops", model, "--rules", rules, "--without-reductions", "--max-macs")
    assert run(*line, "510k").code == 0
    over = run(*line, "450k")
    assert over.code == 1
    assert "507.9 k MACs, over the budget of 450.0 k" in over.err


def test_reductions_without_rules_are_an_estimate(tmp_path: Path) -> None:
    model, _ = narrowed(tmp_path)
    assert "ESTIMATE (≈), for a shape is assumed: 1 not counted" in run("reductions", model).out
    assert json.loads(run("reductions", model, "-f", "json").out)["bound"] == "estimate"


@pytest.mark.parametrize(
    ("option", "config"),
    [
        (("--width", "0.5"), {"groups": [4, 4]}),
        (("--width", "0.5"), {"groups": "batch"}),
        (("--activation", "gelu"), {"activation": ["relu", "relu"]}),
    ],
)
def test_options_of_the_user_s_classes_are_not_touched(
    tmp_path: Path, option: tuple[str, str], config: dict[str, object]
) -> None:
    mine = layer("Mine", "c", module="my", **config)
    model = tmp_path / "m.json"
    record = chain((8,), mine, dense("d", 4, activation="relu"), dense("e", 4))
    model.write_text(json.dumps(record))
    done = run("flops", model, *option, "-f", "json")
    assert done.code == 0
    assert json.loads(done.out)["rewrites"][0]["changes"] == 1


def test_what_a_rewrite_does_not_reach_is_said(tmp_path: Path) -> None:
    inner = {"module": "keras.layers", "class_name": "Dense", "config": {"name": "i", "units": 6}}
    model = tmp_path / "m.json"
    wrapped = layer("TimeDistributed", "td", layer=inner)
    model.write_text(json.dumps(chain((10, 8), wrapped, dense("h", 6), dense("e", 4))))
    done = run("flops", model, "--width", "0.5")
    assert done.code == 0
    assert (
        "at 0.5 times the width: not reached: td: it wraps td/i, which keeps its width" in done.err
    )
