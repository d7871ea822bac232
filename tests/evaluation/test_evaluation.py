"""keraudit evaluate on a tiny run: the record, every format, and what does not fit."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from command import run as keraudit
from keraudit.errors import KerauditError
from keraudit.training.recipe import recipe
from toys import toy

pytest.importorskip("keras")
pytest.importorskip("PIL")
np = pytest.importorskip("numpy")


@pytest.fixture(scope="module")
def data_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy as a user's file."""
    path = tmp_path_factory.mktemp("data") / "toy.npz"
    made = toy()
    np.savez(
        path,
        x_train=made.train.images,
        y_train=made.train.labels,
        x_test=made.test.images,
        y_test=made.test.labels,
        classes=list(made.classes),
    )
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, data_file: Path) -> Path:
    """A finished run with averaged weights."""
    from keraudit.data.load import load
    from keraudit.training.train import train

    home = tmp_path_factory.mktemp("runs") / "plain-cifar-8-modern-seed0"
    made = recipe("modern", epochs=12, batch=16)
    train("Plain-CIFAR-8", load(str(data_file)), made, seed=0, folder=home)
    return home


def test_the_network_is_the_one_that_was_trained(folder: Path, data_file: Path) -> None:
    """With its averaged weights it predicts what the run kept."""
    from keraudit.data.load import load
    from keraudit.evaluation.evaluate import evaluate, from_dict
    from keraudit.evaluation.load import load_run

    network = load_run(folder, load(str(data_file)))
    found = network.probabilities(network.data.test.images)
    with np.load(folder / "predictions.npz") as kept:
        assert np.abs(found - kept["probabilities"]).max() < 2e-3  # kept in half precision
    made = evaluate(network, corruption_images=10)
    assert made.accuracy == made.recorded_accuracy == network.run.evaluation["test"]["accuracy"]
    assert made.weights == "averaged"
    assert network.run.ema_decay == pytest.approx(1 - 1 / (0.025 * 12 * 6))
    assert np.sum(made.confusion) == len(network.data.test)
    right = int(made.correct or "", 16).bit_count()
    assert right == np.trace(made.confusion) == round(made.accuracy * len(network.data.test))
    assert len(made.corruptions) == 20
    assert from_dict(json.loads(json.dumps(made.to_dict()))).to_dict() == json.loads(
        json.dumps(made.to_dict())
    )


def test_the_command(folder: Path, data_file: Path, tmp_path: Path) -> None:
    humans = tmp_path / "humans.npz"
    labels = toy().test.labels
    np.savez(humans, probs=np.eye(3)[labels] * 0.8 + 0.2 / 3)
    options = ("--data", data_file, "--corruption-images", 6, "--human", humans)
    done = keraudit("evaluate", folder, *options)
    assert done.code == 0, done.err
    assert "cross-entropy to their labels" in done.out
    assert "ECE" in done.out
    assert all(len(line) <= 80 for line in done.out.splitlines())
    kept = json.loads((folder / "evaluation.json").read_text())
    assert kept["schema"] == "keraudit.evaluation/1"
    assert kept["human"]["order_agreement"] == 1
    page = tmp_path / "page.html"
    done = keraudit("evaluate", folder, *options, "--output", page)
    assert done.code == 0, done.err
    text = page.read_text()
    assert text.count("<svg") == 1
    assert "<title>Reliability of Plain-CIFAR-8 seed 0" in text
    done = keraudit("evaluate", folder, *options, "--format", "csv")
    head, *rows = done.out.splitlines()
    assert head == "model,measure,of,value"
    assert any(",recall,class 1," in row for row in rows)
    several = keraudit("evaluate", folder, folder, "--data", data_file, "--corruption-images", 0)
    assert "2 evaluations" in several.out
    told = "not kept, for the evaluation that is there has 6 of them corrupted, --human;"
    assert several.err.count(told) == 2
    assert json.loads((folder / "evaluation.json").read_text())["human"] == kept["human"]
    assert "confusion" not in several.out
    gone = keraudit("evaluate", folder, tmp_path / "gone", "--data", data_file)
    assert (gone.code, gone.out, gone.err.count("\n")) == (2, "", 1)


def test_an_evaluation_of_less_takes_no_other_s_place(
    folder: Path, data_file: Path, tmp_path: Path
) -> None:
    from keraudit.data.load import load
    from keraudit.evaluation.evaluate import evaluate, keep, read_evaluation
    from keraudit.evaluation.load import load_run

    whole = evaluate(load_run(folder, load(str(data_file))), corruption_images=3)
    few = replace(whole, dataset={**whole.dataset, "test_images": 20}, corruption_images=2)
    (tmp_path / "evaluation.json").write_text("{")
    assert keep(tmp_path, few) == ""
    assert keep(tmp_path, whole) == ""
    assert keep(tmp_path, few) == "30 test images, 3 of them corrupted"
    found = read_evaluation(tmp_path)
    assert found is not None
    assert found.dataset == whole.dataset
    assert keep(tmp_path, replace(whole, originals={"images": 1})) == ""
    assert keep(tmp_path, whole) == "--originals"
    assert keep(tmp_path, replace(few, train_accuracy=0.125)) == ""  # of another training


def test_memory_that_ends_is_told_in_a_line(
    folder: Path, data_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from keraudit.data.load import load
    from keraudit.evaluation.load import load_run

    network = load_run(folder, load(str(data_file)))

    def ends(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(network.body, "predict", ends)
    with pytest.raises(
        KerauditError, match=r"out of memory with batches of 250.*a device that has more"
    ):
        network.probabilities(network.data.test.images)


def test_what_is_no_run_s_folder_is_skipped(folder: Path, data_file: Path, tmp_path: Path) -> None:
    """``runs/*`` of an experiment also names its plan, its published records and unfinished runs."""
    shutil.copytree(folder, tmp_path / "a-run")
    (tmp_path / "plan.json").write_text("{}")
    for name in ("published", "unfinished"):
        (tmp_path / name).mkdir()
    (tmp_path / "unfinished" / "config.json").write_text("{}")
    everything = sorted(tmp_path.iterdir())
    options = ("--data", data_file, "--corruption-images", 0, "--format", "json")
    done = keraudit("evaluate", *everything, *options)
    assert done.code == 0, done.err
    assert json.loads(done.out)["network"] == "Plain-CIFAR-8"
    assert done.err.count("skipped") == 1
    assert "no finished run's folder: plan.json, published, unfinished\n" in done.err
    left = keraudit("evaluate", *everything[1:], *options)
    assert (left.code, left.out, left.err.count("\n")) == (2, "", 1)
    assert "no finished run's folder among plan.json, published, unfinished" in left.err


def test_other_data_is_refused(folder: Path, tmp_path: Path) -> None:
    from keraudit.evaluation.load import load_run

    whole = toy()
    inverted = replace(whole.test, images=255 - whole.test.images)
    for other in (toy(size=32), replace(whole, test=inverted)):
        with pytest.raises(KerauditError, match=r"is of toy .*not of toy .*name its data"):
            load_run(folder, other)
    renamed = replace(whole, classes=tuple(f"{name}2" for name in whole.classes))
    with pytest.raises(KerauditError, match=r"is of the classes .*name its data"):
        load_run(folder, renamed)
    with pytest.raises(KerauditError, match="test images must be 1 to 30"):
        load_run(folder, toy(), test_images=31)


def test_what_was_held_out_is_found_again(data_file: Path, tmp_path: Path) -> None:
    from keraudit.evaluation.load import load_run

    told = ("--data", data_file, "--epochs", "1", "--batch", "10", "--runs", tmp_path)
    done = keraudit("train", "Plain-CIFAR-8", *told, "--hold-out", "20")
    assert done.code == 0, done.err
    assert "20 held-out images" in done.out
    assert "held-out accuracy" in done.out
    whole = toy()
    again = load_run(tmp_path / "plain-cifar-8-he2015-seed0", whole)
    assert (again.data.test.images == whole.train.images[-20:]).all()
    assert len(again.data.train) == len(whole.train) - 20


def test_a_folder_without_weights(folder: Path, tmp_path: Path) -> None:
    from keraudit.evaluation.load import load_run

    cut, bare = tmp_path / "cut", tmp_path / "bare"
    shutil.copytree(folder, cut)
    kept = cut / "checkpoint.npz"
    kept.write_bytes(kept.read_bytes()[:-300])
    bare.mkdir()
    shutil.copy(folder / "run.json", bare)
    for path, message in (
        (cut, "damaged or cut short"),
        (bare, r"holds no checkpoint\.npz"),
        (folder / "run.json", r"holds no checkpoint\.npz"),
        (tmp_path / "gone", "no record of a finished run"),
    ):
        with pytest.raises(KerauditError, match=message):
            load_run(path, toy())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": [0, 1, 2, 0]}, "3 images in x but 4 labels in y"),
        ({"y": [0, 1]}, "3 images in x but 2 labels in y"),
        ({"x": np.zeros((0, 16, 16, 3), "uint8"), "y": []}, "0 images in x"),
        ({"y": ["cat", "dog", "cow"]}, "expected whole numbers"),
        ({"x": np.uint8(3)}, "expected bytes"),
        ({"y": [0, 2, 1]}, "follows another order"),
    ],
)
def test_originals_that_contradict_themselves(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    from keraudit.data.cifar10h import originals

    test, path = toy().test, tmp_path / "originals.npz"
    good = {"x": test.images[:3], "y": test.labels[:3, None]}
    np.savez(path, **good)
    assert len(originals(path, test)) == 3
    np.savez(path, **{**good, **change})
    with pytest.raises(KerauditError, match=message):
        originals(path, test)
