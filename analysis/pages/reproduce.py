"""The page on reproducing: every record, what made it, and where it is shown; the changelog."""

from __future__ import annotations

from pathlib import Path

from keraudit.output.csv_markdown import pipe_table
from keraudit.output.table import bare_grid
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
from records import applications, gradients, keras_hub, pictures, variance
from records.lesions import FOLDER as LESIONS
from records.notebook import NOTEBOOK

CHANGELOG = Path("CHANGELOG.md")
PAGES = Path("site")


def commands() -> list[tuple[str, str, str]]:
    """The page, the record and the command of everything that is measured beforehand."""
    cases = [
        ("gradients.md", gradients.FOLDER / f"{name}.json", gradients.command(name))
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
