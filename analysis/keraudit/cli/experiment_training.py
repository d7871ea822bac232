"""The runs of an experiment: trained one after another in this process, or as Ray tasks."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keraudit.cli.options import command_line, notify, warn
from keraudit.safe_text import file_name

if TYPE_CHECKING:
    from keraudit.data.dataset import Dataset
    from keraudit.runs.experiment import Plan
    from keraudit.runs.ray_executor import Job
    from keraudit.training.recipe import Recipe


def folder_of(plan: Plan, folder: Path, name: str, seed: int) -> Path:
    return folder / file_name(f"{name.lower()}-{plan.recipe['name']}-seed{seed}")


def train_here(
    plan: Plan, recipe: Recipe, part: Dataset, folder: Path, settings: Mapping[str, Any]
) -> list[str]:
    """Train every run that is not finished; what diverged is told at the end, the others go on."""
    from keraudit.cli.progress import Progress
    from keraudit.cli.train import summary
    from keraudit.training.train import DivergedError, train

    failed = []
    homes = {run: folder_of(plan, folder, *run) for run in plan.runs}
    todo = [run for run, home in homes.items() if not (home / "run.json").is_file()]
    work = _macs_of({name for name, _ in todo}, recipe, part)
    for number, (name, seed) in enumerate(todo, 1):
        home = homes[name, seed]
        label = f"{plan.runs.index((name, seed)) + 1}/{len(plan.runs)} {name} seed {seed}"
        following = sum(work[other] for other, _ in todo[number:]) / work[name]
        try:
            with Progress(label, recipe.batch, following=following) as progress:
                run = train(
                    name,
                    part,
                    recipe,
                    seed=seed,
                    folder=home,
                    watch=progress.show,
                    budget=plan.budget,
                    command=command_line(),
                    **settings,
                )
        except DivergedError as error:
            failed.append(f"{name} seed {seed}: {error}")
            warn(failed[-1])
        else:
            warn(summary(run, home))
    return failed


def train_on_ray_cluster(
    plan: Plan,
    recipe: Recipe,
    part: Dataset,
    folder: Path,
    settings: Mapping[str, Any],
    *,
    address: str | None,
) -> list[str]:
    """Train every run that is not finished as a Ray task; messages of those that diverged."""
    from keraudit.cli.train import summary
    from keraudit.runs.ray_executor import Job, train_on_ray
    from keraudit.training.record import read_run

    failed: list[str] = []
    homes = {run: folder_of(plan, folder, *run) for run in plan.runs}
    jobs = [
        Job(network=name, seed=seed, folder=home)
        for (name, seed), home in homes.items()
        if not (home / "run.json").is_file()
    ]

    def finished(job: Job) -> None:
        warn(summary(read_run(job.folder), homes[job.network, job.seed]))

    def diverged(job: Job, message: str) -> None:
        failed.append(f"{job.label}: {message}")
        warn(failed[-1])

    if jobs:
        notify(f"{len(jobs)} runs as Ray tasks on {address or 'this machine'}")
        board = settings["board"]
        train_on_ray(
            jobs,
            part,
            recipe,
            address=address,
            finished=finished,
            diverged=diverged,
            budget=plan.budget,
            command=command_line(),
            **{**settings, "board": board and board.absolute()},
        )
    return failed


def _macs_of(networks: Collection[str], recipe: Recipe, part: Dataset) -> Mapping[str, int]:
    """The work of a step of each network, to tell from one how long the others will take."""
    from keraudit.training.networks import network
    from keraudit.training.throughput import training_macs

    if len(networks) == 1:  # nothing to set it beside
        return dict.fromkeys(networks, 1)
    shape, classes = part.image_shape, len(part.classes)
    fresh = replace(recipe, weights=None)  # nothing is downloaded to count
    return {
        name: training_macs(network(name, classes=classes, shape=shape, recipe=fresh))
        for name in networks
    }
