"""What the pages show of lesions: records from ``site/results/lesions``, measured beforehand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from keraudit.evaluation.lesion_figure import (
    deleted_one_by_one,
    deleted_together,
    gradient_profiles,
    probed,
)
from keraudit.output.table import bare_grid
from pages.figures import drawn_by_script
from pages.markdown import note, numbers
from pages.published import missing, published
from records.lesions import EXPECTED, FOLDER

SCHEMA = "keraudit.lesions/1"
COMMAND = "python -m records.lesions FOLDER"
WEIGHTS = "Weights: Yerlan Idelbayev's PyTorch ResNets for CIFAR-10 (BSD 2-clause), trained on the original images."


def records() -> list[Mapping[str, Any]]:
    """Those that are there, from shallow to deep."""
    found = (published(FOLDER / f"{name}.json", SCHEMA) for name in EXPECTED)
    return [record for record in found if record is not None]


def one_by_one() -> str:
    """What each deleted block costs."""
    return _drawn(
        deleted_one_by_one,
        title="One block deleted: what is left of the accuracy",
        label="Line chart of the accuracy without each block, by its place in the depth",
        caption="Each point is a trained network without one block; squares change the size. 95 % intervals"
        " (Wilson) of 1,017 images.",
    )


def together() -> str:
    """What is left without several random blocks."""
    return _drawn(
        deleted_together,
        title="Random blocks deleted together",
        label="Line chart of the accuracy over the number of random blocks that are deleted",
        caption="The mean of the random choices, the band from the worst to the best of them. Blocks that"
        " change the size stay.",
    )


def probes() -> str:
    """What a linear classifier reads after each block."""
    return _drawn(
        probed,
        title="Linear probes across the depth",
        label="Line chart of the accuracy of a linear probe after each block",
        caption="Ridge regression on the mean of each channel, five-fold cross-validated on the test images.",
    )


def profiles() -> str:
    """The gradient of the deepest one, trained and not."""
    return _drawn(
        lambda found, title: gradient_profiles(found[-1], title=title),
        title="The gradient of a trained ResNet-56 and of random ones",
        label="Line chart of the gradient's norm after each block of one network",
        caption="32 of the images, cross-entropy. One trained network, three random initialisations.",
    )


def summary() -> str:
    """A row for each network."""
    if not records():
        return missing(FOLDER, COMMAND)
    columns = {
        "network": "code",
        "accuracy": "share",
        "median cost": "{:.1f}",
        "largest cost": "{:.1f}",
        "at down-samplings": "text",
        "gradient paths": "text",
    }
    rows = []
    for record in records():
        changes = [-row["change_points"] for row in record["deletions"]]
        resized = [f"{-row['change_points']:.1f}" for row in record["deletions"] if row["resizes"]]
        between = record["effective_path_lengths"]
        rows.append(
            (
                record["network"],
                record["baseline"]["accuracy"],
                -record["median_change_points"],
                max(changes),
                ", ".join(resized),
                f"{between[0]} to {between[1]} of {len(changes)}" if between else "",
            )
        )
    text = (
        "Costs of a deleted block, in percentage points of accuracy. Gradient paths: the numbers of residual branches"
        " between which nine tenths of the gradient at the input come (Veit et al. 2016, section 4.3)."
    )
    return f"{numbers(bare_grid(columns, rows))}\n\n{note(text)}"


def median(network: str) -> str:
    """What the median deleted block costs, in percentage points, for a line of text."""
    record = published(FOLDER / f"{network}.json", SCHEMA)
    return f"{-record['median_change_points']:.1f}" if record else "(not measured)"


def _drawn(draw: Callable[..., Mapping[str, Any]], *, title: str, label: str, caption: str) -> str:
    found = records()
    if not found:
        return missing(FOLDER, COMMAND)
    badges = ("1 network of each depth", f"{found[0]['baseline']['images']:,} original test images")
    return drawn_by_script(
        draw(found, title=title), label=label, caption=caption, made=origin(found), badges=badges
    )


def origin(found: Sequence[Mapping[str, Any]]) -> str:
    """Where the numbers of records come from, in one line."""
    first = found[0]
    commands = "; ".join(f"`{record['command']}`" for record in found)
    versions = ", ".join(f"{name} {text}" for name, text in first["versions"].items() if text)
    return (
        f"{first['dataset']['name']}. {WEIGHTS}"
        f" Made by {commands}; {versions}; {first['hardware']}; {first['date']}."
    )
