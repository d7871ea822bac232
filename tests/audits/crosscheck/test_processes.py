"""Peers that are missing, fail or hang: told in their row, the others go on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fakes import fake
from keraudit.audits.crosscheck import peers
from keraudit.audits.crosscheck.process import failure
from keraudit.audits.crosscheck.report import crosscheck
from keraudit.cli.main import run as run_cli
from keraudit.errors import MEMORY_SIGNS
from keraudit.model.graph import Graph

CONFIG = {
    "class_name": "Sequential",
    "config": {
        "name": "small",
        "layers": [
            {"class_name": "InputLayer", "config": {"name": "in", "batch_shape": [None, 4]}},
            {"class_name": "Dense", "config": {"name": "out", "units": 5, "use_bias": False}},
        ],
    },
}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "small.json"
    path.write_text(json.dumps(CONFIG))
    return path


@pytest.fixture
def graph(model: Path) -> Graph:
    from keraudit.api import read

    return read(model)


def test_each_failure_is_told_and_the_others_go_on(graph: Graph) -> None:
    names = ("right", "raises", "memory", "killed", "crash", "leaves", "wrong")
    report = crosscheck(graph, peers=[fake(name) for name in names], timeout=60)
    assert [peer.name for peer in report.peers] == list(names)
    assert (report["right"].value, report["right"].remainder) == (4 * 5, 0)
    assert report["right"].explained
    assert (report["wrong"].value, report["wrong"].remainder) == (27, 7)
    assert not report["wrong"].explained
    errors = {peer.name: peer.error for peer in report.peers if peer.value is None}
    assert errors == {
        "raises": "ValueError: two lines",
        "memory": "it ran out of memory",
        "killed": "it was killed (SIGKILL), as happens where memory runs out",
        "crash": "it crashed (SIGSEGV)",
        "leaves": "it ended with code 7: no message",
    }
    assert all(peer.terms == () for peer in report.peers if peer.value is None)


def test_a_time_limit(graph: Graph) -> None:
    report = crosscheck(graph, peers=[fake("sleeps"), fake("right")], timeout=1.5)
    assert report["sleeps"].error == "it took over 1.5 s (--timeout)"
    assert 1.5 <= report["sleeps"].seconds < 30
    assert report["right"].value == 20


def test_what_is_missing_is_named(graph: Graph) -> None:
    report = crosscheck(graph, peers=[fake("right", needs=("no_such_module", "json"))])
    assert report["right"].error == "not installed: no_such_module"
    assert report["right"].remainder is None


def test_nothing_is_left_behind(graph: Graph, tmp_path: Path, monkeypatch: object) -> None:
    import tempfile

    assert isinstance(monkeypatch, pytest.MonkeyPatch)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = set(tmp_path.iterdir())
    crosscheck(graph, peers=[fake("sleeps")], timeout=1)
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize("sign", MEMORY_SIGNS)
def test_signs_of_little_memory(sign: str) -> None:
    assert failure(-6, f"some lines\n{sign}\nmore") == "it ran out of memory"


@pytest.fixture
def faked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The four peers replaced: one right, one wrong, one failing, one missing."""
    stand_ins = {
        "fvcore": fake("right"),
        "torch": fake("wrong"),
        "tensorflow": fake("raises"),
        "xla": fake("right", needs=("no_such_module",)),
    }
    named = {name: peer._replace(name=name) for name, peer in stand_ins.items()}
    monkeypatch.setattr(peers, "PEERS", named)


@pytest.mark.usefixtures("faked")
def test_the_table(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["crosscheck", str(model)]) == 0
    out, err = capsys.readouterr()
    assert "not installed: no_such_module" in out
    assert "ValueError: two lines" in out
    assert "unexplained remainder" in out
    assert all(len(line.rstrip()) <= 80 for line in out.splitlines())
    assert "counting with fake right" in err


@pytest.mark.usefixtures("faked")
def test_required_peers(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["crosscheck", str(model), "--require", "fvcore"]) == 0
    assert run_cli(["crosscheck", str(model), "--require", "xla", "--require", "tensorflow"]) == 1
    err = capsys.readouterr().err
    assert "keraudit: small: xla gave no number: not installed: no_such_module" in err
    assert "keraudit: small: tensorflow gave no number: ValueError: two lines" in err


@pytest.mark.usefixtures("faked")
def test_the_json(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["crosscheck", str(model), "--format", "json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["schema"] == "keraudit.crosscheck/1"
    assert record["totals"] == {"macs": 20, "flops": 40}
    assert {"command", "versions", "input_shape", "batch"} <= record.keys()
    keys = ["name", "version", "value", "terms", "remainder", "seconds", "error"]
    assert all(list(peer) == keys for peer in record["peers"])
    right, wrong, fails, missing = record["peers"]
    assert right["terms"] == [{"name": "our MACs", "value": 20}]
    assert (right["remainder"], wrong["remainder"]) == (0, 7)
    assert fails["value"] is missing["value"] is None
    assert fails["error"]
    for peer in (right, wrong):
        assert peer["value"] == sum(t["value"] for t in peer["terms"]) + peer["remainder"]


@pytest.mark.usefixtures("faked")
@pytest.mark.parametrize("form", ["csv", "markdown", "html"])
def test_the_other_formats(model: Path, form: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    options = ["--peer", "fvcore", "--format", form, "--output", str(out)]
    assert run_cli(["crosscheck", str(model), *options]) == 0
    text = out.read_text()
    assert "unexplained remainder" in text
    if form == "csv":
        lines = text.splitlines()
        assert lines[0] == "model,name,version,term,value,seconds"
        assert all(line.startswith("small,fvcore,") for line in lines[1:])


def test_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["crosscheck", str(tmp_path / "none.keras")]) == 2
    assert run_cli(["crosscheck", "ResNet50", "--peer", "thop"]) == 2
    assert run_cli(["crosscheck", "ResNet50", "--timeout", "0"]) == 2
    assert capsys.readouterr().err.count("keraudit: error:") == 3
