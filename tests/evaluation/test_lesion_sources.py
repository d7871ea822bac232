"""Lesions of a run, and of a network that ships: what is measured, and what is no source of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import command
from schemas import faults
from toys import toy

pytest.importorskip("keras")
pytest.importorskip("PIL")
np = pytest.importorskip("numpy")

NETWORKS = ("ResNet-CIFAR-14", "Plain-CIFAR-14")


@pytest.fixture(scope="module")
def data_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "toy.npz"
    made = toy()
    parts = {"train": made.train, "test": made.test}
    arrays = {f"x_{name}": part.images for name, part in parts.items()}
    arrays |= {f"y_{name}": part.labels for name, part in parts.items()}
    np.savez(path, **arrays, classes=list(made.classes))
    return path


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, data_file: Path) -> dict[str, Path]:
    """A finished run of each network."""
    from keraudit.data.load import load
    from keraudit.training.recipe import recipe
    from keraudit.training.train import train

    home, data = tmp_path_factory.mktemp("runs"), load(str(data_file))
    settings = recipe("he2015", epochs=1, batch=16)
    for name in NETWORKS:
        train(name, data, settings, seed=0, folder=home / name)
    return {name: home / name for name in NETWORKS}


def test_a_residual_and_a_plain_run(runs: dict[str, Path], data_file: Path) -> None:
    found: dict[str, Any] = {}
    for name in NETWORKS:
        options = ("--data", data_file, "--repeats", "1", "-f", "json")
        done = command.run("lesion", runs[name], *options)
        assert done.code == 0, done.err
        found[name] = json.loads(done.out)
        assert faults(found[name]) == []
        assert found[name]["network"] == f"{name} seed 0"
        test = json.loads((runs[name] / "run.json").read_text("utf-8"))["evaluation"]["test"]
        assert found[name]["baseline"]["accuracy"] == pytest.approx(test["accuracy"])
    residual, plain = found.values()
    assert len(residual["deletions"]) == 6
    assert residual["paths"]
    assert plain["deletions"]
    assert not any(row["resizes"] for row in plain["deletions"])
    assert plain["paths"] == []  # it has one


def test_a_run_on_other_images(runs: dict[str, Path], data_file: Path, tmp_path: Path) -> None:
    test = toy().test
    np.savez(tmp_path / "images.npz", x=test.images[:7], y=test.labels[:7])
    options = ("--data", data_file, "--originals", tmp_path / "images.npz", "--repeats", "1")
    done = command.run("lesion", runs["ResNet-CIFAR-14"], *options, "-f", "json")
    assert done.code == 0, done.err
    record = json.loads(done.out)
    assert record["baseline"]["images"] == 7
    assert record["dataset"]["name"] == "images of images.npz"


def test_a_network_that_ships(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 255, (8, 32, 32, 3)).astype("uint8")
    np.savez(tmp_path / "images.npz", x=x, y=np.arange(8))
    options = ("--originals", tmp_path / "images.npz", "--repeats", "1", "-f", "json")
    done = command.run("lesion", "resnet-cifar-20", *options)
    assert done.code == 0, done.err
    record = json.loads(done.out)
    assert record["network"] == "ResNet-CIFAR-20"
    assert len(record["deletions"]) == 9


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a device that is full")
def test_a_full_disk_loses_nothing(runs: dict[str, Path], data_file: Path) -> None:
    options = ("--data", data_file, "--repeats", "1", "-f", "json", "-o", "/dev/full")
    done = command.run("lesion", runs["Plain-CIFAR-14"], *options)
    assert done.code == 2
    assert "cannot write /dev/full: No space left on device" in done.err
    assert json.loads(done.out)["network"] == "Plain-CIFAR-14 seed 0"


def test_what_is_no_source(data_file: Path, tmp_path: Path) -> None:
    cases = {
        tmp_path / "gone": "expected the folder of a finished run, WEIGHTS.npz, or",
        tmp_path: "no record of a finished run",
        tmp_path / "gone.npz": "cannot be read",
    }
    for source, message in cases.items():
        done = command.run("lesion", source, "--data", data_file)
        assert done.code == 2
        assert message in done.err
        assert len(done.err.strip().splitlines()) == 1


def test_data_of_other_images_or_classes(
    runs: dict[str, Path], data_file: Path, tmp_path: Path
) -> None:
    made = toy(90)
    arrays = {"x_train": made.train.images, "y_train": made.train.labels}
    arrays |= {"x_test": made.test.images, "y_test": made.test.labels}
    np.savez(tmp_path / "other.npz", **arrays, classes=list(made.classes))
    done = command.run("lesion", runs["ResNet-CIFAR-14"], "--data", tmp_path / "other.npz")
    assert done.code == 2
    assert "name its data with --data" in done.err
    done = command.run("lesion", "ResNet-CIFAR-20", "--data", data_file)
    assert done.code == 2
    assert "other classes than ResNet-CIFAR-20 was trained on" in done.err
