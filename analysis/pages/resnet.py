"""What the ResNet page shows: depth against cost, and the degradation experiment."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from keraudit.output.csv_markdown import pipe_table
from keraudit.output.table import bare_grid
from keraudit.runs.figure import apart, over_depth
from keraudit.training.record import Run
from pages import run_tables, runs
from pages.audited import record
from pages.figures import drawn_by_script
from pages.markdown import note, numbers
from pages.published import RESULTS, MissingRecordError, missing
from pages.structure import report

# By the depth in the name, what reads it; and the multiply-adds, in billions, that He et al. 2015 report
# in the last row of their Table 1.
DEPTHS: Mapping[int, tuple[str, float]] = {
    18: ("ResNet-18", 1.8),
    34: ("ResNet-34", 3.6),
    50: ("ResNet50", 3.8),
    101: ("ResNet101", 7.6),
    152: ("ResNet152", 11.3),
}
# The same, Table 2: top-1 error in percent on ImageNet's validation images, ten crops.
IMAGENET_ERROR: Mapping[int, tuple[float, float]] = {18: (27.94, 27.88), 34: (28.54, 25.03)}


def depth_table() -> str:
    """Depth, cost and size of each, with what the paper reports; folded."""
    columns = {
        "network": "code",
        "depth": "number",
        "MACs": "exact",
        "reported": "{:.1f} billion",
        "MACs/layer": "count",
        "parameters": "exact",
    }
    rows = []
    for name, reported in DEPTHS.values():
        sums, layers = record(name)["totals"], report(name).facts.depth
        macs = sums["macs"]
        rows.append((name, layers, macs, reported, round(macs / layers), sums["params"]))
    title = "The five networks in numbers, compared with Table 1 of He et al. 2015"
    text = "ResNet-18 and 34 with projections (option B); the paper counts them without (option A)."
    return f"{numbers(bare_grid(columns, rows), folded_as=title)}\n\n{note(text)}"


def imagenet_table() -> str:
    """What the paper measured on ImageNet."""
    rows = [
        (depth, plain, skips, plain - skips) for depth, (plain, skips) in IMAGENET_ERROR.items()
    ]
    columns = {"layers": "number", **dict.fromkeys(("plain", "residual", "gain"), "{:.2f}")}
    text = "Top-1 error on ImageNet's validation images, %: He et al. 2015, Table 2."
    return f"{pipe_table(bare_grid(columns, rows))}\n\n{note(text)}"


def over_depths() -> str:
    """Error over depth, where three depths or more were trained."""
    found = runs.comparable(runs.DEPTHS)
    if len({name.rsplit("-", 1)[1] for name in found}) < 3:
        return ""
    return drawn_by_script(
        over_depth(found),
        label="Line chart of training and test error of plain and residual networks over their depth",
        caption=f"At the end. Dashed: training images, without augmentation. Solid: test images.{runs.over_seeds(found)}",
        made=runs.about(found),
        badges=runs.badges(found),
    )


def degradation() -> str:
    """The curves of plain and residual networks in a complete schedule."""
    found = runs.planned()
    if not found:
        raise MissingRecordError(missing(runs.FOLDER / runs.PLAN, planned_command()))
    return runs.errors_of(found, split=True)


def planned_command() -> str:
    """What trains a network of the plan."""
    plan = RESULTS / "plans" / f"{runs.PLAN}.json"
    return str(json.loads(plan.read_text("utf-8"))["command"])


def degradation_table() -> str:
    """Their errors at the end, compared with the paper's, and what the runs are; folded."""
    found = runs.planned()
    if not found:
        return ""
    title = "The errors in numbers, compared with the paper's"
    return run_tables.result_table(found, folded_as=title)


def caveat() -> str:
    """How far these runs go."""
    found = runs.planned()
    return runs.caveat(found) if found else ""


def gap_over_training() -> str:
    """How much more training error 56 layers have than 20, epoch by epoch, where both pairs were trained."""
    found = runs.comparable(runs.DEPTHS)
    if not set(runs.DEGRADATION) <= set(found) or not alike(found):
        return ""
    return drawn_by_script(
        apart(found, 20, 56),
        label="Line chart of how much more training error 56 layers have than 20, over epochs, plain and residual",
        caption="Error on the training images, with crops and flips: that of 56 layers minus that of 20.",
        made=runs.about({name: found[name] for name in runs.DEGRADATION}),
        badges=runs.badges({name: found[name] for name in runs.DEGRADATION}),
    )


def alike(found: Mapping[str, Sequence[Run]]) -> bool:
    """Whether the losses of the networks that are compared were taken from the same."""
    compared = (run for name in runs.DEGRADATION for run in found.get(name, ()))
    return len({run.loss for run in compared}) < 2


def rise(found: Mapping[str, Sequence[Run]], family: str) -> float | None:
    """By how many points training error rises from 20 layers to 56; ``None`` where that was not trained alike."""
    shallow, deep = (found.get(f"{family}-CIFAR-{depth}") for depth in (20, 56))
    if not shallow or not deep or not alike(found):
        return None
    ends = [mean([run.evaluation["train_error"] for run in members]) for members in (shallow, deep)]
    return 100 * (ends[1] - ends[0])


def claim() -> str:
    """What 36 more layers do to the training error of either pair, in a sentence."""
    found = runs.planned()
    plain, skips = rise(found, "Plain"), rise(found, "ResNet")
    if plain is None or skips is None:
        return "Plain networks get worse with depth on their own training images; residual networks do not."
    both = _changes(skips) if (plain > 0) != (skips > 0) else _changes(skips).partition(" ")[2]
    epochs = len(found["Plain-CIFAR-56"][0].history)
    return (
        f"From 20 to 56 layers training error {_changes(plain)} without skips and {both} with them,"
        f" after {epochs} epochs."
    )


def _changes(points: float) -> str:
    """In words.

    >>> _changes(37.27), _changes(-1.8)
    ('rises by **37 points**', 'falls by **1.8 points**')
    """
    size = f"{abs(points):.0f}" if abs(points) >= 10 else f"{abs(points):.1f}"
    return f"{'rises' if points > 0 else 'falls'} by **{size} points**"


def compared_with_paper() -> str:
    """Whether the residual pair is ordered as in the paper, in training and in test error; empty without it."""
    found = runs.planned()
    shallow, deep = found.get("ResNet-CIFAR-20"), found.get("ResNet-CIFAR-56")
    if not shallow or not deep:
        return ""
    better: list[str] = []
    worse: list[str] = []
    for key, word in (("train_error", "training"), ("test_error", "test")):
        less, more = (mean([run.evaluation[key] for run in both]) for both in (deep, shallow))
        sentence = f"{word} error {100 * less:.2f} % against {100 * more:.2f} %"
        (better if less < more else worse).append(sentence)
    if not worse:
        return f"As in the paper, the residual network of 56 layers is the better one: {' and '.join(better)}."
    return (
        "In the paper, after 164 epochs, the residual network of 56 layers ends ahead of the one of 20. Here it ends"
        f" behind: {' and '.join(worse)}."
    )


def mean(values: list[float]) -> float:
    return sum(values) / len(values)
