"""Finished runs: listed, shown, compared over seeds, published."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from command import run as keraudit
from keraudit.errors import KerauditError
from keraudit.evaluation.intervals import mcnemar
from keraudit.runs.folders import publish, same_kind
from keraudit.runs.statistics import differences, measured, paired, spread, welch
from keraudit.training.recipe import RECIPES
from keraudit.training.record import DIVERGED, Run, read_run, write_diverged
from schemas import faults
from toys import put, record


def test_list(folder: Path) -> None:
    done = keraudit("runs", "list", folder)
    assert (done.code, done.err) == (0, "")
    rows = [line.split() for line in done.out.splitlines() if "CIFAR" in line]
    assert [row[:2] for row in rows] == [
        *(["Plain-CIFAR-20", "0"], ["Plain-CIFAR-20", "1"], ["ResNet-CIFAR-20", "0"])
    ]
    assert all(len(line) <= 80 for line in done.out.splitlines())


def test_runs_alone_lists_them(folder: Path) -> None:
    def table(*words: object) -> list[str]:
        done = keraudit("runs", *words, cwd=folder.parent)
        assert done.code == 0, done.err
        return done.out.splitlines()

    assert table() == table("list") == table(folder) == table("list", folder)
    assert table("--format", "csv") == table("list", "-f", "csv")
    assert "Commands:" in table("--help")
    missing = keraudit("runs", cwd=folder.parent.parent / folder.parent.name / "runs")
    assert (missing.code, missing.err.count("\n")) == (2, 1)


def test_another_record_in_the_folder_is_no_run(folder: Path) -> None:
    (folder / "comparison.json").write_text('{"schema": "keraudit.experiment/1"}')
    (folder / "plan.json").write_text("{}")
    assert keraudit("runs", "list", folder).code == 0
    (folder / "later.json").write_text('{"schema": "keraudit.run/9"}')
    assert "its schema is 'keraudit.run/9'" in keraudit("runs", "list", folder).err
    (folder / "later.json").unlink()
    (folder / "broken.json").write_text("{")
    assert "broken.json is not the record" in keraudit("runs", "list", folder).err


def test_what_was_begun_and_not_finished_is_named(folder: Path, tmp_path: Path) -> None:
    begun = folder / "Plain-CIFAR-20-2"
    begun.mkdir()
    (begun / "config.json").write_text("{}")
    for words in (("list", folder), ("compare", folder)):
        told = " ".join(keraudit("runs", *words).out.split())
        assert "Left out Plain-CIFAR-20-2: not finished (stopped or running), or diverged" in told
    for words in ("list", "compare"):
        told = json.loads(keraudit("runs", words, folder, "-f", "json").out)
        assert told["left_out"] == ["Plain-CIFAR-20-2"]
    (tmp_path / "new" / "one").mkdir(parents=True)
    (tmp_path / "new" / "one" / "config.json").write_text("{}")
    assert "begun: one" in keraudit("runs", "list", tmp_path / "new").err
    done = keraudit("runs", "publish", folder, "--to", tmp_path / "results")
    assert (done.code, "not published: Plain-CIFAR-20-2" in done.err) == (0, True)


def test_a_run_that_diverged_is_named_as_one(folder: Path) -> None:
    begun = folder / "Plain-CIFAR-20-2"
    begun.mkdir()
    (begun / "config.json").write_text("{}")
    write_diverged(begun, "the loss is not finite at step 3")
    assert "Left out        Plain-CIFAR-20-2 (diverged)" in keraudit("runs", "list", folder).out
    shown = keraudit("runs", "show", begun)
    assert (shown.code, shown.err.count("\n")) == (2, 1)
    assert "it diverged: the loss is not finite at step 3" in shown.err
    (begun / DIVERGED).write_text("{")
    assert "no record of a finished run" in keraudit("runs", "show", begun).err


def test_show(folder: Path) -> None:
    done = keraudit("runs", "show", folder / "Plain-CIFAR-20-1")
    assert done.code == 0
    assert "training error 6.00%, test error 12.00%" in done.out
    assert "Work            12.5% of 80.00 G MACs/s" in done.out
    data = json.loads(keraudit("runs", "show", folder / "Plain-CIFAR-20-1", "-f", "json").out)
    assert data["schema"] == "keraudit.run/1"


def test_compare_gives_mean_and_deviation(folder: Path) -> None:
    done = keraudit("runs", "compare", folder)
    assert "11.00 +- 1.41" in done.out  # 10 and 12
    data = json.loads(keraudit("runs", "compare", folder, "-f", "json").out)
    plain, residual = data["networks"]
    assert plain["test_error"] == pytest.approx(
        {"mean": 0.11, "deviation": 0.0141421, "n": 2}, rel=1e-4
    )
    assert residual["test_error"]["deviation"] is None
    assert [d["interval"] for d in data["differences"]] == [None] * 4
    assert "One seed        ResNet-CIFAR-20: no interval" in done.out
    assert "ResNet-CIFAR-20 less Plain-CIFAR-20" in done.out
    assert "…" not in done.out


def test_the_difference_of_two_networks() -> None:
    plain = [record(seed=s, error=e) for s, e in enumerate((0.10, 0.11, 0.12))]
    residual = [record("ResNet-CIFAR-20", seed=s, error=e) for s, e in enumerate((0.07, 0.08))]
    (found,) = [d for d in differences(same_kind([*plain, *residual])) if d.measure == "test_error"]
    # -3.5 points; variances 1/3 and 0.5/2; (0.5833)^2 / (0.1111/2 + 0.0625/1) = 2.882 degrees
    half = 3.257208 * (1 / 3 + 1 / 4) ** 0.5
    assert found.mean == pytest.approx(-0.035)
    assert found.interval == pytest.approx(((-3.5 - half) / 100, (-3.5 + half) / 100))
    assert found.is_clear


def test_welch_is_scipys() -> None:
    from scipy import stats

    a, b = [0.1, 0.11, 0.13, 0.12], [0.07, 0.09, 0.08, 0.1]
    expected = stats.ttest_ind(b, a, equal_var=False).confidence_interval(0.95)
    low, high = welch(a, b) or (0, 0)
    assert (low, high) == pytest.approx((expected.low, expected.high))
    assert welch([1.0, 1.0], [2.0, 2.0]) == (1.0, 1.0)


def test_what_is_compared_is_what_all_runs_have_and_share() -> None:
    def judged(network: str, seed: int, images: int = 500) -> Run:
        found = {"ece": 0.02 + seed / 100, "corrupted_accuracy": 0.75, "corruption_images": images}
        return record(network, seed=seed, evaluated=found)

    def keys(*runs: Run) -> list[str]:
        return [measure.key for measure in measured(runs)]

    short = ["train_error", "test_error", "gap"]
    assert keys(record(), record(seed=1)) == [*short, "epoch_seconds"]
    alike = [judged(name, seed) for name in ("A", "B") for seed in (0, 1)]
    assert keys(*alike) == [*short, "ece", "corrupted_error", "epoch_seconds"]
    assert keys(*alike, judged("B", 2, images=100)) == [*short, "ece", "epoch_seconds"]
    assert keys(*alike, record("B", seed=2)) == [*short, "epoch_seconds"]  # without an evaluation
    fewer = {**(alike[0].evaluated or {}), "dataset": {"fingerprint": "of fewer test images"}}
    assert "ece" not in keys(*alike[1:], replace(alike[0], evaluated=fewer))
    elsewhere = {"processor": "P", "cores": 8, "devices": ["GPU"]}
    assert keys(record(), record(seed=1, hardware=elsewhere)) == short
    assert keys(record(), record(seed=1, history=[])) == short
    larger = record().recipe | {"batch": 4096}
    assert keys(record(), record(seed=1, recipe=larger)) == short
    fewer = record().dataset | {"train_images": 7}
    assert keys(record(), record(seed=1, dataset=fewer)) == short
    fuller = record().versions | {"pillow": "1"}  # of a later record
    assert "epoch_seconds" in keys(record(), record(seed=1, versions=fuller))
    assert keys(record(), record(seed=1, versions=record().versions | {"keras": "0"})) == short
    watched = {"every": 10, "images": 32, "steps": []}  # the profiles take time too
    assert keys(record(), record(seed=1, gradients=watched)) == short
    places = [{"hardware": {"devices": [kind]}, "versions": {}} for kind in ("GPU", "CPU")]
    assert keys(record(sessions=places), record(seed=1)) == short  # begun elsewhere
    assert "epoch_seconds" in keys(record(sessions=places[:1] * 2), record(seed=1))
    assert keys(*alike[:3], replace(alike[3], evaluated={"ece": "low"})) == [
        *short,
        "epoch_seconds",
    ]
    found = {d.measure: d for d in differences(same_kind(alike))}
    assert found["ece"].interval == pytest.approx((-0.04303 / 2**0.5, 0.04303 / 2**0.5), rel=1e-3)
    assert found["corrupted_error"].interval == (0, 0)


def test_an_evaluation_in_a_run_s_folder_is_compared_too(tmp_path: Path) -> None:
    slow = [{**row, "seconds": 3.5} for row in record().history]
    root = put(tmp_path, record(), record("ResNet-CIFAR-20", history=slow))
    told = keraudit("runs", "compare", root, "--format", "markdown").out
    assert "seconds an epoch | +1.50" in told
    assert "Corrupted" not in told
    record_of = Path(__file__).parents[2] / "site/results/runs/h200/resnet50-modern-seed0.json"
    evaluation = json.loads(record_of.read_text())["evaluated"]
    for home in root.iterdir():
        (home / "evaluation.json").write_text(json.dumps(evaluation))
    told = keraudit("runs", "compare", root, "--format", "markdown").out
    assert "Corrupted error %" in told
    assert "calibration error | +0.00" in told


def test_runs_of_two_kinds_are_not_averaged() -> None:
    other = record(seed=1, recipe={**RECIPES["he2015"].to_dict(), "epochs": 3})
    with pytest.raises(KerauditError, match="differ in their recipe"):
        same_kind([record(), other])
    other = record(seed=1, dataset={"name": "toy", "fingerprint": "0" * 65})
    with pytest.raises(KerauditError, match="differ in their dataset"):
        same_kind([record(), other])
    other = record(seed=1, loss="clipped")
    with pytest.raises(KerauditError, match="differ in their loss"):
        same_kind([record(), other])


def test_a_copy_of_a_run_is_no_second_seed() -> None:
    runs = [record(seed=0), record(seed=7), record(seed=7)]
    with pytest.raises(KerauditError, match="Plain-CIFAR-20 has 2 runs of seed 7") as told:
        same_kind(runs)
    assert "\n" not in str(told.value)


def test_case_makes_no_other_network() -> None:
    groups = same_kind([record("ResNet-CIFAR-20"), record("resnet-cifar-20", seed=1)])
    assert {name: len(runs) for name, runs in groups.items()} == {"ResNet-CIFAR-20": 2}
    with pytest.raises(KerauditError, match="2 runs of seed 0"):
        same_kind([record("ResNet-CIFAR-20"), record("resnet-cifar-20")])


def test_two_networks_trained_unlike_are_shown_with_what_differs(tmp_path: Path) -> None:
    recipe = {**RECIPES["modern"].to_dict(), "size": 96}
    other = record(
        "ResNet50",
        recipe=recipe,
        history=record().history[:1],
        budget=0.5,
        dataset={"name": "toy", "fingerprint": "0" * 65},
    )
    root = put(tmp_path, record(), record("ResNet-CIFAR-20"), other)
    data = json.loads(keraudit("runs", "compare", root, "-f", "json").out)
    what = ["data", "recipe", "image size", "epochs", "budget"]
    assert {(d["first"], d["second"]): d["unlike"] for d in data["differences"]} == {
        ("Plain-CIFAR-20", "ResNet-CIFAR-20"): [],
        ("Plain-CIFAR-20", "ResNet50"): what,
        ("ResNet-CIFAR-20", "ResNet50"): what,
    }
    for form in ("table", "markdown", "html"):
        told = " ".join(keraudit("runs", "compare", root, "-f", form).out.split())
        assert f"Not alike Plain-CIFAR-20, ResNet50: differ in {', '.join(what)}" in told
        assert "Not alike Plain-CIFAR-20, ResNet-CIFAR-20" not in told


def test_seeds_that_were_trained_unlike_are_shown_with_what_differs(tmp_path: Path) -> None:
    runs = [record(seed=0, versions={"jax": "0"}), record(seed=1, versions={"tensorflow": "2"})]
    root = put(tmp_path, *runs)
    told = keraudit("runs", "compare", root)
    assert "Not alike       seeds of Plain-CIFAR-20: differ in backend" in told.out
    (network,) = json.loads(keraudit("runs", "compare", root, "-f", "json").out)["networks"]
    assert network["unlike"] == ["backend"]


def test_of_unlike_epochs_the_recipe_is_not_blamed() -> None:
    short = record(
        "B", recipe={**RECIPES["he2015"].to_dict(), "epochs": 1}, history=record().history[:1]
    )
    assert {found.unlike for found in differences(same_kind([record("A"), short]))} == {("epochs",)}


def test_a_stalled_epoch_does_not_move_the_time_that_is_told(tmp_path: Path) -> None:
    seconds = (93, 95, 142, 61, 52, 97, 1107, 142)
    stalled = record(history=[{**record().history[0], "seconds": s} for s in seconds])
    root = put(tmp_path, stalled)
    shown = keraudit("runs", "show", root / "0").out
    assert "96.0 s an epoch, median; 1,789 s in all with compilation" in shown
    assert all(len(line) <= 80 for line in shown.splitlines())
    assert "compilation included" in keraudit("runs", "list", root).out
    assert "Seconds with compilation" in keraudit("runs", "compare", root, "-f", "markdown").out


def test_one_seed_has_no_deviation() -> None:
    assert str(spread([0.25])) == "25.00"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not the record of a finished run"),
        ("{}", "its schema is None"),
        ("[]", "is not the record"),
        (json.dumps(record().to_dict() | {"evaluated": 5}), "a number where several belong"),
    ],
)
def test_a_damaged_record(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(KerauditError, match=message):
        read_run(tmp_path)


def test_a_damaged_evaluation_is_told_where_it_is_wanted(folder: Path, tmp_path: Path) -> None:
    (folder / "Plain-CIFAR-20-1" / "evaluation.json").write_text("{")
    assert keraudit("runs", "list", folder).code == 0
    for words in (("compare", folder), ("publish", folder, "--to", tmp_path / "results")):
        bad = keraudit("runs", *words)
        assert (bad.code, bad.out, bad.err.count("\n")) == (2, "", 1)
        assert "keraudit evaluate writes it anew" in bad.err
    assert not (tmp_path / "results").exists()


def test_an_evaluation_without_its_command_is_published(tmp_path: Path) -> None:
    home = tmp_path / "one"
    home.mkdir()
    (home / "record.json").write_text(json.dumps(record(evaluated={"ece": 0.1}).to_dict()))
    (kept,) = publish(home, tmp_path / "results")
    assert json.loads(kept.read_text())["evaluated"] == {"ece": 0.1, "command": ""}


def test_nothing_there(tmp_path: Path) -> None:
    for command in (["list"], ["compare"]):
        done = keraudit("runs", *command, tmp_path)
        assert done.code == 2
        assert "no finished run" in done.err
    put(tmp_path / "mine", record())
    (bad,) = keraudit("runs", "list", tmp_path).err.splitlines()
    assert f"there are some in {tmp_path / 'mine'}" in bad
    gone = keraudit("runs", "list", tmp_path / "gone")
    assert gone.code == 2
    assert "is not a folder of runs" in gone.err


def classified(network: str, seed: int, bits: str, **other: Any) -> Run:
    """A run whose evaluation knows which images are classified correctly."""
    about = {"fingerprint": "f", "test_images": 10}
    return record(network, seed, evaluated={"dataset": about, "correct": bits, **other})


def test_two_networks_are_compared_image_by_image(tmp_path: Path) -> None:
    originals = {"images": 8, "correct": "f0"}
    groups = {
        "A": [
            classified("A", 0, "ff00", originals=originals),
            classified("A", 1, "ff00"),
            classified("A", 2, "ff00"),
        ],
        "B": [
            classified("B", 0, "f8c0", originals={"images": 8, "correct": "0f"}),
            classified("B", 1, "zz"),  # of a damaged record
            record("B", 3),
        ],
    }
    test, original = paired(groups)
    assert (test.seed, test.images, test.only_first, test.only_second) == (0, "test", 3, 2)
    assert test.p == 1.0
    assert (original.images, original.only_first, original.only_second) == ("originals", 4, 4)
    fewer = classified("B", 0, "f8c0", originals={"images": 7, "correct": "0e"})
    assert [row.images for row in paired({"A": groups["A"], "B": [fewer]})] == ["test"]
    others = classified("B", 0, "f8c0")
    others = replace(
        others, evaluated={**(others.evaluated or {}), "dataset": {"fingerprint": "g"}}
    )
    assert paired({"A": groups["A"], "B": [others]}) == ()
    put(tmp_path, groups["A"][0], groups["B"][0])
    done = keraudit("runs", "compare", tmp_path)
    assert "The same images" in done.out
    assert "McNemar" in done.out
    data = json.loads(keraudit("runs", "compare", tmp_path, "-f", "json").out)
    assert faults(data) == []


def test_mcnemar_is_the_binomial_test() -> None:
    from scipy.stats import binomtest

    one, other = "ff" * 20 + "00", "f0" * 20 + "ff"
    alone = mcnemar(one, other)
    assert alone[:2] == (80, 8)
    assert alone[2] == pytest.approx(binomtest(8, 88).pvalue)
