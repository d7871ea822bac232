"""Of a model file only layers, operations and options on a list are built; nothing in it is called."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from hostile_configs import broken, functional, harmless, hostile_models, layer, mutated, tensor
from keraudit.building.check import check_homes
from keraudit.cli.main import run as run_cli
from keraudit.errors import ModelError
from keraudit.reading.config import architecture

CANARY = Path(__file__).parents[1] / "support" / "canary.py"
MUTATIONS = 300


def watched(cases: list[tuple[str, Any, str]], folder: Path) -> Mapping[str, Any]:
    """What ``canary.py`` saw of these cases."""
    (folder / "cases.json").write_text(json.dumps(cases))
    words = [sys.executable, str(CANARY), str(folder / "cases.json"), str(folder / "seen.json")]
    done = subprocess.run(words, capture_output=True, text=True, cwd=folder, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found: Mapping[str, Any] = json.loads((folder / "seen.json").read_text())
    return found


@pytest.mark.exhaustive
def test_a_hostile_config_calls_nothing(tmp_path: Path) -> None:
    cases = [
        *((f"harmless {name}", record, "harmless") for name, record in harmless().items()),
        *(("broken", record, "broken") for record in broken()),
        *((name, record, "hostile") for name, record in hostile_models()),
        *((name, record, "mutated") for name, record in mutated(MUTATIONS)),
    ]
    found = watched(cases, tmp_path)
    assert found["alive"], "the canary's hook is not called"
    seen = [(name, events) for name, _, _, events, _ in found["results"] if events]
    assert seen == []
    assert [name for name, _, _, _, unchanged in found["results"] if not unchanged] == []
    by_kind = {kind: [] for kind in ("harmless", "broken", "hostile", "mutated")}
    for name, kind, said, _, _ in found["results"]:
        by_kind[kind].append((name, said))
    assert [row for row in by_kind["harmless"] if any(row[1])] == []
    assert [row for row in by_kind["hostile"] if not all(row[1])] == []
    lines = [(name, text) for kind in by_kind.values() for name, said in kind for text in said]
    assert [row for row in lines if row[1].startswith("CRASH") or "\n" in row[1]] == []
    assert not list(tmp_path.rglob("never*"))


FUNCTION = {
    "module": "keras.config",
    "class_name": "set_dtype_policy",
    "config": {"name": "u"},
    "registered_name": None,
    "name": "u",
    "inbound_nodes": [{"args": ["float16"], "kwargs": {}}],
}


@pytest.fixture
def function_as_layer(tmp_path: Path) -> Path:
    record = harmless()["dense"]
    node = {"args": [tensor("u")], "kwargs": {}}  # which records its output shape
    reader = {**layer("Dense", "z", units=2), "inbound_nodes": [node]}
    layers = [*record["config"]["layers"], FUNCTION, reader]
    record = {**record, "config": {**record["config"], "layers": layers}}
    (path := tmp_path / "model.json").write_text(json.dumps(record))
    return path


@pytest.mark.parametrize("command", ["gradients", "crosscheck", "explore"])
def test_a_function_as_a_layer_is_refused_in_one_line(
    function_as_layer: Path, command: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run_cli([command, str(function_as_layer)]) == 2
    told = [line for line in capfd.readouterr().err.splitlines() if line.startswith("keraudit:")]
    assert len(told) == 1
    assert "'u'" in told[0]
    assert "keras.config.set_dtype_policy" in told[0]


def test_a_function_as_a_layer_is_counted_as_unsupported(function_as_layer: Path) -> None:
    assert run_cli(["flops", str(function_as_layer)]) == 0


def test_a_class_that_is_unknown_can_be_explored() -> None:
    """Its cost is listed as unsupported; only what cannot be a layer is refused."""
    for module, kind in (
        ("mine", "Scale"),
        ("keras.layers", "Lambda"),
        ("keras.src.layers", "New"),
    ):
        record = functional({**layer(kind, "l"), "module": module})
        check_homes(architecture(record, source=""))
    for module, kind in (("keras.utils", "get_file"), ("keras.layers", "deserialize")):
        record = functional({**layer(kind, "l"), "module": module})
        with pytest.raises(ModelError, match="which is not a layer"):
            check_homes(architecture(record, source=""))
