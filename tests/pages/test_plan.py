"""The runs of the complete schedule follow the plan that was written down before them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mkdocs")

from pages import reproduce

ROOT = Path(__file__).parents[2]
PLAN = json.loads((ROOT / reproduce.PLAN_FILE).read_text("utf-8"))
RUNS: list[dict[str, Any]] = [
    json.loads(path.read_text("utf-8")) for path in sorted((ROOT / reproduce.FOLDER).glob("*.json"))
]
# Trained by the same schedule for another page; it is in no claim of the plan.
BESIDE = ("Inception-CIFAR",)


@pytest.mark.parametrize("run", RUNS, ids=lambda run: f"{run['network']}-{run['seed']}")
def test_a_run_was_made_by_the_plan_s_command(run: dict[str, Any]) -> None:
    command = PLAN["command"].replace("NETWORK", run["network"]).replace("SEED", str(run["seed"]))
    assert run["command"] == command
    assert run["dataset"]["name"].endswith("(cifar10-jpeg)")
    assert run["network"] in (*PLAN["networks"], *BESIDE)
    assert run["seed"] in PLAN["seeds"]
    assert len(run["history"]) == run["recipe"]["epochs"] == 16
    assert run["recipe"] == RUNS[0]["recipe"]
    assert run["evaluated"]["originals"]["images"] == 1017


def test_seed_0_of_all_networks_comes_first() -> None:
    made = {(run["network"], run["seed"]) for run in RUNS}
    assert {(name, 0) for name in PLAN["networks"]} <= made


def test_each_command_stands_on_the_page() -> None:
    shown = reproduce.schedule_commands().replace(" \\\n    ", " ")
    for run in RUNS:
        assert f"$ {run['command']}\n" in shown
    assert shown.count("$ keraudit evaluate depth-in-16-epochs/") == len(RUNS)


def test_the_run_that_was_made_twice() -> None:
    """Same plan, seed and code, on two processors; both records are there."""
    first = json.loads((ROOT / reproduce.FIRST).read_text("utf-8"))
    shown = json.loads(
        (ROOT / reproduce.FOLDER / f"{reproduce.FIRST.stem[:-6]}.json").read_text("utf-8")
    )
    for key in ("network", "recipe", "seed", "revision", "command", "dataset"):
        assert first[key] == shown[key]
    assert first["hardware"] != shown["hardware"]
    errors = [f"{100 * one['evaluation']['train_error']:.1f} %" for one in (first, shown)]
    assert reproduce.twice() == tuple(errors) == ("12.3 %", "11.6 %")
