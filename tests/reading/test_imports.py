"""Files with classes of a package: imported only where the user says so, in a process with limits."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import command
import keraudit
from keraudit.building import import_worker
from keraudit.errors import KerauditError, ModelError
from keraudit.model.input_sizes import Requested
from keraudit.reading import imports
from keraudit.reading.imports import Package, package, read_with

pytest.importorskip("keras")

LAYERS = """
import keras

@keras.saving.register_keras_serializable("mine")
class Scaled(keras.layers.Layer):
    def __init__(self, units, **options):
        super().__init__(**options)
        self.units, self.inner = units, keras.layers.Dense(units)
    def call(self, x):
        return self.inner(x) * 2.0
    def get_config(self):
        return {**super().get_config(), "units": self.units}

class Net(keras.Model):
    def __init__(self, units=3, **options):
        super().__init__(**options)
        self.units, self.first, self.last = units, Scaled(units), keras.layers.Dense(2)
    def call(self, x):
        return self.last(self.first(x))
    def get_config(self):
        return {**super().get_config(), "units": self.units}
"""


def record(kind: str, **more: Any) -> dict[str, Any]:
    return {
        "module": "my_layers",
        "class_name": kind,
        "registered_name": kind,
        "config": {},
        **more,
    }


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_layers.py").write_text(LAYERS)
    net = record("Net", config={"units": 3}, build_config={"input_shape": [None, 5]})
    (tmp_path / "net.json").write_text(json.dumps(net))
    return tmp_path


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """The worker in this process, for what needs none of its own."""
    calls: list[Any] = []

    def run(path: Path, packages: Any, options: Any) -> bytes:
        calls.append(path)
        found = import_worker.found(path, json.loads(json.dumps(options)))
        return found.encode()

    monkeypatch.setattr(imports, "_run", run)
    before = {*sys.modules}
    yield calls
    for name in {*sys.modules} - before:
        if name == "my_layers" or name.startswith("installed_"):
            del sys.modules[name]


def test_a_file_is_counted_with_its_package_and_never_without(folder: Path) -> None:
    alone = command.run("flops", "net.json")
    assert alone.code == 2
    assert 'add --import ./my_layers.py (imports=["./my_layers.py"])' in alone.err
    done = command.run("flops", "net.json", "--import", "./my_layers.py", "-f", "json")
    assert done.code == 0
    assert f"importing my_layers from {folder.resolve() / 'my_layers.py'}" in done.err
    found = json.loads(done.out)
    assert found["totals"]["macs"] == 5 * 3 + 3 * 2
    assert found["totals"]["params"] == (5 + 1) * 3 + (3 + 1) * 2
    assert found["bound"] == "exact"
    assert [layer["name"] for layer in found["layers"]][1] == "scaled/dense"


def test_layers_in_a_functional_model_are_opened(folder: Path, quick: list[Any]) -> None:
    import keras

    import_worker._imported("my_layers", str(folder / "my_layers.py"))
    import my_layers  # type: ignore[import-not-found]

    start = keras.Input((4,))
    keras.Model(start, my_layers.Scaled(6)(start)).save("functional.keras")
    assert keraudit.audit("functional.keras").bound.word != "exact"
    report = keraudit.audit("functional.keras", imports=["./my_layers.py"], batch=2)
    assert (report.total.macs, report.bound.word) == (2 * 4 * 6, "exact")
    assert keraudit.audit("net.json", imports=["./my_layers.py"], input_shape=(9,)).total.macs == 33
    with pytest.raises(KerauditError, match="1 axis besides the batch"):
        keraudit.audit("functional.keras", imports=["./my_layers.py"], input_shape=(9, 9, 9, 9))


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("my_layers.py", r"write \./my_layers\.py"),
        ("my_layers", r"no package 'my_layers' is installed .* import \./my_layers\.py"),
        ("nonesuch", "no package 'nonesuch' is installed .* pip install nonesuch"),
        ("./gone.py", "expected a .py file"),
        ("./net.json", "expected a .py file"),
        ("a b", "takes the name of a package"),
        ("", "takes the name of a package"),
        ("./json.py", "an installed package has the name 'json' too"),
        ("./sys.py", "an installed package has the name 'sys' too"),
        ("./no-name.py", "not a name that Python can import"),
    ],
)
def test_what_cannot_be_imported(folder: Path, word: str, message: str) -> None:
    for name in ("json.py", "sys.py", "no-name.py"):
        (folder / name).write_text("raise SystemExit")
    with pytest.raises(ModelError, match=message):
        package(word)


def test_only_files_take_imports() -> None:
    import keras

    for model in ("ResNet50", "some.module:make", keras.Sequential([keras.Input((3,))])):
        with pytest.raises(ModelError, match="is for files with classes of a package"):
            keraudit.audit(model, imports=["json"])


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("1 / 0", "importing my_layers failed .ZeroDivisionError: division by zero"),
        ("import sys; sys.exit('no')", "importing my_layers failed .SystemExit: no"),
        ("raise KeyboardInterrupt", "importing my_layers failed .KeyboardInterrupt"),
        ("import nonesuch", "ModuleNotFoundError: No module named 'nonesuch'"),
        ("x = = 1", "SyntaxError"),
        (
            LAYERS.replace("super().__init__(**options)", "1 / 0"),
            "ZeroDivisionError|division by zero",
        ),
        ("", "is not|no class|cannot be built"),
        ("def Net(): 1 / 0", "is not|no class|cannot be built"),
        ("class Net: pass", "is not|no class|cannot be built"),
        (LAYERS.replace("class Net", "class Other"), "is not|no class|cannot be built"),
    ],
)
def test_what_fails_is_one_line(folder: Path, quick: list[Any], code: str, message: str) -> None:
    (folder / "my_layers.py").write_text(code)
    with pytest.raises(ModelError, match=message) as caught:
        read_with(Path("net.json"), ["./my_layers.py"], [Requested()], (), notify=print)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "lie",
    [
        record("Popen", module="subprocess", config={"args": ["touch", "escaped"]}),
        record("system", module="os", registered_name="os>system"),
        record(
            "Net", module="subprocess", registered_name="other>Nothing", config={"units": "touch"}
        ),
        record("Lambda", module="keras.layers", registered_name=None, config={"function": "x"}),
        record(
            "Net",
            config={
                "units": record("Popen", module="subprocess", config={"args": ["touch", "escaped"]})
            },
        ),
    ],
)
def test_a_file_that_lies_gets_no_other_class(folder: Path, quick: list[Any], lie: Any) -> None:
    Path("lie.json").write_text(json.dumps(lie))
    with pytest.raises(KerauditError):
        keraudit.audit("lie.json", imports=["./my_layers.py"])
    assert not Path("escaped").exists()


ENDLESS = """
import subprocess, sys, threading, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open("child", "w").write(str(child.pid))
threading.Thread(target=time.sleep, args=(600,)).start()
print("noise " * 1000, flush=True); print("more", file=sys.stderr, flush=True)
"""


def ended(pid: int) -> bool:
    for _ in range(50):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.1)
    return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="asks /proc who still runs")
def test_threads_and_children_end_with_the_import(folder: Path) -> None:
    (folder / "my_layers.py").write_text(ENDLESS + LAYERS)
    report = keraudit.audit("net.json", imports=["./my_layers.py"])
    assert report.total.macs == 21
    assert ended(int(Path("child").read_text()))


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("while True: pass", "took more than 25 s; it was ended"),
        ("import os; os._exit(0)", "ended without a result .code 0"),
        ("import os; os.kill(os.getpid(), 11)", "ended without a result .code -11"),
        ("x = bytearray(16 * 2**30)", "MemoryError"),
    ],
)
def test_an_import_that_does_not_end_well(
    folder: Path, monkeypatch: pytest.MonkeyPatch, code: str, message: str
) -> None:
    if "while" in code:  # the others end by themselves, on a busy machine later
        monkeypatch.setattr(imports, "SECONDS", 25.0)
    (folder / "my_layers.py").write_text(code)
    with pytest.raises(ModelError, match=message):
        keraudit.audit("net.json", imports=["./my_layers.py"])
    assert {file.name for file in folder.iterdir()} <= {"my_layers.py", "net.json", "__pycache__"}


@pytest.fixture
def installed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A release of a package, as pip installs it."""
    place = folder / "site"
    info = place / "installed_layers-1.2.dist-info"
    info.mkdir(parents=True)
    (place / "installed_layers.py").write_text(LAYERS)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: installed-layers\nVersion: 1.2\n")
    (info / "top_level.txt").write_text("installed_layers\n")
    (info / "RECORD").write_text("installed_layers.py,,\n")
    monkeypatch.syspath_prepend(str(place))
    monkeypatch.setenv("KERAUDIT_CACHE", str(folder / "cache"))
    (folder / "net.json").write_text(
        (folder / "net.json").read_text().replace("my_layers", "installed_layers")
    )
    return info


def test_an_installed_release_is_imported_once(installed: Path, quick: list[Any]) -> None:
    assert package("installed_layers").version == "installed-layers 1.2"
    said: list[str] = []
    options: Any = {"imports": ["installed_layers"], "notify": said.append}
    first, again = (keraudit.audit("net.json", **options) for _ in range(2))
    assert first.layers == again.layers
    assert len(quick) == len(said) == 1
    assert said[0].startswith("importing installed_layers 1.2 from ")
    keraudit.audit("net.json", batch=3, **options)
    assert len(quick) == 2  # another request
    for kept in (installed.parents[1] / "cache").rglob("*.json"):
        kept.write_text('{"of": {}, "found": []}')
    keraudit.audit("net.json", **options)
    assert len(quick) == 3  # what was kept is not what it claims to be


def test_what_may_change_under_its_name_is_imported_each_time(
    installed: Path, quick: list[Any]
) -> None:
    direct = {"url": "file:///somewhere", "dir_info": {"editable": True}}
    (installed / "direct_url.json").write_text(json.dumps(direct))
    assert package("installed_layers") == Package(
        "installed_layers", str(installed.parent / "installed_layers.py")
    )
    for _ in range(2):
        keraudit.audit("net.json", imports=["installed_layers"])
    assert len(quick) == 2
    assert not (installed.parents[1] / "cache").exists()


def test_no_package_is_loaded_but_those_that_are_named(installed: Path, quick: list[Any]) -> None:
    """The file names two packages; the one that the user did not name stays out, and so does its class."""
    other = installed.parent / "installed_other.py"
    other.write_text("raise SystemExit('loaded')\n" + LAYERS)
    for place in ({"units": 3}, {"units": record("Scaled", module="installed_other.layers")}):
        lies = record("Net", module="installed_other", config=place)
        Path("two.json").write_text(json.dumps(lies))
        before = {*sys.modules}
        with suppress(KerauditError):  # by its name alone the class is the other package's
            keraudit.audit("two.json", imports=["installed_layers"], input_shape=(5,))
        loaded = {name.partition(".")[0] for name in {*sys.modules} - before}
        assert "installed_other" not in sys.modules
        assert not {name for name in loaded if Path(f"{name}.py").exists()}


def test_settings_of_a_project_import_nothing(folder: Path) -> None:
    for key in ("import", "imports"):
        Path("pyproject.toml").write_text(f'[tool.keraudit]\n{key} = ["./my_layers.py"]\n')
        done = command.run("flops", "net.json")
        assert done.code == 2
        assert "importing" not in done.err
