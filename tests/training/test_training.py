"""Training: it learns, tells what goes wrong, and has its options checked."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from command import run as keraudit
from keraudit.errors import KerauditError
from keraudit.training.recipe import recipe
from keraudit.training.record import read_run
from toys import toy

keras = pytest.importorskip("keras")
np = pytest.importorskip("numpy")


SURE = """
import json, sys
sys.path[:0] = sys.argv[1:2]
from toys import toy
import numpy as np
from keraudit.training.recipe import recipe
from keraudit.training.trainer import Trainer

made = recipe("he2015", epochs=1, batch=16, learning_rate=1e-3, precision=sys.argv[2])
trainer = Trainer("ResNet-CIFAR-8", toy(), made, 0)
bias = trainer.state.network.trainable_variables[-1]
bias.assign([200.0, *[0.0] * (bias.shape[0] - 1)])  # sure of the first class, whatever it sees
loss = trainer.run_epoch(0)["loss"]
sums = trainer.probabilities(trainer.state.data.test).sum(axis=1)
print(json.dumps([loss, np.asarray(bias.value).tolist(), sums.tolist()]))
"""


@pytest.mark.parametrize(
    "backend", ["tensorflow", pytest.param("jax", marks=pytest.mark.exhaustive)]
)
@pytest.mark.parametrize(
    "precision",
    ["float32", pytest.param("mixed_bfloat16", marks=pytest.mark.exhaustive)],
)
def test_an_image_that_the_network_is_sure_to_mistake_teaches_it(
    backend: str, precision: str
) -> None:
    pytest.importorskip(backend)
    done = subprocess.run(
        [sys.executable, "-c", SURE, str(Path(__file__).parents[1] / "support"), precision],
        capture_output=True,
        text=True,
        env={**os.environ, "KERAS_BACKEND": backend},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    loss, bias, sums = json.loads(done.stdout.splitlines()[-1])
    assert loss > 100  # of a probability no less than 1e-7 it would be 16 at most
    assert bias[0] < 200
    assert sums == pytest.approx([1.0] * len(sums))


def test_a_diverging_run_names_step_rate_and_layer(tmp_path: Path) -> None:
    from keraudit.training.train import DivergedError, train

    wild = recipe("he2015", epochs=3, batch=16, learning_rate=1e30)
    with pytest.raises(
        DivergedError,
        match=r"step \d+ \(epoch 1\), learning rate 1e\+30; first non-finite value: the",
    ):
        train("ResNet-CIFAR-8", toy(), wild, seed=0, folder=tmp_path / "run")
    with pytest.raises(KerauditError, match=r"it diverged: the loss is not finite at step \d+"):
        read_run(tmp_path / "run")


def test_the_other_seeds_are_trained_after_one_that_diverged(tmp_path: Path) -> None:
    made = toy()
    arrays = {"x_train": made.train.images, "y_train": made.train.labels}
    arrays |= {"x_test": made.test.images, "y_test": made.test.labels}
    np.savez(tmp_path / "toy.npz", **arrays)
    words = ("train", "plain-cifar-8", "--data", tmp_path / "toy.npz", "--batch", 16)
    words += ("--learning-rate", 1e30, "--epochs", 2, "--runs", tmp_path / "runs")
    done = keraudit(*words, "--seeds", "0,1")
    assert done.code == 2
    assert "2 of 2 runs diverged; the first, seed 0: the loss is" in done.err.splitlines()[-1]
    homes = [tmp_path / "runs" / f"plain-cifar-8-he2015-seed{seed}" for seed in (0, 1)]
    assert all((home / "diverged.json").is_file() for home in homes)


def test_an_epoch_that_is_passed_diverged_no_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on another device; whatever stops the run later."""
    from keraudit.training import train
    from keraudit.training.trainer import Trainer

    epoch = Trainer.run_epoch

    def stopped(at: int, end: BaseException) -> Any:
        def made(self: Trainer, number: int, *others: Any) -> dict[str, Any]:
            if number == at:
                raise end
            return epoch(self, number, *others)

        return made

    made = recipe("he2015", epochs=2, batch=16)
    for at, end in ((0, train.DivergedError("at step 1")), (1, KeyboardInterrupt())):
        monkeypatch.setattr(Trainer, "run_epoch", stopped(at, end))
        with pytest.raises(type(end)):
            train.train("plain-cifar-8", toy(), made, seed=0, folder=tmp_path)
        assert (tmp_path / "diverged.json").is_file() == (at == 0)
    monkeypatch.undo()
    found = train.train("plain-cifar-8", toy(), made, seed=0, folder=tmp_path)
    assert found.network == "Plain-CIFAR-8"


def test_of_epochs_made_elsewhere_no_share_of_this_peak_is_told() -> None:
    from keraudit.training.train import on_this_hardware

    sessions = [{"from_epoch": 1, "hardware": "GPU"}, {"from_epoch": 3, "hardware": "CPU"}]
    assert on_this_hardware([{"epoch": 1}, {"epoch": 2}], sessions) == []


@pytest.mark.parametrize("at", [2, 4])  # the loss is looked at after steps 0, 1, 3 and 5
def test_the_step_and_layer_at_which_it_began(at: int) -> None:
    from keraudit.training.augment import plan
    from keraudit.training.divergence import copies, diverged, non_finite_output
    from keraudit.training.step import TrainState

    made = recipe("he2015", epochs=1, batch=16)
    state = TrainState("ResNet-CIFAR-8", toy(), made, 0)
    step = state.single_step
    taken = 0

    def poisoned(rows: Any) -> float:  # stands in for a step that overflows
        nonlocal taken
        taken += 1
        if taken == at + 1:
            layer = state.network.get_layer("stage2_block1_conv1")
            layer.kernel.assign(layer.kernel * float("nan"))
        return step(rows)

    start = copies(state.variables)
    rows = plan(toy().train, made, 0, 0).reshape(-1, 4)
    state.single_step = poisoned  # type: ignore[method-assign]
    found = diverged(state, 0, rows, start, 5)
    assert f"at step {at + 1} (epoch 1)" in str(found)
    layer = state.network.get_layer("stage2_block1_conv1")
    layer.kernel.assign(layer.kernel * float("nan"))
    assert non_finite_output(state.model, rows[:16]) == "the output of stage2_block1_conv1"


def test_weights_that_overflow_in_the_last_step_are_not_kept(tmp_path: Path) -> None:
    from keraudit.training.train import DivergedError, train

    data = toy()
    wild = recipe("he2015", epochs=1, batch=len(data.train), learning_rate=3e38)
    wild = replace(wild, weight_decay=1e3)  # its gradient alone passes 1 a weight
    with pytest.raises(
        DivergedError, match=r"at step 1 \(epoch 1\).*first non-finite value: the update of"
    ):
        train("Plain-CIFAR-8", data, wild, seed=0, folder=tmp_path / "run")
    assert not (tmp_path / "run" / "run.json").exists()
    assert not (tmp_path / "run" / "checkpoint.npz").exists()


def test_it_learns(tmp_path: Path) -> None:
    from keraudit.training.record import read_run
    from keraudit.training.train import train

    made = recipe("modern", epochs=40, batch=16)
    run = train("Plain-CIFAR-8", toy(), made, seed=0, folder=tmp_path / "run")
    assert run.history[-1]["accuracy"] > 0.9
    kept = read_run(tmp_path / "run")
    assert kept.to_dict() == json.loads(json.dumps(run.to_dict()))
    assert kept.dataset["name"] == "toy"
    assert len(kept.history) == 40
    probabilities = np.load(tmp_path / "run" / "predictions.npz")["probabilities"]
    assert probabilities.shape == (30, 3)
    right = (probabilities.argmax(1) == toy().test.labels).mean()
    assert right == pytest.approx(run.evaluation["test"]["accuracy"])


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 9 bytes."),
        type("ResourceExhaustedError", (Exception,), {})("OOM when allocating tensor"),
    ],
)
def test_memory_that_ends_is_told_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    from keraudit.training.train import train
    from keraudit.training.trainer import Trainer

    def ends(*_: object) -> None:
        raise error

    monkeypatch.setattr(Trainer, "run_epoch", ends)
    made = recipe("he2015", epochs=1, batch=16)
    with pytest.raises(KerauditError, match="out of memory with batches of 16"):
        train("Plain-CIFAR-8", toy(), made, seed=0, folder=tmp_path / "run")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--seeds", 2**32), "whole numbers from 0 to 4294967295"),
        (("--fraction", 0.001), "--fraction 0.001 of 164 epochs is less than one"),
        (("--device-images", 0), "'--device-images': 0 is not in the range x>=1"),
    ],
)
def test_wrong_options_of_train(words: tuple[object, ...], message: str) -> None:
    done = keraudit("train", "Plain-CIFAR-8", *words)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert message in done.err


@pytest.mark.exhaustive
def test_tensorflow_runs_one_operation_at_a_time_with_onednn() -> None:
    """What makes a large network's training the same twice shows in no small one: so the setting itself."""
    code = """
import os
from keraudit.cli.quiet import started
started(is_repeatable=True)
print(*[os.environ[name] for name in ("TF_NUM_INTEROP_THREADS", "TF_ENABLE_ONEDNN_OPTS")])
"""
    plain = {k: v for k, v in os.environ.items() if not k.startswith("TF_")}
    for given, expected in (
        ({}, "1 1"),
        ({"TF_NUM_INTEROP_THREADS": "2"}, "2 1"),
        ({"TF_ENABLE_ONEDNN_OPTS": "0"}, "1 0"),
    ):
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            env=plain | given,
            check=True,
        )
        assert done.stdout.strip() == expected


def test_ctrl_c_waits_for_an_import() -> None:
    from keraudit.cli.quiet import delayed_interrupts

    ran = []

    def imported() -> None:
        with delayed_interrupts():
            os.kill(os.getpid(), signal.SIGINT)
            ran.append(True)  # what a library might swallow is not raised here

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background
    try:
        with pytest.raises(KeyboardInterrupt):
            imported()
        assert ran
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
