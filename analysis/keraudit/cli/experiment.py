"""``keraudit experiment``: an experiment from its plan to published records, in one command."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from keraudit.cli.command import Command, headed
from keraudit.cli.experiment_training import folder_of, train_here, train_on_ray_cluster
from keraudit.cli.extras import require
from keraudit.cli.options import command_line, notify, output_options, warn
from keraudit.cli.training_options import (
    STOPPED,
    backend_option,
    data_option,
    evaluation_options,
    fraction_option,
    recipe_options,
    run_options,
    seeds_option,
)
from keraudit.cli.values import Choice, NameOf
from keraudit.model.fuzzy import suggestion
from keraudit.safe_text import harmless

if TYPE_CHECKING:
    from keraudit.data.dataset import Dataset
    from keraudit.evaluation.evaluate import Evaluation
    from keraudit.runs.experiment import Plan
    from keraudit.training.deadline import Deadline
    from keraudit.training.record import Run

PUBLISHED = "published"
EXECUTORS = ("local", "ray")
FEW = 500  # test images that are corrupted where only a fraction is trained


@click.command(
    "experiment",
    cls=Command,
    short_help="Run a whole experiment: plan, train, evaluate, publish.",
    fails=STOPPED,
)
@click.argument(
    "experiment",
    metavar="[NAME]",
    required=False,
    type=NameOf("experiment", "keraudit.runs.experiment:EXPERIMENTS"),
)
@headed("Data", data_option("As for keraudit train."))
@headed(
    "Run",
    click.option(
        "--network",
        "networks",
        multiple=True,
        metavar="NAME",
        help="This network only. Repeatable.",
    ),
    seeds_option,
    fraction_option(
        "Fraction of the full training (epochs x images): fewer epochs first, then fewer images,"
        " without the most expensive networks; recorded."
    ),
    click.option(
        "--runs",
        type=click.Path(path_type=Path),
        metavar="FOLDER",
        help="Folder of the plan, the runs and the records; an existing one is resumed.  [default:"
        " runs/NAME]",
    ),
    backend_option,
)
@headed(
    "Executor",
    click.option(
        "--executor",
        type=Choice(EXECUTORS),
        default="local",
        show_default=True,
        help="Train the runs one after another in this process, or as Ray tasks.",
    ),
    click.option(
        "--address",
        metavar="HOST:PORT",
        help="Address of a running Ray cluster, or auto; all its nodes must share FOLDER."
        "  [default: this machine's own cores]",
    ),
)
@run_options
@recipe_options
@evaluation_options
@output_options
def command(
    experiment: str | None,
    spec: str,
    fraction: float,
    seeds: tuple[int, ...],
    networks: tuple[str, ...],
    corruption_images: int | None,
    human: Path | None,
    originals: Path | None,
    backend: str | None,
    devices: int,
    device_images: int | None,
    gradients_every: int | None,
    board: Path | None,
    stop_after: float | None,
    runs: Path | None,
    executor: str,
    address: str | None,
    form: str,
    output: Path | None,
    **changes: Any,
) -> int:
    """Run an experiment: plan, train, evaluate and publish; without NAME, list them.

    \b
    keraudit experiment
    keraudit experiment degradation --backend jax --seeds 0,1,2
    keraudit experiment degradation --fraction 0.002 --data DIR
    keraudit experiment degradation --seeds 0,1,2 --executor ray

    The plan is written to plan.json before the first step. Interrupt at any time; the same command
    resumes. At the end a summary is shown, and the records of all runs with their evaluations are in
    FOLDER/published.
    """
    from keraudit.runs.experiment import EXPERIMENTS

    if experiment is None:
        _list_experiments(form, output)
        return 0
    if experiment not in EXPERIMENTS:
        raise click.UsageError(
            f"{experiment!r} is not an experiment: {suggestion(experiment, EXPERIMENTS)}"
        )
    if address and executor != "ray":
        raise click.UsageError("--address is of a Ray cluster: add --executor ray")
    if stop_after and executor == "ray":
        raise click.UsageError("--stop-after is for one process: leave --executor ray out")
    from keraudit.reading.keras_worker import use_backend
    from keraudit.training.deadline import Deadline, TimeIsUpError

    require("train")
    if executor == "ray":
        require("ray")
    deadline = Deadline(stop_after) if stop_after else None
    use_backend(backend)

    from keraudit.cli.quiet import started
    from keraudit.data.cifar10h import human_labels
    from keraudit.data.cifar10h import originals as original_images
    from keraudit.data.load import load
    from keraudit.runs.experiment import planned, written_down
    from keraudit.runs.experiment_table import plan_text
    from keraudit.training.networks import network as known
    from keraudit.training.networks import sized

    started(is_repeatable=True)
    plan, recipe, part = planned(
        experiment,
        load(spec),
        budget=fraction,
        seeds=seeds,
        networks=networks,
        command=command_line(),
        **changes,
    )
    if human:  # what does not fit is told before hours of training
        human_labels(human, part.test, len(part.classes))
    if originals:
        original_images(originals, part.test)
    for name in plan.networks:
        sized(recipe, name)
    for name in networks:  # an unknown one is told before the others take their time
        known(name, classes=len(part.classes), shape=part.image_shape, recipe=recipe)
    folder = runs or Path("runs") / experiment
    is_resumed = written_down(folder, plan)
    text = plan_text(plan, str(folder / "plan.json"), is_resumed=is_resumed)
    click.echo(harmless(text, lines=True), err=True)
    settings = {
        "devices": devices,
        "device_images": device_images,
        "gradients_every": gradients_every,
        "board": board,
        "deadline": deadline,
    }
    trained = partial(train_on_ray_cluster, address=address) if executor == "ray" else train_here
    try:
        failed = trained(plan, recipe, part, folder, settings)
        if len(failed) == len(plan.runs):
            raise click.ClickException(f"every run diverged; the first: {failed[0]}")
        evaluated(
            plan,
            part,
            folder,
            images=corruption_images,
            human=human,
            originals=originals,
            deadline=deadline,
        )
    except TimeIsUpError as stopped:
        warn(str(stopped))
        return 1
    summary(plan, folder, failed, form, output)
    return 0


def _list_experiments(form: str, output: Path | None) -> None:
    from keraudit.cli.emit import emit
    from keraudit.runs.experiment import EXPERIMENTS
    from keraudit.runs.experiment_table import experiments_grid

    grid = experiments_grid(EXPERIMENTS.values(), command=command_line())
    data = {
        "schema": "keraudit.experiments/1",
        "experiments": [
            {"name": e.name, "claim": e.claim, "networks": list(e.networks), "recipe": e.recipe}
            for e in EXPERIMENTS.values()
        ],
    }
    emit([grid], [data], form=form, output=output)


def evaluated(
    plan: Plan,
    part: Dataset,
    folder: Path,
    *,
    images: int | None,
    human: Path | None,
    originals: Path | None,
    deadline: Deadline | None,
) -> None:
    """Evaluate every finished run that has no such evaluation yet.

    ``images`` of its test are corrupted; by default ``FEW`` where only a fraction is trained.

    Raises:
        TimeIsUpError: the next one would not end in time.
    """
    from keraudit.evaluation.evaluate import evaluate, keep, read_evaluation
    from keraudit.evaluation.load import load_run as network_of
    from keraudit.training.deadline import TimeIsUpError
    from keraudit.training.record import read_run

    for name, seed in plan.runs:
        home = folder_of(plan, folder, name, seed)
        if not (home / "run.json").is_file():
            continue
        evaluation = read_evaluation(home)
        if evaluation and answers(
            evaluation, read_run(home), part, images=images, human=human, originals=originals
        ):
            continue
        few = None if plan.budget == 1 else min(FEW, len(part.test))
        if deadline and deadline.is_too_late():
            raise TimeIsUpError(
                f"{home}: time is up before its evaluation; the same command resumes"
            )
        number = f"{plan.runs.index((name, seed)) + 1}/{len(plan.runs)}"
        notify(f"{number} {name} seed {seed}: evaluation")
        begin = time.perf_counter()
        evaluation = evaluate(
            network_of(home, part),
            corruption_images=few if images is None else images,
            watch=partial(_report_stage, f"{number} {name} seed {seed}"),
            command=command_line(),
            human_file=human,
            originals_file=originals,
        )
        if more := keep(home, evaluation):
            warn(f"{home}: the evaluation from before is kept, for it has {more}")
        if deadline:
            deadline.count(time.perf_counter() - begin)


def _report_stage(label: str, stage: str) -> None:
    notify(f"{label}: {stage}")


def answers(
    evaluation: Evaluation,
    run: Run,
    part: Dataset,
    *,
    images: int | None,
    human: Path | None,
    originals: Path | None,
) -> bool:
    """Whether an evaluation is of this run and these test images, and has all that is asked for."""
    return (
        evaluation.train_accuracy == run.evaluation["train"]["accuracy"]
        and evaluation.dataset["fingerprint"] == part.fingerprint
        and (images is None or evaluation.corruption_images == min(images, len(part.test)))
        and (human is None or evaluation.human is not None)
        and (originals is None or (evaluation.originals or {}).get("correct") is not None)
    )


def summary(plan: Plan, folder: Path, failed: list[str], form: str, output: Path | None) -> None:
    """Publish the records and show what was found."""
    from keraudit.cli.emit import emit
    from keraudit.output.files import save
    from keraudit.output.json_text import json_text
    from keraudit.runs.experiment import FILE, findings, written_plan
    from keraudit.runs.experiment_table import findings_grid
    from keraudit.runs.folders import publish, same_kind, with_evaluation, without_paths
    from keraudit.runs.table import (
        comparison_data,
        comparison_grid,
        differences_grid,
        paired_grid,
    )
    from keraudit.training.record import read_run

    files = [folder_of(plan, folder, name, seed) / "run.json" for name, seed in plan.runs]
    runs = [with_evaluation(file, read_run(file)) for file in files if file.is_file()]
    publish(folder, folder / PUBLISHED)
    plan_record = written_plan(folder)  # as it was before the first step
    plan_record |= {"command": without_paths(str(plan_record.get("command", "")))}
    save(folder / PUBLISHED / FILE, json_text(plan_record) + "\n")
    notify(f"{len(runs)} records in {folder / PUBLISHED}")
    groups = same_kind(runs)
    results = findings(groups) if plan.experiment == "degradation" else ()
    grids = [
        comparison_grid(groups, command=command_line()),
        findings_grid(plan, results, failed),
    ]
    if len(groups) > 1:
        grids.insert(1, differences_grid(groups, command=command_line()))
    if (pairs := paired_grid(groups, command=command_line())).lines:
        grids.insert(2, pairs)
    data = {
        **comparison_data(groups),
        "schema": "keraudit.experiment/1",
        "plan": plan_record,
        "findings": [
            {"sentence": f.sentence, "holds": f.holds, "evidence": f.evidence} for f in results
        ],
        "diverged": failed,
    }
    emit(grids[:1] if form == "csv" else grids, [data], form=form, output=output)
