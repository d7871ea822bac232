"""What the CIFAR-10 page shows of settings that were tried on training images held out.

And of what the moving means of batch normalisation cost the same networks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mkdocs.exceptions import PluginError

from keraudit.output.csv_markdown import code
from keraudit.output.table import bare_grid
from keraudit.training.record import Run
from pages.markdown import made, note, numbers
from pages.published import RESULTS, missing, published, published_run
from pages.runs import badges, commands, data_name, dated, places_of, versions_of

FOLDER = RESULTS / "held-out"
COMMAND = f"keraudit runs publish NAME --to {FOLDER.as_posix()}/NAME"


PATH = RESULTS / "benchmark-moving-means.json"
MEANS_COMMAND = f"python analysis/research/moving_means.py RUN... --record {PATH.as_posix()}"
OPTIMIZERS = {"sgd": "SGD", "adamw": "AdamW"}


def records() -> list[Run]:
    """One for each setting, the best on the images held out first."""
    found = filter(None, map(published_run, sorted(FOLDER.glob("**/*.json"))))
    return sorted(found, key=lambda run: float(run.evaluation["test_error"]))


def results() -> str:
    """A row for each network and setting."""
    found = records()
    if not found:
        return missing(FOLDER, COMMAND)
    columns = {"network": "code", "optimizer": "text", "rate": "{:g}", "decay": "{:g}"}
    columns |= dict.fromkeys(("in training", "trained on", "held out"), "share")
    text = (
        "Accuracy. In training: batches of the last epoch. Trained on, held out: the final network."
    )
    line = badges({found[0].network: found[:1]})
    table = numbers(bare_grid(columns, map(row, found)))
    return f"{table}\n\n{note(text)}\n\n{made(provenance(found), line)}"


def row(run: Run) -> tuple[str | float, ...]:
    recipe = run.recipe
    return (
        run.network,
        OPTIMIZERS[recipe["optimizer"]],
        recipe["learning_rate"],
        recipe["weight_decay"],
        run.history[-1]["accuracy"],
        run.evaluation["train"]["accuracy"],
        run.evaluation["test"]["accuracy"],
    )


def provenance(found: Sequence[Run]) -> str:
    """How the runs were made."""
    first, places = found[0], places_of(found)
    if len({(len(run.history), run.seed, run.dataset["fingerprint"]) for run in found}) > 1:
        raise PluginError(
            f"the runs in {FOLDER} differ in epochs, seed or data: one table is not for them"
        )
    data, recipe = first.dataset, first.recipe
    machines = dict.fromkeys(
        f"{place['hardware']['processor']}, {place['hardware']['cores']} cores" for place in places
    )
    return (
        f"{data['name']}; {len(first.history)} epochs, batch {recipe['batch']},"
        f" images enlarged to {recipe['size']}x{recipe['size']}, recipe {recipe['name']} but for what the table"
        f" names, seed {first.seed}; {'; '.join(machines)};"
        f" {versions_of([place['versions'] for place in places])};"
        f" {dated([place['date'] for place in places])}. Made by"
        f" {', '.join(map(code, commands(found)))}."
    )


def record() -> Mapping[str, Any] | None:
    return published(PATH, "keraudit.moving-means/1")


def moving_means() -> str:
    """A row for each run: right answers by moving means, and by those of each batch."""
    found = record()
    if found is None:
        return missing(PATH, MEANS_COMMAND)
    columns = {"network": "code", "optimizer": "text", "rate": "{:g}"}
    columns |= dict.fromkeys(("by moving means", "by each batch's own"), "share")
    rows = [
        (
            run["network"],
            OPTIMIZERS[run["optimizer"]],
            run["learning_rate"],
            run["accuracy"]["moving"],
            run["accuracy"]["batch"],
        )
        for run in found["runs"]
    ]
    machine = found["machine"]
    text = f"Accuracy of the final networks on {found['images']:,} training images, without crops."
    origin = (
        f"Batches of {found['batch']}. {found['dataset']['name']}; {found['date']};"
        f" {machine['processor']}, {machine['cores']} cores; {versions_of([found['versions']])}. Made by `{found['command']}`."
    )
    line = ("1 seed", f"{machine['cores']} CPU cores", data_name(found["dataset"]))
    return f"{numbers(bare_grid(columns, rows))}\n\n{note(text)}\n\n{made(origin, line)}"
