"""What the pages tell of depth: plain and residual networks side by side."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("mkdocs")
pytest.importorskip("keras")

from mkdocs.exceptions import PluginError

from keraudit.runs.figure import apart
from pages import clipped_loss, gradients, home, resnet, run_tables, runs
from run_records import publish, record, run

pytestmark = pytest.mark.usefixtures("at_the_root")


@pytest.fixture
def planned(published: Path) -> Path:
    """The folder of the runs of the complete schedule."""
    folder = published / runs.PLAN
    folder.mkdir()
    return folder


def test_runs_are_set_side_by_side_over_seeds(planned: Path) -> None:
    publish(planned, *(run(name, seed) for name in runs.DEGRADATION for seed in (0, 1)))
    shown, told = resnet.degradation(), resnet.degradation_table()
    assert "Plain-CIFAR-56, test" in shown
    assert "Mean and range over seeds" in shown
    assert "70.00 ± 0.00" in told
    assert "8.75" in told  # He et al. 2015, Table 6, of ResNet-CIFAR-20
    assert "1,000 of CIFAR-10's 50,000 training images" in resnet.caveat()
    assert "keraudit train Plain-CIFAR-20" in shown
    assert ">2 seeds · 3 epochs · 2 CPU cores · CIFAR-10, 1,000 images<" in shown
    publish(planned, *(run(name, seed) for name in runs.DEGRADATION for seed in (0,)))
    for left in range(4, 8):
        (planned / f"{left}.json").unlink()
    assert "over seeds" not in resnet.degradation()  # there is one of each: no mean and no range
    assert ">1 seed · " in resnet.degradation()


def test_what_depth_costs_each_pair(planned: Path) -> None:
    errors = {"Plain-CIFAR-20": 0.5, "Plain-CIFAR-56": 0.8, "ResNet-CIFAR-20": 0.4}
    runs_of = [
        run(name, evaluation=run(name)["evaluation"] | {"train_error": error})
        for name, error in errors.items()
    ]
    publish(planned, *runs_of)
    assert "points" not in resnet.claim()  # of one pair alone there is nothing to compare
    last = run("ResNet-CIFAR-56")
    publish(planned, *runs_of, last | {"evaluation": last["evaluation"] | {"train_error": 0.35}})
    told = resnet.claim()
    assert "rises by **30 points** without skips and falls by **5.0 points** with them" in told
    publish(planned, *runs_of, last | {"loss": "clipped"})
    assert "points" not in resnet.claim()  # of two losses nothing is told


def test_what_depth_costs_is_drawn_epoch_by_epoch(published: Path) -> None:
    publish(published, *(run(name) for name in runs.DEGRADATION[:3]))
    assert resnet.gap_over_training() == ""
    found = {name: [record(name), record(name, 1)] for name in runs.DEGRADATION}
    for at, row in enumerate(found["Plain-CIFAR-56"][0].history):
        row["accuracy"] -= 0.1 * at  # of one seed of two
    plain, skips = apart(found, 20, 56)["data"]
    assert (plain["name"], plain["x"], plain["y"]) == ("plain", [1, 2, 3], [0.0, 5.0, 10.0])
    assert skips["y"] == [0.0] * 3
    publish(published, *(members[0].to_dict() for members in found.values()))
    assert "Training error that 36 more layers add" in resnet.gap_over_training()


def test_a_training_that_was_watched_is_drawn_from_its_record(published: Path) -> None:
    steps = [
        {
            "step": step,
            "loss": 1.0,
            "blocks": [
                {"name": n, "depth": d, "grad_norm": norm, "activation_std": d + 1.5}
                for d, (n, norm) in enumerate(norms)
            ],
        }
        for step, norms in (
            (0, (("stem", 8.0), ("end", 2.0), ("classes", 1.0))),
            (390, (("stem", 1.0), ("end", 2.0), ("classes", 1.0))),
        )
    ]
    watched = run("Plain-CIFAR-56", gradients={"every": 390, "steps": steps})
    publish(published, watched, run("ResNet-CIFAR-56"))
    drawn = gradients.of_run("0")
    assert "4 at step 0, 0.5 at step 390." in drawn
    assert "block&#39;s activations: 1.5 at step 0, 1.5 at step 390." in drawn
    steps[1]["blocks"][0]["activation_std"] = 12.0  # of 1.5
    publish(published, watched, run("ResNet-CIFAR-56"))
    assert "| `Plain-CIFAR-56` | 0 | 40.00 | 4 | 0.5 | 0.5 | 8 |" in gradients.by_depth()
    assert "`ResNet-CIFAR-56`" not in gradients.by_depth()
    with pytest.raises(PluginError, match="gradients were not watched"):
        gradients.of_run("1")
    assert "is not here" in gradients.of_run("2")
    steps[:] = steps[:1]
    publish(published, watched)  # watched but once
    assert "4 at step 0. Standard" in gradients.of_run("0")


def test_whether_the_deep_residual_network_is_better_is_told(planned: Path) -> None:
    deep, ends = run("ResNet-CIFAR-56"), run("")["evaluation"]
    publish(planned, run("ResNet-CIFAR-20"))
    assert resnet.compared_with_paper() == ""
    for changes, words in (
        ({"train_error": 0.01, "test_error": 0.02}, "As in the paper, the residual network of 56"),
        ({"train_error": 0.01, "test_error": 0.97}, "Here it ends behind: test error 97.00 %"),
    ):
        publish(planned, run("ResNet-CIFAR-20"), deep | {"evaluation": ends | changes})
        assert words in resnet.compared_with_paper()


def test_error_is_drawn_over_depth_once_there_are_three(published: Path) -> None:
    assert resnet.over_depths() == ""
    publish(published, *(run(f"Plain-CIFAR-{depth}") for depth in (20, 32, 56)))
    assert "Error over depth" in resnet.over_depths()


def test_the_home_page_has_the_paper_s_numbers_until_there_are_runs(planned: Path) -> None:
    told = home.cards()
    assert "+0.6 points" in told
    assert "ImageNet top-1 error (He et al. 2015) from 18 to 34 layers without skips" in told
    assert "−2.8 points with them" in told  # 25.03 − 27.88
    assert "trained alike" in told
    for name in runs.DEGRADATION:
        error = {"P": 0.1, "R": -0.1}[name[0]] * (int(name[-2:]) - 20) / 36 + 0.5
        ended = {**run("")["evaluation"], "train_error": error}
        (planned / f"{name}.json").write_text(json.dumps(run(name, evaluation=ended)), "utf-8")
    told = home.cards()
    assert "+10.0 points" in told
    assert "training error after 3 epochs from 20 to 56 layers without skips; −10.0 points" in told


def test_what_stands_side_by_side_is_of_one_kind(published: Path) -> None:
    fewer = [run(f"Plain-CIFAR-{depth}", budget=0.1) for depth in (20, 32, 44, 56, 110)]
    publish(published, *(run(name) for name in runs.DEGRADATION), *fewer)
    found = runs.comparable(runs.DEGRADATION)
    assert {name: members[0].budget for name, members in found.items()} == {
        "Plain-CIFAR-20": 0.1,
        "Plain-CIFAR-56": 0.1,
    }
    told = resnet.over_depths()
    assert "Plain-CIFAR-110" in told
    assert "ResNet-CIFAR" not in told
    assert "ResNet-CIFAR-56" in run_tables.other_runs(runs.DEPTHS)
    publish(published, *fewer)
    for left in range(len(fewer), 9):
        (published / f"{left}.json").unlink()
    assert run_tables.other_runs(runs.DEPTHS) == ""


def test_runs_with_a_clipped_loss_stand_with_their_twins(
    published: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    apart = tmp_path_factory.mktemp("clipped")
    monkeypatch.setattr(clipped_loss, "FOLDER", apart)
    assert "is not here" in clipped_loss.whole_runs()
    wrong = {**run("")["evaluation"], "test_error": 0.49}
    cut = run("ResNet-CIFAR-44", evaluation=wrong, loss="clipped")
    publish(apart, cut)
    told = clipped_loss.whole_runs()
    assert "Clipped:" in told
    assert "| 49.00 |" in told
    assert "loss of ResNet-CIFAR-44 clipped below a probability of 1e-7" in told
    assert "From logits:" not in told
    also_cut = run("ResNet-CIFAR-20", loss="clipped")
    plain = run("Plain-CIFAR-56", loss="clipped")
    publish(apart, cut, also_cut, plain)
    publish(
        published, run("ResNet-CIFAR-44"), run("Plain-CIFAR-20"), also_cut, run("Plain-CIFAR-56")
    )
    twins = clipped_loss.whole_runs().partition("From logits:")[2]
    assert twins.count("| `ResNet-CIFAR-44`") == twins.count("| `Plain-CIFAR-56`") == 1
    assert "| `Plain-CIFAR-20`" not in twins
    assert "| `ResNet-CIFAR-20`" not in twins
    publish(apart, run("ResNet-CIFAR-20", 1), also_cut)
    with pytest.raises(PluginError, match="runs of ResNet-CIFAR-20 differ in their loss"):
        clipped_loss.whole_runs()


def test_few_seeds_are_no_short_training(published: Path) -> None:
    whole = {"name": "CIFAR-10", "fingerprint": "f", "train_images": 50_000, "test_images": 10_000}
    history = [{**run("")["history"][0], "epoch": epoch} for epoch in range(164)]
    complete = record("Plain-CIFAR-20", dataset=whole, history=history)
    told = runs.caveat({"Plain-CIFAR-20": [complete]})
    assert "fewer than three seeds" in told
    assert "so short a run" not in told
    assert runs.caveat({"Plain-CIFAR-20": [complete] * 3}) == ""
    short = runs.caveat({"Plain-CIFAR-20": [record("Plain-CIFAR-20")] * 3})
    assert "so short a run" in short
    assert "seeds" not in short
    learnt = {**complete.evaluation, "train_error": 0.0012}
    half = record("Plain-CIFAR-20", dataset=whole, evaluation=learnt)
    told = runs.caveat({"Plain-CIFAR-20": [half] * 3})
    assert told.startswith("These runs saw 3 of the recipe's 164 epochs: compare them with one")
    assert "so short a run" not in told  # they have learnt the training images
    few = record("Plain-CIFAR-20", dataset={**whole, "train_images": 1000}, evaluation=learnt)
    assert "so short a run" in runs.caveat({"Plain-CIFAR-20": [few] * 3})
