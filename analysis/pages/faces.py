"""What the page on faces shows: the recognisers of a record, and features over what they cost."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from mkdocs.exceptions import PluginError

from keraudit.faces.figure import over_blocks, roc, worth
from keraudit.faces.study import SCHEMA
from keraudit.faces.table import ACCEPTED, MACS, recognizers_grid
from keraudit.output.table import Column
from pages.figures import drawn_by_script
from pages.markdown import made, numbers, typeset_line
from pages.published import RESULTS, missing, published

# The two networks of the first figure, and what their lines are called.
RANDOM = {
    "ResNet50, random initialisation": "with skips",
    "ResNet50, random initialisation, without-skips": "without skips",
}
PATH = RESULTS / "faces.json"
COMMAND = f"keraudit faces --data orl-faces --output {PATH.as_posix()}"
COLUMNS = (
    Column("name", "recogniser"),
    Column("error", "error, %", "number"),
    Column("equal_error", "EER, %", "number"),
    Column("true_accepts", ACCEPTED, "share"),
    Column("macs", "MACs", "count"),
)
ALL_COLUMNS = (
    *COLUMNS,
    Column("matching_macs", "matching", "count"),
    Column("params", "params", "count"),
    Column("difference", "error − pixels", "number"),
    Column("blocks", "features after"),
)


def record() -> Mapping[str, Any] | None:
    return published(PATH, SCHEMA)


def results() -> str:
    """A row for each recogniser."""
    found = record()
    if found is None:
        return missing(PATH, COMMAND)
    return f"{_table(found, COLUMNS)}\n\n{made(provenance(found), badges(found))}"


def badges(found: Mapping[str, Any]) -> tuple[str, ...]:
    """The study in a few words."""
    data = found["dataset"]
    words = (
        f"{len(found['seeds'])} splits",
        "1 initialisation",
        f"{found['hardware']['cores']} CPU cores",
    )
    return (*words, f"{data['people']} people, {data['images']} images")


def all_columns() -> str:
    """The same with every column, folded."""
    found = record()
    return (
        "" if found is None else _table(found, ALL_COLUMNS, folded_as="The table with all columns")
    )


def _table(found: Mapping[str, Any], columns: Sequence[Column], *, folded_as: str = "") -> str:
    grid = recognizers_grid(found)
    keys = ("error", "equal_error", "difference")
    lines = tuple(
        typeset_line(line, *keys, name=shortened(line.cells["name"])) for line in grid.lines
    )
    return numbers(grid._replace(columns=tuple(columns), lines=lines), folded_as=folded_as)


def shortened(name: str) -> str:
    """A recogniser and, on a line of its own, its features; the full names are in the record.

    >>> shortened("Features: ResNet50, random initialisation, without-skips")
    'Features\\nResNet50, random, without skips'
    """
    short = name.replace(": ", "\n").replace("random initialisation", "random")
    return re.sub(
        r"trained on .*", "trained on CIFAR-10", short.replace("without-skips", "without skips")
    )


def provenance(found: Mapping[str, Any]) -> str:
    """Where the numbers are from."""
    data, machine = found["dataset"], found["hardware"]
    sources = "; ".join(f"{one['label']}: {one['origin']}" for one in found["sources"])
    width, height = data["image_shape"][1::-1]
    return (
        f"{data['people']} people, {data['images']} images of {width}x{height} ({data['source']}, fingerprint"
        f" {data['fingerprint'][:12]}). Mean and standard deviation over {len(found['seeds'])} random splits, of one draw of"
        f" initialisations. People seen: {found['each']} images of each in the gallery, {found['probes']}"
        " queries in all. Compared with pixels: the 95 % interval of the difference in error, in points, by the variance of Nadeau"
        f" and Bengio 2003 for splits that overlap. MACs: {MACS}."
        f" Features: {sources}. InceptionV3 and ResNet50 read {found['size']}×{found['size']}, other networks the size that"
        f" they were trained on; each image is standardised. Classifiers are trained for {found['epochs']} epochs. {found['date']};"
        f" {machine['processor']}, {machine['cores']} cores;"
        f" {', '.join(f'{name} {version}' for name, version in found['versions'].items())}. Made by"
        f" `{found['command']}`."
    )


def staircase() -> str:
    """The error over the blocks of a random ResNet50, with its skips and without."""
    found = record()
    if found is None:
        return missing(PATH, COMMAND)
    return drawn_by_script(
        over_blocks(found, lines=RANDOM),
        label="Line chart of the rank-1 error on faces after each block of a random ResNet50, with its skips and without,"
        " and of pixels",
        caption="Rank-1 error on known people, by nearest neighbour on the features after each block; mean over splits."
        " Nothing has been trained.",
        made=provenance(found),
        badges=badges(found),
    )


def errors_at_the_end(label: str) -> str:
    """In a sentence: the rank-1 error of a source's last features, in percent; of pixels for ``"pixels"``."""
    found = record()
    if found is None:
        return "(not measured)"
    known = found["recognisers"][:1] if label == "pixels" else found["cuts"]
    rows = [one for one in known if label in ("pixels", one["source"])]
    if not rows:
        raise PluginError(f"{PATH} has no features of {label!r}")
    last = rows[-1]
    return f"{100 * fmean(last['scores']['error']):.0f} %"


def accepted(source: str) -> str:
    """In a sentence: the true accept rate of a source's features, of pixels for none, at 1 % false accepts."""
    found = record()
    if found is None:
        return "(not measured)"
    first = next(one for one in found["recognisers"] if one["source"] == source)
    return f"{100 * fmean(first['scores']['true_accepts']):.0f} %"


def curve() -> str:
    """True accepts over false accepts."""
    found = record()
    if found is None:
        return ""
    return drawn_by_script(
        roc(found),
        label="Line chart of the share of genuine pairs accepted over the share of other pairs accepted, for pixels"
        " and trained features",
        caption="Verification of strangers: each point is a threshold on the cosine. Dashed: after a residual classifier."
        " The dotted line crosses a curve at its EER.",
        made=provenance(found),
        badges=badges(found),
    )


def figure() -> str:
    """Errors of features after each block, over the MACs up to there."""
    found = record()
    if found is None:
        return ""
    names = ", ".join(dict.fromkeys(one["label"] for one in found["sources"]))
    return drawn_by_script(
        worth(found),
        label=f"Line charts of the errors on faces over the MACs up to each block, for {names}, and of pixels",
        caption="A point is the features after one block, over the MACs up to there. Left: rank-1 error on known people."
        " Right: equal error rate on pairs of strangers. Means over splits.",
        made=provenance(found),
        badges=badges(found),
    )
