"""The page on KerasHub says what its record says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mkdocs")

from pages import keras_hub
from records.keras_hub import is_exact, is_exact_from_file

EXACT = {
    **{"name": "OneBackbone", "part": "backbone", "macs": 1200, "jax_macs": 1200, "jax_error": ""},
    **{"params": 34, "keras_params": 34, "bound": "exact", "reason": "", "uncounted": 0},
    **{"file_macs": 1200, "file_params": 34, "file_error": ""},
}
LOWER = {
    **{"name": "TwoCausalLM", "part": "task", "macs": 5, "jax_macs": None, "jax_error": "a loop"},
    **{"params": 6, "keras_params": 6, "bound": "lower", "reason": "its reason", "uncounted": 3},
    **{"file_macs": None, "file_params": None, "file_error": "no such class"},
}


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    found = {
        "schema": keras_hub.SCHEMA,
        "versions": {"keras-hub": "0.32.0"},
        "date": "2026-11-29",
        "unbuilt": {"Left": "a layer"},
        "models": [EXACT, LOWER],
    }
    path = tmp_path / "keras-hub.json"
    path.write_text(json.dumps(found))
    monkeypatch.setattr(keras_hub, "PATH", path)
    return found


def test_the_tally_and_the_tables(record: dict[str, Any]) -> None:
    assert "**1 of 2 classes are exact**" in keras_hub.tally()
    assert "1 of 1 backbones and 0 of 1 tasks" in keras_hub.tally()
    backbones, tasks = keras_hub.table("backbone"), keras_hub.table("task")
    assert "`OneBackbone`" in backbones
    assert "1,200" in backbones
    assert "exact" in backbones
    assert "OneBackbone" not in tasks
    assert "≥" in tasks
    assert "lower: its reason (and 2 more); the JAX program: a loop" in tasks
    assert "read with `--import keras_hub`, 1 of 2 are exact" in keras_hub.tally()
    assert "the same" in backbones
    assert "not read: no such class" in tasks
    assert "- `Left`: a layer" in keras_hub.unbuilt()


@pytest.mark.parametrize("change", [{"macs": 1201}, {"params": 33}, {"bound": "lower"}])
def test_exact_is_what_agrees_with_both(change: dict[str, Any]) -> None:
    assert is_exact(EXACT)
    assert not is_exact({**EXACT, **change})


@pytest.mark.parametrize("change", [{"file_macs": 1}, {"file_params": None}, {"bound": "lower"}])
def test_exact_from_the_file_is_what_agrees_with_the_live_model(change: dict[str, Any]) -> None:
    assert is_exact_from_file(EXACT)
    assert not is_exact_from_file({**EXACT, **change})
    assert "MACs" in keras_hub.from_file({**EXACT, "file_macs": 1})
