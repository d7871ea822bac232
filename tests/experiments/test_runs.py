"""Finished runs: listed, shown, compared over seeds, published."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from command import run as keraudit
from keraudit.errors import KerauditError
from keraudit.experiments.recipe import RECIPES
from keraudit.experiments.record import read_run
from keraudit.experiments.runs import same_kind
from keraudit.experiments.statistics import differences, spread, welch
from toys import record


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    runs = [record(seed=s, error=e) for s, e in ((0, 0.10), (1, 0.12))]
    for made in [*runs, record("ResNet-CIFAR-20", error=0.08)]:
        home = tmp_path / "runs" / f"{made.network}-{made.seed}"
        home.mkdir(parents=True)
        (home / "run.json").write_text(json.dumps(made.to_dict()))
    return tmp_path / "runs"


def test_list(folder: Path) -> None:
    done = keraudit("runs", "list", folder)
    assert (done.code, done.err) == (0, "")
    rows = [line.split() for line in done.out.splitlines() if "CIFAR" in line]
    assert [row[:2] for row in rows] == [
        *(["Plain-CIFAR-20", "0"], ["Plain-CIFAR-20", "1"], ["ResNet-CIFAR-20", "0"])
    ]
    assert all(len(line) <= 80 for line in done.out.splitlines())


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
    assert [d["interval"] for d in data["differences"]] == [None] * 3
    assert "One seed        ResNet-CIFAR-20: no interval" in done.out


def test_the_difference_of_two_networks() -> None:
    plain = [record(seed=s, error=e) for s, e in enumerate((0.10, 0.11, 0.12))]
    residual = [record("ResNet-CIFAR-20", seed=s, error=e) for s, e in enumerate((0.07, 0.08))]
    (found,) = [d for d in differences(same_kind([*plain, *residual])) if d.measure == "test_error"]
    # -3.5 points; variances 1/3 and 0.5/2; (0.5833)^2 / (0.1111/2 + 0.0625/1) = 2.88: 2 degrees
    half = 4.303 * (1 / 3 + 1 / 4) ** 0.5
    assert found.mean == pytest.approx(-0.035)
    assert found.interval == pytest.approx(((-3.5 - half) / 100, (-3.5 + half) / 100))
    assert found.is_clear


def test_welch_is_scipys() -> None:
    stats = pytest.importorskip("scipy.stats")
    a, b = [0.1, 0.11, 0.13, 0.12], [0.07, 0.09, 0.08, 0.1]
    expected = stats.ttest_ind(b, a, equal_var=False).confidence_interval(0.95)
    low, high = welch(a, b) or (0, 0)
    assert low <= expected.low <= expected.high <= high  # degrees are rounded down
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-3)
    assert welch([1.0, 1.0], [2.0, 2.0]) == (1.0, 1.0)


def test_publish(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "results"
    done = keraudit("runs", "publish", folder, "--to", target)
    assert done.code == 0
    assert sorted(p.name for p in target.iterdir()) == [
        "plain-cifar-20-he2015-seed0.json",
        "plain-cifar-20-he2015-seed1.json",
        "resnet-cifar-20-he2015-seed0.json",
    ]
    assert not any("/home" in p.read_text() for p in target.iterdir())
    assert (
        len(keraudit("runs", "list", target).out.splitlines()) > 5
    )  # published records are runs too


def test_runs_of_two_kinds_are_not_averaged() -> None:
    other = record(seed=1, recipe={**RECIPES["he2015"].to_dict(), "epochs": 3})
    with pytest.raises(KerauditError, match="differ in their recipe"):
        same_kind([record(), other])
    other = record(seed=1, dataset={"name": "toy", "fingerprint": "0" * 65})
    with pytest.raises(KerauditError, match="differ in their dataset"):
        same_kind([record(), other])


def test_one_seed_has_no_deviation() -> None:
    assert str(spread([0.25])) == "25.00"


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "no record of a finished run"), ("{}", "its schema is None"), ("[]", "no record")],
)
def test_a_damaged_record(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(KerauditError, match=message):
        read_run(tmp_path)


def test_nothing_there(tmp_path: Path) -> None:
    for command in (["list"], ["compare"]):
        done = keraudit("runs", *command, tmp_path)
        assert done.code == 2
        assert "no finished run" in done.err
    gone = keraudit("runs", "list", tmp_path / "gone")
    assert gone.code == 2
    assert "is no folder of runs" in gone.err
