"""What the page on faces shows: the recognisers of a record, and features over what they cost."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean
from typing import Any

from keraudit.experiments.statistics import resampled, spread
from keraudit.render.face_figure import worth
from keraudit.render.numbers import percent, short
from keraudit.site.figures import drawn_by_script
from keraudit.site.markdown import numbers, table
from keraudit.site.published import RESULTS, missing, published

PATH = RESULTS / "faces.json"
SCHEMA = "keraudit.faces/1"
COMMAND = (
    "keraudit faces --data orl-faces --features imagenet --features random"
    f" --output {PATH.as_posix()}"
)


def record() -> Mapping[str, Any] | None:
    return published(PATH, SCHEMA)


def results() -> str:
    """A row for each recogniser."""
    found = record()
    if found is None:
        return missing(PATH, COMMAND)
    head = [("recogniser", "left"), ("error, %", "right"), ("beside pixels", "right")]
    head += [("equal error, %", "right"), ("accepted at 1 %", "right")]
    head += [("MACs", "right"), ("params", "right"), ("features after", "left")]
    base = found["recognisers"][0]
    rows = [
        [
            f"{one['name']}: {one['source']}" if one["source"] else one["name"],
            plus_minus(one["scores"]["error"]),
            "" if one is base else beside(base, one, found),
            plus_minus(one["scores"]["equal_error"]),
            percent(fmean(one["scores"]["true_accepts"])),
            short(one["macs"]),
            short(one["params"]),
            ", ".join(dict.fromkeys(one["blocks"])),
        ]
        for one in found["recognisers"]
    ]
    return f"{numbers(table(head, rows))}\n\n{told(found)}\n{{ .ka-note }}"


def plus_minus(values: list[float]) -> str:
    return str(spread(values)).replace("+-", "±")


def beside(base: Mapping[str, Any], one: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """The interval of the difference in error, in points."""
    interval = resampled(
        base["scores"]["error"],
        one["scores"]["error"],
        asked=found["asked"],
        known=found["each"] * found["dataset"]["people"],
    )
    if interval is None:
        return ""
    low, high = (f"{100 * end:+.1f}".replace("-", "−") for end in interval)
    return f"{low} to {high}"


def told(found: Mapping[str, Any]) -> str:
    """Where the numbers are from."""
    data = found["dataset"]
    sources = "; ".join(f"{one['label']}: {one['weights']}" for one in found["sources"])
    machine = found["hardware"]
    return (
        f"{data['people']} people, {data['images']} images of {data['source']} (fingerprint"
        f" {data['fingerprint'][:12]}). Mean and deviation over {len(found['seeds'])} random splits. People seen:"
        f" {found['each']} images of each to learn from, {found['asked']} in all to ask about. Beside pixels: the"
        " 95 % interval of the difference in error, in points, by Nadeau and Bengio's variance for splits that"
        f" overlap. Features: {sources}. Images at {found['size']}x{found['size']}; classifiers"
        f" {found['epochs']} epochs of AdamW. {found['date']}; {machine['processor']}, {machine['cores']} cores;"
        f" {', '.join(f'{name} {version}' for name, version in found['versions'].items())}. Made by"
        f" `{found['command']}`."
    )


def figure(_: str = "") -> str:
    """Errors of features after each block, over the MACs up to there."""
    found = record()
    if found is None:
        return ""
    names = ", ".join(dict.fromkeys(one["label"] for one in found["sources"]))
    return drawn_by_script(
        worth(found),
        label=f"Line charts of the errors on faces over the MACs up to each block, for {names}, and of pixels",
        caption="Each point is the features after one block, compared as they are: the nearest image of the people"
        " seen; pairs of images of strangers. Means over the splits.",
        made=f"{found['dataset']['source']}, {found['dataset']['people']} people, {found['date']}. Made by"
        f" `{found['command']}`.",
    )
