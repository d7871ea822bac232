"""The page on reproducing: every record, what made it, and where it is shown; the changelog."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap

from mkdocs.exceptions import PluginError

from keraudit.output.csv_markdown import pipe_table
from keraudit.output.table import bare_grid
from keraudit.training.record import Run
from pages import (
    benchmarks,
    benchmarks_live,
    clipped_loss,
    crosscheck,
    deployment,
    faces,
    first_steps,
    held_out,
    identity,
    lesions,
    max_stable_learning_rate,
    precision,
    runs,
)
from pages.published import RESULTS, published_run
from records import applications, gradients, keras_hub, pictures, variance
from records.lesions import FOLDER as LESIONS
from records.notebook import NOTEBOOK

FOLDER = runs.FOLDER / runs.PLAN
FIRST = RESULTS / "plans" / "plain-cifar-20-he2015-seed0-first.json"
PLAN_FILE = (RESULTS / "plans" / f"{runs.PLAN}.json").as_posix()
# Records of gradients that the chapter itself does not draw.
IN_NOTES = {
    "resnet50-64-corners": "notes/gradient-cases.md",
    "inceptionv3-96": "notes/gradient-cases.md",
    **dict.fromkeys(gradients.WATCHED, "notes/gradients-in-training.md"),
}
WIDTH = 62  # of a command's line, without indent and backslash: the column is no wider
CHANGELOG = Path("CHANGELOG.md")
PAGES = Path("site")


def commands() -> list[tuple[str, str, str]]:
    """The page, the record and the command of everything that is measured beforehand."""
    cases = [
        (
            IN_NOTES.get(name, "gradients.md"),
            gradients.FOLDER / f"{name}.json",
            gradients.command(name),
        )
        for name in (*gradients.CASES, *gradients.WATCHED)
    ]
    others = [
        ("zoo.md", applications.PATH, applications.COMMAND),
        ("models/keras-hub.md", keras_hub.PATH, keras_hub.COMMAND),
        ("inception.md", variance.PATH, variance.COMMAND),
        ("crosscheck.md", crosscheck.PATH, "python analysis/benchmarks/crosscheck_all.py"),
        ("benchmarks.md", benchmarks.PATH, "make bench"),
        ("benchmarks.md", benchmarks.GRADIENTS, "make bench"),
        *(
            (
                "notes/tensorflow-fit.md" if path == benchmarks_live.FIT else "benchmarks.md",
                path,
                command,
            )
            for path, command in benchmarks_live.COMMANDS.items()
        ),
    ]
    for page, made in (
        ("notes/bfloat16.md", precision),
        ("notes/first-steps.md", first_steps),
        ("notes/curvature.md", max_stable_learning_rate),
        ("notes/clipped-cross-entropy.md", clipped_loss),
    ):
        found = made.record()
        command = f"{found['command']} --record {made.PATH.as_posix()}" if found else made.COMMAND
        others.append((page, made.PATH, command))
    found = faces.record()
    others.append(("faces.md", faces.PATH, found["command"] if found else faces.COMMAND))
    others.append(("notes/optimizer.md", held_out.FOLDER, held_out.COMMAND))
    others.append(("notes/moving-means.md", held_out.PATH, held_out.MEANS_COMMAND))
    others.append(("notes/clipped-cross-entropy.md", clipped_loss.FOLDER, clipped_loss.COMMANDS))
    others.append(("notes/lesions.md", LESIONS, lesions.COMMAND))
    others.append(("resnet.md", identity.PATH, identity.COMMAND))
    others.append(("cifar.md", pictures.PATH, pictures.COMMAND))
    others.append(("guide/class.md", deployment.PATH, deployment.COMMAND))
    others.append(("guide/five-minutes.md", NOTEBOOK, "python -m records.notebook"))
    publish = f"keraudit runs publish runs/NAME --to {runs.FOLDER.as_posix()}/NAME"
    trained = [("resnet.md", runs.FOLDER, publish)]
    return [(page, path.as_posix(), command) for page, path, command in (*cases, *others, *trained)]


def schedule_epochs() -> int:
    """The epochs of the plan's runs."""
    return runs.epochs(_of_the_plan()[0])


def twice() -> tuple[str, str]:
    """The training errors of the run of the plan that was made twice, in percent: the first and the one that is shown."""
    name = "plain-cifar-20-he2015-seed0"
    found = map(published_run, (FIRST, FOLDER / f"{name}.json"))
    errors = [run.evaluation["train_error"] for run in found if run is not None]
    return f"{100 * errors[0]:.1f} %", f"{100 * errors[-1]:.1f} %"


def schedule_commands() -> str:
    """What trained, evaluated and published each run of the plan, without the paths of a machine."""
    found = _of_the_plan()
    home = FOLDER.name
    evaluated = [
        str(run.evaluated["command"]).replace("keraudit evaluate ", f"keraudit evaluate {home}/")
        for run in found
        if run.evaluated
    ]
    publish = f"keraudit runs publish {home} --to {FOLDER.as_posix()}"
    lines = [*(run.command for run in found), *evaluated, publish]
    shown = "\n".join(f"$ {_wrapped(line)}" for line in lines)
    return f"```console\n{shown}\n```"


def _of_the_plan() -> Sequence[Run]:
    """The published runs in the plan's folder, shallow networks first.

    Raises:
        PluginError: there are none.
    """
    found = runs.runs(folder=FOLDER)
    if not found:
        raise PluginError(f"no record in {FOLDER}")
    return sorted(found, key=lambda run: (run.seed, run.network.endswith("56"), run.network))


def _wrapped(command: str) -> str:
    """A command on lines that fit the column.

    >>> _wrapped("keraudit train A --seeds 0")
    'keraudit train A --seeds 0'
    """
    lines = wrap(command, WIDTH, break_long_words=False, break_on_hyphens=False)
    return " \\\n    ".join(lines)


def listing() -> str:
    """Every record with its command; one that is not there is said so."""
    rows = [
        (
            f"[{_title_of(page)}](../{page})",
            path.removeprefix("site/results/"),
            command,
            "" if Path(path).exists() else "not here",
        )
        for page, path, command in commands()
    ]
    columns = {"page": "markdown", "record": "code", "made by": "code", "": "text"}
    return pipe_table(bare_grid(columns, rows))


def _title_of(page: str) -> str:
    """A page by its first heading, up to the colon that begins its claim."""
    lines = (PAGES / page).read_text("utf-8").splitlines()
    heading = next(line for line in lines if line.startswith("# "))
    return heading.removeprefix("# ").partition(":")[0]


def changelog() -> str:
    """The project's changelog."""
    return CHANGELOG.read_text("utf-8")
