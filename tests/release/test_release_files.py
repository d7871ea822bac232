"""The files around a release say the same: version, date, pins, pinned actions."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from distribution import tracked
from keraudit._version import __version__
from lowest import lowest

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TEMPLATES = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))


def loaded(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


def test_the_top_level_holds_the_agreed_and_the_usual_files() -> None:
    agreed = {"analysis", "site", "streamlit_app", "tests", "Makefile", "mkdocs.yml"}
    usual = {
        *(".ci", ".github", ".gitignore", ".pre-commit-hooks.yaml", "CHANGELOG.md", "CITATION.cff"),
        *("CONTRIBUTING.md", "LICENSE", "MANIFEST.in", "NOTICE", "README.md", "constraints.txt"),
        *("SECURITY.md", "pyproject.toml"),
    }
    names = {name.partition("/")[0] for name in tracked()}
    if not names:
        pytest.skip("not a git checkout")
    assert names == agreed | usual


def test_the_changelog_and_the_citation_name_this_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    newest = re.findall(r"^## \[(\d[^\]]+)\] - (\d{4}-\d\d-\d\d)$", changelog, re.MULTILINE)[0]
    citation = loaded(ROOT / "CITATION.cff")
    assert newest == (__version__, citation["date-released"])
    assert citation["version"] == __version__
    assert citation["license"] == "Apache-2.0"
    assert f"rev: v{__version__}" in (ROOT / "site" / "guide" / "ci.md").read_text("utf-8")


def test_each_tested_python_is_claimed_and_no_other() -> None:
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    claimed = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', project)
    (workflow,) = (path for path in WORKFLOWS if path.name == "tests.yml")
    matrix = loaded(workflow)["jobs"]["test"]["strategy"]["matrix"]
    assert matrix["python"] == claimed
    assert all(case["may-fail"] for case in matrix["include"])


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_has_no_rights_but_those_of_its_jobs_and_pins_what_it_uses(path: Path) -> None:
    workflow = loaded(path)
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"] <= 360
        for step in job["steps"]:
            assert "uses" not in step or re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", step["uses"])
    assert "secrets." not in path.read_text("utf-8")


def test_only_the_release_and_the_pages_may_show_who_they_are() -> None:
    having = {
        path.stem
        for path in WORKFLOWS
        for job in loaded(path)["jobs"].values()
        if "id-token" in job["permissions"]
    }
    assert having == {"docs", "release"}


def test_what_the_workflows_make_is_a_target() -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    made = {
        word
        for path in WORKFLOWS
        for word in re.findall(r"run: make ([\w-]+)", path.read_text("utf-8"))
    }
    assert made == {"dist", "site", "test", "test-all"}
    assert made <= {*targets}


def test_every_issue_template_asks_for_the_versions() -> None:
    forms = [path for path in TEMPLATES if path.name != "config.yml"]
    assert len(forms) == 3
    for path in forms:
        labels = [part["attributes"]["label"] for part in loaded(path)["body"]]
        assert "Output of `keraudit --version --verbose`" in labels, path.name


def test_the_deployed_app_installs_pins_of_the_constraints() -> None:
    pins = {*(ROOT / "constraints.txt").read_text("utf-8").split()}
    lines = (ROOT / "streamlit_app" / "requirements.txt").read_text("utf-8").splitlines()
    required = [line for line in lines if line and not line.startswith("#")]
    assert required[0] == "-c ../constraints.txt"
    assert {*required[1:]} <= pins
    named = {line.split("==")[0] for line in required[1:]}
    needed = {pin.split("==")[0] for pin in lowest(["app"])} - {"tensorflow"}
    assert named == needed | {"h5py", "jax", "pillow"}


def test_the_oldest_libraries_are_those_that_are_allowed() -> None:
    assert "keras==3.11" in lowest(["keras"])
    assert {"click", "platformdirs", "rich"} == {pin.split("==")[0] for pin in lowest()}
    assert {"plotly", "streamlit"} <= {pin.split("==")[0] for pin in lowest(["app"])}


def test_the_image_runs_without_rights_and_tells_whether_it_is_well() -> None:
    text = (ROOT / "streamlit_app" / "Dockerfile").read_text("utf-8")
    final = text[text.rindex("\nFROM ") :]
    assert re.search(r"^USER \d+$", final, re.MULTILINE)
    assert "HEALTHCHECK" in final
    assert "--read-only --tmpfs /tmp" in text
    kept = (ROOT / "streamlit_app" / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    allowed = [line.removeprefix("!") for line in kept if line.startswith("!")]
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE)
    assert copied
    for line in copied:
        for source in line.split():
            assert any(source == a or source.startswith(f"{a}/") for a in allowed), source
            assert (ROOT / source).exists()
