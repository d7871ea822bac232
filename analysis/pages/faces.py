"""What the page on faces shows: the recognisers of a record, and features over what they cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keraudit.faces.figure import worth
from keraudit.faces.study import SCHEMA
from keraudit.faces.table import ACCEPTED, MACS, recognizers_grid
from keraudit.output.table import Column
from pages.figures import drawn_by_script
from pages.markdown import note, numbers, typeset_line
from pages.published import RESULTS, missing, published

PATH = RESULTS / "faces.json"
COMMAND = f"keraudit faces --data orl-faces --output {PATH.as_posix()}"
COLUMNS = (
    Column("name", "recogniser"),
    Column("error", "error, %", "number"),
    Column("equal_error", "EER, %", "number"),
    Column("true_accepts", ACCEPTED, "share"),
    Column("macs", "MACs", "count"),
    Column("matching_macs", "matching", "count"),
    Column("params", "params", "count"),
    Column("difference", "beside pixels", "number"),
    Column("blocks", "features after"),
)


def record() -> Mapping[str, Any] | None:
    return published(PATH, SCHEMA)


def results() -> str:
    """A row for each recogniser."""
    found = record()
    if found is None:
        return missing(PATH, COMMAND)
    grid = recognizers_grid(found)
    keys = ("error", "equal_error", "difference")
    lines = tuple(
        typeset_line(line, *keys, name=line.cells["name"].replace(": ", "\n"))
        for line in grid.lines
    )
    return f"{numbers(grid._replace(columns=COLUMNS, lines=lines))}\n\n{note(provenance(found))}"


def provenance(found: Mapping[str, Any]) -> str:
    """Where the numbers are from."""
    data, machine = found["dataset"], found["hardware"]
    sources = "; ".join(f"{one['label']}: {one['origin']}" for one in found["sources"])
    width, height = data["image_shape"][1::-1]
    return (
        f"{data['people']} people, {data['images']} images of {width}x{height} ({data['source']}, fingerprint"
        f" {data['fingerprint'][:12]}). Mean and deviation over {len(found['seeds'])} random splits, of one draw of"
        f" initialisations. People seen: {found['each']} images of each to learn from, {found['probes']} in all to ask"
        " about. Compared with pixels: the 95 % interval of the difference in error, in points, by the variance of Nadeau"
        f" and Bengio 2003 for splits that overlap. MACs: {MACS}."
        f" Features: {sources}. InceptionV3 and ResNet50 see {found['size']}x{found['size']}, each image less its own"
        f" mean and in its own deviations; classifiers learn for {found['epochs']} epochs. {found['date']};"
        f" {machine['processor']}, {machine['cores']} cores;"
        f" {', '.join(f'{name} {version}' for name, version in found['versions'].items())}. Made by"
        f" `{found['command']}`."
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
        caption="Each point is the features after one block, over the MACs up to there, compared as they are. Left: the rank-1 error on people"
        " seen. Right: the equal error rate on pairs of strangers. Means over the splits.",
        made=f"{found['dataset']['source']}, {found['dataset']['people']} people, {found['date']}. Made by"
        f" `{found['command']}`.",
    )
