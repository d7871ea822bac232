"""The written pages against the code: commands, help texts, rules, examples, numbers."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from keraudit.cli.budgets import from_pyproject
from keraudit.layers.rule_table import all_rules
from keraudit.layers.user_rules import rules_from
from pages import reference

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
    from pages.audited import record

    readme = (ROOT / "README.md").read_text("utf-8")
    counted = [f"{record(model)['totals']['macs']:,}" for model in ("InceptionV3", "ResNet50")]
    assert f"| keraudit | {counted[0]} | {counted[1]} |" in readme


def test_every_rule_says_what_it_counts() -> None:
    page = reference.layer_rules()
    for kind, rule in all_rules().items():
        assert reference.first_paragraph(rule), f"the rule of {kind} has no docstring"
        assert f"`{kind}`" in page


@pytest.mark.parametrize("page", ["custom-layers", "python", "rewrites", "rules", "zoo"])
def test_the_examples_of_the_guide_run(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keras = pytest.importorskip("keras")
    keras.utils.clear_session()  # layers without a name are numbered from the first
    monkeypatch.chdir(tmp_path if page == "custom-layers" else ROOT)  # it writes files
    result = doctest.testfile(
        str(ROOT / "site" / "guide" / f"{page}.md"),
        module_relative=False,
        optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE,
    )
    assert result.attempted
    assert not result.failed


def test_the_rules_of_the_guide_are_rules() -> None:
    guide = (ROOT / "site" / "guide" / "rules.md").read_text("utf-8")
    tables = re.findall(r"^```toml\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)
    assert [list(rules_from(table)) for table in tables] == [["MyConv"], ["Gate"]]


def test_the_budgets_of_the_guide_are_budgets(tmp_path: Path) -> None:
    guide = (ROOT / "site" / "guide" / "ci.md").read_text("utf-8")
    (table,) = re.findall(r"^```toml\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)
    (tmp_path / "pyproject.toml").write_text(table, "utf-8")
    stated = from_pyproject(tmp_path)
    # 4 G and 25 M are decimal, 64 MiB is 64 * 1024 * 1024.
    assert stated == {"max-macs": 4 * 10**9, "max-params": 25 * 10**6, "max-peak-memory": 2**26}
