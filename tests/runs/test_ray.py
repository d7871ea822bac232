"""Runs as Ray tasks: the same records, a worker that is killed, addresses that do not answer."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from command import process, run
from keraudit.cli import extras
from keraudit.errors import KerauditError
from keraudit.runs.ray_executor import Job, train_on_ray
from keraudit.training.recipe import recipe
from toys import toy, toy_file

pytest.importorskip("keras")
pytest.importorskip("ray")

FEW = recipe("he2015", epochs=3, batch=16, milestones=(0.9,))


def words(folder: Path, *more: Any) -> list[Any]:
    return [
        *("experiment", "degradation", "--data", toy_file(folder), "--fraction", 0.03),
        *("--network", "ResNet-CIFAR-8", "--seeds", "0,1", "--corruption-images", 1),
        *("--batch", 16, "--backend", "tensorflow", "--format", "json", *more),
    ]


@pytest.mark.exhaustive
def test_two_workers_write_the_records_of_one_process(tmp_path: Path) -> None:
    here = process(*words(tmp_path, "--runs", tmp_path / "here"))
    there = process(*words(tmp_path, "--runs", tmp_path / "ray", "--executor", "ray"))
    assert (here.code, there.code) == (0, 0), here.err + there.err
    for seed in (0, 1):
        name = f"resnet-cifar-8-he2015-seed{seed}/run.json"
        one, other = (json.loads((tmp_path / f / name).read_text()) for f in ("here", "ray"))
        assert [row["loss"] for row in one["history"]] == [row["loss"] for row in other["history"]]
        assert one["evaluation"] == other["evaluation"]
    again = process(*words(tmp_path, "--runs", tmp_path / "ray", "--executor", "ray"))
    assert again.code == 0
    assert "Ray tasks" not in again.err  # all are finished


@pytest.mark.exhaustive
def test_a_worker_that_is_killed_is_replaced(tmp_path: Path) -> None:
    """The task whose process dies in mid-run is started anew by Ray, and resumes: it ends as its twin."""
    jobs = [Job(network="ResNet-CIFAR-8", seed=0, folder=tmp_path / str(n)) for n in (0, 1)]
    settings = recipe("he2015", epochs=30, batch=16)
    done: list[Job] = []
    killed: list[int] = []

    def kill() -> None:
        while not (tmp_path / "0" / "checkpoint.npz").is_file():
            time.sleep(0.05)
        (worker,) = workers_of(tmp_path / "0")
        killed.append(worker)
        os.kill(worker, signal.SIGKILL)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    train_on_ray(
        jobs, toy(), settings, address=None, finished=done.append, diverged=lambda job, why: None
    )
    assert killed
    assert len(done) == 2
    resumed, twin = (json.loads((tmp_path / str(n) / "run.json").read_text()) for n in (0, 1))
    assert len(resumed["sessions"]) == 2
    assert resumed["sessions"][1]["from_epoch"] > 1  # from a checkpoint, not from the start
    assert [row["loss"] for row in resumed["history"]] == [row["loss"] for row in twin["history"]]
    assert resumed["evaluation"] == twin["evaluation"]


def workers_of(folder: Path) -> list[int]:
    """The processes that hold a run's lock open."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if entry.readlink().parent == folder:
                found.append(int(entry.parts[2]))
        except OSError:
            continue
    return sorted(set(found))


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("127.0.0.1:1", "no Ray cluster answers at 127.0.0.1:1"),
        ("nowhere", "a Ray address is HOST:PORT"),
        ("127.0.0.1:99999999", "no Ray cluster answers"),
        ("ray://:7", "a Ray address is HOST:PORT"),
    ],
)
def test_addresses_that_do_not_answer(tmp_path: Path, address: str, message: str) -> None:
    done = run(*words(tmp_path, "--runs", tmp_path, "--executor", "ray", "--address", address))
    assert done.code == 2
    assert message in done.err
    assert (tmp_path / "plan.json").is_file()  # nothing of the plan is lost


def test_an_address_without_ray(tmp_path: Path) -> None:
    done = run(*words(tmp_path, "--address", "auto"))
    assert done.code == 2
    assert "add --executor ray" in done.err


def test_ray_is_asked_for_before_the_data_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "ray" else object())
    done = run("experiment", "degradation", "--data", tmp_path / "gone", "--executor", "ray")
    assert done.code == 2
    assert "needs ray: pip install 'keraudit[ray]'" in done.err


def test_a_cluster_without_the_devices_and_one_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    def full(*_: Any) -> None:
        raise ray.exceptions.OutOfDiskError("no space left")

    nodes = [{"Alive": True, "Resources": {"CPU": 2.0}}, {"Alive": False, "Resources": {"CPU": 64}}]
    monkeypatch.setattr(ray, "init", lambda **_: None)
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    monkeypatch.setattr(ray, "nodes", lambda: nodes)
    monkeypatch.setattr(ray, "put", full)
    job = Job(network="ResNet-CIFAR-8", seed=0, folder=tmp_path)
    told = {"finished": lambda j: None, "diverged": lambda j, why: None}
    with pytest.raises(KerauditError, match=r"takes 3 cores .* more than 2"):
        train_on_ray([job], toy(), FEW, address=None, devices=3, **told)
    with pytest.raises(KerauditError, match=r"Ray fails \(OutOfDiskError\)"):
        train_on_ray([job], toy(), FEW, address=None, **told)


@pytest.mark.exhaustive
def test_what_cannot_be_trained_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").write_text("{}")
    job = Job(network="ResNet-CIFAR-8", seed=0, folder=tmp_path / "run")
    with pytest.raises(KerauditError, match="ResNet-CIFAR-8 seed 0: ") as caught:
        train_on_ray(
            [job], toy(), FEW, address=None, finished=lambda j: None, diverged=lambda j, why: None
        )
    assert "\n" not in str(caught.value)
