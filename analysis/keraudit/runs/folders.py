"""Folders of runs: found, set side by side over seeds, and published without weights or images."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from keraudit.errors import KerauditError
from keraudit.evaluation.evaluate import read_evaluation
from keraudit.output.files import save
from keraudit.output.json_text import json_text
from keraudit.output.stored import stored_json
from keraudit.runs.statistics import spread as spread  # taken from here by the explorer
from keraudit.runs.statistics import unlike
from keraudit.safe_text import file_name, harmless_data
from keraudit.training.callbacks import slim
from keraudit.training.record import DIVERGED, SCHEMA, Run, read_run


def finished(root: Path) -> tuple[tuple[Path, Run], ...]:
    """Every finished run below a folder (or published records in it), by network and seed.

    Raises:
        KerauditError: there is no such folder, or none in it; or a record in it is damaged.
    """
    if not root.is_dir():
        raise KerauditError(f"{root} is not a folder of runs: keraudit train makes one")
    files = records(root)
    if not files:
        below = sorted({str(path.parents[1]) for path in root.glob("*/*/run.json")})
        where = f"; there are some in {', '.join(below)}" if below else ""
        begun = f"; begun: {', '.join(unfinished(root))}" if unfinished(root) else ""
        raise KerauditError(f"no finished run in {root}{where}{begun}")
    runs = [(path, read_run(path)) for path in files]
    return tuple(sorted(runs, key=lambda pair: (pair[1].network.lower(), pair[1].seed)))


def records(root: Path) -> list[Path]:
    """The records of finished runs below a folder, and those that are published in it."""
    published = (path for path in sorted(root.glob("*.json")) if _may_be_run(path))
    return [*sorted(root.glob("*/run.json")), *published]


def _may_be_run(path: Path) -> bool:
    """Whether a JSON file is a run's record or a damaged one: neither a plan nor another record."""
    if path.name == "plan.json":
        return False
    try:
        schema = str(stored_json(path)["schema"])
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return True
    return schema.startswith(SCHEMA.partition("/")[0] + "/") or not schema.startswith("keraudit.")


def unfinished(root: Path) -> tuple[str, ...]:
    """Names of the runs below a folder that were begun and have not come to their end, or diverged."""
    begun = {path.parent for path in root.glob("*/config.json")}
    left = sorted(begun - {path.parent for path in root.glob("*/run.json")})
    return tuple(f"{path.name}{' (diverged)' * (path / DIVERGED).is_file()}" for path in left)


def with_evaluation(path: Path, run: Run) -> Run:
    """The run of ``path/run.json`` with what is kept beside it; one of a record as it is.

    That is its evaluation, and of its gradients what a record carries of them.

    Raises:
        KerauditError: the evaluation or the gradients are damaged.
    """
    if path.name != "run.json":
        return run
    if evaluated := read_evaluation(path.parent):
        run = replace(run, evaluated=evaluated.to_dict())
    full = path.with_name("gradients.json")
    if not full.is_file():
        return run
    try:
        return replace(run, gradients=slim(harmless_data(stored_json(full))))
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise KerauditError(f"{full} holds no gradients over a training ({error})") from None


def same_kind(runs: Sequence[Run]) -> Mapping[str, tuple[Run, ...]]:
    """Runs that differ in their seed alone, by network as first spelled; case makes no other one.

    Raises:
        KerauditError: two runs of a network differ in recipe, data or what their loss is taken from, or
            repeat a seed: they are not to be averaged.
    """
    spelled: dict[str, list[Run]] = {}
    for run in runs:
        spelled.setdefault(run.network.lower(), []).append(run)
    groups = {members[0].network: tuple(members) for members in spelled.values()}
    for name, members in groups.items():
        first = members[0]
        for other in members[1:]:
            for what, a, b in (
                ("recipe", first.recipe, other.recipe),
                ("dataset", first.dataset["fingerprint"], other.dataset["fingerprint"]),
                ("loss", first.loss, other.loss),
            ):
                if a != b:
                    raise KerauditError(
                        f"the runs of {name} differ in their {what}: put them in folders of their own"
                    )
        seeds = [run.seed for run in members]
        for seed in seeds:
            if seeds.count(seed) > 1:
                raise KerauditError(
                    f"{name} has {seeds.count(seed)} runs of seed {seed}, which count once: leave one"
                    " of them here"
                )
    return groups


def published(run: Run, note: str) -> dict[str, object]:
    """What the report publishes of a run: its record and its evaluation, without folders' paths.

    Weights and images are not in either.
    """
    record = run.to_dict() | {"command": without_paths(run.command), "note": note}
    if evaluation := run.evaluated:
        record["evaluated"] = {
            **evaluation,
            "command": without_paths(str(evaluation.get("command", ""))),
        }
    return record


def without_paths(command: str) -> str:
    """A command without where its files lay: of a path its last part is left.

    A text that cannot be parsed as a command line is dropped, for it might hold a path.

    >>> without_paths("keraudit train ResNet-CIFAR-20 --data /home/me/cifar10 --runs=a/b")
    'keraudit train ResNet-CIFAR-20 --data cifar10 --runs=b'
    """
    try:
        parts = shlex.split(command)
    except ValueError:  # a quotation that has no end
        return ""
    words = []
    for word in parts:
        option, equals, value = word.rpartition("=") if word.startswith("-") else ("", "", word)
        words.append(option + equals + (value.rstrip("/\\").replace("\\", "/").split("/")[-1]))
    return shlex.join(words)


def publish(root: Path, target: Path, *, note: str | None = None) -> tuple[Path, ...]:
    """Write the published record of every finished run below ``root`` to ``target``, with a note.

    Without one, a record that is written anew keeps the note that it had.

    Raises:
        KerauditError: two runs would get the same name, or ``target`` holds another run of that name;
            nothing is written.
    """
    texts = {}
    for path, (source, run) in _targets(root, target).items():
        before = read_run(path).note if path.is_file() else ""
        label = (run.note or before) if note is None else note
        texts[path] = json_text(published(with_evaluation(source, run), label)) + "\n"
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise KerauditError(f"cannot make {target}: {error.strerror or error}") from None
    for path, text in texts.items():
        save(path, text)
    return tuple(texts)


def _targets(root: Path, target: Path) -> Mapping[Path, tuple[Path, Run]]:
    """Where each finished run below ``root`` is published, with its source.

    Raises:
        KerauditError: a record would be written over that of another run.
    """
    targets: dict[Path, tuple[Path, Run]] = {}
    for source, run in finished(root):
        path = target / name_of(run)
        if path.is_symlink():
            raise KerauditError(f"{path} is a link to elsewhere, and no record: remove it")
        if path in targets:
            raise KerauditError(
                f"{targets[path][0]} and {source} would both be {path}: publish each from a folder of"
                " its own to a folder of its own"
            )
        if path.is_file() and (what := _identifying_fields(read_run(path), run)):
            raise KerauditError(
                f"{path} is another run than {source}, they differ in {', '.join(what)}: publish to"
                " a folder of its own"
            )
        targets[path] = source, run
    return targets


def _identifying_fields(one: Run, other: Run) -> tuple[str, ...]:
    """What makes two records those of different runs."""
    apart = {
        "network": one.network.lower() != other.network.lower(),
        "seed": one.seed != other.seed,
    }
    return (*(key for key, is_apart in apart.items() if is_apart), *unlike([one, other]))


def name_of(run: Run) -> str:
    """The file name of a published run, whatever its record says that it is called."""
    return file_name(f"{run.network.lower()}-{run.recipe['name']}-seed{run.seed}") + ".json"
