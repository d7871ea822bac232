"""The page on a class says what the record of the deployed explorer says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

pytest.importorskip("mkdocs")

from keraudit.runs.folders import without_paths
from pages import deployment
from pages.reproduce import commands

ROOT = Path(__file__).parents[2]
if not (ROOT / deployment.PATH).is_file():
    pytest.skip("no record; the page says how to make it", allow_module_level=True)
RECORD = json.loads((ROOT / deployment.PATH).read_text("utf-8"))
GIGABYTE_MIB = 10**9 / 2**20


def test_all_together_stay_within_a_gigabyte() -> None:
    done = [task["peak_mib"] for task in RECORD["tasks"] if not task["error"]]
    assert done
    together = RECORD["server_mib"]["after all sessions"] + max(done)
    assert RECORD["most_together_mib"] == pytest.approx(together, abs=0.2)
    assert together < GIGABYTE_MIB
    # A task that goes on is ended at its limit, before the machine is full.
    assert RECORD["server_mib"]["after all sessions"] + RECORD["task_limit_mib"] < GIGABYTE_MIB


def test_the_limit_is_that_of_the_app() -> None:
    app = (ROOT / "streamlit_app" / "app.py").read_text("utf-8")
    (limit,) = re.findall(r'"KERAUDIT_EXPLORE_TASK_MIB", "(\d+)"', app)
    assert RECORD["task_limit_mib"] == int(limit)
    page = (ROOT / "site" / "guide" / "class.md").read_text("utf-8")
    assert f"sets them to 1 and {limit} unless you do" in page


def test_the_page_has_each_task_and_its_end(at_the_root: None) -> None:
    page = deployment.memory()
    for task in RECORD["tasks"]:
        assert task["model"] in page
    ends = ["at the limit" if task["error"] else "with a result" for task in RECORD["tasks"]]
    assert [page.count(end) for end in sorted({*ends})] == [ends.count(e) for e in sorted({*ends})]
    assert f"{RECORD['most_together_mib']:.0f} MiB together" in page


def test_the_record_is_listed_with_its_command(at_the_root: None) -> None:
    listed = {path: command for _, path, command in commands()}
    assert listed[deployment.PATH.as_posix()] == deployment.COMMAND
    made = deployment.COMMAND.partition(" --record")[0]
    assert without_paths(RECORD["command"]) == without_paths(made)
