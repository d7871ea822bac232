"""Gradients on the command line."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from command import run

pytest.importorskip("keras")
SMALL = ("gradients", "ResNet-CIFAR-8", "--batch", "4")


def test_table() -> None:
    run("flops", "ResNet-CIFAR-8")  # what Keras builds once is said on standard error
    done = run(*SMALL, "--against", "without-skips", "--draws", "2")
    assert done.code == 0
    assert all(len(line) <= 80 for line in done.out.splitlines())
    assert "no skips" in done.out
    assert "healthy" in done.out
    assert done.err == ""


def test_the_verdicts_of_all_corners_fit_a_terminal() -> None:
    done = run(*SMALL, "--against", "corners", "--draws", "2")
    assert all(len(line) <= 80 for line in done.out.splitlines())
    assert "no skips, no batch norm, Glorot" in done.out
    assert "…" not in done.out


def test_another_backend() -> None:
    pytest.importorskip("torch")
    data = json.loads(run(*SMALL, "--backend", "torch", "-f", "json").out)
    assert data["versions"]["backend"].startswith("torch")


# The command, which says when it is about to measure for the second time.
TOLD = """
import signal
import sys
from keraudit.audits.gradients import measure
from keraudit.cli.main import main

real, times = measure.profile, []

def told(*given, **named):
    times.append(1)
    if len(times) == 2:
        print("measuring", file=sys.stderr, flush=True)
    return real(*given, **named)

measure.profile = told
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
main()
"""


def test_stopped_by_hand_it_leaves_nothing(tmp_path: Path) -> None:
    target = tmp_path / "report.json"
    words = [sys.executable, "-c", TOLD, *SMALL, "--draws", "100", "--output", str(target)]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as working:
        assert working.stderr is not None
        assert any(line == "measuring\n" for line in working.stderr)
        working.send_signal(signal.SIGINT)
        _, said = working.communicate(timeout=60)
    assert working.returncode == 130
    assert said.splitlines()[-1] == "keraudit: stopped; nothing was written"
    assert list(tmp_path.iterdir()) == []


def test_json_is_the_contract() -> None:
    data = json.loads(run(*SMALL, "--shattering", "-f", "json").out)
    assert data["schema"] == "keraudit.gradients/1"
    (profile,) = data["profiles"]
    assert {"name", "block", "depth", "grad_norm", "grad_rms", "weight_norm"} <= profile["layers"][
        0
    ].keys()
    assert {"name", "depth", "grad_norm", "activation_std"} <= profile["blocks"][0].keys()
    assert {"label", "growth_per_block", "interval", "verdict"} <= data["verdicts"][0].keys()
    assert profile["blocks"][0]["cosine"] is not None
    assert "backend" in data["versions"]


@pytest.mark.parametrize(
    ("form", "by"), [("csv", "layer"), ("markdown", "block"), ("html", "layer")]
)
def test_other_formats(form: str, by: str) -> None:
    done = run(*SMALL, "-f", form, "--by", by)
    assert done.code == 0
    assert "stage1" in done.out


def test_html_has_the_figure_and_needs_nothing_else(tmp_path: Path) -> None:
    pytest.importorskip("plotly")
    target = tmp_path / "gradients.html"
    assert run(*SMALL, "--against", "without-skips", "-o", target).code == 0
    page = target.read_text()
    assert "Plotly.newPlot" in page
    assert "<script src=" not in page
    assert "without-skips" in page


def test_csv_has_a_row_per_block_and_network() -> None:
    lines = run(*SMALL, "--against", "without-skips", "-f", "csv").out.splitlines()
    assert lines[0].startswith("model,name,grad_norm")
    assert len(lines) == 1 + 2 * 5  # stem, three units, head; twice


def test_fail_on() -> None:
    plain = ("gradients", "Plain-CIFAR-56", "--without-norm", "--against", "glorot", "--batch", "4")
    done = run(*plain, "--fail-on", "vanishing")
    assert done.code == 1
    assert "without-norm+glorot: vanishing" in done.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--fail-on", "sadness"], "expected one of vanishing"),
        (["--against", "sideways"], "is not a change to compare with"),
        (["--data", "no/such"], "no data at"),
        (["--draws", "0"], "--draws"),
        (["--loss", "hinge"], "--loss"),
        (["--against", "without-skips+without-skips"], "leaves the model as it is"),
    ],
)
def test_mistakes(arguments: list[str], message: str, tmp_path: Path) -> None:
    target = tmp_path / "report.json"
    done = run(*SMALL, *arguments, "--output", target)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert not target.exists()
