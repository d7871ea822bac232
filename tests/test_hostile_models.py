"""Of a model file only layers, operations and options on a list are built; nothing in it is called."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from hostile import broken, harmless, hostile_models, mutated

CANARY = Path(__file__).with_name("canary.py")
MUTATIONS = 300


def watched(cases: list[tuple[str, Any, str]], folder: Path) -> Mapping[str, Any]:
    """What ``canary.py`` saw of these cases."""
    (folder / "cases.json").write_text(json.dumps(cases))
    words = [sys.executable, str(CANARY), str(folder / "cases.json"), str(folder / "seen.json")]
    done = subprocess.run(words, capture_output=True, text=True, cwd=folder, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found: Mapping[str, Any] = json.loads((folder / "seen.json").read_text())
    return found


@pytest.mark.slow
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
