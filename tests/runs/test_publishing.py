"""Runs published: without weights, over no other run, with their notes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from command import run as keraudit
from keraudit.errors import KerauditError
from keraudit.runs.folders import publish
from keraudit.training.recipe import RECIPES
from keraudit.training.record import read_run
from keraudit.training.record_check import checked
from toys import put, record


def test_publish(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "results"
    done = keraudit("runs", "publish", folder, "--to", target)
    assert done.code == 0
    assert sorted(p.name for p in target.iterdir()) == [
        "plain-cifar-20-he2015-seed0.json",
        "plain-cifar-20-he2015-seed1.json",
        "resnet-cifar-20-he2015-seed0.json",
    ]
    assert not any("/home" in p.read_text() for p in target.iterdir())
    assert (
        len(keraudit("runs", "list", target).out.splitlines()) > 5
    )  # published records are runs too


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"recipe": {**RECIPES["he2015"].to_dict(), "batch": 64}}, "recipe"),
        ({"dataset": {"name": "toy", "fingerprint": "0" * 65}}, "data"),
        ({"budget": 0.5}, "budget"),
    ],
)
def test_publishing_writes_over_no_other_run(
    tmp_path: Path, changes: dict[str, Any], what: str
) -> None:
    target = tmp_path / "results"
    (kept,) = publish(put(tmp_path / "first", record()), target)
    before = kept.read_text()
    second = put(tmp_path / "second", record("A"), record(**changes))
    done = keraudit("runs", "publish", second, "--to", target)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert f"differ in {what}: publish to a folder of its own" in done.err
    assert [path.name for path in target.iterdir()] == [kept.name]
    assert kept.read_text() == before


def test_two_runs_of_one_name_are_not_published(tmp_path: Path) -> None:
    root = put(tmp_path / "runs", record("ResNet-CIFAR-20"), record("resnet-cifar-20", budget=0.5))
    with pytest.raises(KerauditError, match="would both be"):
        publish(root, tmp_path / "results")
    assert not (tmp_path / "results").exists()


def test_a_note_goes_into_the_record_and_stays(folder: Path, tmp_path: Path) -> None:
    done = keraudit(
        "runs", "publish", folder, "--to", tmp_path / "one", "--note", "A busy machine."
    )
    assert done.code == 0, done.err
    assert keraudit("runs", "publish", tmp_path / "one", "--to", tmp_path / "two").code == 0
    for path in (*(tmp_path / "one").iterdir(), *(tmp_path / "two").iterdir()):
        assert json.loads(path.read_text())["note"] == "A busy machine."


def test_the_same_run_is_published_anew(tmp_path: Path) -> None:
    root, target = tmp_path / "runs", tmp_path / "results"
    (kept,) = publish(put(root, record(error=0.2)), target)
    assert publish(put(root, record(error=0.1)), target) == (kept,)
    assert read_run(kept).evaluation["test_error"] == 0.1
    assert publish(target, target) == (kept,)


def test_a_record_written_anew_keeps_its_note(tmp_path: Path) -> None:
    root, target = put(tmp_path / "runs", record()), tmp_path / "results"
    (kept,) = publish(root, target, note="A busy machine.")
    publish(root, target)
    assert read_run(kept).note == "A busy machine."
    assert keraudit("runs", "publish", root, "--to", target, "--note", "").code == 0
    assert read_run(kept).note == ""


def test_a_command_that_is_null_is_an_empty_one() -> None:
    """Left as it was, it would make the parser of command lines read standard input."""
    found = checked({**record("ResNet-CIFAR-20").to_dict(), "command": None, "revision": None})
    assert found["command"] == found["revision"] == ""
