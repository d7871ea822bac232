"""Inputs made wrong by chance, each from a kind and a seed, and what must hold of every one.

    python tests/support/fuzzing.py structure 4711         # run one again
    python tests/support/fuzzing.py structure 4711 --keep  # and keep its input as a case

What an input may come to: an answer, or an error of ours on one harmless line. Never a traceback, a hang,
text that acts, code or a process that is started, or a file that is written.
"""

from __future__ import annotations

import base64
import json
import random
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any, NamedTuple

if __name__ == "__main__":  # as pytest is configured
    sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

from PIL import Image

from fuzz_inputs import (
    address_text,
    data_set,
    keras_file,
    mutated_record,
    run_record,
    stored_file,
    toml_text,
)
from hostile import acts, check_every_format, check_json
from keraudit.errors import KerauditError

Image.init()  # what its formats import and load is no sign of an input
CASES = Path(__file__).parents[1] / "fuzz" / "cases"
HANG = 5.0  # seconds of processor time that one input may take
STARTED = (
    *("subprocess.", "os.system", "os.exec", "os.spawn", "os.posix_spawn", "os.fork", "socket."),
    *(
        "os.remove",
        "os.rename",
        "os.mkdir",
        "os.rmdir",
        "os.putenv",
        "os.chmod",
        "shutil.",
        "urllib.",
    ),
    *("ctypes.dlopen", "pickle.find_class", "code.__new__", "webbrowser."),
)
OURS = "keraudit"
HDF5_CHILD = "keraudit.reading.hdf5"


class HangError(BaseException):
    """One input took longer than any may; no ``except Exception`` holds it up."""


class Kind(NamedTuple):
    """One kind of input: made from chance, and read from its bytes in a folder of its own."""

    make: Callable[[random.Random], bytes]
    read: Callable[[bytes, Path], None]


def read_model(data: bytes, folder: Path) -> None:
    """A config, through every format."""
    from keraudit.api import report_of
    from keraudit.audits.cost.report import report_grid
    from keraudit.layers.infer import shaped
    from keraudit.output.json_text import json_text
    from keraudit.reading.archive import parse
    from keraudit.reading.config import architecture

    del folder
    report = report_of(shaped(architecture(parse(data, "case"), source="case")))
    found = report.to_dict()
    if len(report.layers) % 3:  # writing takes longer than reading
        check_json(json_text(found))
        assert acts(str(report)) == []
    else:
        check_every_format([report_grid(report, by=by) for by in ("block", "layer")], found)


def read_keras_file(data: bytes, folder: Path) -> None:
    """A file as the command takes one."""
    from keraudit.api import report_of
    from keraudit.layers.infer import shaped
    from keraudit.reading.resolve import from_file, silent

    (path := folder / "m.keras").write_bytes(data)
    report = report_of(shaped(from_file(path, silent)))
    assert acts(str(report)) == []


def read_records(data: bytes, folder: Path) -> None:
    """A run's record, as the lists and comparisons of runs show it."""
    from keraudit.runs.folders import finished, published, same_kind, with_evaluation
    from keraudit.runs.table import comparison_grid, history_grid, list_grid

    (home := folder / "run").mkdir()
    (home / "run.json").write_bytes(data)
    runs = [with_evaluation(path, run) for path, run in finished(folder)]
    groups = same_kind(runs)
    shown = [list_grid(runs, command=""), comparison_grid(groups, command="")]
    shown += [history_grid(run, command="") for run in runs]
    text = "".join(map(str, shown)) + json.dumps([published(run, "") for run in runs])
    assert acts(text) == []


def read_stored(data: bytes, folder: Path) -> None:
    """One of the other files of a run: configuration, plan, evaluation, a cached graph."""
    from keraudit.evaluation.evaluate import FILE as EVALUATION
    from keraudit.evaluation.evaluate import read_evaluation
    from keraudit.reading.cache import kept
    from keraudit.runs.experiment import FILE as PLAN
    from keraudit.runs.experiment import written_plan
    from keraudit.training.record import read_config

    for name in ("config.json", PLAN, EVALUATION, "a.json"):
        (folder / name).write_bytes(data)
    for look in (
        lambda: read_config(folder),
        lambda: written_plan(folder),
        lambda: read_evaluation(folder),
        lambda: kept(folder / "a.json"),
    ):
        told(look)


def read_toml(data: bytes, folder: Path) -> None:
    """Rules for layers, and settings."""
    from keraudit.cli.budgets import from_pyproject
    from keraudit.layers.user_rules import load_rules

    (folder / "pyproject.toml").write_bytes(data)
    (folder / "rules.toml").write_bytes(data)
    told(lambda: from_pyproject(folder))
    told(lambda: load_rules(folder / "rules.toml"))


def read_address(data: bytes, folder: Path) -> None:
    """What stands behind the question mark; never an error."""
    from keraudit.explorer.address import parsed

    del folder
    view, problems = parsed(json.loads(data))
    again = parsed(view.params())
    assert (again.view, again.problems) == (view, ())
    assert [text for text in problems if "\n" in text] == []


def read_data_set(data: bytes, folder: Path) -> None:
    """A batch of CIFAR-10, an archive of arrays, or a folder of images: tried as each of them."""
    from keraudit.data.cifar_batches import images_and_labels
    from keraudit.data.load import load

    (folder / "d.npz").write_bytes(data)
    for name in ("a", "b"):
        (home := folder / "images" / name).mkdir(parents=True)
        for number in range(5):
            (home / f"{number}.png").write_bytes(data)
    told(lambda: load(str(folder / "d.npz")))
    told(lambda: load(str(folder / "images")))
    images_and_labels(data, "batch")


KINDS: Mapping[str, Kind] = {
    "structure": Kind(mutated_record, read_model),
    "bytes": Kind(keras_file, read_keras_file),
    "records": Kind(run_record, read_records),
    "stored": Kind(stored_file, read_stored),
    "toml": Kind(toml_text, read_toml),
    "address": Kind(address_text, read_address),
    "data": Kind(data_set, read_data_set),
}


def told(look: Callable[[], object]) -> str:
    """What is said in refusal, on one harmless line; empty where all went well."""
    try:
        look()
    except KerauditError as error:
        line = str(error)
    else:
        return ""
    assert acts(line) == []
    assert "\n" not in line
    return line


def fuzz(kind: str, seed: int) -> None:
    """Make one input and look what becomes of it; the error names kind and seed."""
    try:
        check(kind, KINDS[kind].make(random.Random(seed)))
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        line = f"python tests/support/fuzzing.py {kind} {seed}"
        raise AssertionError(
            f"{type(error).__name__}: {str(error)[:300]}; again: {line}"
        ) from error


def check(kind: str, data: bytes) -> None:
    """Read one input under watch."""
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with bounded(), watched() as seen:
            told(lambda: KINDS[kind].read(data, Path(folder)))
        assert seen == [], seen


@contextmanager
def bounded(seconds: float = HANG) -> Iterator[None]:
    """End a block that takes longer, by this process' own time; in the main thread alone."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(*_: object) -> None:
        raise HangError(f"it takes more than {seconds} s")

    before = signal.signal(signal.SIGVTALRM, ring)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


_watching: list[list[str]] = []


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not _watching or _is_expected(event, arguments):
        return
    if event.startswith(STARTED) or (event == "open" and _is_written(arguments)):
        _watching[-1].append(f"{event} {str(arguments)[:100]}")
    elif event == "import" and _is_foreign(str(arguments[0])):
        _watching[-1].append(f"import {arguments[0]}")


def _is_expected(event: str, arguments: tuple[Any, ...]) -> bool:
    """Whether it is the folder of the input, or the child that reads HDF5 and its folder."""
    if event == "subprocess.Popen":
        return HDF5_CHILD in arguments[1]
    return bool(arguments) and str(arguments[0]).startswith(f"{gettempdir()}/")


def _is_written(arguments: tuple[Any, ...]) -> bool:
    mode = arguments[1]
    return isinstance(mode, str) and bool({*"wax+"} & {*mode})


def _is_foreign(module: str) -> bool:
    root = module.partition(".")[0]
    return root not in (OURS, *FRIENDS) and root not in sys.stdlib_module_names


FRIENDS = (
    "numpy",
    "PIL",
    "rich",
    "click",
    "platformdirs",
    "h5py",
    "pages",
    "markdown_it",
    "mdurl",
    "pygments",
)
sys.addaudithook(_hook)


@contextmanager
def watched() -> Iterator[list[str]]:
    """Every sign that something is run or written, while the block lasts."""
    seen: list[str] = []
    _watching.append(seen)
    try:
        yield seen
    finally:
        _watching.remove(seen)


def keep(kind: str, seed: int) -> Path:
    """Keep an input as a case, which is then read in every run of the tests."""
    data = KINDS[kind].make(random.Random(seed))
    path = CASES / f"{kind}-{seed}.json"
    path.write_text(json.dumps({"kind": kind, "data": base64.b64encode(data).decode()}) + "\n")
    return path


def case(path: Path) -> tuple[str, bytes]:
    """The kind and the input of a case."""
    found = json.loads(path.read_text())
    return found["kind"], base64.b64decode(found["data"])


if __name__ == "__main__":
    if "--keep" in sys.argv:
        print(keep(sys.argv[1], int(sys.argv[2])))
    else:
        sys.stdout.write(
            repr(KINDS[sys.argv[1]].make(random.Random(int(sys.argv[2])))[:2000]) + "\n"
        )
    fuzz(sys.argv[1], int(sys.argv[2]))
