"""From nothing but pip, in an environment and a folder of its own: the wheel installs and counts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from distribution import built, tracked
from release.test_distribution import CONVOLUTION_MACS, NETWORK

pytestmark = pytest.mark.exhaustive  # makes an environment and installs into it

# Each with the extra that its line names; the core alone is installed.
NEEDS = {
    "crosscheck net.json": "crosscheck",
    "evaluate run": "train",
    "experiment degradation": "train",
    "explore": "app",
    "faces --data images": "train",
    "flops ResNet50": "keras",
    "flops model.h5": "h5",
    "flops package.module:model": "keras",
    "gallery run": "train",
    "gradients net.json": "keras",
    "lesion run": "train",
    "structure ResNet-CIFAR-20": "keras",
    "train ResNet-CIFAR-20": "train",
}
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The installed command, in a folder with one saved model and no way to the checkout."""
    if not tracked():
        pytest.skip("not a git checkout")
    home = tmp_path_factory.mktemp("elsewhere")
    wheel, _ = built(home)
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "KERAUDIT", "KERAS", "VIRTUAL_ENV"))
    } | {"KERAUDIT_CACHE": str(home / "cache"), "HOME": str(home)}
    subprocess.run([sys.executable, "-m", "venv", home / "env"], check=True)
    subprocess.run(
        [home / "env/bin/python", "-m", "pip", "install", "--quiet", wheel],
        check=True,
        capture_output=True,
        env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
    )
    folder = home / "work"
    (folder / "run").mkdir(parents=True)
    (folder / "images").mkdir()
    (folder / "net.json").write_text(json.dumps(NETWORK))
    (folder / "model.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(96))

    def started(*words: str) -> subprocess.CompletedProcess[str]:
        command = [home / "env/bin/keraudit", *words]
        return subprocess.run(
            command, capture_output=True, check=False, cwd=folder, env=environment, text=True
        )

    return started


def test_it_counts_a_saved_model(run: Run, record_property: Callable[[str, object], None]) -> None:
    run("--version")  # compiles the package
    begun = time.perf_counter()
    done = run("flops", "net.json", "--format", "json")
    record_property("seconds", round(time.perf_counter() - begun, 3))
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["totals"]["macs"] == CONVOLUTION_MACS


def test_it_brings_three_libraries_and_theirs(run: Run) -> None:
    shown = run("--version", "--verbose").stdout
    for name in ("keras", "tensorflow", "torch", "jax", "numpy", "plotly", "streamlit"):
        assert f"{name:<12}not installed" in shown


@pytest.mark.parametrize(("words", "extra"), NEEDS.items())
def test_a_command_whose_extra_is_missing_names_it(words: str, extra: str, run: Run) -> None:
    done = run(*words.split())
    named = [line for line in done.stderr.splitlines() if "pip install" in line]
    assert len(named) == 1
    assert f"pip install 'keraudit[{extra}]'" in named[0]
    assert "Traceback" not in done.stderr
    assert done.returncode == (0 if extra == "crosscheck" else 2)


@pytest.mark.parametrize("words", ["compare net.json net.json", "models", "structure net.json"])
def test_what_needs_no_extra_runs(words: str, run: Run) -> None:
    assert run(*words.split()).returncode == 0
