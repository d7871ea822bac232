"""A command whose extra is not installed names it in one line."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from command import run
from keraudit.cli import extras

ROOT = Path(__file__).parents[2]
# What is installed and what is imported go by other names.
IMPORTED = {"pillow": "PIL"}
NEEDS = {
    "evaluate nowhere": "train",
    "experiment degradation": "train",
    "faces --data images": "train",
    "gallery nowhere": "train",
    "gradients net.json": "keras",
    "lesion nowhere": "train",
    "train ResNet-CIFAR-20": "train",
}


@pytest.mark.parametrize(("words", "extra"), NEEDS.items())
def test_the_extra_is_named_before_anything_else(
    words: str, extra: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    done = run(*words.split(), cwd=tmp_path)
    (line,) = done.err.splitlines()
    assert done.code == 2
    assert line.startswith("keraudit: error: this command needs keras")
    assert line.endswith(f": pip install 'keraudit[{extra}]'")


def test_only_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "PIL" else object())
    extras.require("keras")
    with pytest.raises(extras.KerauditError, match=r"needs PIL: pip install 'keraudit\[train\]'"):
        extras.require("train")


def test_the_modules_are_those_that_the_extras_bring() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    declared = project["optional-dependencies"]
    for extra, names in extras.MODULES.items():
        lines = [line for line in declared[extra] if not line.startswith("keraudit")]
        lines += declared["keras"] if "keraudit[keras]" in declared[extra] else []
        brought = {re.split(r"[<>=]", line)[0] for line in lines}
        assert {IMPORTED.get(name, name) for name in brought} >= {*names}


def test_a_counter_that_is_missing_leads_to_its_extra(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from keraudit.audits.crosscheck import process

    monkeypatch.setattr(process, "find_spec", lambda name: None)
    layers = [{"class_name": "InputLayer", "config": {"name": "in", "batch_shape": [None, 4]}}]
    model = {"class_name": "Sequential", "config": {"name": "net", "layers": layers}}
    (tmp_path / "net.json").write_text(json.dumps(model))
    done = run("crosscheck", "net.json", "--format", "json", cwd=tmp_path)
    assert "not installed: pip install 'keraudit[crosscheck]'" in done.err.splitlines()[-1]
    assert {peer["value"] for peer in json.loads(done.out)["peers"]} == {None}
