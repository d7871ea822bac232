"""What a checkpoint says of its run is checked: a wrong state is told, and never gone on from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from keraudit.training.checkpoint import CheckpointError
from keraudit.training.resumed import mark_of, resumed

FILE = Path("run/checkpoint.npz")
WHERE = {"date": "2026-11-29", "hardware": {}, "versions": {}}
CONFIG: dict[str, Any] = {
    "network": "ResNet-CIFAR-20",
    "seed": 3,
    "recipe": {"name": "he2015", "epochs": 4, "source": "a paper"},
    "dataset": {"name": "CIFAR-10", "fingerprint": "f"},
}


def epoch(number: int, **changes: Any) -> dict[str, Any]:
    row = dict.fromkeys(("loss", "accuracy", "test_loss", "test_accuracy", "seconds"), 0.5)
    return {"epoch": number, **row, **changes}


def state(**changes: Any) -> dict[str, Any]:
    return {
        "of": mark_of(CONFIG),
        "history": [epoch(1), epoch(2)],
        "sessions": [{"from_epoch": 1, **WHERE}],
        **changes,
    }


def read(saved: dict[str, Any]) -> Any:
    return resumed(saved, FILE, epochs=4, mark=mark_of(CONFIG))


def test_a_state_is_taken_as_it_was_saved() -> None:
    assert [row["epoch"] for row in read(state()).history] == [1, 2]
    assert read({}).history == []
    assert read(state(history=[epoch(1, test_loss=float("inf"))])).history


def test_a_checkpoint_without_a_mark_is_older() -> None:
    saved = state()
    del saved["of"]
    assert read(saved).sessions == saved["sessions"]


@pytest.mark.parametrize(
    ("saved", "told"),
    [
        ({"of": "x"}, "is the checkpoint of another run"),
        ({"history": 5}, "its history is not a list of records"),
        ({"history": [1]}, "its history is not a list of records"),
        ({"history": [epoch(1, loss="x")]}, "an epoch of it lacks a number"),
        ({"history": [{}]}, "an epoch of it lacks a number"),
        ({"history": [epoch(2)]}, "do not follow one another"),
        ({"history": [epoch(1), epoch(1)]}, "do not follow one another"),
        ({"history": [epoch(n) for n in range(1, 6)]}, "it has 5 epochs, the recipe 4"),
        ({"sessions": []}, "do not begin with the first epoch"),
        ({"sessions": [{"from_epoch": 2, **WHERE}]}, "do not begin with the first epoch"),
        ({"sessions": [{"from_epoch": 1}]}, "it has no sessions.hardware"),
        ({"gradients": {"a": 1}}, "its gradients is not a list of records"),
    ],
)
def test_a_wrong_state_is_told(saved: dict[str, Any], told: str) -> None:
    with pytest.raises(CheckpointError, match=told) as caught:
        read(state(**saved))
    assert str(FILE) in str(caught.value)


def test_a_mark_is_of_what_a_run_is() -> None:
    moved = {**CONFIG, "dataset": {"name": "moved", "fingerprint": "f"}, "command": "other"}
    assert mark_of(moved) == mark_of(CONFIG)
    other_seed = {**CONFIG, "seed": 4}
    other_rate = {**CONFIG, "recipe": {**CONFIG["recipe"], "learning_rate": 1}}
    assert len({mark_of(c) for c in (CONFIG, other_seed, other_rate)}) == 3
