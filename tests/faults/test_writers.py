"""Every writer, on a disk that is full, fails, or is written to by two: the old file, or the whole new one."""

from __future__ import annotations

import ast
import errno
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest

from faults import BROKEN, CRASHED, REFUSED, TRAP, crash, fail, forked, in_child
from keraudit.api import audit
from keraudit.errors import KerauditError
from keraudit.evaluation import evaluate
from keraudit.output.files import save
from keraudit.reading.cache import kept, store
from keraudit.runs.experiment import Plan, written_down
from keraudit.runs.folders import publish
from keraudit.training import checkpoint, record
from toys import record as finished

PACKAGE = Path(record.__file__).parents[1]
MODEL = {
    "class_name": "Sequential",
    "config": {
        "name": "s",
        "layers": [
            {"class_name": "InputLayer", "config": {"batch_shape": [None, 4], "name": "i"}},
            {"class_name": "Dense", "config": {"name": "d", "units": 3, "activation": "linear"}},
        ],
    },
}
Write = Callable[[Path, int], object]


class Writer(NamedTuple):
    """Writes the first or the second version of its files into a folder."""

    write: Write
    files: tuple[str, ...]


def report(folder: Path, version: int) -> None:
    model = folder.parent / "model.json"
    if not model.is_file():
        model.write_text(json.dumps(MODEL))
    audit(str(model), batch=1 + version).save(folder / "report.html")


def saved_checkpoint(folder: Path, version: int) -> None:
    variable = SimpleNamespace(value=np.full((50,), version))
    checkpoint.save(folder / "checkpoint.npz", [variable], {"version": version})


def run(folder: Path, version: int) -> None:
    record.write_run(folder, finished(seed=version), np.full((9, 3), version, "float32"))


def plan(folder: Path, version: int) -> None:
    made = Plan(
        experiment="e",
        claim="c",
        budget=1.0,
        networks=("a",),
        left_out=(),
        seeds=[*range(1 + version)],
        recipe=finished().recipe,
        dataset={"name": "toy"},
        scaling=(),
    )
    written_down(folder, made)


def published(folder: Path, version: int) -> None:
    source = folder.parent / "runs"
    for seed in range(3):
        if not (home := source / str(seed)).is_dir():
            home.mkdir(parents=True)
            (home / "run.json").write_text(json.dumps(finished(seed=seed).to_dict()))
    publish(source, folder, note=f"version {version}")


def evaluation(folder: Path, version: int) -> None:
    made = SimpleNamespace(to_dict=lambda: {"version": version, "text": "x" * 100})
    save(folder / evaluate.FILE, json.dumps(made.to_dict()))


NAMES = tuple(f"plain-cifar-20-he2015-seed{seed}.json" for seed in range(3))
WRITERS: dict[str, Writer] = {
    "report": Writer(report, ("report.html",)),
    "checkpoint": Writer(saved_checkpoint, ("checkpoint.npz",)),
    "configuration": Writer(
        lambda folder, version: record.write_config(folder, {"version": version, "x": "y" * 99}),
        ("config.json",),
    ),
    "run": Writer(run, ("run.json", "predictions.npz")),
    "diverged": Writer(
        lambda folder, version: record.write_diverged(folder, f"{version} " * 30),
        ("diverged.json",),
    ),
    "plan": Writer(plan, ("plan.json",)),
    "publish": Writer(published, NAMES),
    "evaluation": Writer(evaluation, (evaluate.FILE,)),
    "text": Writer(lambda folder, version: save(folder / "x.csv", str(version) * 200), ("x.csv",)),
}


@pytest.fixture(autouse=True)
def without_keras(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fork of a process in which a backend runs would not come to its end."""
    monkeypatch.setattr(checkpoint, "_host_value", lambda variable: variable.value)
    monkeypatch.setattr(record, "where", lambda: {"date": "2026-11-29"})


def contents(folder: Path, writer: Writer) -> dict[str, bytes]:
    found = {name: folder / name for name in writer.files}
    return {name: path.read_bytes() for name, path in found.items() if path.is_file()}


def versions(writer: Writer, tmp_path: Path) -> list[dict[str, bytes]]:
    """The files of both versions, each over the one before."""
    (folder := tmp_path / "reference" / "here").mkdir(parents=True)
    made = []
    for version in (0, 1):
        writer.write(folder, version)
        made.append(contents(folder, writer))
    assert made[0] != made[1]
    assert set(made[0]) == set(writer.files)
    return made


def without_time(found: bytes) -> bytes:
    """An archive without the times of its members: what is left is the same when written again."""
    return found if not found.startswith(b"PK") else b"archive of %d bytes" % len(found)


def check_whole(folder: Path, writer: Writer, known: list[dict[str, bytes]]) -> None:
    """Each file is the old one or the new one."""
    for name, data in contents(folder, writer).items():
        assert without_time(data) in [without_time(one[name]) for one in known], name


@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_leaves_the_old_file(name: str, tmp_path: Path) -> None:
    writer = WRITERS[name]
    (folder := tmp_path / "work" / "here").mkdir(parents=True)
    writer.write(folder, 0)
    before = contents(folder, writer)
    ended = in_child(lambda: writer.write(folder, 1), largest=30)
    assert ended.code == REFUSED, ended
    assert os.strerror(errno.EFBIG) in ended.said
    assert contents(folder, writer) == before
    assert not [path.name for path in folder.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("name", WRITERS)
def test_whatever_call_fails_a_file_is_whole(name: str, tmp_path: Path) -> None:
    writer = WRITERS[name]
    known = versions(writer, tmp_path)
    refused = 0
    for step in range(1, 99):
        (folder := tmp_path / f"at {step}" / "here").mkdir(parents=True)
        writer.write(folder, 0)
        with TRAP.set(folder, step, fail(errno.ENOSPC)):
            ended = told(lambda folder=folder: writer.write(folder, 1))
        check_whole(folder, writer, known)
        refused += bool(ended)
        writer.write(folder, 1)  # and once there is room, all is well
        assert [*map(without_time, contents(folder, writer).values())] == [
            *map(without_time, known[1].values())
        ]
        if TRAP.steps < step:
            break
    assert refused


@pytest.mark.parametrize("name", WRITERS)
def test_wherever_the_process_ends_a_file_is_whole(name: str, tmp_path: Path) -> None:
    writer = WRITERS[name]
    known = versions(writer, tmp_path)
    for step in range(1, 99):
        (folder := tmp_path / f"at {step}" / "here").mkdir(parents=True)
        writer.write(folder, 0)

        def act(folder: Path = folder, step: int = step) -> None:
            with TRAP.set(folder, step, crash):
                writer.write(folder, 1)

        ended = in_child(act)
        assert ended.code in (0, CRASHED), ended
        check_whole(folder, writer, known)
        writer.write(folder, 1)
        check_whole(folder, writer, known)
        if ended.code == 0:
            break
    assert step > 1


@pytest.mark.parametrize("name", ["text", "configuration", "run", "publish"])
def test_two_writers_leave_a_whole_file(name: str, tmp_path: Path) -> None:
    writer = WRITERS[name]
    known = versions(writer, tmp_path)
    (folder := tmp_path / "work" / "here").mkdir(parents=True)
    published(tmp_path / "work" / "other", 0)  # its source is made once

    def often(version: int) -> None:
        for _ in range(20):
            writer.write(folder, version)

    children = []
    for version in (0, 1):
        if not (child := forked()):
            try:
                often(version)
                os._exit(0)
            except BaseException:  # noqa: BLE001 - its code tells
                os._exit(BROKEN)
        children.append(child)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert codes == [0, 0]
    check_whole(folder, writer, known)


def told(look: Callable[[], object]) -> str:
    try:
        look()
    except KerauditError as error:
        return str(error)
    return ""


def test_a_device_that_is_full_is_told() -> None:
    assert "No space left on device" in told(lambda: save(Path("/dev/full"), "x"))


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "keras-3" / "a.json"
    store(path, b"{}")
    assert in_child(lambda: store(path, b"[1]" * 99), largest=10).code == 0
    assert kept(path) == b"{}"
    for step in range(1, 9):
        with TRAP.set(tmp_path, step, fail()):
            store(path, b"[2]")
        assert kept(path) in (b"{}", b"[2]")
    (tmp_path / "file").write_text("")
    store(tmp_path / "file" / "a.json", b"{}")


def test_a_plan_that_was_interrupted_is_the_same_plan(tmp_path: Path) -> None:
    """More seeds are added to it, and none is lost."""
    (folder := tmp_path / "here").mkdir()
    plan(folder, 0)
    with TRAP.set(folder, 3, fail()):
        told(lambda: plan(folder, 1))
    plan(folder, 1)
    assert json.loads((folder / "plan.json").read_text())["seeds"] == [0, 1]


# Who opens a file to write it, other than by the door of `output/files.py`; each writes where nothing
# of the user's lies: into the folder of a process of its own, or behind a temporary name.
OTHERS = {
    "output/files.py",
    "training/checkpoint.py",
    "reading/hdf5.py",
    "reading/hdf5_copy.py",
    "reading/keras_worker.py",
    "building/import_worker.py",
    "building/file_weights.py",
    "audits/crosscheck/worker.py",
    "audits/crosscheck/process.py",
    "explorer/activations.py",
    "explorer/session.py",
    "explorer/upload.py",
    "explorer/uploaded_weights.py",
}
WRITING = {"write_text", "write_bytes", "savez", "savez_compressed", "save_weights", "touch"}


def writes(node: ast.AST) -> bool:
    """Whether a call opens a file to write it."""
    if not isinstance(node, ast.Call):
        return False
    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
    if getattr(getattr(node.func, "value", None), "id", "") == "formatter":  # of a help text
        return False
    modes = [value.value for value in node.args if isinstance(value, ast.Constant)]
    is_mode = any(isinstance(mode, str) and {*mode} & {*"wxa"} and len(mode) < 4 for mode in modes)
    return name in WRITING or (name in ("open", "File", "ZipFile") and is_mode)


def test_every_writer_is_known() -> None:
    found = set()
    for path in sorted(PACKAGE.rglob("*.py")):
        calls = [node for node in ast.walk(ast.parse(path.read_text())) if writes(node)]
        if calls:
            found.add(str(path.relative_to(PACKAGE)))
    doors = {"training/record.py"}  # an archive into the file that `replacing` gives
    assert found - doors == OTHERS


def test_a_run_that_is_published_twice_keeps_its_note(tmp_path: Path) -> None:
    (folder := tmp_path / "here").mkdir()
    published(folder, 0)
    source = tmp_path / "runs" / "0" / "run.json"
    source.write_text(json.dumps(replace(finished(seed=0), note="").to_dict()))
    publish(tmp_path / "runs", folder)
    assert json.loads((folder / NAMES[0]).read_text())["note"] == "version 0"
