"""The project around the package: one version, the promised extras, clean pins."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import pytest

import keraudit
from keraudit._version import __version__

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def test_the_version_has_one_source() -> None:
    assert "version" in PROJECT["project"]["dynamic"]
    assert PROJECT["tool"]["setuptools"]["dynamic"]["version"] == {
        "attr": "keraudit._version.__version__"
    }
    assert keraudit.__version__ == __version__ == metadata.version("keraudit")


def test_the_public_names_are_where_the_types_say() -> None:
    tree = ast.parse(Path(keraudit.__file__).read_text("utf-8"))
    typed = {
        alias.name: node.module
        for branch in tree.body
        if isinstance(branch, ast.If)
        for node in branch.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert typed == keraudit.HOMES
    assert dir(keraudit) == sorted(keraudit.__all__)
    for name, home in keraudit.HOMES.items():
        in_api = home.startswith("keraudit.api.")
        assert callable(getattr(keraudit, name)) if in_api else find_spec(home)


def test_the_core_stays_small() -> None:
    names = [re.split(r"[<>=!]", line)[0] for line in PROJECT["project"]["dependencies"]]
    assert names == ["click", "platformdirs", "rich"]


def test_the_extras_exist() -> None:
    extras = PROJECT["project"]["optional-dependencies"]
    assert {"keras", "site", "app", "crosscheck", "all", "tests", "dev"} <= extras.keys()
    assert "torch==2.13.0" in extras["crosscheck"]


def test_the_tests_need_no_torch() -> None:
    extras = PROJECT["project"]["optional-dependencies"]
    waiting, needed = ["dev"], set()
    while waiting:
        for line in extras[waiting.pop()]:
            needed.add(re.split(r"[<>=!\[]", line)[0])
            if inner := re.fullmatch(r"keraudit\[(.+)\]", line):
                waiting.extend(inner[1].split(","))
    assert not {"torch", "fvcore"} & needed


def test_constraints_are_plain_pins() -> None:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9a-z.]+", pin) for pin in pins)
    assert len({pin.split("==")[0] for pin in pins}) == len(pins)
    assert "torch==2.13.0" in pins


def test_the_package_is_complete() -> None:
    folders = {path.parent for path in (ROOT / "analysis/keraudit").rglob("*.py")}
    assert all((folder / "__init__.py").exists() for folder in folders)
    assert (ROOT / "analysis/keraudit/py.typed").exists()


def test_no_tracked_file_names_a_package_index() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], capture_output=True, check=False, cwd=ROOT, text=True
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    # Put together here, so that this file does not hold them.
    names = ["py" + "pi.org", "python" + "hosted", "npm" + "js.org", "index" + "-url"]
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if path.is_file():
            text = path.read_bytes().decode("utf-8", "replace").lower()
            assert not [host for host in names if host in text], name
