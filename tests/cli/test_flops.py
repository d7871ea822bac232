"""The command line as a user meets it: output, exit codes, one line for each mistake."""

from __future__ import annotations

import csv
import io
import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from built import application, json_of
from command import process, run, snapshot


@pytest.fixture(scope="module")
def resnet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ResNet50's config as a file, as ``Model.to_json()`` writes it."""
    path = tmp_path_factory.mktemp("models") / "resnet50.json"
    path.write_text(json_of("ResNet50"))
    return path


@pytest.mark.parametrize("view", ["block", "kind", "stage"])
def test_table(resnet: Path, view: str) -> None:
    done = run("flops", resnet, "--by", view)
    assert (done.code, done.err) == (0, "")
    assert all(len(line) <= 80 for line in done.out.splitlines())
    snapshot(f"resnet50-{view}.txt", done.out)


def test_the_table_of_resnet50_needs_no_scrolling(resnet: Path) -> None:
    assert len(run("flops", resnet).out.splitlines()) <= 32


def test_nested_blocks() -> None:
    application("InceptionV3")
    done = run("flops", "inception_v3", "--depth", "2")
    assert done.code == 0
    snapshot("inceptionv3-depth2.txt", done.out)


def test_a_terminal_without_unicode_gets_ascii(resnet: Path) -> None:
    done = process("flops", resnet, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.code == 0
    assert done.out.isascii()
    assert "####" in done.out


def test_json(resnet: Path) -> None:
    data = json.loads(run("flops", resnet, "--format", "json").out)
    assert data["schema"] == "keraudit.cost/2"
    assert data["totals"]["macs"] == 3_857_973_248
    assert sum(block["macs"] for block in data["blocks"]) == data["totals"]["macs"]
    assert sum(layer["macs"] for layer in data["layers"]) == data["totals"]["macs"]
    assert data["command"].startswith("keraudit flops")


def test_csv_adds_up(resnet: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(run("flops", resnet, "-f", "csv", "--by", "layer").out)))
    assert len(rows) == 177
    assert sum(int(row["macs"]) for row in rows) == 3_857_973_248
    assert sum(int(row["params"]) for row in rows) == 25_636_712


def test_markdown(resnet: Path) -> None:
    done = run("flops", resnet, "--format", "markdown", "--by", "stage")
    lines = [line for line in done.out.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in lines}) == 1
    assert "3.858 G" in done.out


def test_html_is_one_self_contained_file(resnet: Path, tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    assert run("flops", resnet, "--output", target).code == 0  # the ending chooses the format
    page = target.read_text()
    assert page.startswith("<!doctype html>")
    assert "conv2_block1" in page
    assert "http" not in page


def test_several_models_in_one_run(resnet: Path) -> None:
    data = json.loads(run("flops", resnet, resnet, "-f", "json").out)
    assert [entry["totals"]["macs"] for entry in data] == [3_857_973_248] * 2
    rows = list(csv.DictReader(io.StringIO(run("flops", resnet, resnet, "-f", "csv").out)))
    assert len(rows) == 2 * 18


def test_input_shape_and_batch(resnet: Path) -> None:
    data = json.loads(
        run("flops", resnet, "--input-shape", "96,64,3", "--batch", "4", "-f", "json").out
    )
    assert (data["input_shape"], data["batch"]) == ([96, 64, 3], 4)


def test_application_at_another_size_is_built_anew() -> None:
    application("MobileNetV2", (225, 225, 3))  # at an odd size Keras pads otherwise
    done = run("flops", "MobileNetV2", "--input-shape", "225,225,3", "-f", "json")
    pad = next(x for x in json.loads(done.out)["layers"] if x["name"] == "block_1_pad")
    assert pad["output_shape"] == [1, 115, 115, 96]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["flops"], "Missing argument"),
        (["flops", "x" * 5000], "... (5,"),
        (["crosscheck", "{resnet}", "--timeout", "nan"], "1,000,000 seconds at most"),
        (["crosscheck", "{resnet}", "--timeout", "inf"], "1,000,000 seconds at most"),
        (["flops", "Incepton"], "did you mean InceptionV3"),
        (["flops", "gone.keras"], "gone.keras does not exist"),
        (["flops", "{resnet}", "--batch", "0"], "'--batch': 0 is not in the range"),
        (["flops", "{resnet}", "--batch", "many"], "--batch"),
        (["flops", "{resnet}", "--input-shape", "96,96"], "3 axes besides the batch"),
        (["flops", "{resnet}", "--input-shape", "a,b"], "expected sizes"),
        (["flops", "{resnet}", "--input-shape", "0,0,3"], "from 1"),
        (["flops", "{resnet}", "--input-shape", "x=1,2,3", "--input-shape", "4,5,6"], "name every"),
        (["flops", "{resnet}", "--max-macs", "lots"], "expected a count"),
        (["flops", "{resnet}", "--by", "color"], "--by"),
        (["flops", "{resnet}", "--output", "no/such/folder/x.json"], "nothing was written"),
        (["flops", "{resnet}", "--output", "."], "it is a folder; nothing was written"),
        (["flops", "gone.keras", "--output", "no/x.json"], "no is not a folder"),  # before the work
        (["flops", "{resnet}", "--output", "x" * 300], "File name too long"),
        (["gallery", "gone", "gone", "--output", "."], "it is a folder"),
        (["faces", "--data", "gone", "--output", "no/x.json"], "no is not a folder"),
        (["flops", "{resnet}", "--rules", "gone.toml"], "gone.toml"),
        (["flops", "no.such.module:model"], "gave no model: there is no module 'no' here"),
        (["flops", "json.decodr:model"], "there is no module 'json.decodr' here"),
        (["flops", "json:lods"], "'json' has no 'lods': did you mean loads"),
        (["flops", "resnet", "50"], "'resnet 50' is read as two models: did you mean ResNet50?"),
        (["flops", "ResNet51"], "did you mean ResNet50"),
        (["flops", "ResNet50", "--input-shape", "96,96"], "such as 224,224,3; received 96,96"),
        (["flops", "ResNet50", "--input-shape", "96,,3"], "such as 96,96,3, received '96,,3'"),
        (["flops", "{resnet}", "--max-macs", "4,5G"], "--max-macs"),
        (["flops", "{resnet}", "--lengths", "128", "--sort", "macs"], "leave out --sort"),
        (["flops", "{resnet}", "--lengths", "128", "--top", "3"], "leave out --top"),
        (["reductions", "{resnet}", "--notation", "latex"], "--notation goes with --derive"),
        (["reductions", "{resnet}", "--derive", "all", "--top", "1"], "leave out --sort and --top"),
        (["flops", "{resnet}", "--lengths", "128"], "no input has one: input_layer 224x224x3"),
        (["flops", "json:loads"], "gave no model: TypeError"),
        (["compare", "{resnet}"], "expected a second model B, or a rewrite"),
        (["models", "zzz"], "no model's name contains"),
        (["models", "resnt50"], "did you mean ResNet50"),
        (["flops", "{resnet}", "-f", "jsn"], "did you mean json?"),
        (["flops", "{resnet}", "-o", "x.jsn"], "did you mean .json?"),
        (["flops", "{resnet}", "-o", "report"], "expected a file that ends in .txt, .json"),
        (["flops", "{resnet}", "--max-macs", "4 GFLOPs"], "one MAC is about two FLOPs"),
        (["flops", "{resnet}", "--repeat", "conv4_blok2=3"], "did you mean conv4_block2"),
        (["flops", "{resnet}", "--filters", "conv1_con=3"], "did you mean conv1_conv"),
        (["flops", "{resnet}", "--formt", "json"], "did you mean --format"),
        (["flops", "{resnet}", "--top", "0"], "--top"),
        (["flops", "{resnet}", "--max-growth", "5%"], "--max-growth goes with --baseline"),
        (["flops", "{resnet}", "--baseline", "gone.json"], "gone.json cannot be read"),
        (["structure", "{resnet}", "--require", "RES1"], "did you mean RES01"),
        (["reductions", "{resnet}", "--derive", "all", "-f", "csv"], "--derive writes text"),
        (["experiment", "degradaton"], "did you mean degradation?"),
        (["runs", "lst"], "did you mean list?"),
        (["help", "flosp"], "did you mean flops?"),
        (["--verbose"], "goes with --version"),
        (["flop", "{resnet}"], "did you mean flops?"),
        (["--colour"], "'--colour' is not an option of keraudit"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    resnet: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    done = run(*(a.format(resnet=resnet) for a in arguments), cwd=tmp_path)
    assert done.code == 2
    assert done.out == ""
    lines = [line for line in done.err.splitlines() if not line.endswith("...")]  # progress
    assert len(lines) == 1
    assert message in lines[0]
    assert list(tmp_path.iterdir()) == []


def test_too_small_an_application_names_the_layer() -> None:
    application("InceptionV3")
    done = run("flops", "InceptionV3", "--input-shape", "50,50,3")
    assert done.code == 2
    assert "too small: at layer" in done.err


def test_a_failed_write_leaves_the_old_file(resnet: Path, tmp_path: Path) -> None:
    target = tmp_path / "report.json"
    target.write_text("mine")
    assert run("flops", resnet, "--batch", "0", "--output", target).code == 2
    assert target.read_text() == "mine"
    assert run("flops", resnet, "--output", target).code == 0
    assert json.loads(target.read_text())["batch"] == 1
    assert [p.name for p in tmp_path.iterdir()] == ["report.json"]


def test_budgets(resnet: Path, tmp_path: Path) -> None:
    kept = run("flops", resnet, "--max-macs", "4G", "--max-params", "26M", "-f", "json")
    assert kept.code == 0
    assert json.loads(kept.out)["totals"]["macs"] == 3_857_973_248
    assert kept.err == (
        "keraudit: resnet50: within budget: 3.858 G of 4.000 G MACs (--max-macs), 25.64 M of 26.00 M"
        " parameters (--max-params)\n"
    )
    done = run("flops", resnet, "--max-macs", "3.5G", "--max-peak-memory", "8MiB")
    assert done.code == 1
    assert "total" in done.out  # the table is printed all the same
    first, second = done.err.splitlines()
    assert "3.858 G MACs, over the budget of 3.500 G (--max-macs)" in first
    assert "the heaviest blocks: conv3_block1 295.4 M" in first
    assert "9.19 MiB held at once" in second
    (tmp_path / "pyproject.toml").write_text(
        '[tool.keraudit]\nmax-macs = "1G"\nmax-params = 1000\n'
    )
    inside = tmp_path / "folder"
    inside.mkdir()
    done = run("flops", resnet, cwd=inside)
    assert done.code == 1
    assert "max-macs in pyproject.toml" in done.err
    assert "max-params in pyproject.toml" in done.err
    assert run("flops", resnet, "--max-macs", "4G", "--max-params", "26M", cwd=inside).code == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tool.keraudit]\nmax-mac = 3\n", "did you mean max-macs"),
        ('[tool.keraudit]\nmax-macs = "few"\n', "expected a count"),
        ("[tool.keraudit\n", "not valid TOML"),
        ("[tool]\nkeraudit = 3\n", "as a table"),
        ("[tool]\nkeraudit = {max-mac = 3}\n", "'max-mac' in [tool.keraudit] is not"),
    ],
)
def test_bad_budgets_in_pyproject(resnet: Path, tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    done = run("flops", resnet, cwd=tmp_path)
    assert done.code == 2
    assert message in done.err


def test_no_budget_is_no_number(resnet: Path) -> None:
    done = run("flops", resnet, "--max-macs", "9" * 400)
    assert (done.code, done.out) == (2, "")
    assert "expected a count" in done.err
    assert len(done.err.splitlines()) == 1


def test_a_working_folder_that_is_gone(resnet: Path, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    command = [sys.executable, "-P", "-m", "keraudit", "flops", str(resnet)]
    script = f"rmdir {gone} && exec {shlex.join(command)}"
    done = subprocess.run(
        ["sh", "-c", script], cwd=gone, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


RULES = '[layers.Mine]\nlike = "Conv2D"\n'


def test_rules_for_a_class_of_the_user_s_own(resnet: Path, tmp_path: Path) -> None:
    config = json.loads(resnet.read_text())
    for layer in config["config"]["layers"]:
        if layer["name"] == "conv1_conv":
            layer |= {"class_name": "Mine", "module": "my.code", "registered_name": "my>Mine"}
    model, rules = tmp_path / "own.json", tmp_path / "rules.toml"
    model.write_text(json.dumps(config))
    rules.write_text(RULES)
    without = run("flops", model)
    assert without.code == 0
    assert "LOWER BOUND (≥): 1 not counted" in without.out
    assert "conv1_conv (Mine)" in without.out
    counted = json.loads(run("flops", model, "--rules", rules, "-f", "json").out)
    assert counted["totals"]["macs"] == 3_857_973_248
    assert counted["bound"] == "exact"


OWN = """
import keras

def build():
    print("noise that must not reach the output")
    return keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3)])

class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.a, self.b = keras.layers.Dense(8), keras.layers.Dense(2)

    def call(self, x):
        return self.b(self.a(x))

net = Net()

def broken():
    raise RuntimeError("two\\nlines")
"""


def test_a_callable_of_the_user_s_own(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(OWN)
    done = run("flops", "mine:build", "-f", "json", cwd=tmp_path)
    assert json.loads(done.out)["totals"]["macs"] == 6 * 6 * 3 * 3 * 3 * 4
    untraced = run("flops", "mine:net", cwd=tmp_path)
    assert untraced.code == 2
    assert "give --input-shape" in untraced.err
    traced = run("flops", "mine:net", "--input-shape", "5", "-f", "json", cwd=tmp_path)
    assert json.loads(traced.out)["totals"]["macs"] == 5 * 8 + 8 * 2
    broken = run("flops", "mine:broken", cwd=tmp_path)
    assert broken.code == 2
    assert "RuntimeError: two lines" in broken.err


def test_help_lists_every_command_and_option() -> None:
    assert {"flops", "compare", "models", "completion"} <= set(run("--help").out.split())
    page = run("flops", "--help").out
    for option in ("--input-shape", "--batch", "--by", "--depth", "--max-macs", "--rules"):
        assert option in page


def test_models() -> None:
    done = run("models", "resnet", "--sort", "macs")
    assert done.code == 0
    names = [line.split()[0] for line in done.out.splitlines() if line.strip().startswith("ResNet")]
    assert "ResNet152" in names
    data = json.loads(run("models", "-f", "json").out)
    assert len(data["models"]) >= 40
    macs = {model["name"]: model["macs"] for model in data["models"]}
    assert [macs[name] for name in names] == sorted((macs[n] for n in names), reverse=True)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(shell: str) -> None:
    assert "_KERAUDIT_COMPLETE" in run("completion", shell).out


def test_a_closed_pipe_is_no_error(resnet: Path) -> None:
    done = subprocess.run(
        f"{sys.executable} -m keraudit flops {resnet} --by layer | head -n 1; echo ${{PIPESTATUS[0]}}",
        shell=True,
        executable="/bin/bash",
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "0"
    assert done.stderr == ""


def test_a_full_disk_is_one_line(resnet: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "keraudit", "flops", str(resnet)],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr == "keraudit: error: cannot write the output: No space left on device\n"


def test_the_command_alone_shows_its_help() -> None:
    assert run().out == run("--help").out
    assert run().code == 0
