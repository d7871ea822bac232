"""What the pages tell of training runs, and of records that are damaged or absent."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mkdocs")
pytest.importorskip("keras")

from mkdocs.exceptions import PluginError

from keraudit.training.recipe import RECIPES
from pages import cifar, mistakes, reproduce, resnet, run_tables, runs
from pages.published import MissingRecordError
from run_records import publish, record, run

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.usefixtures("at_the_root")


def test_without_runs_the_pages_say_how_to_make_them(published: Path) -> None:
    assert "keraudit experiment" in cifar.errors()
    assert "keraudit runs publish" in cifar.errors()
    with pytest.raises(MissingRecordError, match="keraudit train NETWORK --seeds SEED"):
        resnet.degradation()
    assert resnet.degradation_table() == cifar.losses() == ""
    assert cifar.card() == cifar.verdict() == cifar.caveat() == ""
    assert "keraudit evaluate" in mistakes.kinds_of_errors()


def test_the_experiments_are_those_of_the_command() -> None:
    from keraudit.runs.experiment import EXPERIMENTS

    for networks, name in runs.EXPERIMENTS.items():
        assert set(networks) <= set(EXPERIMENTS[name].networks)
        guide = (ROOT / "site" / "guide" / "reproduce.md").read_text("utf-8")
        assert all(command in guide for command in runs.commands_for(networks))
        assert runs.commands_for(networks)[1].replace(name, "NAME") in reproduce.listing()


def test_a_damaged_run_stops_the_build(published: Path) -> None:
    (published / "bad.json").write_text('{"schema":', "utf-8")
    with pytest.raises(Exception, match=r"bad\.json is not the record of a finished run"):
        cifar.errors()


def test_what_a_gpu_is_made_use_of_stands_beside_the_macs(published: Path) -> None:
    work = {
        "training_macs_per_image": 3 * 10**9,
        "images_per_s": 1234.5,
        "peak_macs_per_s": 4e14,
        "share_of_peak": 0.125,
    }
    publish(published, *(run(name, work=work) for name in runs.BIG))
    assert cifar.work() == ""  # on a processor the peak depends on what else runs
    gpu = {"processor": "x", "cores": 16, "devices": ["GPU"]}
    publish(published, *(run(name, work=work, hardware=gpu) for name in runs.BIG))
    assert (
        "| `ResNet50` | 3.000 G | 1,234 | 54 | 12.5 |" in cifar.work()
    )  # 53 convolutions, one dense
    assert cifar.work().count("400.0 T MACs/s") == 1


def test_a_run_s_note_is_told_once(published: Path) -> None:
    publish(published, *(run(name, note="A busy machine.") for name in runs.BIG))
    assert cifar.errors().count("A busy machine.") == 1


def test_a_run_s_command_names_no_place() -> None:
    given = record(
        "Plain-CIFAR-20", command="keraudit train A --data /some/where/images --runs=/home/me/runs"
    )
    assert runs.commands([given]) == ["keraudit train A --data images --runs=runs"]


def test_two_networks_of_several_seeds_have_an_interval(published: Path) -> None:
    publish(published, *(run(name) for name in runs.BIG))
    assert "Welch" not in cifar.results()  # of one seed each there is none
    ends = run("")["evaluation"]
    several = [
        run(network, seed, evaluation=ends | {"test_error": first + 0.125 * seed})
        for network, first in (("InceptionV3", 0.125), ("ResNet50", 0.375))
        for seed in range(3)
    ]
    publish(published, *several)
    told = cifar.results()  # 25 +- 2.7764 * 12.5 * sqrt(2 / 3)
    assert "`ResNet50` less `InceptionV3`: training error +0.00 points (no interval" in told
    assert "test error +25.00 points (-3.34 to +53.34)" in told
    cut = [record("ResNet50", seed, loss="clipped") for seed in range(3)]
    others = [record("InceptionV3", seed) for seed in range(3)]
    assert run_tables.set_apart({"InceptionV3": others, "ResNet50": cut}) == ""


def test_runs_of_another_kind_are_not_averaged(published: Path) -> None:
    other = run("ResNet50", 2, budget=0.1)
    publish(published, run("InceptionV3"), run("ResNet50"), run("ResNet50", 1), other)
    found = runs.comparable(runs.BIG)
    assert {name: len(members) for name, members in found.items()} == {
        "InceptionV3": 1,
        "ResNet50": 2,
    }


def test_case_makes_no_other_network(published: Path) -> None:
    publish(published, run("resnet50"), run("ResNet50", 1), run("inceptionv3"))
    found = runs.comparable(runs.BIG)
    assert {name: [one.seed for one in members] for name, members in found.items()} == {
        "InceptionV3": [0],
        "ResNet50": [0, 1],
    }


def test_a_run_that_is_published_twice_stops_the_build(published: Path) -> None:
    (published / "h200").mkdir()
    publish(published, run("ResNet50"), run("InceptionV3"))
    gpu = {"devices": ["GPU"], "cores": 16}
    publish(published / "h200", run("resnet50", hardware=gpu, budget=0.5))  # of another kind
    assert len(runs.comparable(runs.BIG)["ResNet50"]) == 1
    publish(published / "h200", run("resnet50", hardware=gpu))
    for shown in (cifar.errors, cifar.results, cifar.others):
        with pytest.raises(
            PluginError, match=r"(?i)ResNet50 has 2 runs of seed 0, which count once"
        ):
            shown()


def test_times_stand_side_by_side_where_they_can_be_compared(published: Path) -> None:
    cpu, gpu = ({"devices": [name], "cores": 2} for name in ("CPU", "GPU"))
    apart, given = "are not compared.", {"versions": {"keras": "3"}, "date": "2026-11-24"}
    moved = [{"from_epoch": at, "hardware": on, **given} for at, on in ((1, gpu), (3, cpu))]
    stayed = [{**place, "hardware": cpu} for place in moved]
    for changes, is_timed in (
        ({}, True),
        ({"sessions": stayed}, True),
        ({"hardware": gpu}, False),
        ({"versions": {"keras": "4"}}, False),
        ({"gradients": {"every": 10, "steps": []}}, False),
        ({"sessions": moved}, False),
    ):
        publish(published, run("InceptionV3"), run("ResNet50", **changes))
        told = cifar.results()
        assert ("| s/epoch |" in told) is ("| 2.00 |" in told) is is_timed, changes
        assert ("median epoch" in told) is is_timed, changes
        assert (apart in told) is not is_timed, changes
    shown = [run("InceptionV3"), run("ResNet50")]
    for hardware, is_timed in ((cpu, True), (gpu, False)):
        others = [run("InceptionV3", budget=0.5), run("ResNet50", budget=0.5, hardware=hardware)]
        publish(published, *shown, run("ResNet50", 1), *others)
        assert ("| s/epoch |" in cifar.others()) is is_timed
        assert ("Times of different machines" in cifar.others()) is not is_timed


def test_every_machine_of_a_run_is_told() -> None:
    places = [
        {
            "from_epoch": epoch,
            "date": f"2026-11-2{epoch}",
            "hardware": {"devices": [device], "cores": cores},
            "versions": {"keras": "3", "jax": version},
        }
        for epoch, device, cores, version in ((1, "NVIDIA H200", 16, "0.11"), (3, "CPU", 2, "0.10"))
    ]
    last = {key: places[-1][key] for key in ("hardware", "versions", "date")}
    told = runs.about({"A": [record("A", sessions=places, **last)]})
    assert "; NVIDIA H200 (16 cores); CPU (2 cores); keras 3, jax 0.11 and 0.10;" in told
    assert " 2026-11-21 to 2026-11-23. Made by" in told


def test_the_time_of_an_epoch_is_the_median(published: Path) -> None:
    seconds = (93, 95, 142, 61, 52, 97, 1107, 142)
    history = [{**run("")["history"][0], "seconds": s} for s in seconds]
    publish(published, run("ResNet50", history=history))
    assert "s/epoch" in cifar.results()
    assert "96.0" in cifar.results()


def test_runs_at_another_rate_are_told_beside_those_of_the_table(published: Path) -> None:
    slow = {**RECIPES["modern"].to_dict(), "learning_rate": 0.25}
    others = [run("InceptionV3", seed, recipe=slow) for seed in (0, 1)]
    for other, error in zip(others, (0.25, 0.35), strict=True):
        other["evaluation"] = {**other["evaluation"], "test_error": error}
    publish(published, run("InceptionV3"), run("ResNet50"), *others)
    seen = run("")["dataset"]["train_images"] * len(run("")["history"])
    told = cifar.others()
    assert f"- `InceptionV3`: **30.0 %** test error after {seen:,} images" in told
    assert (
        "images, SGD with a peak learning rate of 0.25, float32; in the CIFAR-10 chapter **" in told
    )
    assert "- `ResNet50`" not in told


def test_runs_of_a_folder_stand_for_themselves(published: Path) -> None:
    row = run("")["history"][0]
    history = [
        {**row, "epoch": n, "accuracy": n / 10, "test_accuracy": n / 12} for n in range(1, 10)
    ]
    history[2]["test_accuracy"] = 1.0  # ahead for an epoch, not for good
    publish(published, *(run(name, history=history) for name in runs.BIG))
    ended = {**run("")["evaluation"], "test_error": 0.49}
    short = run("ResNet50", evaluation=ended, budget=0.9)
    (published / "short").mkdir()
    (published / "short" / "a.json").write_text(json.dumps(short), "utf-8")
    told = cifar.apart("short")
    assert "`ResNet50` ends here at 49.0 % test error" in told
    assert "below that from **epoch 7** of 9 on" in told
    assert "1 seed · 3 epochs · 2 CPU cores" in told
    assert "`ResNet50`" in cifar.others()
    assert cifar.others("short") == ""
    with pytest.raises(PluginError, match=r"no record of InceptionV3 or ResNet50 in .*none"):
        cifar.apart("none")


def test_a_training_that_is_not_better_overtakes_nothing() -> None:
    row = {**run("")["history"][0], "test_accuracy": 0.0}
    assert cifar.overtakes(record("ResNet50", history=[row] * 9), record("ResNet50")) == ""


def test_the_last_third_of_a_training_says_what_more_of_it_brings(published: Path) -> None:
    row = run("")["history"][0]
    history = [
        {**row, "epoch": n, "accuracy": n / 10, "test_accuracy": n / 12} for n in range(1, 10)
    ]
    publish(published, *(run(name, history=history) for name in runs.BIG))
    told = "epoch 6 to 9: training error 40.0 to 10.0 %, test error **50.00 to 25.00 %**."
    assert cifar.last_third().splitlines() == [f"- `{name}`, {told}" for name in runs.BIG]


def test_another_kind_of_run_is_told_with_what_made_its_images_harder(published: Path) -> None:
    hard = {**RECIPES["modern"].to_dict(), "cutout": 16, "mixup": 1.0}
    publish(published, run("InceptionV3"), run("ResNet50"), run("ResNet50", 1, recipe=hard))
    assert "with cutout and mixup; in the CIFAR-10 chapter" in cifar.others()


def test_a_caption_says_what_training_did_to_images(published: Path) -> None:
    publish(published, run("InceptionV3"), run("ResNet50"))
    assert "Dashed: training images, cropped and mirrored." in cifar.errors()
    hard = {**RECIPES["modern"].to_dict(), "cutout": 16, "mixup": 1.0}
    publish(published, *(run(name, recipe=hard) for name in runs.BIG))
    assert "cropped, mirrored, partly blanked and mixed, against mixed labels." in cifar.errors()


def test_evaluations_are_of_the_runs_of_the_table(published: Path) -> None:
    def found(name: str, seed: int, note: str, **changes: Any) -> dict[str, Any]:
        return run(name, seed, evaluated={"note": note}, **changes)

    publish(
        published,
        found("ResNet50", 0, "other", budget=0.1),
        run("ResNet50", 1),
        found("resnet50", 2, "shown"),
        run("InceptionV3"),
        found("Plain-CIFAR-20", 0, "another network"),
    )
    assert mistakes.evaluations() == {"ResNet50": {"note": "shown"}}
    publish(
        published,
        *(found("ResNet50", 0, "other", budget=0.1), run("ResNet50", 1), run("ResNet50", 2)),
        run("InceptionV3"),
        found("Plain-CIFAR-20", 0, "another network"),
    )
    assert mistakes.evaluations() == {"Plain-CIFAR-20": {"note": "another network"}}


def test_an_evaluation_is_drawn(published: Path) -> None:
    evaluated: dict[str, Any] = {
        "dataset": {"name": "CIFAR-10", "test_images": 500},
        "accuracy": 0.3,
        "gap": 0.3,
        "ece": 0.05,
        "corrupted_accuracy": 0.2,
        "clean_accuracy": 0.3,
        "corruption_images": 50,
        "corruptions": [{"name": "fog", "severity": s, "accuracy": 0.3 - s / 50} for s in (1, 2)],
        "classes": [{"name": "cat"}, {"name": "dog"}],
        "confusion": [[3, 1], [0, 4]],
        "calibration": [{"images": 4, "confidence": 0.8, "accuracy": 0.7, "low": 0.7, "high": 0.9}],
        "date": "2026-11-24",
        "command": "keraudit evaluate RUN",
    }
    other = {**evaluated, "date": "2026-11-20", "command": "keraudit evaluate OTHER"}
    both = (run("InceptionV3", evaluated=evaluated), run("ResNet50", evaluated=other))
    publish(published, *both)
    parts = mistakes.kinds_of_errors().split("### ")
    each = (
        "500 test images; 2026-11-24. Made by <code>keraudit evaluate RUN</code>, the",
        "500 test images; 2026-11-20. Made by <code>keraudit evaluate OTHER</code>, the",
    )
    made = "2026-11-20 to 2026-11-24. Made by `keraudit evaluate RUN`, `keraudit evaluate OTHER`,"
    assert [parts[1].count(told) for told in each] == [1, 1]  # a confusion is of one network
    counts = [re.sub(r"</?code>", "`", part).count(made) for part in parts]
    assert counts == [0, 1, 2]  # the difference; corruptions and the table of all
    shown = re.sub(r"</?code>", "`", mistakes.confidence())
    assert shown.count(made) == 1
    assert "1 seed · 500 test images · CIFAR-10" in parts[1]
    publish(published, run("InceptionV3", evaluated=evaluated), run("ResNet50"))
    shown = mistakes.kinds_of_errors()
    assert "30.0%" in shown
    assert "Confusion: " not in shown  # of one network there is no difference
    assert '"y":[70.0,72.0,74.0]' in shown  # errors at severities 0, 1 and 2
    assert "InceptionV3: confusion" in shown
    shown = mistakes.confidence()
    assert "calibrated" in shown
    assert "Agreement with human labels" not in shown
    evaluated["human"] = {
        "images": 500,
        "cross_entropy": 0.71,
        "human_entropy": 0.15,
        "network_entropy": 0.5,
        "entropy_correlation": 0.25,
        "entropy_rank_correlation": 0.2,
    }
    evaluated["originals"] = {
        "images": 100,
        "psnr_db": 30.49,
        "accuracy_originals": 0.6,
        "accuracy_copies": 0.59,
        "only_original_right": 3,
        "only_copy_right": 2,
    }
    publish(published, run("InceptionV3", evaluated=evaluated), run("ResNet50"))
    shown = mistakes.confidence()
    assert "| `InceptionV3` | 0.710 | 0.500 | 0.250 | 0.200 |" in shown
    assert "| people | 0.150 | 0.150 |" in shown
    assert "| `InceptionV3` | 60.0% | 59.0% | 3 | 2 |" in mistakes.originals()
    told = cifar.card()
    assert "50.2 to 69.1 % (95 %, n = 100)" in told  # Wilson's of 60 of 100
    assert "<b>30.0 %</b>" in told


def test_two_networks_are_compared_unpaired_until_their_images_are_known(published: Path) -> None:
    data = {"name": "CIFAR-10", "test_images": 100, "fingerprint": "ab"}
    ends: list[dict[str, Any]] = [
        {"dataset": data, "accuracy": share, "network": n} for n, share in (("A", 0.5), ("B", 0.6))
    ]
    both = zip(runs.BIG, ends, strict=True)
    publish(published, *(run(name, evaluated=end) for name, end in both))
    # 10 points, and 1.96 x sqrt((0.5 x 0.5 + 0.6 x 0.4) / 100) = 13.7 to either side
    told = "ResNet50 minus InceptionV3: **+10.0 points** on 100 copies (−3.7 to +23.7)"
    assert told in cifar.verdict()
    for end, bits in zip(ends, ("ff00", "ffe0"), strict=True):
        end["correct"] = bits
    publish(
        published, *(run(name, evaluated=end) for name, end in zip(runs.BIG, ends, strict=True))
    )
    told = cifar.verdict()  # three against none: 2 x 1/8
    exact = "(McNemar's exact test, seed 0: p = 0.25)."
    assert f"Only ResNet50 classifies 3 test images correctly, only InceptionV3 0 {exact}" in told
    assert "unpaired" not in told
    for end, bits in zip(ends, ("c0", "e0"), strict=True):
        end["originals"] = {"images": 3, "accuracy_originals": 0.7, "correct": bits}
    publish(
        published, *(run(name, evaluated=end) for name, end in zip(runs.BIG, ends, strict=True))
    )
    told = cifar.verdict()
    assert "Only ResNet50 classifies 1 of the originals correctly, only InceptionV3 0" in told
    ends[1]["dataset"] = {**data, "fingerprint": "cd"}  # others: no image is in both
    publish(
        published, *(run(name, evaluated=end) for name, end in zip(runs.BIG, ends, strict=True))
    )
    assert "unpaired" in cifar.verdict()
