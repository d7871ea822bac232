"""Files of our own, damaged since they were written: one line, and never another's content in silence."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest

from command import run
from keraudit.cli.budgets import from_pyproject
from keraudit.errors import KerauditError, ModelError
from keraudit.output import stored
from keraudit.output.files import replacing, save
from keraudit.output.stored import stored_json
from keraudit.reading.cache import kept, store
from keraudit.runs.experiment import written_plan
from keraudit.training.record import read_config, read_run

DEEP = "[" * 100_000


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (DEEP, "nested too deep"),
        ("[" * 60 + "]" * 60, "nested more than 50 deep"),
        ("[" + "0," * 40 + "0]", "more than 40 values"),
        ('"' + "a" * 200 + '"', "more than 150 bytes"),
        ("\x80", "can't decode byte"),
    ],
)
def test_a_record_is_bounded(
    text: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (path := tmp_path / "run.json").write_bytes(text.encode("latin-1"))
    if "values" in told or "bytes" in told:
        monkeypatch.setattr(stored, "MOST_VALUES", 40)
        monkeypatch.setattr(stored, "LARGEST", 150)
    with pytest.raises(ValueError, match=told):
        stored_json(path)
    with pytest.raises(KerauditError, match=r"run\.json is not the record of a finished run"):
        read_run(tmp_path)


def test_a_record_of_the_greatest_depth_is_read(tmp_path: Path) -> None:
    (path := tmp_path / "x.json").write_text("[" * 50 + "]" * 50)
    assert stored_json(path)


@pytest.mark.parametrize("text", [DEEP, "{", "5", "[]", '"a"', "\x00"])
def test_a_damaged_configuration_or_plan_is_one_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(text)
    (tmp_path / "plan.json").write_text(text)
    with pytest.raises(KerauditError, match=r"config\.json"):
        read_config(tmp_path)
    if text != "[]":  # no plan at all, which its readers refuse
        with pytest.raises(KerauditError, match=r"plan\.json is damaged"):
            written_plan(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "[tool.keraudit]\nmax-macs = " + "[" * 5000,
        "[tool.keraudit]\nx = {" + "a={" * 5000,
        "[tool.keraudit]\n" + "a." * 5000 + "b = 1",
        "[tool.keraudit]\nmax-macs = " + "9" * 5000,
        "# keraudit\n" + "#" * 2**20,
    ],
    ids=["lists", "tables", "name", "digits", "long"],
)
def test_an_absurd_pyproject_is_one_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(KerauditError) as caught:
        from_pyproject(tmp_path)
    assert str(tmp_path / "pyproject.toml") in str(caught.value)
    assert len(str(caught.value)) < 300


def test_a_kept_entry_is_what_it_claims_to_be(tmp_path: Path) -> None:
    path, other = tmp_path / "keras-3" / "a.json", tmp_path / "keras-3" / "b.json"
    data = json.dumps({"class_name": "Functional"}).encode()
    store(path, data)
    assert kept(path) == data
    whole = path.read_bytes()
    chance = random.Random(1)
    for _ in range(100):
        damaged = bytearray(whole)
        at = chance.randrange(len(whole))
        damaged[at] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        with pytest.raises(ModelError, match="is not what was kept there"):
            kept(path)
    for wrong in (data, b"", whole[:-1]):
        path.write_bytes(wrong)
        with pytest.raises(ModelError):
            kept(path)
    other.write_bytes(whole)  # whole, and of another model
    with pytest.raises(ModelError):
        kept(other)


@pytest.mark.parametrize("mask", [0o022, 0o027, 0o077, 0o002])
def test_a_new_file_follows_the_umask(mask: int, tmp_path: Path) -> None:
    before = os.umask(mask)
    try:
        save(tmp_path / "new.txt", "x")
    finally:
        os.umask(before)
    assert (tmp_path / "new.txt").stat().st_mode & 0o777 == 0o666 & ~mask


def test_a_file_that_is_written_anew_keeps_who_may_read_it(tmp_path: Path) -> None:
    (path := tmp_path / "old.txt").write_text("old")
    path.chmod(0o640)
    save(path, "new")
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_long_name_is_written(tmp_path: Path) -> None:
    with replacing(tmp_path / ("n" * 255)) as file:
        file.write(b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["n" * 255]


def test_the_command_tells_of_a_damaged_record(tmp_path: Path) -> None:
    (home := tmp_path / "r").mkdir()
    (home / "run.json").write_text(DEEP)
    done = run("runs", "list", tmp_path)
    assert done.code == 2
    assert done.err.count("\n") == 1
