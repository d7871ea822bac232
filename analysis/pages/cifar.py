"""What the CIFAR-10 page shows: InceptionV3 against ResNet50, trained alike, and what an evaluation found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from statistics import fmean
from typing import Any

from keraudit.output.csv_markdown import code, pipe_table
from keraudit.output.numbers import short
from keraudit.output.table import Column, Grid, Line, bare_grid
from keraudit.runs.figure import calibration, confusion, corruption
from keraudit.training.record import Run
from pages import run_tables, runs
from pages.audited import record
from pages.figures import drawn_by_script
from pages.held_out import OPTIMIZERS
from pages.markdown import note, numbers

# A page of images, drawn from the reader's own data; none is in the repository.
GALLERY = Path("build/gallery.html")
SUMMARY = (
    Column("name", "network", "code"),
    Column("accuracy", "accuracy", "share"),
    Column("gap", "gap", "share"),
    Column("ece", "calibration error", "share"),
    Column("corrupted_accuracy", "accuracy, corrupted", "share"),
)


def errors() -> str:
    """Error over training."""
    return runs.error_figure(runs.BIG, split=False)


def losses() -> str:
    """Loss over training."""
    return runs.loss_figure(runs.BIG)


def results() -> str:
    """The table of the results, and how far the runs may be trusted."""
    found = runs.comparable(runs.BIG)
    if not found:
        return ""
    return "\n\n".join(filter(None, (runs.caveat(found), run_tables.result_table(found))))


def others(*apart: str) -> str:
    """The runs of other kinds.

    Args:
        apart: folders of published runs that the page shows elsewhere.
    """
    shown = [runs.published_in(folder, runs.BIG) for folder in apart]
    return run_tables.other_runs(runs.BIG, _lesson, without=shown)


def apart(folder: str) -> str:
    """Runs that stand for themselves, beside those that the page shows: curves, errors, what they do on other images."""
    found = runs.published_in(folder, runs.BIG)
    evaluated, shown = _first_of(found), runs.comparable(runs.BIG)
    sentences = [overtakes(shown[name][0], found[name][0]) for name in found if name in shown]
    parts = (
        runs.errors_of(found),
        "\n".join(filter(None, sentences)),
        runs.caveat(found),
        run_tables.result_table(found),
        summary(evaluated) if evaluated else "",
        originals(evaluated),
    )
    return "\n\n".join(filter(None, parts))


def overtakes(run: Run, other: Run) -> str:
    """When a run is better for good than another one at its end; empty where it never is. Of one run each."""
    end = other.evaluation["test_error"]
    ahead = list(takewhile(lambda row: 1 - row["test_accuracy"] < end, reversed(run.history)))
    if not ahead:
        return ""
    return (
        f"- {code(run.network)} ends here at {100 * end:.1f} % test error, after {len(other.history)} epochs;"
        f" the one above is below that from its **epoch {ahead[-1]['epoch']}** of {len(run.history)} on."
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
        f"- {code(run.network)}, epoch {before['epoch']} to {end['epoch']}: error in training"
        f" {100 * (1 - before['accuracy']):.1f} to {100 * (1 - end['accuracy']):.1f} %, test error"
        f" **{100 * (1 - before['test_accuracy']):.2f} to {100 * (1 - end['test_accuracy']):.2f} %**."
    )


def work() -> str:
    """What the MACs of a training step and its time say together, of runs on a GPU; empty of others.

    A processor's peak is not told: it depends on what else runs there.
    """
    first = [members[0] for members in runs.comparable(runs.BIG).values()]
    measured = [(run, run.work) for run in first if run.work and not _on_processor(run)]
    if not measured:
        return ""
    grid = bare_grid(
        {
            "network": "code",
            "training MACs an image": "count",
            "images a second": "{:,.0f}",
            "layers that multiply": "number",
            "of the peak, %": "{:.1f}",
        },
        [
            (
                run.network,
                work["training_macs_per_image"],
                work["images_per_s"],
                sum(bool(row["macs"]) for row in record(run.network)["layers"]),
                100 * work["share_of_peak"],
            )
            for run, work in measured
        ],
    )
    peaks = ", ".join(
        dict.fromkeys(short(work["peak_macs_per_s"]) + " MACs/s" for _, work in measured)
    )
    how = "The peak is the fastest matrix product that was measured on the same device, in the same precision"
    return f"{numbers(grid)}\n\n{note(f'{how}: {peaks}.')}"


def _lesson(found: Mapping[str, Sequence[Run]]) -> str:
    """Runs of another kind beside those that the page shows: images seen, rate, precision, test error."""
    shown = runs.comparable(runs.BIG)
    return "\n".join(
        f"- {code(name)}: {_taught(members)}; above {_taught(shown[name])}."
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
    by = f" of {OPTIMIZERS[recipe['optimizer']]}"
    harder = " and ".join(name for name in ("cutout", "mixup") if recipe[name])
    return (
        f"**{100 * error:.1f} %** test error after {runs.images_processed(first):,} images at rates{by} up to"
        f" {recipe['learning_rate']:g} in {recipe['precision'].removeprefix('mixed_')}"
        f"{harder and f', with {harder}'}"
    )


def evaluations() -> dict[str, Mapping[str, Any]]:
    """By network, the evaluation of its first run that has one, of the runs that the page shows.

    Where the two have none, those of other networks, of one kind.
    """
    big = {name.lower() for name in runs.BIG}
    others = [run for run in runs.runs() if run.network.lower() not in big and run.evaluated]
    alike = runs.one_kind(others).values()
    return _first_of(runs.comparable(runs.BIG)) or _first_of(
        {members[0].network: members for members in alike}
    )


def _first_of(found: Mapping[str, Sequence[Run]]) -> dict[str, Mapping[str, Any]]:
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


def how_they_err() -> str:
    """Everything from the evaluations, section by section."""
    found = evaluations()
    if not found:
        return _missing()
    corrupted = {name: e for name, e in found.items() if e["corruptions"]}
    parts = [
        summary(found),
        "### Confusion",
        *(confusions(name, e) for name, e in found.items()),
        "### Calibration",
        "A network that says 80 % should be right four times out of five.",
        _calibrations(found),
    ]
    if corrupted:
        parts += ["### Corrupted images", corruptions(corrupted)]
    parts += [_human_agreement(found), _recompression_effect(found)]
    return "\n\n".join(filter(None, parts))


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
    return (
        "### Compared with people\n\n"
        f"About fifty people named each of {first['images']:,} test images (CIFAR-10H, Peterson et al."
        " 2019). Cross-entropy to their answers, in nats, is least where a network spreads its"
        " probability as they spread theirs; the correlation says whether it doubts the images that they"
        f" doubt.\n\n{numbers(grid)}"
    )


def _recompression_effect(found: Mapping[str, Mapping[str, Any]]) -> str:
    """What the recompression of the test images costs, where originals were given."""
    table = originals(found)
    return f"### Originals and copies\n\n{table}" if table else ""


def originals(found: Mapping[str, Mapping[str, Any]]) -> str:
    """The same without a heading."""
    evaluations = {name: e["originals"] for name, e in found.items() if e.get("originals")}
    if not evaluations:
        return ""
    first = next(iter(evaluations.values()))
    columns = {
        "network": "code",
        "originals": "share",
        "copies": "share",
        "only the original right": "number",
        "only the copy right": "number",
    }
    keys = ("accuracy_originals", "accuracy_copies", "only_original_right", "only_copy_right")
    rows = [(name, *(each[key] for key in keys)) for name, each in evaluations.items()]
    return (
        f"The first {first['images']:,} test images as they were before they were recompressed"
        f" (PSNR {first['psnr_db']:.1f} dB), classified by networks that learnt from copies: accuracy on"
        f" both, and the images that only one of the two forms gets right.\n\n{numbers(bare_grid(columns, rows))}"
    )


def summary(found: Mapping[str, Mapping[str, Any]]) -> str:
    """One row for each network."""
    lines = tuple(Line({**e, "name": name}) for name, e in found.items())
    return f"{pipe_table(Grid('', '', SUMMARY, lines))}\n\n{note(provenance(found))}"


def _calibrations(found: Mapping[str, Mapping[str, Any]]) -> str:
    """How far confidence may be believed."""
    return drawn_by_script(
        calibration(found),
        label=f"Line chart of accuracy against confidence of {' and '.join(found)}",
        caption="Below the diagonal a network is surer than it is right (Guo et al. 2017).",
        made=provenance(found),
    )


def corruptions(found: Mapping[str, Mapping[str, Any]]) -> str:
    """Error as images get worse."""
    kinds = dict.fromkeys(row["name"] for e in found.values() for row in e["corruptions"])
    return drawn_by_script(
        corruption(found),
        label=f"Line chart of the error on corrupted images of {' and '.join(found)}",
        caption=f"The mean over {', '.join(kinds)}, with the severities of CIFAR-10-C (Hendrycks and"
        " Dietterich 2019). Severity 0 is the same images, untouched.",
        made=provenance(found),
    )


def confusions(name: str, found: Mapping[str, Any]) -> str:
    """What one network takes each class for."""
    return drawn_by_script(
        confusion(name, found),
        label=f"Heat map of what {name} mistakes each class for",
        caption="A row is what the image shows, a column what the network said instead. What it got right"
        " is left blank.",
        made=provenance({name: found}),
    )


def gallery() -> str:
    """A link to the reader's own gallery if there is one, else how to make it."""
    if GALLERY.is_file():
        return f"[The gallery]({GALLERY.name}), drawn from the data on this machine."
    return (
        "This site holds no images of the data set: they are not ours to publish. With the data and two"
        " runs on your machine, one command draws the gallery, and the next build of this site links"
        " it here:\n\n"
        f"```console\n$ keraudit gallery RUN RUN --output {GALLERY.as_posix()}\n```"
    )
