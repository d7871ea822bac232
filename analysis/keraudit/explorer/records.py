"""Records on this machine that pages show: gradients that were measured, runs that were trained."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from keraudit.errors import KerauditError
from keraudit.evaluation.evaluate import FILE as EVALUATION
from keraudit.explorer.places import without_folders
from keraudit.explorer.start import RUNS_VARIABLE
from keraudit.output.numbers import mebibytes
from keraudit.runs.folders import records, spread, with_evaluation
from keraudit.safe_text import harmless, harmless_data
from keraudit.training.record import Run, read_run

GRADIENTS, OVER_TRAINING = "keraudit.gradients/1", "keraudit.gradients-over-training/1"
LARGEST_RECORD = 64 * 2**20  # bytes


def results() -> tuple[Path, ...]:
    """Folders of published records: of the working directory, and of the checkout the code is in."""
    places = (Path.cwd(), Path(__file__).parents[3])
    found = dict.fromkeys((place / "site" / "results").resolve() for place in places)
    return tuple(path for path in found if path.is_dir())


def gradient_records() -> dict[str, Path]:
    """Records of gradients by name."""
    files = (path for folder in results() for path in sorted((folder / "gradients").glob("*.json")))
    return {harmless(path.stem): path for path in files}


def _run_folders() -> tuple[Path, ...]:
    """Where runs are looked for: the folder named at the start, else ``runs`` and the report's."""
    if named := os.environ.get(RUNS_VARIABLE):
        return (Path(named),)
    places = (Path.cwd() / "runs", *(folder / "runs" for folder in results()))
    return tuple(path for path in dict.fromkeys(places) if path.is_dir())


def record(path: Path, *schemas: str) -> Mapping[str, Any]:
    """A record, read anew when its file changes.

    Raises:
        KerauditError: it is damaged, or something else.
    """
    try:
        stamp = path.stat()
        if stamp.st_size > LARGEST_RECORD:
            raise KerauditError(f"{path.name} is larger than {mebibytes(LARGEST_RECORD)}")
        found = _parsed(path, stamp.st_mtime_ns)
    except (OSError, ValueError, RecursionError) as error:
        raise KerauditError(f"{path.name} is damaged: {error}") from None
    if not isinstance(found, dict) or found.get("schema") not in schemas:
        raise KerauditError(f"{path.name} is not a record of {' or '.join(schemas)}")
    return found


@lru_cache(maxsize=32)
def _parsed(path: Path, _written: int) -> Any:
    return harmless_data(json.loads(path.read_text("utf-8")))


class FinishedRun(NamedTuple):
    """A finished run and where it is kept: its folder, or the file of a published record."""

    name: str
    place: Path
    run: Run


class Runs(NamedTuple):
    """Runs by name, and one line for each record that could not be read."""

    found: dict[str, FinishedRun]
    problems: tuple[str, ...]


def runs() -> Runs:
    """Every finished run of the folders that are looked at."""
    found: dict[str, FinishedRun] = {}
    problems = []
    for folder in _run_folders():
        for path in records(folder):
            name = harmless(path.parent.name if path.name == "run.json" else path.stem)
            try:
                run = _run_at(path, *written(path))
                _check_history(run)
            except (KerauditError, OSError) as error:
                problems.append(without_folders(str(error)))
                continue
            place = path.parent if path.name == "run.json" else path
            found.setdefault(name, FinishedRun(name, place, run))
    return Runs(found, tuple(problems))


def written(path: Path) -> tuple[int, int]:
    """When a record, and the evaluation beside it, were written last."""
    evaluation = path.parent / EVALUATION
    is_there = path.name == "run.json" and evaluation.is_file()
    return path.stat().st_mtime_ns, evaluation.stat().st_mtime_ns if is_there else 0


@lru_cache(maxsize=512)
def _run_at(path: Path, _written: int, _evaluated: int) -> Run:
    return with_evaluation(path, read_run(path))


def _check_history(run: Run) -> None:
    """Refuse a record whose numbers are none: a page draws them."""
    try:
        for row in run.history:
            for key in ("epoch", "loss", "accuracy", "test_loss", "test_accuracy", "seconds"):
                float(row[key])
        for key in ("train_error", "test_error", "gap"):
            float(run.evaluation[key])
        str(run.dataset["fingerprint"]), str(run.recipe["name"])
    except (KeyError, TypeError, ValueError) as error:
        raise KerauditError(f"a record of {run.network} is damaged ({error!r})") from None


def groups(found: Iterable[Run]) -> dict[str, list[Run]]:
    """Runs that differ in their seed alone, by network, recipe and, where needed, data."""
    kinds: dict[tuple[str, ...], list[Run]] = {}
    for run in found:
        recipe = json.dumps(run.recipe, sort_keys=True, default=str)
        kinds.setdefault((run.network, recipe, str(run.dataset["fingerprint"])), []).append(run)
    named: dict[str, list[Run]] = {}
    for members in kinds.values():
        first = members[0]
        name = f"{first.network}, {first.recipe['name']}"
        if name in named:
            name += f" ({first.dataset['fingerprint'][:6]}, {len(first.history)} epochs)"
        while name in named:
            name += "'"
        named[name] = sorted(members, key=lambda run: run.seed)
    return named


def recorded_errors() -> dict[str, str]:
    """The mean test error of each network over the seeds of its most repeated training."""
    best: dict[str, list[Run]] = {}
    for members in groups(one.run for one in runs().found.values()).values():
        if len(members) > len(best.get(members[0].network, [])):
            best[members[0].network] = members
    return {
        network: f"{spread([run.evaluation['test_error'] for run in members])} %,"
        f" {len(members)} of {members[0].recipe['name']}"
        for network, members in best.items()
    }
