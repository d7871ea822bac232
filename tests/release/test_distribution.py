"""What is uploaded: the package whole, nothing else, with its licence, working away from the checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from distribution import ROOT, built, in_sdist, in_wheel, tracked
from keraudit._version import __version__

HOME = f"keraudit-{__version__}.dist-info"
BESIDE = {"entry_points.txt", "METADATA", "RECORD", "top_level.txt", "WHEEL"}
# 3 x 3 taps, 3 channels to 4, on 8 x 8 positions.
CONVOLUTION_MACS = 8 * 8 * 3 * 3 * 3 * 4
NETWORK = {
    "class_name": "Sequential",
    "config": {
        "name": "net",
        "layers": [
            {"class_name": "InputLayer", "config": {"name": "in", "batch_shape": [None, 8, 8, 3]}},
            {
                "class_name": "Conv2D",
                "config": {"name": "c", "filters": 4, "kernel_size": [3, 3], "padding": "same"},
            },
        ],
    },
}


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    if not tracked():
        pytest.skip("not a git checkout")
    return built(tmp_path_factory.mktemp("distribution"))


def package_files() -> set[str]:
    """The package as it lies in the repository."""
    start = "analysis/"
    return {name.removeprefix(start) for name in tracked() if name.startswith(f"{start}keraudit/")}


def test_the_wheel_holds_the_package_whole_and_nothing_else(
    distributions: tuple[Path, Path],
) -> None:
    files = in_wheel(distributions[0])
    beside = {name.partition("/")[2] for name in files if name.startswith(f"{HOME}/")}
    assert beside == BESIDE | {"licenses/LICENSE", "licenses/NOTICE"}
    assert {name for name in files if not name.startswith(HOME)} == package_files()


def test_templates_scripts_and_small_weights_are_in_the_wheel(
    distributions: tuple[Path, Path],
) -> None:
    files = in_wheel(distributions[0])
    data = {Path(name).suffix for name in files if name.startswith("keraudit/")}
    assert data == {".py", ".css", ".h5", ".js", ".json", ".typed"}
    assert "keraudit/explorer/script/app.py" in files
    assert max(files.values()) < 2 * 2**20


def test_the_sdist_holds_what_the_wheel_is_built_from(distributions: tuple[Path, Path]) -> None:
    files = in_sdist(distributions[1])
    package = {f"analysis/{name}" for name in package_files()}
    assert package <= files
    usual = "CHANGELOG.md CITATION.cff LICENSE MANIFEST.in NOTICE PKG-INFO README.md pyproject.toml"
    others = {n for n in files - package if "/keraudit.egg-info/" not in n}
    assert others == {*usual.split(), "setup.cfg"}


def test_the_metadata_says_what_the_project_says(distributions: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(distributions[0]) as archive:
        head = Parser().parsestr(archive.read(f"{HOME}/METADATA").decode())
    assert (head["Name"], head["Version"]) == ("keraudit", __version__)
    assert head["License-Expression"] == "Apache-2.0"
    assert head["Requires-Python"] == ">=3.11"
    assert head.get_payload().startswith("# keraudit\n")
    always = {line for line in head.get_all("Requires-Dist") if ";" not in line}
    assert {line.partition(">")[0] for line in always} == {"click", "platformdirs", "rich"}


def test_each_data_file_that_ships_is_in_the_notice() -> None:
    notice = (ROOT / "NOTICE").read_text("utf-8")
    data = {name for name in package_files() if not name.endswith((".py", "py.typed"))}
    assert data
    assert {name for name in data if name not in notice} == set()


def test_the_unpacked_wheel_counts_a_file_without_keras(
    distributions: tuple[Path, Path], tmp_path: Path
) -> None:
    with zipfile.ZipFile(distributions[0]) as archive:
        archive.extractall(tmp_path / "lib")
    (tmp_path / "net.json").write_text(json.dumps(NETWORK))
    code = (
        "import sys, keraudit; from keraudit.cli.main import run;"
        "code = run(['flops', 'net.json', '--format', 'json']);"
        "print(keraudit.__file__, 'keras' in sys.modules, file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        capture_output=True,
        check=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "lib")},
        text=True,
    )
    assert done.stderr.splitlines()[-1] == f"{tmp_path / 'lib/keraudit/__init__.py'} False"
    assert json.loads(done.stdout)["totals"]["macs"] == CONVOLUTION_MACS
