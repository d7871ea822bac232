"""What the pages show of gradients: records from ``site/results/gradients``, measured beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from math import log10
from statistics import fmean
from typing import Any

from mkdocs.exceptions import PluginError

from keraudit.audits.gradients.figure import (
    cosine_by_depth,
    norm_by_depth,
    norm_over_training,
    over_seeds,
)
from keraudit.audits.gradients.variants import BASELINE
from keraudit.output.numbers import sizes, times
from keraudit.output.table import bare_grid
from keraudit.runs.statistics import PERCENT
from keraudit.training.record import Run
from pages import runs
from pages.figures import drawn_by_script
from pages.markdown import folded_figures, made, note, numbers
from pages.published import MissingRecordError, published, published_run
from pages.published import missing as absent
from records.gradients import FOLDER

TWINS = 2  # a network with its skips and without: one panel
ACROSS_DEPTH, OVER_TRAINING = "keraudit.gradients/1", "keraudit.gradients-over-training/1"


def record(name: str) -> Mapping[str, Any] | None:
    """A record by its file's name; ``None`` if it is not there."""
    return published(FOLDER / f"{name}.json", ACROSS_DEPTH, OVER_TRAINING)


def needed(name: str) -> Mapping[str, Any]:
    """A record by its file's name.

    Raises:
        MissingRecordError: it is not there.
    """
    found = record(name)
    if found is None:
        raise MissingRecordError(missing(name))
    return found


def relative(name: str, label: str) -> list[float]:
    """The decimal logarithm of the norm over that at the last block, from the stem on, mean over seeds."""
    profiles = [profile for profile in needed(name)["profiles"] if profile["label"] == label]
    norms = [row["mean"] for row in over_seeds(profiles) if not row["is_output"]]
    return [round(log10(norm / norms[-1]), 4) for norm in norms]


def missing(name: str) -> str:
    """What stands in place of a record that is not there: the command that makes it."""
    return absent(FOLDER / f"{name}.json", f"python -m records.gradients {name}")


def figure(name: str) -> str:
    """The norm at each block across depth, a line for each network, or over a training."""
    report = record(name)
    if report is None:
        return missing(name)
    if report["schema"] == OVER_TRAINING:
        return _heat_map(report)
    shapes = ", ".join(
        sizes(s, batch=False).replace("x", "×") for s in report["input_shapes"].values()
    )
    return drawn_by_script(
        norm_by_depth(report, title=f"{report['model']} at {shapes}: gradient norm across depth"),
        label=f"Line chart of the gradient's norm at each block of {report['model']}, log axis",
        caption=f"Logarithmic axis. First point: the stem; last: the head.{_seeds_drawn(report)}{_verdicts_drawn(report)}",
        made=origin(report),
        badges=badges(report),
    )


def folded_figure(name: str, title: str) -> str:
    """The same, closed until the reader opens it."""
    return folded_figures(title, [figure(name)])


def _seeds_drawn(report: Mapping[str, Any]) -> str:
    several = len(report["seeds"]) > 1
    return " Geometric mean over seeds, with their range." if several else ""


def _verdicts_drawn(report: Mapping[str, Any]) -> str:
    """What the words in the panels are; nothing where there are no panels."""
    words = " Growth is fitted; it explodes or vanishes from a factor of 1,000 on, else is steady (`healthy`)."
    return words if len(report["verdicts"]) > TWINS else ""


def badges(report: Mapping[str, Any]) -> tuple[str, ...]:
    """A record of gradients in a few words."""
    count = len(report["seeds"])
    seeds = f"{count} seed{'s' * (count > 1)}"
    return (seeds, "at initialisation", str(report["hardware"]), f"{report['data']} inputs")


def _heat_map(report: Mapping[str, Any]) -> str:
    """Depth against step, and what was trained."""
    title = f"{report['model']}: gradient norm over training"
    steps = report["steps"]
    course = "; ".join(
        f"step {entry['step']}: loss {entry['loss']:.2f}, first block over last {across(entry)}"
        for entry in (steps[0], steps[1], steps[-1])
    )
    return drawn_by_script(
        norm_over_training(report, title=title),
        label=f"Heat map of the gradient's norm of {report['model']}, depth against training step",
        caption=f"Input at the top, dark is small. {course[0].upper()}{course[1:]}.",
        made=f"{report['data']}, {report['optimizer']}, seed {report['seeds'][0]}; {report['hardware']};"
        f" {report['date']}. Made by `{report['command']}`.",
        badges=(f"{len(report['seeds'])} seed", f"{steps[-1]['step']} steps", str(report["data"])),
    )


def of_run(path: str) -> str:
    """The same of a whole training that was watched: the record of a run, as ``keraudit runs publish`` leaves it.

    Args:
        path: in the folder of published runs, without its ending.
    """
    file = runs.FOLDER / f"{path}.json"
    run = published_run(file)
    if run is None:
        return absent(file, "keraudit experiment degradation --watch-gradients 390")
    if not run.gradients:
        raise PluginError(f"{file} is of a run whose gradients were not watched")
    steps = run.gradients["steps"]
    some = [
        steps[at] for at in sorted({0, min(1, len(steps) - 1), len(steps) // 2, len(steps) - 1})
    ]
    course = ", ".join(f"{_first_over_last(entry)} at step {entry['step']:,}" for entry in some)
    spreads = ", ".join(
        f"{times(entry['blocks'][0]['activation_std'])} at step {entry['step']:,}" for entry in some
    )
    return drawn_by_script(
        norm_over_training(
            {"model": run.network, "steps": steps},
            title=f"{run.network}: gradient norm over a whole training",
        ),
        label=f"Heat map of the gradient's norm of {run.network}, depth against step, over a whole training",
        caption=f"Input at the top, dark is small. First block over last: {course}. Standard deviation of the first"
        f" block's activations: {spreads}.",
        made=runs.about({run.network: [run]}),
        badges=runs.badges({run.network: [run]}),
    )


def _first_over_last(entry: Mapping[str, Any]) -> str:
    """The norm at the first block over that at the last but the classifier, of one look."""
    norms = [block["grad_norm"] for block in entry["blocks"][:-1]]
    return times(norms[0] / norms[-1]) if norms[-1] else "no number"


def by_depth() -> str:
    """What became of gradients and activations in the networks of the degradation experiment that were watched."""
    watched = {
        name: [run for run in members if run.gradients]
        for name, members in runs.comparable(runs.DEPTHS).items()
    }
    found = {name: members for name, members in watched.items() if members}
    if not found:
        return ""
    columns = {"network": "code", "seed": "number", "training error, %": "{:.2f}"}
    columns |= dict.fromkeys(("initial", "after an epoch", "at the end", "activations"), "number")
    grid = bare_grid(columns, [_in_short(run) for members in found.values() for run in members])
    text = (
        "Initial, after an epoch, at the end: gradient norm at the first block over that at the last block before the"
        " classifier. Activations: growth of the first block's standard deviation over the run."
    )
    return f"{numbers(grid)}\n\n{note(text)}\n\n{made(runs.about(found), runs.badges(found))}"


def _in_short(run: Run) -> tuple[Any, ...]:
    """The row of a run that was watched."""
    steps: list[Mapping[str, Any]] = (run.gradients or {})["steps"]
    first, last = steps[0], steps[-1]
    an_epoch = run.dataset["train_images"] // run.recipe["batch"]
    after = next((entry for entry in steps if entry["step"] >= an_epoch), last)
    ends = [entry["blocks"][0]["activation_std"] for entry in (last, first)]
    return (
        run.network,
        run.seed,
        PERCENT * run.evaluation["train_error"],
        *map(_first_over_last, (first, after, last)),
        times(ends[0] / ends[1]),
    )


def across(entry: Mapping[str, Any]) -> str:
    """The norm at the first block over that at the last but the output, of one profile."""
    norms = [block["grad_norm"] for block in entry["blocks"] if not block["is_output"]]
    return times(norms[0] / norms[-1]) if norms[0] and norms[-1] else "no number"


def grows(name: str, label: str = BASELINE) -> str:
    """In a sentence: how many times the gradient grows from the last block of a network to its first."""
    return "(not measured)" if record(name) is None else times(10 ** relative(name, label)[0])


def growths(name: str, *, folded_as: str = "") -> str:
    """The verdicts of a record, both ends of each line, and what made it.

    Args:
        name: of the record's file.
        folded_as: the title of a fold around the table; none: it stands open.
    """
    report = record(name)
    if report is None:
        return missing(name)
    columns = {
        "network": "code",
        "first block": "number",
        "last block": "number",
        "growth per block": "{:.3f}",
        "95 % interval": "number",
        "across, fitted": "number",
        "verdict": "text",
    }
    rows = []
    for verdict in report["verdicts"]:
        profiles = [p for p in report["profiles"] if p["label"] == verdict["label"]]
        ends = [row for row in over_seeds(profiles) if not row["is_output"]]
        low, high = verdict["interval"] or (None, None)
        rows.append(
            (
                verdict["label"],
                times(ends[0]["mean"]) if ends else "",
                times(ends[-1]["mean"]) if ends else "",
                verdict["growth_per_block"],
                "" if low is None else f"{low:.3f} to {high:.3f}",
                "" if verdict["across"] is None else times(verdict["across"]),
                verdict["verdict"],
            )
        )
    fitted = note(
        "Across, fitted: by the least-squares line of the growth; the ends themselves are in the first two columns."
    )
    table = numbers(bare_grid(columns, rows), folded_as=folded_as)
    table = table if folded_as else f"{table}\n\n{fitted}"
    return table if folded_as else f"{table}\n\n{made(origin(report), badges(report))}"


def cosines(name: str) -> str:
    """The mean cosine between gradients of two inputs across depth."""
    report = record(name)
    if report is None:
        return missing(name)
    return drawn_by_script(
        cosine_by_depth(report),
        label=f"Line chart of the mean cosine between the gradients of two inputs at each block of {report['model']}",
        caption="1: all gradients point the same way. 0: they are orthogonal. Mean over seeds, with their range.",
        made=origin(report),
        badges=badges(report),
    )


def cosine_at(name: str, label: str, block: str) -> str:
    """In a sentence: the mean cosine at one block."""
    report = record(name)
    found = [
        row["cosine"]
        for profile in (report["profiles"] if report else ())
        if profile["label"] == label
        for row in profile["blocks"]
        if row["name"] == block
    ]
    return f"{abs(fmean(found)):.2f}" if found else "(not measured)"


def origin(report: Mapping[str, Any]) -> str:
    """Where the numbers of a record come from, in one line."""
    versions = ", ".join(f"{name} {value}" for name, value in report["versions"].items())
    return (
        f"Made by `{report['command']}`: {report['data']} inputs, batch {report['batch']},"
        f" {len(report['seeds'])} seeds, {report['weights']} weights; {report['hardware']};"
        f" {versions}; {report['date']}."
    )
