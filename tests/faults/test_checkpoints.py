"""A checkpoint with changed bytes is the state that was saved, or it is told; never another state."""

from __future__ import annotations

import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from keraudit.training import checkpoint
from keraudit.training.checkpoint import CheckpointError

STATE = {"of": "x", "history": [{"epoch": 1, "loss": 0.5}], "sessions": [{"from_epoch": 1}]}
VALUES = (np.arange(600, dtype="float32").reshape(20, 30), np.int64(7), np.ones(5, "uint8"))


class Variable:
    """What a variable of Keras is to a checkpoint."""

    def __init__(self, value: Any) -> None:
        self.value, self.shape = np.asarray(value), np.shape(value)

    def assign(self, value: Any) -> None:
        self.value = value


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(checkpoint, "_host_value", lambda variable: variable.value)
    path = tmp_path / "checkpoint.npz"
    checkpoint.save(path, [SimpleNamespace(value=value) for value in VALUES], STATE)
    return path


def loaded(path: Path) -> tuple[Any, list[Any]]:
    variables = [Variable(np.zeros_like(value)) for value in VALUES]
    state = checkpoint.load(path, variables)
    return state, [variable.value for variable in variables]


def is_as_saved(path: Path) -> bool:
    state, values = loaded(path)
    return state == STATE and all(map(np.array_equal, values, VALUES))


def test_a_checkpoint_is_as_saved(file: Path) -> None:
    assert is_as_saved(file)


def test_changed_bytes_are_told_or_do_not_matter(file: Path) -> None:
    whole, refused = file.read_bytes(), 0
    for seed in range(300):
        chance = random.Random(seed)
        data = bytearray(whole)
        for _ in range(chance.randint(1, 3)):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        if chance.random() < 0.1:
            del data[chance.randrange(len(data)) :]
        file.write_bytes(data)
        try:
            assert is_as_saved(file), seed
        except CheckpointError:
            refused += 1
    assert refused > 200


@pytest.mark.parametrize("state", ["5", "[]", '"a"', "{", ""])
def test_a_state_that_is_none_is_told(state: str, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.npz"
    np.savez(path, state=np.array(state), v00000=VALUES[0])
    with pytest.raises(CheckpointError, match="is damaged or cut short"):
        checkpoint.load(path, [Variable(VALUES[0])])


@pytest.mark.parametrize("value", [np.array(["a"] * 5), np.zeros(5, "datetime64[s]")])
def test_variables_that_are_no_numbers_are_told(value: Any, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.npz"
    np.savez(path, state=np.array("{}"), v00000=value)
    with pytest.raises(CheckpointError, match="it holds no state and variables"):
        checkpoint.load(path, [Variable(np.zeros(5))])
