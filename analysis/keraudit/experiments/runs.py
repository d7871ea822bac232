"""Folders of runs: found, set side by side over seeds, and published without weights or images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev

from keraudit.errors import KerauditError
from keraudit.experiments.record import Run, read_run


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """A number over n seeds; ``deviation`` is ``None`` for a single one."""

    mean: float
    deviation: float | None
    n: int

    def __str__(self) -> str:
        about = "" if self.deviation is None else f" +- {100 * self.deviation:.2f}"
        return f"{100 * self.mean:.2f}{about}"


def finished(root: Path) -> tuple[tuple[Path, Run], ...]:
    """Every finished run below a folder (or published records in it), by network and seed.

    Raises:
        KerauditError: there is no such folder, or a record in it is damaged.
    """
    if not root.is_dir():
        raise KerauditError(f"{root} is no folder of runs: keraudit train makes one")
    files = {*root.glob("*/run.json"), *root.glob("*.json")}
    found = [(path, read_run(path)) for path in sorted(files)]
    return tuple(sorted(found, key=lambda pair: (pair[1].network, pair[1].seed)))


def same_kind(runs: Sequence[Run]) -> Mapping[str, tuple[Run, ...]]:
    """Runs that differ in their seed alone, by network.

    Raises:
        KerauditError: two runs of a network differ in recipe or data: they are not to be averaged.
    """
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(run.network, []).append(run)
    for name, members in groups.items():
        first = members[0]
        for other in members[1:]:
            for what, a, b in (
                ("recipe", dict(first.recipe), dict(other.recipe)),
                ("dataset", first.dataset["fingerprint"], other.dataset["fingerprint"]),
            ):
                if a != b:
                    raise KerauditError(
                        f"the runs of {name} differ in their {what}: put them in folders of their own"
                    )
    return {name: tuple(members) for name, members in groups.items()}


def spread(values: Sequence[float]) -> Spread:
    """Mean and sample deviation.

    >>> str(spread([0.10, 0.12]))
    '11.00 +- 1.41'
    """
    return Spread(
        mean=fmean(values), deviation=stdev(values) if len(values) > 1 else None, n=len(values)
    )


def published(run: Run) -> dict[str, object]:
    """What the report publishes of a run: all of its record; weights and images are not in it."""
    return run.to_dict()


def name_of(run: Run) -> str:
    """The file name of a published run."""
    return f"{run.network.lower()}-{run.recipe['name']}-seed{run.seed}.json"
