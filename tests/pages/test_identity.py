"""The identity argument on the ResNet page, from its record."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from pages import identity, runs
from pages.published import MissingRecordError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def record(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(ROOT)
    return json.loads(identity.PATH.read_text("utf-8"))


def test_the_deeper_networks_lose_nothing(record: Any) -> None:
    assert {row["network"] for row in record["networks"]} == {"ResNet-CIFAR-20", "Plain-CIFAR-20"}
    for row in record["networks"]:
        assert row["depth"] == 56
        assert row["params"][1] > 2.5 * row["params"][0]
        for part in ("train", "test"):
            assert row[part]["other_predictions"] == 0
            assert row[part]["error"][0] == row[part]["error"][1]
            assert row[part]["largest_difference"] < 1e-5
            assert row[part]["largest_logit_difference"] < 1e-4


def test_what_further_training_makes_of_them(record: Any) -> None:
    """The page: the deep plain network gets worse than it was, the residual pair end alike."""
    found = {row["network"]: row for row in record["networks"]}
    plain, residual = found["Plain-CIFAR-20"], found["ResNet-CIFAR-20"]
    shallow, deep = (one["train_error"] for one in plain["trained_further"])
    assert shallow < plain["train"]["error"][0] < deep
    ends = [one["train_error"] for one in residual["trained_further"]]
    assert max(ends) < residual["train"]["error"][0]
    assert abs(ends[0] - ends[1]) < 0.001
    assert identity.error_further("Plain", deep=True) == f"{100 * deep:.1f} %"
    assert identity.further_epochs() == 3


def test_the_run_is_the_published_one(record: Any) -> None:
    folder = ROOT / "site/results/runs" / runs.PLAN
    for row in record["networks"]:
        path = folder / f"{row['network'].lower()}-he2015-seed{row['seed']}.json"
        run = json.loads(path.read_text("utf-8"))
        assert run["evaluation"]["train_error"] == pytest.approx(row["train"]["error"][0])
        assert len(run["history"]) == row["epochs"]


def test_the_figure_has_a_bar_for_each(record: Any) -> None:
    found = re.search(r'<script type="application/json">(.*?)</script>', identity.figure())
    assert found
    drawn = json.loads(found[1].replace("<\\/", "</"))
    assert [trace["name"] for trace in drawn["data"]] == ["plain", "residual"]
    for trace, family in zip(drawn["data"], ("Plain", "ResNet"), strict=True):
        row = next(r for r in record["networks"] if r["network"].startswith(family))
        run = identity.trained(family)
        assert run is not None
        further = [one["train_error"] for one in row["trained_further"]]
        expected = [*row["train"]["error"], *further, run.evaluation["train_error"]]
        assert trace["x"] == pytest.approx([100 * e for e in expected], abs=0.01)


def test_networks_that_were_trained_further_have_bars_of_their_own(
    record: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for row in record["networks"]:
        row["trained_further"] = [
            {"history": [{}, {}], "train_error": error} for error in (0.11, 0.105)
        ]
    path = tmp_path / "identity.json"
    path.write_text(json.dumps(record))
    monkeypatch.setattr(identity, "PATH", path)
    found = re.search(r'<script type="application/json">(.*?)</script>', identity.figure())
    assert found
    for trace in json.loads(found[1].replace("<\\/", "</"))["data"]:
        further = dict(zip(trace["y"][2:4], trace["x"][2:4], strict=True))
        assert further == {
            "20, further": 11.0,
            "56, further": 10.5,
        }


def test_without_its_record_it_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(identity, "PATH", tmp_path / "identity.json")
    with pytest.raises(MissingRecordError, match="identity"):
        identity.figure()
