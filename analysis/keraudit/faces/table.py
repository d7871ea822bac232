"""A record of ``keraudit faces`` as grids: the recognisers, and features block by block."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean
from typing import Any

from keraudit.faces.protocol import FALSE_ACCEPTS
from keraudit.output.table import Column, Grid, Line
from keraudit.runs.statistics import resampled, spread

ACCEPTED = f"TAR at {FALSE_ACCEPTS:.0%} false accepts"
MACS = (
    "for a classifier's answer, else for the vector of an image; matching: to compare it with every image"
    " learnt from"
)
CONVENTION = (
    f"error: rank-1 error on people seen; EER and {ACCEPTED}: all pairs of images of strangers; mean +-"
    f" deviation over the seeds; MACs: {MACS}"
)


def _title_of(one: Mapping[str, Any]) -> str:
    """What a recogniser is called, with whose features it takes."""
    return f"{one['name']}: {one['source']}" if one["source"] else str(one["name"])


def _blocks_of(one: Mapping[str, Any]) -> str:
    """The blocks that its features were taken after, each once."""
    return ", ".join(dict.fromkeys(one["blocks"]))


def _difference_from_pixels(one: Mapping[str, Any], report: Mapping[str, Any]) -> str:
    """The interval of the difference in error from pixels, in points; empty for pixels or a single seed."""
    base = report["recognisers"][0]
    interval = resampled(
        base["scores"]["error"],
        one["scores"]["error"],
        test_images=report["probes"],
        train_images=report["each"] * report["dataset"]["people"],
    )
    if interval is None or one["name"] == base["name"]:
        return ""
    return f"{100 * interval[0]:+.1f} to {100 * interval[1]:+.1f}"


def recognizers_grid(report: Mapping[str, Any]) -> Grid:
    """One line a recogniser, the first of them pixels."""
    columns = (
        Column(key="name", label="Recogniser", flows=True),
        Column(key="error", label="Error %", form="number"),
        Column(key="difference", label="Beside pixels", form="number", wide=True),
        Column(key="equal_error", label="EER %", form="number"),
        Column(key="true_accepts", label="TAR", form="share"),
        Column(key="macs", label="MACs", form="count"),
        Column(key="matching_macs", label="Matching", form="count", wide=True),
        Column(key="params", label="Params", form="count", wide=True),
        Column(key="blocks", label="After", wide=True, flows=True),
    )
    lines = tuple(
        Line(
            cells={
                "name": _title_of(one),
                "error": str(spread(one["scores"]["error"])),
                "difference": _difference_from_pixels(one, report),
                "equal_error": str(spread(one["scores"]["equal_error"])),
                "true_accepts": fmean(one["scores"]["true_accepts"]),
                "macs": one["macs"],
                "matching_macs": one["matching_macs"],
                "params": one["params"],
                "blocks": _blocks_of(one),
            }
        )
        for one in report["recognisers"]
    )
    data = report["dataset"]
    return Grid(
        title="Whose face is it",
        heading=f"{data['people']} people, {data['images']} images",
        columns=columns,
        lines=lines,
        notes=(
            f"Data            {data['name']} ({data['fingerprint'][:12]})",
            f"People seen     {report['each']} images of each to learn from, {report['probes']} in all to ask about;"
            f" seeds {', '.join(map(str, report['seeds']))}",
            f"MACs            {MACS}",
            "Strangers       half of the people: nothing is learnt from them",
            "Beside pixels   95 % interval of the difference in error, in points, for splits that overlap",
            f"TAR             at a false accept rate of {FALSE_ACCEPTS:.0%}",
            *(f"Features        {one['label']}: {one['origin']}" for one in report["sources"]),
        ),
        command=report["command"],
        convention=CONVENTION,
    )


def cuts_grid(report: Mapping[str, Any]) -> Grid:
    """One line for the features after each block of each network."""
    columns = (
        Column(key="name", label="Features after", flows=True),
        Column(key="shape", label="Shape", form="input"),
        Column(key="error", label="Error %", form="number"),
        Column(key="equal_error", label="EER %", form="number"),
        Column(key="macs", label="MACs", form="count"),
        Column(key="params", label="Params", form="count", wide=True),
    )
    lines = tuple(
        Line(
            cells={
                "name": f"{cut['source']}: {cut['block']}",
                "shape": cut["shape"],
                "error": str(spread(cut["scores"]["error"])),
                "equal_error": str(spread(cut["scores"]["equal_error"])),
                "macs": cut["macs"],
                "params": cut["params"],
            }
        )
        for cut in report["cuts"]
    )
    return Grid(
        title="Features as they are, block by block",
        heading="",
        columns=columns,
        lines=lines,
        notes=(),
        command="",
        convention="",
    )
