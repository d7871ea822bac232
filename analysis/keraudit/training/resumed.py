"""What a checkpoint says of its run, checked before it is trusted: nothing goes on from a wrong state."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from keraudit.training.checkpoint import CheckpointError
from keraudit.training.record_check import HAS, checked_part


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """The epochs that a checkpoint is of, where and when they ran, and the gradient profiles so far."""

    history: list[dict[str, Any]]
    sessions: list[dict[str, Any]]
    gradients: list[dict[str, Any]]


def mark_of(config: Mapping[str, Any]) -> str:
    """What stands in a checkpoint for the run that it is of: network, seed, recipe and images."""
    recipe = {key: value for key, value in config["recipe"].items() if key != "source"}
    parts = [config["network"].lower(), config["seed"], recipe, config["dataset"]["fingerprint"]]
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def resumed(saved: Mapping[str, Any], file: Path, *, epochs: int, mark: str) -> Resumed:
    """The state of a checkpoint, once it is what this run wrote.

    Args:
        saved: as the checkpoint holds it; empty where there is none.
        file: for messages.
        epochs: of the whole run.
        mark: ``mark_of`` the run; one without a mark is older, and taken by its configuration alone.

    Raises:
        CheckpointError: it is of another run, or damaged.
    """
    if saved.get("of", mark) != mark:
        raise CheckpointError(
            f"{file} is the checkpoint of another run than config.json beside it: put the right one"
            " back, or delete both to start anew"
        )
    parts = {key: saved.get(key, []) for key in ("history", "sessions", "gradients")}
    try:
        for key, rows in parts.items():
            if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
                raise ValueError(f"its {key} is not a list of records")
        for row in parts["history"]:  # a loss may be infinite, and the run goes on
            if not all(type(row.get(key)) in (int, float) for key in HAS["history"]):
                raise ValueError("an epoch of it lacks a number")
        for row in parts["sessions"]:
            checked_part(row, "sessions")
        firsts = [row.get("from_epoch") for row in parts["sessions"]]
        if [row["epoch"] for row in parts["history"]] != [*range(1, len(parts["history"]) + 1)]:
            raise ValueError("its epochs do not follow one another")
        if len(parts["history"]) > epochs:
            raise ValueError(f"it has {len(parts['history'])} epochs, the recipe {epochs}")
        if saved and (not all(isinstance(n, int) for n in firsts) or firsts[:1] != [1]):
            raise ValueError("its sessions do not begin with the first epoch")
    except ValueError as error:
        raise CheckpointError(
            f"{file} is damaged ({error}): delete it to start the run anew"
        ) from None
    return Resumed(**parts)
