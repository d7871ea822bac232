"""A newcomer's first session in Python, as it is typed: TAB, an audit, a typo, a plot, a budget."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SESSION = """
import keraudit
names = dir(keraudit)
print([n for n in names if not n.startswith("_")][-3:], "sys" in names)
report = keraudit.audit("ResNet-CIFAR-20")
print(repr(report))
print(str(report).splitlines()[0])
try:
    keraudit.audit("inception-v2")
except keraudit.KerauditError as error:
    print(error)
try:
    report.block("stage1_blck1")
except keraudit.KerauditError as error:
    print(error)
print([n for n in dir(report) if n in ("plot", "to_dataframe", "block", "save")])
print(type(report.plot()).__name__)
try:
    keraudit.assert_budget(report, max_macs=40e6)
except AssertionError as error:
    print(error)
print(help(keraudit.audit) or "", end="")
import sys
print(sorted({"keras", "tensorflow", "pandas"} & set(sys.modules)))
"""


def test_a_first_session(cache: Path) -> None:
    pytest.importorskip("plotly")
    done = subprocess.run(
        [sys.executable, "-c", SESSION], capture_output=True, text=True, check=True
    )
    assert not done.stderr
    names, bare, title, typo, block, tab, figure, budget, *help_text, loaded = (
        done.stdout.splitlines()
    )
    assert names.endswith("'without_skips'] False")
    assert bare.startswith("<CostReport ResNet-CIFAR-20 at 32x32x3, batch 1: 40.55 M MACs")
    assert title.startswith("ResNet-CIFAR-20  at 32x32x3")
    assert "did you mean Inception" in typo
    assert "did you mean stage1_block1" in block
    assert tab == "['block', 'plot', 'save', 'to_dataframe']"
    assert figure == "Figure"
    assert "over the budget of 40.00 M (max_macs=)" in budget
    assert any("Count what a model costs" in line for line in help_text)
    assert loaded == "[]"  # nothing heavy for a model by name
