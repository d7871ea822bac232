"""A folder of finished runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from toys import record


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    runs = [record(seed=s, error=e) for s, e in ((0, 0.10), (1, 0.12))]
    for made in [*runs, record("ResNet-CIFAR-20", error=0.08)]:
        home = tmp_path / "runs" / f"{made.network}-{made.seed}"
        home.mkdir(parents=True)
        (home / "run.json").write_text(json.dumps(made.to_dict()))
    return tmp_path / "runs"
