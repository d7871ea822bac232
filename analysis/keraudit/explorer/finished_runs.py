"""Finished training runs on this machine: those of the user, and of the report those worth a comparison."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from keraudit.errors import KerauditError
from keraudit.evaluation.evaluate import FILE as EVALUATION
from keraudit.explorer.places import without_folders
from keraudit.explorer.records import results
from keraudit.explorer.start import RUNS_VARIABLE
from keraudit.output.numbers import counted
from keraudit.runs.folders import records, spread, with_evaluation
from keraudit.safe_text import harmless
from keraudit.training.record import Run, read_run

# What tells runs of one network and recipe apart, the first that matter to a reader.
QUALITIES: tuple[Callable[[Run], str], ...] = (
    lambda run: f"{len(run.history)} epochs",
    lambda run: str(run.recipe.get("optimizer", "")),
    lambda run: f"batch {run.recipe.get('batch')}",
    lambda run: f"learning rate {run.recipe.get('learning_rate')}",
    lambda run: f"{run.dataset.get('train_images', 0):,} images",
    lambda run: f"data {str(run.dataset['fingerprint'])[:6]}",
)


def _run_folders() -> tuple[Path, ...]:
    """Where the user's runs are looked for: the folder named at the start, else ``runs``."""
    named = Path(os.environ.get(RUNS_VARIABLE) or Path.cwd() / "runs")
    return (named,) if named.is_dir() else ()


def _published_folders() -> tuple[Path, ...]:
    """Folders of runs that the report shows, where the start named no other folder."""
    if os.environ.get(RUNS_VARIABLE):
        return ()
    roots = [folder / "runs" for folder in results()]
    return tuple(f for root in roots for f in (root, *sorted(root.glob("*"))) if f.is_dir())


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
    """The user's finished runs, and those of the report that saw all of their training images."""
    own, problems = _read(_run_folders())
    published, more = _read(_published_folders())
    most: dict[str, int] = {}
    for one in published:
        data = one.run.dataset
        most[_source(one.run)] = max(most.get(_source(one.run), 0), int(data["train_images"]))
    whole = [one for one in published if one.run.dataset["train_images"] == most[_source(one.run)]]
    found: dict[str, FinishedRun] = {}
    for one in (*own, *whole):
        found.setdefault(one.name, one)
    return Runs(found, (*problems, *more))


def _source(run: Run) -> str:
    return str(run.dataset.get("source"))


def _read(folders: Sequence[Path]) -> tuple[list[FinishedRun], list[str]]:
    """The runs in some folders, and a line for each that cannot be read."""
    found, problems = [], []
    for folder in folders:
        start = f"{folder.name}/" if folder.parent.name == "runs" else ""  # a part of the report's
        for path in _records(folder, _listing(folder)):
            name = harmless(path.parent.name if path.name == "run.json" else path.stem)
            try:
                run = _run_at(path, *written(path))
                _check_history(run)
            except (KerauditError, OSError) as error:
                problems.append(without_folders(str(error)))
                continue
            place = path.parent if path.name == "run.json" else path
            found.append(FinishedRun(start + name, place, run))
    return found, problems


def _listing(folder: Path) -> tuple[tuple[str, int], ...]:
    """The files of a folder that may be records, and when they were written."""
    files = (*folder.glob("*.json"), *folder.glob("*/run.json"))
    # a link to nothing, and what is removed meanwhile, is none
    return tuple(sorted((str(path), path.stat().st_mtime_ns) for path in files if path.is_file()))


@lru_cache(maxsize=64)
def _records(folder: Path, _listing: tuple[tuple[str, int], ...]) -> list[Path]:
    return records(folder)


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
    """Runs that differ in their seed alone, by network, recipe and what else tells them apart."""
    kinds: dict[tuple[str, ...], list[Run]] = {}
    for run in found:
        recipe = json.dumps(run.recipe, sort_keys=True, default=str)
        kinds.setdefault((run.network, recipe, str(run.dataset["fingerprint"])), []).append(run)
    alike: dict[str, list[list[Run]]] = {}
    for members in kinds.values():
        first = members[0]
        alike.setdefault(f"{first.network}, {first.recipe['name']}", []).append(members)
    named: dict[str, list[Run]] = {}
    for name, several in alike.items():
        words = _told_apart([members[0] for members in several])
        for members, more in zip(several, words, strict=True):
            full = ", ".join((name, *more))
            while full in named:
                full += "'"
            named[full] = sorted(members, key=lambda run: run.seed)
    return named


def _told_apart(found: Sequence[Run]) -> list[tuple[str, ...]]:
    """For each run the fewest words that no other has; only what differs is said."""
    words: list[tuple[str, ...]] = [() for _ in found]
    for quality in QUALITIES:
        if len(set(words)) == len(found):
            break
        said = [quality(run) for run in found]
        if len(set(said)) > 1:
            words = [(*before, word) for before, word in zip(words, said, strict=True)]
    return words


def matching(found: Iterable[FinishedRun], text: str) -> dict[str, FinishedRun]:
    """The runs with all words of a text in their name, network, recipe or data."""
    wanted = text.lower().split()
    return {one.name: one for one in found if all(word in _said(one) for word in wanted)}


def _said(one: FinishedRun) -> str:
    run = one.run
    parts = (one.name, run.network, run.recipe["name"], run.recipe.get("optimizer"), run.date)
    return " ".join(map(str, (*parts, run.dataset.get("name")))).lower()


def recorded_errors() -> dict[str, str]:
    """The mean test error of each network over the seeds of its most repeated training."""
    best: dict[str, list[Run]] = {}
    for members in groups(one.run for one in runs().found.values()).values():
        if len(members) > len(best.get(members[0].network, [])):
            best[members[0].network] = members
    return {network: _error_of(members) for network, members in best.items()}


def _error_of(members: Sequence[Run]) -> str:
    error = str(spread([run.evaluation["test_error"] for run in members])).replace("+-", "±")
    return f"{error} %, {counted(len(members), 'run')} of recipe {members[0].recipe['name']}"
