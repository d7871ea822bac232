"""What the ResNet page shows of clipped cross-entropy: the first steps, and whole runs compared with their twins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from keraudit.output.palette import BLUE, VERMILION
from keraudit.output.table import bare_grid
from keraudit.runs.statistics import spread
from keraudit.training.record_check import LOGITS
from pages import run_tables, runs
from pages.figures import drawn_by_script
from pages.markdown import made, note, numbers, typeset
from pages.published import RESULTS, missing, published
from pages.step_figure import step_losses

PATH = RESULTS / "benchmark-clipped-loss.json"
SCHEMA = "keraudit.clipped-loss/1"
COMMAND = f"python analysis/research/clipped_loss.py --record {PATH.as_posix()}"
FOLDER = RESULTS / "clipped"  # records of runs with such a loss, which stand nowhere else
# What made them: the trainer of that time, for it takes no such loss any more.
COMMANDS = "each record's own command, at the revision that it names"
DRAWN = ("ResNet-CIFAR-20", "ResNet-CIFAR-56")
LAST = 20  # steps at the end, of which the table holds the mean
LOSSES = {False: "from logits", True: "clipped"}


def record() -> Mapping[str, Any] | None:
    return published(PATH, SCHEMA)


def results() -> str:
    """A row for each network: how many images are below, and where either loss leads."""
    found = record()
    if found is None:
        return missing(PATH, COMMAND)
    rows = []
    for network in dict.fromkeys(run["network"] for run in found["runs"]):
        by_loss = {clipped: alike(found["runs"], network, clipped) for clipped in LOSSES}
        worst = max(map(fmean, zip(*(run["below"] for run in by_loss[False]), strict=True)))
        ends = [
            typeset(
                spread([fmean(run["loss_of_logits"][-LAST:]) for run in by_loss[clipped]]).text(1)
            )
            for clipped in LOSSES
        ]
        rows.append((network, worst, *ends))
    grid = bare_grid(
        {
            "network": "code",
            "below, at worst": "share",
            "loss, from logits": "number",
            "loss, clipped": "number",
        },
        rows,
    )
    text = (
        "Below: share of a batch whose class has a probability below 1e-7, in the step with the most of them. Loss:"
        f" computed from logits for both, over the last {LAST} of {len(found['runs'][0]['below'])} steps. Mean and"
        f" standard deviation over seeds {seeds(found)}."
    )
    return f"{numbers(grid)}\n\n{note(text)}\n\n{made(origin(found), badges(found))}"


def origin(found: Mapping[str, Any]) -> str:
    """Where the record is from."""
    return (
        f"{found['dataset']['name']}, recipe {found['recipe']}, {found['date']}."
        f" {found['machine']['processor']}, {found['machine']['cores']} cores;"
        f" {', '.join(f'{name} {version}' for name, version in found['versions'].items())}. Made by"
        f" `{found['command']}`."
    )


def badges(found: Mapping[str, Any]) -> tuple[str, ...]:
    count, steps = len({run["seed"] for run in found["runs"]}), len(found["runs"][0]["below"])
    words = (f"{count} seed{'s' * (count > 1)}", f"{steps} steps")
    return (*words, f"{found['machine']['cores']} CPU cores", runs.data_name(found["dataset"]))


def alike(
    found: Sequence[Mapping[str, Any]], network: str, clipped: bool
) -> list[Mapping[str, Any]]:
    return [run for run in found if run["network"] == network and run["clipped"] == clipped]


def seeds(found: Mapping[str, Any]) -> str:
    return ", ".join(map(str, dict.fromkeys(run["seed"] for run in found["runs"])))


def figure() -> str:
    """The loss of the logits over the first steps, mean over seeds, by what was trained by."""
    found = record()
    if found is None:
        return ""
    lines = [
        {
            "network": network,
            "clipped": clipped,
            "loss": list(map(fmean, zip(*losses, strict=True))),
        }
        for network in DRAWN
        for clipped in LOSSES
        if (losses := [run["loss_of_logits"] for run in alike(found["runs"], network, clipped)])
    ]
    return drawn_by_script(
        step_losses(
            lines,
            lambda run: LOSSES[run["clipped"]],
            title="Clipped and unclipped loss over the first steps",
            together=2,
            colors=(BLUE, VERMILION),
            scale={"type": "log", "tickvals": [2, 3, 5, 10, 20]},
        ),
        label=f"Line chart of the loss over the first steps of {' and '.join(DRAWN)}, clipped and not",
        caption="Cross-entropy computed from logits, for both losses: mean of two steps and over seeds. Same weights,"
        " images, order and crops. Logarithmic axis.",
        made=origin(found),
        badges=badges(found),
    )


def whole_runs() -> str:
    """Runs with a clipped loss, and those of the same networks and kind whose loss was not."""
    clipped = runs.named(runs.by_network(runs.runs(folder=FOLDER)), runs.DEPTHS)
    if not clipped:
        return missing(FOLDER, COMMANDS)
    kinds = {runs.kind(run) for members in clipped.values() for run in members}
    twins = {
        name: members
        for name, members in runs.comparable(runs.DEPTHS).items()
        if name in clipped
        and all(runs.kind(run) in kinds and run.loss == LOGITS for run in members)
    }
    parts = []
    for title, found in (("Clipped:", clipped), ("From logits:", twins)):
        if found:
            parts += [title, run_tables.noted_table(found)]
    return "\n\n".join(parts)
