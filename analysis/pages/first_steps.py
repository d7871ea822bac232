"""What the CIFAR-10 page shows of the first steps: what the learning rate and the precision do to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from keraudit.output.table import bare_grid
from pages import runs
from pages.figures import drawn_by_script
from pages.markdown import made, note, numbers
from pages.published import RESULTS, missing, published
from pages.step_figure import first_steps, setting

PATH = RESULTS / "benchmark-first-steps.json"
SCHEMA = "keraudit.first-steps/1"
COMMAND = f"python analysis/research/first_steps.py --record {PATH.as_posix()}"
LAST = 20  # steps at the end, of which the table holds the mean


def record() -> Mapping[str, Any] | None:
    return published(PATH, SCHEMA)


def results() -> str:
    """A row for each network and setting: loss and accuracy at the end."""
    found = record()
    if found is None:
        return missing(PATH, COMMAND)
    grid = bare_grid(
        {
            "network": "code",
            "rate": "{:g}",
            "precision": "text",
            "loss": "{:.2f}",
            "accuracy": "share",
        },
        [
            (
                run["network"],
                run["learning_rate"],
                run["precision"].removeprefix("mixed_"),
                ended(run["loss"]),
                ended(run["accuracy"]),
            )
            for run in found["runs"]
        ],
    )
    text = (
        f"Training batches, mean over the last {LAST} of {len(found['runs'][0]['loss'])} steps. Guessing has a loss of 2.30"
        " and an accuracy of 10 %."
    )
    return f"{numbers(grid)}\n\n{note(text)}\n\n{made(origin(found), badges(found))}"


def origin(found: Mapping[str, Any]) -> str:
    """Where the record is from."""
    return (
        f"{found['dataset']['name']}, batch {found['batch']}, images enlarged to"
        f" {found['size']}x{found['size']}, recipe modern but for the rate, seed {found['seed']},"
        f" {found['date']}. {found['machine']['processor']}, {found['machine']['cores']} cores;"
        f" {', '.join(f'{name} {version}' for name, version in found['versions'].items())}. Made by"
        f" `{found['command']}`."
    )


def badges(found: Mapping[str, Any]) -> tuple[str, ...]:
    words = ("1 seed", f"{len(found['runs'][0]['loss'])} steps")
    return (*words, f"{found['machine']['cores']} CPU cores", runs.data_name(found["dataset"]))


def ended(values: Sequence[float]) -> float:
    return fmean(values[-LAST:])


def figure() -> str:
    """The loss of each setting, a panel for each network."""
    found = record()
    if found is None:
        return ""
    settings = ", ".join(dict.fromkeys(map(setting, found["runs"])))
    names = " and ".join(dict.fromkeys(run["network"] for run in found["runs"]))
    return drawn_by_script(
        first_steps(found["runs"]),
        label=f"Line chart of the loss over the first steps of {names} at {settings}",
        caption=f"Mean of five steps. Warm-up over {found['warmup_steps']} steps, then constant. Same weights, images,"
        " order and crops.",
        made=origin(found),
        badges=badges(found),
    )
