"""What the CIFAR-10 page shows: InceptionV3 against ResNet50, trained alike, and what an evaluation found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from statistics import fmean
from typing import Any

from keraudit.evaluation.intervals import unpaired, wilson
from keraudit.output.csv_markdown import code
from keraudit.output.numbers import short
from keraudit.output.table import bare_grid
from keraudit.runs.statistics import Paired, epoch_seconds, measured, paired
from keraudit.training.record import Run
from pages import mistakes, run_tables, runs
from pages.audited import record
from pages.held_out import OPTIMIZERS
from pages.markdown import note, numbers
from pages.rendering import part

# The two small networks that ship, of one cost and trained alike.
SMALL = ("ResNet-CIFAR-20", "Inception-CIFAR")
CHANCE = 0.05  # of McNemar's test: two networks of a larger p are not told apart
# A page of images, drawn from the reader's own data; none is in the repository.
GALLERY = Path("build/gallery.html")


def claim() -> str:
    """How accurate the two are on the test images, in a sentence."""
    found = runs.comparable(runs.BIG)
    if not found:
        return ""
    parts = " and ".join(
        f"{name} **{100 * accuracy(members):.1f} %**" for name, members in found.items()
    )
    first = runs.together(found)[0]
    return f"After {runs.epochs(first)} epochs from random initialisation, on the same images: {parts} test accuracy."


def accuracy(members: Sequence[Run]) -> float:
    """On the test images, the mean over seeds."""
    return 1 - fmean(run.evaluation["test_error"] for run in members)


def card(chosen: Mapping[str, Sequence[Run]] | None = None) -> str:
    """The results at a glance: accuracy on either test set, gap, time, work and size of each network.

    Args:
        chosen: runs by network; default: the two large ones.
    """
    found = runs.comparable(runs.BIG) if chosen is None else chosen
    if not found:
        return ""
    is_timed = any(one.key == "epoch_seconds" for one in measured(runs.together(found)))
    cards = {name: _facts(members, is_timed=is_timed) for name, members in found.items()}
    return part("result-cards.html", cards=cards, badges=runs.badges(found))


def _facts(members: Sequence[Run], *, is_timed: bool) -> dict[str, tuple[str, str]]:
    """By what it is of: a number of a card, and its interval or its unit; of times that can be compared alone."""
    run, right = members[0], accuracy(members)
    images = int(run.dataset["test_images"])
    facts = {"test accuracy": (f"{100 * right:.1f} %", interval(right, images))}
    if first := (run.evaluated or {}).get("originals"):
        share = first["accuracy_originals"]
        facts["on original files"] = (f"{100 * share:.1f} %", interval(share, first["images"]))
    gap = right - 1 + fmean(run.evaluation["train_error"] for run in members)
    facts["gap to training accuracy"] = (f"{-100 * gap:.1f} points", "")
    if is_timed:
        facts["time"] = (
            f"{fmean(s for run in members if (s := epoch_seconds(run)) is not None):.1f} s/epoch",
            "",
        )
    if run.work:
        facts["training MACs/image"] = (short(run.work["training_macs_per_image"]), "")
    facts["parameters"] = (short(run.params), "")
    return facts


def interval(share: float, images: int) -> str:
    """The binomial 95 % interval of an accuracy.

    >>> interval(0.9, 1000)
    '88.0 to 91.7 % (95 %, n = 1,000)'
    """
    low, high = wilson(round(share * images), images)
    return f"{100 * low:.1f} to {100 * high:.1f} % (95 %, n = {images:,})"


def at_equal_cost() -> str:
    """The two small networks, where both are published; else nothing."""
    found = runs.planned(SMALL)
    if len(found) < len(SMALL):
        return ""
    epochs = runs.epochs(found[SMALL[0]][0])
    text = (
        "InceptionV3 and ResNet50 differ in depth, width and cost. Two small networks of our own training differ in their"
        f" blocks: as many multiplications, about as many parameters, the same {epochs} epochs of one schedule"
        f" ([their weights ship](guide/explorer.md))."
    )
    return "\n\n".join(
        (f"## {_heading(found)} {{#at-equal-cost}}", text, card(found), verdict(found))
    )


def _heading(found: Mapping[str, Sequence[Run]]) -> str:
    """What is found, where the same images were classified by both."""
    rows = [row for row in paired(found) if row.images == "test"]
    if rows and all(row.p > CHANCE for row in rows):
        return "At equal cost no difference between the two kinds of block is found"
    return "At equal cost"


def verdict(chosen: Mapping[str, Sequence[Run]] | None = None) -> str:
    """Whether two networks differ by more than chance would have it, on the test images and on the originals.

    Args:
        chosen: runs by network; default: the two large ones.
    """
    groups = runs.comparable(runs.BIG) if chosen is None else chosen
    both = [found for members in groups.values() if (found := members[0].evaluated)]
    if len(both) != 2:
        return ""
    rows = paired(groups)
    known = {row.images for row in rows}
    told = [_alone(row) for row in rows]
    first, second = both
    parts = []
    if "test" not in known:
        images = first["dataset"]["test_images"]
        parts.append(_difference(first, second, "accuracy", images, "copies"))
    if "originals" not in known and first.get("originals") and second.get("originals"):
        pair = (first["originals"], second["originals"])
        parts.append(_difference(*pair, "accuracy_originals", pair[0]["images"], "originals"))
    if parts:
        names = list(groups)
        told.append(
            f"{names[1]} minus {names[0]}: {' and '.join(parts)}. The intervals are binomial and unpaired, of"
            " these two runs: they hold the chance of the test images, not that of the seed."
        )
    return " ".join(told)


def _alone(row: Paired) -> str:
    """What one of two networks alone gets right, in a sentence."""
    images = "test images" if row.images == "test" else "of the originals"
    return (
        f"Only {row.second} classifies {row.only_second:,} {images} correctly, only {row.first} {row.only_first:,}"
        f" (McNemar's exact test, seed {row.seed}: p = {row.p:.2g})."
    )


def _difference(first: Any, second: Any, key: str, images: int, name: str) -> str:
    """One difference in points, with its interval."""
    low, high = unpaired(first[key], second[key], images)
    return (
        f"**{100 * (second[key] - first[key]):+.1f} points** on {images:,} {name}"
        f" ({100 * low:+.1f} to {100 * high:+.1f})"
    ).replace("-", "−")


def errors() -> str:
    """Error over training."""
    return runs.error_figure(runs.BIG)


def losses() -> str:
    """Loss over training."""
    return runs.loss_figure(runs.BIG)


def results() -> str:
    """The table of the results."""
    found = runs.comparable(runs.BIG)
    title = "Errors at the end and times in numbers"
    return run_tables.result_table(found, folded_as=title) if found else ""


def caveat() -> str:
    """How far these runs go."""
    found = runs.comparable(runs.BIG)
    return runs.caveat(found) if found else ""


def others(*apart: str) -> str:
    """The runs of other kinds.

    Args:
        apart: folders of published runs that the page shows elsewhere.
    """
    shown = [runs.published_in(folder, runs.BIG) for folder in apart]
    return run_tables.other_runs(runs.BIG, _lesson, without=shown)


def apart(folder: str) -> str:
    """Runs that stand for themselves: curves, errors, what they do on other images."""
    found = runs.published_in(folder, runs.BIG)
    evaluated, shown = mistakes.first_of(found), runs.comparable(runs.BIG)
    sentences = [overtakes(shown[name][0], found[name][0]) for name in found if name in shown]
    parts = (
        runs.errors_of(found),
        "\n".join(filter(None, sentences)),
        run_tables.result_table(found),
        mistakes.summary(evaluated) if evaluated else "",
        mistakes.originals(evaluated),
    )
    return "\n\n".join(filter(None, parts))


def overtakes(run: Run, other: Run) -> str:
    """When a run is better for good than another one at its end; empty where it never is. Of one run each."""
    end = other.evaluation["test_error"]
    ahead = list(takewhile(lambda row: 1 - row["test_accuracy"] < end, reversed(run.history)))
    if not ahead:
        return ""
    return (
        f"- {code(run.network)} ends here at {100 * end:.1f} % test error after {len(other.history)} epochs. In the run of"
        f" the CIFAR-10 chapter it is below that from **epoch {ahead[-1]['epoch']}** of {len(run.history)} on."
    )


def last_third() -> str:
    """What the last third of their epochs changes in the runs that the page shows, where there are enough."""
    found = [members[0] for members in runs.comparable(runs.BIG).values()]
    return "\n".join(late(run) for run in found if len(run.history) > 2)


def late(run: Run) -> str:
    """The same of one run."""
    history = run.history
    before, end = history[-(len(history) // 3) - 1], history[-1]
    return (
        f"- {code(run.network)}, epoch {before['epoch']} to {end['epoch']}: training error"
        f" {100 * (1 - before['accuracy']):.1f} to {100 * (1 - end['accuracy']):.1f} %, test error"
        f" **{100 * (1 - before['test_accuracy']):.2f} to {100 * (1 - end['test_accuracy']):.2f} %**."
    )


def work() -> str:
    """What the MACs of a training step and its time say together, of runs on a GPU; empty of others.

    A processor's peak is not told: it depends on what else runs there.
    """
    first = [members[0] for members in runs.comparable(runs.BIG).values()]
    worked = [(run, run.work) for run in first if run.work and not _on_processor(run)]
    if not worked:
        return ""
    grid = bare_grid(
        {
            "network": "code",
            "training MACs/image": "count",
            "images/s": "{:,.0f}",
            "layers with MACs": "number",
            "utilisation, %": "{:.1f}",
        },
        [
            (
                run.network,
                work["training_macs_per_image"],
                work["images_per_s"],
                sum(bool(row["macs"]) for row in record(run.network)["layers"]),
                100 * work["share_of_peak"],
            )
            for run, work in worked
        ],
    )
    peaks = ", ".join(
        dict.fromkeys(short(work["peak_macs_per_s"]) + " MACs/s" for _, work in worked)
    )
    how = "Utilisation: of the fastest matrix product measured on the same device in the same precision"
    return f"{numbers(grid)}\n\n{note(f'{how}, {peaks}.')}"


def _lesson(found: Mapping[str, Sequence[Run]]) -> str:
    """Runs of another kind beside those that the page shows: images seen, rate, precision, test error."""
    shown = runs.comparable(runs.BIG)
    return "\n".join(
        f"- {code(name)}: {_taught(members)}; in the CIFAR-10 chapter {_taught(shown[name])}."
        for name, members in found.items()
        if name in shown
    )


def _on_processor(run: Run) -> bool:
    return all(str(device).upper() == "CPU" for device in run.hardware["devices"])


def _taught(members: Sequence[Run]) -> str:
    """What a network saw, how, and how often it is wrong in the mean over its runs."""
    first = members[0]
    recipe = first.recipe
    error = fmean(run.evaluation["test_error"] for run in members)
    by = OPTIMIZERS[recipe["optimizer"]]
    harder = " and ".join(name for name in ("cutout", "mixup") if recipe[name])
    return (
        f"**{100 * error:.1f} %** test error after {runs.images_processed(first):,} images, {by} with a peak learning"
        f" rate of {recipe['learning_rate']:g}, {recipe['precision'].removeprefix('mixed_')}"
        f"{harder and f', with {harder}'}"
    )


def gallery() -> str:
    """A link to the reader's own gallery if there is one, else how to make it."""
    if GALLERY.is_file():
        return f"[The gallery]({GALLERY.name}), drawn from the data on this machine."
    return (
        "This site holds no image of the data set: they are not ours to publish. With the data and two runs on your"
        " machine, one command draws the gallery, and the next build of this site links it here:\n\n"
        f"```console\n$ keraudit gallery RUN RUN --output {GALLERY.as_posix()}\n```"
    )
