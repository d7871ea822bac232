"""``keraudit explore``: how the server is started, and what is said where it cannot be."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from keraudit.cli.main import run
from keraudit.explorer import start
from keraudit.explorer.places import typed

CONFIG = Path(__file__).parents[2] / "streamlit_app" / ".streamlit" / "config.toml"


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What would have been started."""
    seen: dict[str, Any] = {}

    def fake(words: list[str], env: dict[str, str], **more: Any) -> SimpleNamespace:
        seen.update(words=words, env=env, cwd=more.get("cwd"))
        return SimpleNamespace(wait=lambda: 0)

    monkeypatch.setattr(subprocess, "Popen", fake)
    monkeypatch.setattr(start, "check_port", lambda *_: None)
    return seen


def test_the_package_starts_the_app_on_a_model(called: dict[str, Any], tmp_path: Path) -> None:
    assert (
        run(["explore", "inception_v3", "--port", "8600", "--no-browser", "--runs", str(tmp_path)])
        == 0
    )
    words = called["words"]
    assert words[1:5] == ["-P", "-m", "streamlit", "run"]  # nothing of the working folder
    assert Path(words[5]).is_file()
    assert words[words.index("--server.port") + 1] == "8600"
    assert words[words.index("--server.address") + 1] == "localhost"
    assert called["env"][start.MODEL_VARIABLE] == "inception_v3"
    assert called["env"][start.RUNS_VARIABLE] == str(tmp_path)


def test_a_package_is_named_at_the_start_alone(
    called: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("raise SystemExit('imported')")
    own = {"module": "mine", "class_name": "Net", "registered_name": "Net", "config": {}}
    (tmp_path / "net.json").write_text(json.dumps(own))
    assert run(["explore", "net.json", "--import", "./mine.py", "--import", "json"]) == 0
    monkeypatch.setenv(start.MODEL_VARIABLE, called["env"][start.MODEL_VARIABLE])
    monkeypatch.setenv(start.IMPORTS_VARIABLE, called["env"][start.IMPORTS_VARIABLE])
    assert start.imported() == ("./mine.py", "json")
    monkeypatch.delenv(start.MODEL_VARIABLE)
    assert start.imported() == ()
    for words in (["net.json"], ["net.json", "--import", "mine"], ["--import", "json"]):
        assert run(["explore", *words]) == 2
    assert run(["explore", "ResNet50", "--import", "json"]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert ["--import" in line for line in errors] == [True, False, True, True]


HOSTILE = """
[server]
enableCORS = false
enableXsrfProtection = false
[browser]
serverAddress = "elsewhere.example"
[theme]
font = "elsewhere.example"
"""


def test_settings_in_the_working_folder_are_not_obeyed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Streamlit reads those of the folder that it starts in."""
    real = subprocess.run
    seen: dict[str, Any] = {}

    def fake(words: list[str], **given: Any) -> SimpleNamespace:
        seen.update(words=words, given=given)
        return SimpleNamespace(wait=lambda: 0)

    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit" / "config.toml").write_text(HOSTILE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(subprocess, "Popen", fake)
    monkeypatch.setattr(start, "check_port", lambda *_: None)
    assert run(["explore"]) == 0
    monkeypatch.undo()
    words = [*seen["words"][:4], "config", "show", *seen["words"][6:]]  # for "run", app.py
    done = real(words, **seen["given"] | {"check": True}, capture_output=True, text=True)
    shown = re.sub(r"\x1b\[\d*m", "", done.stdout)
    lines = [line for line in shown.splitlines() if line and not line.startswith("#")]
    assert 'address = "localhost"' in lines  # as given
    assert "elsewhere.example" not in shown
    assert not [line for line in lines if line.endswith("= false") and "enable" in line]


def test_the_app_works_in_the_folder_where_the_command_was_typed(
    called: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["explore"]) == 0
    monkeypatch.chdir(called["cwd"])
    monkeypatch.setenv(start.FOLDER_VARIABLE, called["env"][start.FOLDER_VARIABLE])
    start.to_working_folder()
    assert Path.cwd() == tmp_path
    script = Path(called["words"][5]).with_name("app.py").read_text("utf-8")
    assert script.index("to_working_folder()") < script.index("main()")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["ResNet5"], "not a known model: did you mean"),
        (["none.keras"], "does not exist"),
        (["--port", "0"], "0 is not in the range"),
        (["--runs", "no-such-folder"], "does not exist"),
    ],
)
def test_what_cannot_be_shown_is_told_before_anything_starts(
    called: dict[str, Any], capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    assert run(["explore", *arguments]) == 2
    assert says in capsys.readouterr().err
    assert not called


def test_without_streamlit_one_line_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(start, "find_spec", lambda name: None)
    assert run(["explore"]) == 2
    told = capsys.readouterr().err.strip().splitlines()
    assert told == ["keraudit: error: the explorer needs streamlit: pip install 'keraudit[app]'"]


def test_both_ways_to_start_it_have_the_same_options() -> None:
    config = tomllib.loads(CONFIG.read_text("utf-8"))
    assert {key: str(value).lower() for key, value in flat(config)} == {
        key: value.lower() for key, value in start.OPTIONS.items()
    }


def flat(config: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    for key, value in config.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def test_the_model_named_at_the_start_is_shown(
    monkeypatch: pytest.MonkeyPatch, open_page: Any, inception_file: Path
) -> None:
    from explorer.pages import address, command, metrics

    monkeypatch.setenv(start.MODEL_VARIABLE, "resnet_50")
    assert metrics(open_page())["MACs"] == "3.858 G"
    monkeypatch.setenv(start.MODEL_VARIABLE, str(inception_file))
    app = open_page()
    assert metrics(app)["MACs"] == "5.713 G"
    assert command(app) == f"keraudit flops {typed(inception_file)}"
    assert address(app) == {}
    assert app.selectbox(key="w_model").value == "named"
