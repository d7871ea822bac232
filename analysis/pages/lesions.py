"""What the pages show of lesions: records from ``site/results/lesions``, measured beforehand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Any

from keraudit.evaluation.lesion_figure import (
    by_path_length,
    deleted_one_by_one,
    deleted_together,
    exchanged,
    gradient_profiles,
    probed,
)
from keraudit.output.table import bare_grid
from pages.figures import drawn_by_script
from pages.markdown import note, numbers
from pages.published import MissingRecordError, missing, published
from records.lesions import EXPECTED, FOLDER

SCHEMA = "keraudit.lesions/2"
COMMAND = "python -m records.lesions FOLDER"
WEIGHTS = "Weights: PyTorch ResNets for CIFAR-10 (Idelbayev 2018), trained on the original images."
OWN_WEIGHTS = "Weights: this project's, both by one plan, trained on a JPEG copy of the images."


def records() -> list[Mapping[str, Any]]:
    """Those of networks of other depths that are there, from shallow to deep."""
    found = (published(FOLDER / f"{name}.json", SCHEMA) for name in EXPECTED)
    return [one for one in found if one is not None]


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


def exchanges() -> str:
    """What is left when blocks of one stage trade places."""
    return _drawn(
        exchanged,
        title="Blocks of the same shapes exchanged",
        label="Scatter chart of the accuracy over how far the blocks are from their order",
        caption="Each point is one random choice of 1 to 16 pairs of blocks of a stage that trade their weights. Tau counts"
        " the pairs within the stages: 1 is the network as it was trained, −1 every stage reversed.",
    )


def paths() -> str:
    """Through how many branches the gradient comes."""
    return _drawn(
        by_path_length,
        title="The gradient by the length of its path",
        label="Line chart of the part of the gradient over the number of residual branches on its path",
        caption="The share of paths of a length times the mean norm of their gradient at the input"
        f" ({_draws():,} random images, the same for each length, each on a random path). 95 % intervals of that mean.",
    )


def _draws() -> int:
    """Random paths of each length."""
    found = records()
    return int(found[0]["paths"][0]["draws"]) if found else 0


def probes() -> str:
    """What a linear classifier reads after each block."""
    return _drawn(
        probed,
        title="Linear probes across the depth",
        label="Line chart of the accuracy of a linear probe after each block",
        caption="Ridge regression on the mean of each channel, as the next block reads it, five-fold cross-validated on"
        " the test images.",
    )


def profiles() -> str:
    """The gradient of the deepest one, trained and not."""
    return _drawn(
        lambda found, title: gradient_profiles(found[-1], title=title),
        title="The gradient of a trained ResNet-56 and of random ones",
        label="Line chart of the gradient's norm after each block of one network",
        caption="32 of the images, cross-entropy, normalised by their own statistics as in training. One trained"
        " network, three random initialisations.",
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
    for found in records():
        changes = [-row["change_points"] for row in found["deletions"]]
        resized = [f"{-row['change_points']:.1f}" for row in found["deletions"] if row["resizes"]]
        between = found["effective_path_lengths"]
        rows.append(
            (
                found["network"],
                found["baseline"]["accuracy"],
                -found["median_change_points"],
                max(changes),
                ", ".join(resized),
                f"{between[0]} to {between[1]} of {len(changes)}" if between else "",
            )
        )
    text = (
        "Costs of a deleted block, in percentage points of accuracy. Gradient paths: the numbers of residual branches"
        " between which nine tenths of the gradient at the input come (Veit et al. 2016, section 5)."
    )
    return f"{numbers(bare_grid(columns, rows))}\n\n{note(text)}"


def median(network: str) -> str:
    """What the median deleted block costs, in percentage points, for a line of text."""
    return f"{-record(network)['median_change_points']:.1f}"


def accuracy(network: str) -> str:
    """Of the whole network, in percent, for a line of text."""
    return f"{100 * record(network)['baseline']['accuracy']:.1f} %"


def left(network: str) -> str:
    """The lowest and the highest accuracy without a block, in percent, for a line of text."""
    found = [100 * row["accuracy"] for row in record(network)["deletions"]]
    return f"{min(found):.1f} to {max(found):.1f} %"


def exchanged_cost(network: str, count: int) -> str:
    """What so many exchanges cost on average, in percentage points, for a line of text."""
    found = record(network)
    row = next(row for row in found["exchanges"] if row["exchanges"] == count)
    return f"{100 * (found['baseline']['accuracy'] - fmean(row['accuracies'])):.1f}"


def between(network: str) -> str:
    """Through how many branches nine tenths of the gradient come, for a line of text."""
    least, most = record(network)["effective_path_lengths"]
    return f"{least} to {most}"


def record(network: str) -> Mapping[str, Any]:
    """The record of a network, by the name of its file.

    Raises:
        MissingRecordError: it is not there.
    """
    found = published(FOLDER / f"{network}.json", SCHEMA)
    if found is None:
        raise MissingRecordError(missing(FOLDER, COMMAND))
    return found


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
    commands = "; ".join(f"`{one['command']}`" for one in found)
    versions = ", ".join(f"{name} {text}" for name, text in first["versions"].items() if text)
    return (
        f"{first['dataset']['name']}. {WEIGHTS if first['source'].endswith('.npz') else OWN_WEIGHTS}"
        f" Made by {commands}; {versions}; {first['hardware']}; {first['date']}."
    )
