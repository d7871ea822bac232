"""Beside a run: gradients watched, the device's peak, TensorBoard, several devices."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from keraudit.errors import KerauditError
from keraudit.runs.folders import with_evaluation
from keraudit.training.recipe import recipe
from keraudit.training.record import Run
from toys import toy

keras = pytest.importorskip("keras")
np = pytest.importorskip("numpy")


def test_watched_gradients_leave_the_run_as_it_is(tmp_path: Path) -> None:
    from keraudit.training.train import train

    made = recipe("he2015", epochs=2, batch=16)  # 12 steps
    for name, every in (("plain", None), ("watched", 5)):
        train(
            "Plain-CIFAR-8",
            toy(),
            made,
            seed=0,
            folder=tmp_path / name,
            gradients_every=every,
        )
    with (
        np.load(tmp_path / "plain" / "checkpoint.npz") as a,
        np.load(tmp_path / "watched" / "checkpoint.npz") as b,
    ):
        assert all((a[key] == b[key]).all() for key in a.files if key != "state")
    run = json.loads((tmp_path / "watched" / "run.json").read_text())
    assert [step["step"] for step in run["gradients"]["steps"]] == [0, 5, 10]
    norms = [row["grad_norm"] for row in run["gradients"]["steps"][0]["blocks"]]
    assert len(norms) > 3
    assert all(norm > 0 for norm in norms)
    full = json.loads((tmp_path / "watched" / "gradients.json").read_text())
    assert full["schema"] == "keraudit.gradients-over-training/1"
    assert [step["step"] for step in full["steps"]] == [0, 5, 10]
    file = tmp_path / "watched" / "run.json"
    slimmer = {**run, "gradients": {}}  # of a record that carried less of them
    assert with_evaluation(file, Run(**slimmer)).gradients == run["gradients"]
    assert run["gradients"]["steps"][0]["blocks"][0]["activation_std"] > 0
    (tmp_path / "watched" / "gradients.json").write_text("{}")
    with pytest.raises(KerauditError, match="holds no gradients over a training"):
        with_evaluation(file, Run(**run))
    share = run["work"]["share_of_peak"]
    assert 0 < share < 1
    macs = run["work"]["training_macs_per_image"]
    assert share == pytest.approx(
        macs * run["work"]["images_per_s"] / run["work"]["peak_macs_per_s"]
    )
    # resumed without them, the profiles so far would be lost
    with pytest.raises(KerauditError, match="gradients_every = 5, not None"):
        train("Plain-CIFAR-8", toy(), made, seed=0, folder=tmp_path / "watched")


def test_the_peak_is_a_matrix_product() -> None:
    from keraudit.training.throughput import measured_peak

    assert 1e8 < measured_peak() < 1e15


def test_the_peak_of_a_device_that_keras_has_no_name_for(monkeypatch: pytest.MonkeyPatch) -> None:
    from keraudit.training import throughput

    monkeypatch.setattr(throughput, "on_cpu", lambda: False)  # as on a TPU
    monkeypatch.setattr(throughput, "SIDE", {"other": 64})
    assert throughput.measured_peak() > 0


@pytest.mark.parametrize(("count", "devices"), [(2, ["H 0", "H 1"]), (0, ["CPU"])])
def test_the_devices_of_torch(
    monkeypatch: pytest.MonkeyPatch, count: int, devices: list[str]
) -> None:
    from types import SimpleNamespace

    from keraudit import environment

    cuda = SimpleNamespace(device_count=lambda: count, get_device_name=lambda i: f"H {i}")
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    monkeypatch.setattr(environment, "backend", lambda: "torch")
    assert environment.hardware()["devices"] == devices


def test_the_higher_peak_of_before_and_after_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    from keraudit.training import throughput

    monkeypatch.setattr(throughput, "training_macs", lambda _: 100)
    monkeypatch.setattr(throughput, "measured_peak", lambda _: 2000.0)
    for before, found in ((0.0, 2000.0), (1000.0, 2000.0), (4000.0, 4000.0)):
        work = throughput.work(None, [{"images_per_s": 5.0}], "float32", before=before, devices=2)
        assert work["peak_macs_per_s"] == 2 * found
        assert work["share_of_peak"] == 500 / (2 * found)


def test_a_record_names_the_backend_whatever_its_package_is_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from importlib import metadata

    from keraudit.environment import backend, versions

    def missing(name: str) -> str:  # as of tensorflow-cpu
        raise metadata.PackageNotFoundError(name)

    assert versions().keys() >= {"keraudit", "python", "keras", backend(), "numpy", "pillow"}
    monkeypatch.setattr(metadata, "version", missing)
    assert set(versions()) == {"keraudit", "python", "keras", backend()}


def test_without_tensorboard_one_line_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from keraudit.training.train import train

    monkeypatch.setitem(sys.modules, "tensorboard.summary", None)
    with pytest.raises(KerauditError, match="pip install tensorboard"):
        train(
            "Plain-CIFAR-8",
            toy(),
            recipe("he2015", epochs=1, batch=16),
            seed=0,
            folder=tmp_path / "run",
            board=tmp_path / "board",
        )
    assert not (tmp_path / "run").exists()


@pytest.mark.exhaustive
def test_tensorboard_gets_every_epoch_of_a_run_that_was_stopped_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    from keraudit.training.checkpoint import CheckpointTimer
    from keraudit.training.tensorboard import SCALARS
    from keraudit.training.train import Tick, train

    monkeypatch.setattr(CheckpointTimer, "SHORT", 60.0)  # a checkpoint an epoch on a slow disk too

    def stop(tick: Tick) -> None:
        if (tick.epoch, tick.step) == (3, 1):
            raise KeyboardInterrupt

    def trained(**more: Any) -> Run:
        made = recipe("he2015", epochs=3, batch=16)
        home = {"folder": tmp_path / "run", "board": tmp_path / "board"}
        return train("Plain-CIFAR-8", toy(), made, seed=0, **home, **more)

    with pytest.raises(KeyboardInterrupt):
        trained(watch=stop)
    run = trained()
    events = EventAccumulator(str(tmp_path / "board" / "run")).Reload()
    for key in SCALARS:
        found = events.Tensors(key)
        assert [event.step for event in found] == [1, 2, 3]
        values = [float(make_ndarray(event.tensor_proto)) for event in found]
        assert values == pytest.approx([row[key] for row in run.history], rel=1e-6)


SCRIPT = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[3:4]
from toys import toy
from keraudit.errors import KerauditError
from keraudit.training.recipe import recipe
from keraudit.training.train import train

made = recipe("modern", epochs=2, batch=16, cutout=6, mixup=0.3)
run = train("ResNet-CIFAR-8", toy(), made, seed=3, folder=Path(sys.argv[1]), devices=int(sys.argv[2]))
for devices, batch in ((3, 16), (5, 16)):
    try:
        train("ResNet-CIFAR-8", toy(), recipe("modern", epochs=1, batch=batch), seed=3,
            folder=Path(sys.argv[1] + "-x"), devices=devices)
    except KerauditError as error:
        print(error)
print(run.devices, len(run.hardware["devices"]))
"""


@pytest.mark.exhaustive
def test_four_devices_train_as_one(tmp_path: Path) -> None:
    pytest.importorskip("jax")
    records = []
    for devices in (1, 4):
        folder = tmp_path / str(devices)
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                SCRIPT,
                str(folder),
                str(devices),
                str(Path(__file__).parents[1] / "support"),
            ],
            env={
                **os.environ,
                "KERAS_BACKEND": "jax",
                "XLA_FLAGS": "--xla_force_host_platform_device_count=4",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        assert "a batch of 16 cannot be shared out over 3 devices" in done.stdout
        assert "5 devices were asked for; JAX finds 4: lower --devices" in done.stdout
        assert done.stdout.splitlines()[-1] == f"{devices} 4"
        records.append(json.loads((folder / "run.json").read_text()))
    one, four = (record["history"][-1]["loss"] for record in records)
    assert four == pytest.approx(one, rel=0.05)  # sums in another order
    one, four = (record["history"][0]["loss"] for record in records)
    assert four == pytest.approx(one, rel=1e-3)  # images are mixed across devices too
    assert records[1]["devices"] == 4


def test_images_that_do_not_fit_at_once_are_shared_by_devices() -> None:
    from keraudit.training.trainer import Trainer

    made = recipe("he2015", epochs=1, batch=16)
    few = Trainer("Plain-CIFAR-8", toy(), made, 0, devices=4, device_images=18)
    assert few.test_batch == 16  # not 20, which is more than are held
    assert len(few.probabilities(few.state.data.test)) == len(few.state.data.test)


def test_several_devices_want_jax(tmp_path: Path) -> None:
    from keraudit.training.train import train

    if keras.backend.backend() == "jax":
        pytest.skip("the backend is JAX")
    with pytest.raises(KerauditError, match="--backend jax"):
        train(
            "Plain-CIFAR-8",
            toy(),
            recipe("he2015", epochs=1, batch=16),
            seed=0,
            folder=tmp_path / "run",
            devices=2,
        )
