"""A run that was stopped ends as one that was not, and a folder is no other run's."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import command
import resuming
from keraudit.data.dataset import Split
from keraudit.errors import KerauditError
from keraudit.training import deadline
from keraudit.training.recipe import recipe
from toys import record, toy, toy_file

keras = pytest.importorskip("keras")
np = pytest.importorskip("numpy")


JAX_CASES = (("he2015", 1), ("modern", 1), ("modern adamw", 1), ("modern", 3))


def run_until(folder: Path, case: str, backend: str, steps: int, mark: str = "") -> int:
    """Train in a process of its own, and kill it as soon as it prints ``mark``; its exit code.

    JAX compiles for the first of them alone.
    """
    command = [sys.executable, resuming.__file__, str(folder), str(steps), case]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={
            **os.environ,
            "KERAS_BACKEND": backend,
            "JAX_COMPILATION_CACHE_DIR": str(folder.parent / "compiled"),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        },
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if mark and line.startswith(mark):
                os.kill(process.pid, signal.SIGKILL)
                break
    return process.returncode


@pytest.mark.parametrize(
    ("case", "backend", "steps"),
    [
        ("modern adamw", "tensorflow", 1),
        ("modern mixed", "jax", 3),  # as on an accelerator, where many steps are one call
    ],
)
def test_killed_in_mid_epoch_it_ends_as_if_it_had_not_been(
    tmp_path: Path, case: str, backend: str, steps: int
) -> None:
    pytest.importorskip(backend)
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert run_until(whole, case, backend, steps) == 0
    killed = run_until(cut, case, backend, steps, mark="tick 3 ")  # in the third of four epochs
    assert killed == -signal.SIGKILL
    assert not (cut / "run.json").exists()
    assert run_until(cut, case, backend, steps) == 0
    resuming.assert_alike(whole, cut, case)


@pytest.mark.parametrize(
    "case",
    [
        pytest.param("modern mixed", marks=pytest.mark.exhaustive),
        pytest.param("he2015", marks=pytest.mark.exhaustive),
        pytest.param("modern", marks=pytest.mark.exhaustive),
    ],
)
def test_stopped_in_mid_epoch_it_ends_as_if_it_had_not_been(tmp_path: Path, case: str) -> None:
    resuming.resumed(tmp_path, case, 1)


@pytest.mark.exhaustive
@pytest.mark.parametrize(("case", "steps"), JAX_CASES)
def test_so_it_does_on_jax(tmp_path: Path, case: str, steps: int) -> None:
    pytest.importorskip("jax")
    done = subprocess.run(
        [sys.executable, resuming.__file__, str(tmp_path), str(steps), case, "resumed"],
        capture_output=True,
        text=True,
        env={**os.environ, "KERAS_BACKEND": "jax"},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_a_run_of_another_configuration_is_not_resumed(tmp_path: Path) -> None:
    from keraudit.training.train import train

    folder = tmp_path / "run"
    train("ResNet-CIFAR-8", toy(), recipe("he2015", epochs=1, batch=16), seed=0, folder=folder)
    with pytest.raises(KerauditError, match=r"recipe\.batch = 16, not 32"):
        train("ResNet-CIFAR-8", toy(), recipe("he2015", epochs=1, batch=32), seed=0, folder=folder)
    with pytest.raises(KerauditError, match=r"seed = 0, not 1"):
        train("ResNet-CIFAR-8", toy(), recipe("he2015", epochs=1, batch=16), seed=1, folder=folder)
    (folder / "run.json").unlink()  # as if it had been killed before its end
    kept = folder / "checkpoint.npz"
    kept.write_bytes(kept.read_bytes()[:-200])
    with pytest.raises(KerauditError, match="damaged or cut short"):
        train("ResNet-CIFAR-8", toy(), recipe("he2015", epochs=1, batch=16), seed=0, folder=folder)


def test_no_space_left_keeps_the_last_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from keraudit.training import checkpoint

    path = tmp_path / "checkpoint.npz"
    variable = keras.Variable(np.ones(3, "float32"))

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as on:
        on.setattr(np, "savez", full)
        with pytest.raises(KerauditError, match="there is no checkpoint yet"):
            checkpoint.save(path, [variable], {"epoch": 1})
    checkpoint.save(path, [variable], {"epoch": 1})
    before = path.read_bytes()
    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(KerauditError, match="No space left on device; the run stops"):
        checkpoint.save(path, [variable], {"epoch": 2})
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint.npz"]


def test_a_damaged_checkpoint_costs_what_came_after_the_one_before(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from keraudit.training import checkpoint

    path = tmp_path / "checkpoint.npz"
    variable = keras.Variable(np.zeros(3, "float32"))
    assert checkpoint.resume(path, [variable]) == {}
    for epoch in (1, 2, 3):
        variable.assign(np.full(3, epoch, "float32"))
        checkpoint.save(path, [variable], {"history": [0] * epoch})
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "checkpoint-before.npz",
        "checkpoint.npz",
    ]
    path.write_bytes(path.read_bytes()[:-50])
    assert checkpoint.resume(path, [variable]) == {"history": [0, 0]}
    assert np.asarray(variable.value).tolist() == [2.0] * 3
    assert "goes on from checkpoint-before.npz, after epoch 2" in caplog.text
    assert not path.exists()  # or the next save would put it in the place of the good one
    assert checkpoint.resume(path, [variable]) == {"history": [0, 0]}
    checkpoint.save(path, [variable], {"history": [0, 0, 1]})
    assert checkpoint.resume(path, [variable]) == {"history": [0, 0, 1]}
    assert checkpoint.load(checkpoint.previous(path), [variable]) == {"history": [0, 0]}
    for file in (path, checkpoint.previous(path)):
        file.write_bytes(b"")
    with pytest.raises(KerauditError, match=r"checkpoint-before\.npz are damaged.*delete both"):
        checkpoint.resume(path, [variable])


def test_no_space_for_the_predictions_keeps_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from keraudit.training.record import write_run

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(KerauditError, match="make room and repeat the command"):
        write_run(tmp_path, record(), np.ones((2, 2)))
    assert list(tmp_path.iterdir()) == []


def test_a_finished_run_is_left_as_it_is(tmp_path: Path) -> None:
    from keraudit.training.train import train

    made = recipe("he2015", epochs=1, batch=16)
    train("Plain-CIFAR-8", toy(), made, seed=0, folder=tmp_path / "run", command="first")
    before = (tmp_path / "run" / "run.json").read_bytes()
    found = train("Plain-CIFAR-8", toy(), made, seed=0, folder=tmp_path / "run", command="second")
    assert found.command == "first"
    assert (tmp_path / "run" / "run.json").read_bytes() == before


def test_one_process_trains_in_a_folder(tmp_path: Path) -> None:
    from keraudit.training.train import train

    folder = tmp_path / "run"
    holds = f"""
from pathlib import Path
from keraudit.training.record import alone
with alone(Path({str(folder)!r})):
    print("alone", flush=True)
    input()
"""
    made = recipe("he2015", epochs=1, batch=16)
    with subprocess.Popen(
        [sys.executable, "-c", holds], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "alone\n"
        with pytest.raises(KerauditError, match="another process trains the run in"):
            train("Plain-CIFAR-8", toy(), made, seed=0, folder=folder)
        other.kill()  # even so it does not hold the folder any longer
    assert train("Plain-CIFAR-8", toy(), made, seed=0, folder=folder).history


def test_a_run_is_not_resumed_on_another_backend(tmp_path: Path) -> None:
    from keraudit.training.train import train

    made = recipe("he2015", epochs=1, batch=16)
    train("Plain-CIFAR-8", toy(), made, seed=0, folder=tmp_path / "run")
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["backend"] == keras.backend.backend()
    (tmp_path / "run" / "config.json").write_text(json.dumps(config | {"backend": "torch"}))
    with pytest.raises(KerauditError, match="backend = 'torch', not"):
        train("Plain-CIFAR-8", toy(), made, seed=0, folder=tmp_path / "run")


def test_a_run_with_another_loss_is_not_gone_on_with(tmp_path: Path) -> None:
    from keraudit.training.train import refuse_other_configuration, train

    made, folder = recipe("he2015", epochs=1, batch=16), tmp_path / "run"
    train("Plain-CIFAR-8", toy(), made, seed=0, folder=folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"loss": "clipped"}))
    refuse_other_configuration(folder, config)  # what is finished is left as it is
    (folder / "run.json").unlink()
    with pytest.raises(
        KerauditError, match="was started with the clipped loss, which is no longer supported"
    ):
        refuse_other_configuration(folder, config)
    before = {key: value for key, value in config.items() if key != "loss"}
    (folder / "config.json").write_text(json.dumps(before))
    with pytest.raises(
        KerauditError, match=r"has an older format: convert it with analysis/records/rewrite\.py"
    ):
        refuse_other_configuration(folder, config)


def test_resumed_on_the_same_images_in_the_same_order_by_any_name(tmp_path: Path) -> None:
    from keraudit.training.train import train

    made, data = recipe("he2015", epochs=1, batch=16), toy()
    folder = tmp_path / "run"
    train("Plain-CIFAR-8", data, made, seed=0, folder=folder)
    for file in ("run.json", "checkpoint.npz"):
        (folder / file).unlink()
    turned = Split(images=data.train.images[::-1], labels=data.train.labels[::-1])
    with pytest.raises(KerauditError, match="holds a run with order = "):
        train("Plain-CIFAR-8", replace(data, train=turned), made, seed=0, folder=folder)
    moved = replace(data, name="moved", source="moved.npz")
    assert train("plain-cifar-8", moved, made, seed=0, folder=folder).history


def test_a_checkpoint_of_nobody_knows_what_is_not_resumed(tmp_path: Path) -> None:
    from keraudit.training.train import train

    made, folder = recipe("he2015", epochs=1, batch=16), tmp_path / "run"
    train("Plain-CIFAR-8", toy(), made, seed=0, folder=folder)
    for file in ("run.json", "config.json"):
        (folder / file).unlink()
    for _ in range(2):
        with pytest.raises(KerauditError, match=r"a checkpoint but no config\.json"):
            train("Plain-CIFAR-8", toy(), made, seed=0, folder=folder)
        kept = folder / "checkpoint.npz"
        kept.replace(kept.with_name("checkpoint-before.npz")) if kept.exists() else None


def test_checkpoints_take_a_tenth_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    from keraudit.training import checkpoint

    timer, now = checkpoint.CheckpointTimer(), [100.0]
    monkeypatch.setattr(checkpoint.time, "perf_counter", lambda: now[0])
    assert timer.is_due()  # the first

    def save(seconds: float) -> None:
        monkeypatch.setattr(checkpoint, "save", lambda *_: now.__setitem__(0, now[0] + seconds))
        timer.save(Path("x"), [], {})

    save(0.05)
    assert timer.is_due()  # too short to matter
    save(1.0)
    now[0] += 8.9
    assert not timer.is_due()
    now[0] += 0.2
    assert timer.is_due()


def test_time_that_is_up_leaves_a_checkpoint(tmp_path: Path) -> None:
    words = ("train", "ResNet-CIFAR-8", "--data", toy_file(tmp_path), "--epochs", "3", "--batch")
    whole = command.run(*words, "16", "--runs", tmp_path / "whole")
    assert whole.code == 0, whole.err
    cut = (*words, "16", "--runs", tmp_path / "cut", "--stop-after", "0.1s")
    for epoch in (1, 2):  # each takes longer than the time there is
        done = command.run(*cut)
        assert done.code == 1
        assert f"time is up after {epoch} of 3 epochs; the same command resumes" in done.err
        assert not list((tmp_path / "cut").glob("*/run.json"))
    assert command.run(*cut).code == 0
    one, other = (
        json.loads((tmp_path / name / "resnet-cifar-8-he2015-seed0/run.json").read_text("utf-8"))
        for name in ("whole", "cut")
    )
    assert [place["from_epoch"] for place in other["sessions"]] == [1, 2, 3]
    losses = [[row["loss"] for row in record["history"]] for record in (one, other)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


def test_after_the_time_no_other_run_is_begun(tmp_path: Path) -> None:
    words = ("train", "ResNet-CIFAR-8", "--data", toy_file(tmp_path), "--epochs", "1", "--seeds")
    done = command.run(
        *words, "0,1", "--batch", 16, "--runs", tmp_path / "runs", "--stop-after", "0.1s"
    )
    assert done.code == 1
    assert len(list((tmp_path / "runs").glob("*/run.json"))) == 1
    assert "seed1: time is up before its next epoch" in done.err


def test_an_epoch_that_would_end_too_late_is_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(deadline.time, "monotonic", lambda: now[0])
    until = deadline.Deadline(60)
    now[0] += 100
    assert not until.is_too_late()  # the first epoch is always trained
    now[0] -= 45
    until.count(4)
    assert not until.is_too_late()  # 5 s are left
    until.count(6)
    assert until.is_too_late()


@pytest.mark.parametrize("text", ["9", "0s", "9 minutes", "-1m", "1e9h"])
def test_what_is_no_time(text: str) -> None:
    done = command.run("train", "ResNet-CIFAR-8", "--stop-after", text)
    assert done.code == 2
    assert "expected a time such as 90s, 9m or 2h" in done.err
