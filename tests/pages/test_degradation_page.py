"""What the pages tell of depth: plain and residual networks side by side."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("mkdocs")
pytest.importorskip("keras")

from mkdocs.exceptions import PluginError

from keraudit.runs.figure import apart
from pages import clipped_loss, gradients, home, resnet, runs
from run_records import publish, record, run

pytestmark = pytest.mark.usefixtures("at_the_root")


def test_runs_are_set_side_by_side_over_seeds(published: Path) -> None:
    publish(published, *(run(name, seed) for name in runs.DEGRADATION for seed in (0, 1)))
    shown, told = resnet.degradation(), resnet.degradation_table()
    assert "Plain-CIFAR-56, test" in shown
    assert "70.00 ± 0.00" in told
    assert "8.75" in told  # He et al. 2015, Table 6, beside ResNet-CIFAR-20
    assert "1,000 of CIFAR-10&#x27;s" in told or "1,000 of CIFAR-10's" in told
    assert "keraudit train Plain-CIFAR-20" in shown


def test_what_depth_costs_each_pair(published: Path) -> None:
    errors = {"Plain-CIFAR-20": 0.5, "Plain-CIFAR-56": 0.8, "ResNet-CIFAR-20": 0.4}
    runs_of = [
        run(name, evaluation=run(name)["evaluation"] | {"train_error": error})
        for name, error in errors.items()
    ]
    publish(published, *runs_of)
    told = resnet.degradation_table()
    assert "with the higher **training** error: 80.00 % against 50.00 %" in told
    assert "36 layers more" not in told  # of one pair alone there is nothing to compare
    last = run("ResNet-CIFAR-56")
    publish(published, *runs_of, last | {"evaluation": last["evaluation"] | {"train_error": 0.35}})
    told = resnet.degradation_table()
    assert "the plain pair +30.00 points and the residual pair -5.00 points" in told
    publish(published, *runs_of, last | {"loss": "clipped"})
    assert "36 layers more" not in resnet.degradation_table()  # of two losses nothing is told


def test_what_depth_costs_is_drawn_epoch_by_epoch(published: Path) -> None:
    publish(published, *(run(name) for name in runs.DEGRADATION[:3]))
    assert "from 20 to 56 cost" not in resnet.degradation_table()
    found = {name: [record(name), record(name, 1)] for name in runs.DEGRADATION}
    for at, row in enumerate(found["Plain-CIFAR-56"][0].history):
        row["accuracy"] -= 0.1 * at  # of one seed of two
    plain, skips = apart(found, 20, 56)["data"]
    assert (plain["name"], plain["x"], plain["y"]) == ("plain", [1, 2, 3], [0.0, 5.0, 10.0])
    assert skips["y"] == [0.0] * 3
    publish(published, *(members[0].to_dict() for members in found.values()))
    assert "from 20 to 56 cost" in resnet.degradation_table()


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
    assert "activations: 1.5 at step 0, 1.5 at step 390." in drawn
    steps[1]["blocks"][0]["activation_std"] = 12.0  # of 1.5
    publish(published, watched, run("ResNet-CIFAR-56"))
    assert "| `Plain-CIFAR-56` | 0 | 40.00 | 4 | 0.5 | 0.5 | 8 |" in gradients.by_depth()
    assert "`ResNet-CIFAR-56`" not in gradients.by_depth()
    with pytest.raises(PluginError, match="gradients were not watched"):
        gradients.of_run("1")
    assert "is not here" in gradients.of_run("2")
    steps[:] = steps[:1]
    publish(published, watched)  # watched but once
    assert "4 at step 0. The" in gradients.of_run("0")


def test_whether_the_deep_residual_network_is_better_is_told(published: Path) -> None:
    deep, ends = run("ResNet-CIFAR-56"), run("")["evaluation"]
    publish(published, run("ResNet-CIFAR-20"))
    assert "the paper" not in resnet.lesson(runs.comparable(runs.DEPTHS))
    for changes, words in (
        ({"train_error": 0.01, "test_error": 0.02}, "As in the paper, the residual network of 56"),
        ({"train_error": 0.01, "test_error": 0.97}, "did not come out here**: test error 97.00 %"),
    ):
        publish(published, run("ResNet-CIFAR-20"), deep | {"evaluation": ends | changes})
        assert words in resnet.lesson(runs.comparable(runs.DEPTHS))


def test_error_is_drawn_over_depth_once_there_are_three(published: Path) -> None:
    assert "Error over depth" not in resnet.degradation_table()
    publish(published, *(run(f"Plain-CIFAR-{depth}") for depth in (20, 32, 56)))
    assert "Error over depth" in resnet.degradation_table()
    assert "Plain-CIFAR-32" in resnet.degradation_table()


def test_the_home_page_tells_of_degradation_once_it_was_trained_in_full(published: Path) -> None:
    assert "Depth is not what costs" in home.findings()
    whole = {"name": "CIFAR-10", "fingerprint": "f", "train_images": 50_000, "test_images": 10_000}
    long = [{**run("")["history"][0], "epoch": epoch} for epoch in range(164)]
    for name in runs.DEGRADATION:
        found = [run(name, seed, dataset=whole, history=long) for seed in (0, 1, 2)]
        for each in found:
            each["evaluation"]["train_error"] = {"P": 0.1, "R": -0.1}[name[0]] * int(
                name[-2:]
            ) / 36 + 1
            (published / f"{name}-{each['seed']}.json").write_text(json.dumps(each), "utf-8")
    told = home.findings()
    assert "Skips are what makes depth pay" in told
    assert "+10.00 points" in told  # from 20 to 56 layers, 36 more
    assert "-10.00" in told


def test_figure_and_table_of_a_page_are_of_one_kind(published: Path) -> None:
    fewer = [run(f"Plain-CIFAR-{depth}", budget=0.1) for depth in (20, 32, 44, 56, 110)]
    publish(published, *(run(name) for name in runs.DEGRADATION), *fewer)
    found = runs.comparable(runs.DEGRADATION)
    assert {name: members[0].budget for name, members in found.items()} == {
        "Plain-CIFAR-20": 0.1,
        "Plain-CIFAR-56": 0.1,
    }
    assert "ResNet-CIFAR-20, test" not in resnet.degradation()
    told = resnet.degradation_table()
    assert "Plain-CIFAR-110" in told
    assert "### Other runs" in told
    assert told.index("Plain-CIFAR-110") < told.index("### Other runs") < told.index("ResNet-CIFAR")
    publish(published, *fewer)
    for left in range(len(fewer), 9):
        (published / f"{left}.json").unlink()
    assert "Other runs" not in resnet.degradation_table()


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
    assert "so short a training" not in told
    assert runs.caveat({"Plain-CIFAR-20": [complete] * 3}) == ""
    short = runs.caveat({"Plain-CIFAR-20": [record("Plain-CIFAR-20")] * 3})
    assert "so short a training" in short
    assert "seeds" not in short
    learnt = {**complete.evaluation, "train_error": 0.0012}
    half = record("Plain-CIFAR-20", dataset=whole, evaluation=learnt)
    told = runs.caveat({"Plain-CIFAR-20": [half] * 3})
    assert "They learnt the training images all the same, of which at most 0.12 % are wrong" in told
    assert "A shorter training" in told
    few = record("Plain-CIFAR-20", dataset={**whole, "train_images": 1000}, evaluation=learnt)
    assert "A small experiment" in runs.caveat({"Plain-CIFAR-20": [few] * 3})
