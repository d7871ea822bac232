"""Experiments: planned and written down, honest about their budget, resumed, published."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from command import run as keraudit
from keraudit.errors import KerauditError
from keraudit.runs.experiment import EXPERIMENTS, findings, planned, written_down
from keraudit.runs.folders import same_kind
from schemas import faults
from toys import record, toy, toy_file

pytest.importorskip("keras")
pytest.importorskip("PIL")
np = pytest.importorskip("numpy")


def test_in_full_nothing_is_left_out() -> None:
    plan, made, part = planned("degradation", toy(count=300), seeds=(0, 1))
    assert plan.scaling == []
    assert (made.epochs, len(part.train)) == (164, 300)
    assert plan.networks == list(EXPERIMENTS["degradation"].networks)
    assert plan.runs[0] == ("Plain-CIFAR-20", 0)
    assert plan.runs[9] == ("Plain-CIFAR-20", 1)  # all networks of a seed first


@pytest.mark.parametrize(
    ("budget", "epochs", "images", "networks"),
    [
        (0.5, 82, 3000, 9),  # 164 / 2 epochs, all images
        (0.1, 16, 3000, 8),  # without the deepest
        (0.02, 8, 1230, 4),  # 164 * 0.02 / 8 = 0.41 of the images; the claim's own four
    ],
)
def test_a_budget_takes_epochs_then_images(
    budget: float, epochs: int, images: int, networks: int
) -> None:
    plan, made, part = planned("degradation", toy(count=3000), budget=budget)
    assert (made.epochs, len(part.train), len(plan.networks)) == (epochs, images, networks)
    assert made.epochs * len(part.train) == pytest.approx(164 * 3000 * budget, rel=0.03)
    assert f"{epochs} of 164 epochs" in plan.scaling
    assert plan.dataset["train_images"] == images
    assert len(plan.networks) + len(plan.left_out) == 9


@pytest.mark.parametrize(
    ("budget", "message"),
    [(0, "budget must be above 0"), (1.5, "budget must be"), (0.001, "less than a batch")],
)
def test_a_budget_that_is_none(budget: float, message: str) -> None:
    with pytest.raises(KerauditError, match=message):
        planned("degradation", toy(count=300), budget=budget)


def test_a_rounded_epoch_leaves_no_image_out() -> None:
    plan, made, part = planned("degradation", toy(count=3000), budget=0.15)
    assert (made.epochs, len(part.train)) == (25, 3000)  # 24.6
    assert plan.scaling[0] == "25 of 164 epochs"


def test_a_folder_with_another_plan(tmp_path: Path) -> None:
    plan, _, _ = planned("degradation", toy(count=300))
    assert not written_down(tmp_path, plan)
    again, _, _ = planned("degradation", toy(count=300), command="later")
    assert written_down(tmp_path, again)
    whole = json.loads((tmp_path / "plan.json").read_text())
    (tmp_path / "plan.json").write_text(json.dumps(whole | {"loss": "clipped"}))
    with pytest.raises(KerauditError, match="holds a plan with loss = 'clipped', not 'logits'"):
        written_down(tmp_path, again)
    for older in ({**whole, "recipe": {"name": "he2015"}}, {**whole, "loss": None}):
        left = {key: value for key, value in older.items() if value is not None}
        (tmp_path / "plan.json").write_text(json.dumps(left))
        with pytest.raises(
            KerauditError,
            match=r"has an older format: convert it with analysis/records/rewrite\.py",
        ):
            written_down(tmp_path, again)
    (tmp_path / "plan.json").write_text(json.dumps(whole))
    more, _, _ = planned("degradation", toy(count=300), seeds=(0, 2), epochs=7)
    with pytest.raises(KerauditError, match=r"recipe\.epochs"):
        written_down(tmp_path, more)  # more seeds of another recipe are not the same plan
    more, _, _ = planned("degradation", toy(count=300), seeds=(0, 2))
    assert written_down(tmp_path, more)
    kept = json.loads((tmp_path / "plan.json").read_text())
    assert (kept["seeds"], kept["command"]) == ([0, 2], "")
    (tmp_path / "plan.json").write_text(json.dumps({**kept, "seeds": [0]}))
    other, _, _ = planned("degradation", toy(count=300), seeds=(1,))
    with pytest.raises(KerauditError, match=r"holds a plan with seeds = \[0\], not \[1\]"):
        written_down(tmp_path, other)
    (tmp_path / "plan.json").write_text("{")
    with pytest.raises(KerauditError, match="is damaged"):
        written_down(tmp_path, plan)


def test_a_plan_goes_on_with_the_same_images_by_any_name(tmp_path: Path) -> None:
    plan, _, _ = planned("degradation", toy(count=300))
    written_down(tmp_path, plan)
    kept = json.loads((tmp_path / "plan.json").read_text())
    renamed = {**kept["dataset"], "name": "other", "source": "other.npz"}
    words = {"claim": "in other words", "recipe": {**kept["recipe"], "source": "a book"}}
    (tmp_path / "plan.json").write_text(json.dumps({**kept, **words, "dataset": renamed}))
    assert written_down(tmp_path, plan)


def test_a_network_has_one_spelling() -> None:
    asked = ("resnet50", "ResNet_50")
    plan, _, _ = planned("cifar10-comparison", toy(count=300), networks=asked)
    assert (plan.networks, plan.left_out) == (["ResNet50"], ["InceptionV3"])
    plan, _, _ = planned("degradation", toy(count=300), networks=("plain-cifar-20",))
    assert plan.networks == ["Plain-CIFAR-20"]
    with pytest.raises(KerauditError, match="'VGG16' cannot be trained"):
        planned("degradation", toy(count=300), networks=("VGG16",))


def test_the_findings_are_the_paper_s_sentences() -> None:
    runs = [
        record("Plain-CIFAR-20", error=0.09),
        record("Plain-CIFAR-56", error=0.13),
        record("ResNet-CIFAR-20", error=0.087),
        record("ResNet-CIFAR-56", error=0.088),
    ]
    found = findings(same_kind(runs))
    assert [f.holds for f in found] == [True, True, False, False]
    assert found[1].sentence == "Plain-CIFAR-56 has a higher test error than Plain-CIFAR-20"
    assert found[1].evidence == "13.00% against 9.00%"
    assert findings(same_kind(runs[:1])) == ()


def test_the_command_from_plan_to_records(tmp_path: Path) -> None:
    words = ["experiment", "degradation", "--data", toy_file(tmp_path), "--fraction", 0.03]
    words += ["--batch", 16, "--runs", tmp_path / "runs"]
    words += ["--network", "Plain-CIFAR-8", "--network", "ResNet-CIFAR-8"]
    early = keraudit(*words, "--human", tmp_path / "gone.npz")
    assert (early.code, early.out, early.err.count("\n")) == (2, "", 1)
    assert not (tmp_path / "runs").exists()
    humans = tmp_path / "humans.npz"
    np.savez(humans, probs=np.eye(3)[toy().test.labels])
    words += ["--watch-gradients", 9]
    done = keraudit(*words, "--human", humans, "--corruption-images", 4)
    assert done.code == 0, done.err
    assert "Fraction        0.03 of the whole experiment" in done.out
    plan = json.loads((tmp_path / "runs" / "plan.json").read_text())
    # 164 * 0.03 = 4.92 epochs' worth of 96 images, in 8 epochs of 59
    assert (plan["recipe"]["epochs"], plan["dataset"]["train_images"]) == (8, 59)
    published = tmp_path / "runs" / "published"
    assert sorted(p.name for p in published.iterdir()) == [
        "plain-cifar-8-he2015-seed0.json",
        "plan.json",
        "resnet-cifar-8-he2015-seed0.json",
    ]
    text = (published / "plain-cifar-8-he2015-seed0.json").read_text()
    found = json.loads(text)
    assert found["evaluated"]["schema"] == "keraudit.evaluation/1"
    assert found["evaluated"]["human"]["order_agreement"] == 1
    assert found["evaluated"]["corruption_images"] == 4
    assert (found["budget"], len(found["history"])) == (0.03, 8)
    assert [step["step"] for step in found["gradients"]["steps"]] == [0, 9, 18]  # of 24
    assert str(tmp_path) not in text + (published / "plan.json").read_text()
    assert keraudit("runs", "compare", published).code == 0
    again = keraudit(*words, "--format", "json")  # nothing is left to do
    assert again.code == 0, again.err
    assert "resumed from" in again.err
    assert json.loads(again.out)["plan"]["budget"] == 0.03
    assert faults(json.loads(again.out)) == []
    assert faults(json.loads((published / "plan.json").read_text())) == []
    assert faults(found) == []
    kept = json.loads((published / "plan.json").read_text())
    assert kept["command"].endswith("--corruption-images 4")  # as it was before the first step
    home = tmp_path / "runs" / "plain-cifar-8-he2015-seed0"
    kept = json.loads((home / "evaluation.json").read_text())
    of_less = {**kept, "dataset": {**kept["dataset"], "fingerprint": "another"}}
    (home / "evaluation.json").write_text(json.dumps(of_less))
    assert keraudit(*words).err.count("seed 0: evaluation") == 1
    kept = json.loads((home / "evaluation.json").read_text())
    (home / "evaluation.json").write_text(json.dumps({**kept, "train_accuracy": 0.123}))
    assert keraudit(*words).err.count("seed 0: evaluation") == 1  # it was of another run
    fewer = keraudit(*words, "--corruption-images", 2)
    assert fewer.code == 0, fewer.err
    assert "Plain-CIFAR-8 seed 0: evaluation" in fewer.err
    other = keraudit(*words, "--seeds", "1")
    assert other.code == 2
    assert "holds a plan with seeds" in other.err


def test_the_list_and_wrong_names(tmp_path: Path) -> None:
    whole = ("degradation", "--data", toy_file(tmp_path), "--batch", 16)
    done = keraudit("experiment")
    assert done.code == 0
    assert "degradation" in done.out
    for words, message in (
        ((*whole, "--size", "96"), "uses the data set's own image size"),
        ((*whole, "--devices", "0"), "0 is not in the range x>=1"),
        (("x",), "'x' is not an experiment: expected one of degradation, cifar10-comparison"),
    ):
        bad = keraudit("experiment", *words)
        assert (bad.code, bad.err.count("\n")) == (2, 1)
        assert message in bad.err


def test_a_slot_that_ends_leaves_the_experiment_to_be_resumed(tmp_path: Path) -> None:
    words = (
        *("experiment", "degradation", "--network", "ResNet-CIFAR-8", "--data", toy_file(tmp_path)),
        *("--fraction", 0.03, "--batch", 16, "--corruption-images", 0, "--runs", tmp_path / "runs"),
    )
    done = keraudit(*words, "--stop-after", "0.1s")
    assert done.code == 1
    assert "the same command resumes" in done.err
    assert not (tmp_path / "runs" / "published").exists()
    assert keraudit(*words).code == 0
    refused = keraudit(*words, "--stop-after", "9m", "--executor", "ray")
    assert refused.code == 2
    assert "--stop-after is for one process" in refused.err
