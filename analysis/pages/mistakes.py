"""What evaluations found of the networks of the CIFAR-10 page: which mistakes, how sure, on which images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log
from typing import Any

from keraudit.output.csv_markdown import code, pipe_table
from keraudit.output.table import Column, Grid, Line, bare_grid
from keraudit.runs.figure import calibration, confusion, confusion_difference, corruption
from keraudit.training.record import Run
from pages import runs
from pages.figures import drawn_by_script
from pages.markdown import folded_figures, made, note, numbers

SUMMARY = (
    Column("name", "network", "code"),
    Column("accuracy", "accuracy", "share"),
    Column("gap", "gap, points", "{:.1f}"),
    Column("ece", "calibration error", "share"),
    Column("corrupted_accuracy", "accuracy, corrupted", "share"),
)


def evaluations() -> dict[str, Mapping[str, Any]]:
    """By network, the evaluation of its first run that has one, of the runs that the page shows.

    Where the two have none, those of other networks, of one kind.
    """
    big = {name.lower() for name in runs.BIG}
    others = [run for run in runs.runs() if run.network.lower() not in big and run.evaluated]
    alike = runs.one_kind(others).values()
    return first_of(runs.comparable(runs.BIG)) or first_of(
        {members[0].network: members for members in alike}
    )


def first_of(found: Mapping[str, Sequence[Run]]) -> dict[str, Mapping[str, Any]]:
    """By network, the evaluation of its first run that has one."""
    evaluations = {
        name: [run.evaluated for run in members if run.evaluated] for name, members in found.items()
    }
    return {name: rows[0] for name, rows in evaluations.items() if rows}


def _missing() -> str:
    return (
        '!!! note "Not evaluated yet"\n\n'
        "    No published run has an evaluation. To make one:\n\n"
        "    ```console\n    $ keraudit evaluate runs/cifar10-comparison/*\n"
        f"    $ {runs.commands_for(runs.BIG)[1]}\n    ```"
    )


def provenance(found: Mapping[str, Mapping[str, Any]]) -> str:
    """On what evaluations were made, when, and by which commands."""
    data = next(iter(found.values()))["dataset"]
    commands = dict.fromkeys(e["command"] or "keraudit evaluate RUN" for e in found.values())
    return (
        f"{data['name']}, {data['test_images']:,} test images;"
        f" {runs.dated([e['date'] for e in found.values()])}. Made by"
        f" {', '.join(map(code, commands))}, the first run of each network."
    )


def kinds_of_errors() -> str:
    """Everything from the evaluations, section by section."""
    found = evaluations()
    if not found:
        return _missing()
    corrupted = {name: e for name, e in found.items() if e["corruptions"]}
    parts = [
        "### Confusion matrices",
        *_confusion(found),
    ]
    if corrupted:
        parts += ["### Corrupted images", corruptions(corrupted)]
    parts.append(summary(found))
    return "\n\n".join(filter(None, parts))


def _confusion(found: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The matrix of each network; of two, their difference, and both folded."""
    each = [confusions(name, evaluation) for name, evaluation in found.items()]
    both = difference(found)
    return [both, folded_figures("Confusion matrix of each network", each)] if both else each


def confidence() -> str:
    """How far the confidence of the networks may be believed, and whether people doubt the same images."""
    found = evaluations()
    if not found:
        return _missing()
    return "\n\n".join(filter(None, (_calibrations(found), _human_agreement(found))))


def mean_confidence() -> str:
    """How confident each network is on average, and how accurate, in a sentence."""
    parts = [
        f"{name} has a mean confidence of {_in_percent(_mean_confidence(e))} and an accuracy of {_in_percent(e['accuracy'])}"
        for name, e in evaluations().items()
    ]
    return f"On test images {', '.join(parts)}." if parts else _missing()


def _mean_confidence(found: Mapping[str, Any]) -> float:
    bins = [row for row in found["calibration"] if row["images"]]
    return float(
        sum(row["images"] * row["confidence"] for row in bins) / sum(row["images"] for row in bins)
    )


def top_bin() -> str:
    """Where most images are, in a clause: how many, how confident, how accurate."""
    tops = [max(e["calibration"], key=lambda row: row["images"]) for e in evaluations().values()]
    if not tops:
        return "(not evaluated)"
    images, confidence, accuracy = (
        " and ".join(dict.fromkeys(form(row[key]) for row in tops))
        for key, form in (
            ("images", "{:,}".format),
            ("confidence", _in_percent),
            ("accuracy", _in_percent),
        )
    )
    return f"most images lie ({images}), with a confidence of {confidence} and an accuracy of {accuracy}"


def smoothed_entropy() -> str:
    """The entropy in nats of the label that the first network was trained on, a smoothed one."""
    found = runs.together(runs.comparable(runs.BIG))
    if not found:
        return "(not evaluated)"
    run = found[0]
    classes, smoothing = len(run.dataset["classes"]), run.recipe["label_smoothing"]
    rest = smoothing / classes
    right = 1 - smoothing + rest
    wrong = (classes - 1) * rest * log(rest) if rest else 0.0
    return f"{-right * log(right) - wrong:.2f}"


def _in_percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def badges_of(found: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    """Evaluations in a few words."""
    data = next(iter(found.values()))["dataset"]
    return ("1 seed", f"{data['test_images']:,} test images", runs.data_name(data))


def difference(found: Mapping[str, Mapping[str, Any]]) -> str:
    """Which mistakes the second of two networks makes more often than the first."""
    if len(found) != 2 or len({len(e["classes"]) for e in found.values()}) > 1:
        return ""
    first, second = found.items()
    return drawn_by_script(
        confusion_difference(first, second),
        label=f"Heat map of the difference between the confusion matrices of {second[0]} and {first[0]}",
        caption=f"Percentage points. Above zero: {second[0]} makes the mistake more often.",
        made=provenance(found),
        badges=badges_of(found),
    )


def _human_agreement(found: Mapping[str, Mapping[str, Any]]) -> str:
    """Whether the networks doubt what people doubt, where people's labels were given."""
    agreement = {name: e["human"] for name, e in found.items() if e.get("human")}
    if not agreement:
        return ""
    first = next(iter(agreement.values()))
    keys = {
        "cross-entropy": "cross_entropy",
        "mean entropy": "network_entropy",
        "correlation": "entropy_correlation",
        "of ranks": "entropy_rank_correlation",
    }
    rows = [(code(name), *(each[key] for key in keys.values())) for name, each in agreement.items()]
    rows.append(("people", *2 * [first["human_entropy"]], None, None))
    grid = bare_grid({"": "markdown", **dict.fromkeys(keys, "{:.3f}")}, rows)
    text = (
        f"About fifty people labelled each of {first['images']:,} test images (CIFAR-10H, Peterson et al. 2019)."
        " Cross-entropy to their labels is lowest where a network spreads its probability as they do; the correlation is"
        " that of the entropies, image by image."
    )
    badges = made(provenance(found), badges_of(found))
    return f"## Agreement with human labels\n\n{text}\n\n{numbers(grid)}\n\n{badges}"


def originals(found: Mapping[str, Mapping[str, Any]] | None = None) -> str:
    """What the recompression of the test images costs, where originals were given.

    Args:
        found: evaluations; default: those that the page shows.
    """
    shown = evaluations() if found is None else found
    with_originals = {name: e["originals"] for name, e in shown.items() if e.get("originals")}
    if not with_originals:
        return ""
    first = next(iter(with_originals.values()))
    columns = {
        "network": "code",
        "originals": "share",
        "copies": "share",
        "only the original correct": "number",
        "only the copy correct": "number",
    }
    keys = ("accuracy_originals", "accuracy_copies", "only_original_right", "only_copy_right")
    rows = [(name, *(each[key] for key in keys)) for name, each in with_originals.items()]
    psnr = "identical" if first["psnr_db"] is None else f"PSNR {first['psnr_db']:.1f} dB"
    text = (
        f"Accuracy on the first {first['images']:,} test images as original files and as JPEG copies"
        f" ({psnr}); all training images are copies."
    )
    badges = made(provenance(shown), badges_of(shown)) if shown else ""
    return f"{numbers(bare_grid(columns, rows))}\n\n{note(text)}\n\n{badges}"


def summary(found: Mapping[str, Mapping[str, Any]]) -> str:
    """One row for each network."""
    lines = tuple(Line({**e, "name": name, "gap": 100 * e["gap"]}) for name, e in found.items())
    table = pipe_table(Grid("", "", SUMMARY, lines))
    return f"{table}\n\n{made(provenance(found), badges_of(found))}"


def _calibrations(found: Mapping[str, Mapping[str, Any]]) -> str:
    """How far confidence may be believed."""
    return drawn_by_script(
        calibration(found),
        label=f"Line chart of accuracy against confidence of {' and '.join(found)}",
        caption="Below the diagonal confidence exceeds accuracy (Guo et al. 2017).",
        made=provenance(found),
        badges=badges_of(found),
    )


def corruptions(found: Mapping[str, Mapping[str, Any]]) -> str:
    """Error as images get worse."""
    kinds = dict.fromkeys(row["name"] for e in found.values() for row in e["corruptions"])
    first = next(iter(found.values()))
    images = first["corruption_images"]
    return drawn_by_script(
        corruption(found),
        label=f"Line chart of the error on corrupted images of {' and '.join(found)}",
        caption=f"Mean over {len(kinds)} corruptions of CIFAR-10-C (Hendrycks and Dietterich 2019): {', '.join(kinds)}."
        f" Severity 0: the same {images:,} images, uncorrupted.",
        made=provenance(found),
        badges=("1 seed", f"first {images:,} test images", runs.data_name(first["dataset"])),
    )


def confusions(name: str, found: Mapping[str, Any]) -> str:
    """What one network takes each class for."""
    return drawn_by_script(
        confusion(name, found),
        label=f"Heat map of what {name} mistakes each class for",
        caption="Row: what the image shows. Column: what the network predicts instead. The diagonal is left blank.",
        made=provenance({name: found}),
        badges=badges_of({name: found}),
    )
