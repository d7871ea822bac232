"""No module of the working folder is imported, but what ``package.module:callable`` names."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from command import run
from keraudit.child_process import environment, paths, python

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
# What the commands and their workers import, at the start or late.
TRAPS = (
    "keras numpy torch tensorflow jax streamlit h5py rich click fvcore optree zipfile csv".split()
)
MODEL = {
    "class_name": "Sequential",
    "config": {
        "name": "small",
        "layers": [
            {"class_name": "InputLayer", "config": {"name": "in", "batch_shape": [None, 4]}},
            {"class_name": "Dense", "config": {"name": "out", "units": 5, "use_bias": False}},
        ],
    },
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working folder full of modules that end whatever imports them, and leave a mark."""
    for name in TRAPS:
        text = f"open({str(tmp_path / 'sprung')!r}, 'a').write({name!r})\nraise SystemExit(9)\n"
        (tmp_path / f"{name}.py").write_text(text)
    (tmp_path / "model.json").write_text(json.dumps(MODEL))
    return tmp_path


def test_crosscheck_imports_nothing_of_the_working_folder(folder: Path) -> None:
    words = ["crosscheck", "model.json", "--peer", "tensorflow", "--require", "tensorflow"]
    done = run(*words, cwd=folder)
    assert (done.code, (folder / "sprung").exists()) == (0, False), done.err


@pytest.mark.parametrize("given", ["", "{folder}"])
def test_the_console_script_imports_nothing_of_the_working_folder(folder: Path, given: str) -> None:
    """As an installer writes it: an empty part of PYTHONPATH is the working folder."""
    places = os.pathsep.join([given.format(folder=folder), str(ROOT / "analysis")])
    script = "import sys; from {} import {}; sys.argv = ['keraudit', 'flops', 'model.json']; {}()"
    home, _, name = PROJECT["project"]["scripts"]["keraudit"].partition(":")
    done = subprocess.run(
        [sys.executable, "-c", script.format(home, name, name)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": places},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, (folder / "sprung").exists()) == (0, False), done.stderr
    assert "out" in done.stdout


def test_explore_imports_nothing_of_the_working_folder(folder: Path) -> None:
    """As the command starts it: streamlit itself is found where it is installed."""
    words = python("streamlit", "version")
    done = subprocess.run(
        words, cwd=folder, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "treamlit" in done.stdout
    assert run("explore", "no-such-model", cwd=folder).code == 2
    assert not (folder / "sprung").exists()


def test_a_worker_of_the_explorer_imports_nothing_of_the_working_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from time import sleep

    from keraudit.api import read
    from keraudit.explorer import jobs

    graph = read(folder / "model.json")
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(folder)  # as `python -m` does
    job = jobs.start({"do": "gradients", "graph": graph, "seeds": 1, "against": [], "command": ""})
    while not job.ended:
        sleep(0.1)
    assert (job.error, (folder / "sprung").exists()) == ("", False)


def test_a_callable_is_imported_and_shadows_nothing(folder: Path) -> None:
    text = (
        "import keras, helper\nmodel = lambda: keras.Sequential([keras.Input((4,)), helper.last()])"
    )
    (folder / "mine.py").write_text(text + "\n")
    (folder / "helper.py").write_text("import keras\nlast = lambda: keras.layers.Dense(3)\n")
    done = run("flops", "mine:model", "--format", "json", cwd=folder)
    assert done.code == 0, done.err
    assert json.loads(done.out)["totals"]["params"] == 4 * 3 + 3
    assert not (folder / "sprung").exists()


def test_the_working_folder_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    other = str(tmp_path / "other")
    assert paths(["", ".", str(tmp_path), other]) == [other]
    assert environment(KERAS_BACKEND="jax")["KERAS_BACKEND"] == "jax"
    assert str(tmp_path) not in environment()["PYTHONPATH"].split(":")
    assert python("keraudit")[:3] == [sys.executable, "-P", "-m"]
