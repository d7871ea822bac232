"""The written pages against the code: commands, help texts, rules, examples, numbers."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from keraudit.layers.table import LAYERS
from keraudit.site import reference

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("command", ["", *reference.commands()])
def test_the_cli_page_holds_each_help_text(command: str) -> None:
    page, text = reference.cli(), reference.help_text(*command.split())
    assert f"```text\n{text}\n```" in page
    assert not command or f"\n## keraudit {command}\n" in page


def test_the_help_text_is_what_the_installed_command_prints() -> None:
    command = Path(sys.executable).with_name("keraudit")
    if not command.exists():
        pytest.skip("keraudit is not installed beside this Python")
    for words in ([], ["flops"]):
        printed = subprocess.run(
            [command, *words, "--help"],
            capture_output=True,
            check=True,
            env={**os.environ, "COLUMNS": "80"},
            text=True,
        )
        assert printed.stdout.rstrip() == reference.help_text(*words)


def test_the_readme_lists_the_commands() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    listed = re.findall(r"^\| `keraudit ([\w-]+)", readme, re.MULTILINE)
    assert sorted(listed) == sorted(reference.commands())


def test_the_readme_states_what_the_audit_counts() -> None:
    pytest.importorskip("keras")
    from keraudit.site.records import record

    readme = (ROOT / "README.md").read_text("utf-8")
    counted = [f"{record(model)['totals']['macs']:,}" for model in ("InceptionV3", "ResNet50")]
    assert f"| keraudit | {counted[0]} | {counted[1]} |" in readme


def test_every_rule_says_what_it_counts() -> None:
    page = reference.layer_rules()
    for kind, rule in LAYERS.items():
        assert reference.first_paragraph(rule), f"the rule of {kind} has no docstring"
        assert f"`{kind}`" in page


@pytest.mark.parametrize("page", ["python", "rules"])
def test_the_examples_of_the_guide_run(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("keras")
    monkeypatch.chdir(ROOT)
    result = doctest.testfile(
        str(ROOT / "site" / "guide" / f"{page}.md"),
        module_relative=False,
        optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE,
    )
    assert result.attempted
    assert not result.failed
