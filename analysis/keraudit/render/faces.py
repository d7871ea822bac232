"""A study of faces as grids: the recognisers, and features block by block."""

from __future__ import annotations

from statistics import fmean

from keraudit.experiments.faces.protocol import FALSE_ACCEPTS
from keraudit.experiments.faces.study import FaceStudy, Recogniser
from keraudit.experiments.statistics import resampled, spread
from keraudit.render.grid import Column, Grid, Line
from keraudit.render.numbers import sizes

CONVENTION = (
    "error: images of people seen whose nearest or most probable person is another; equal error and"
    f" accepted at {FALSE_ACCEPTS:.0%}: pairs of images of strangers; means over the seeds"
)


def title_of(one: Recogniser) -> str:
    return f"{one.name}: {one.source}" if one.source else one.name


def recognisers_grid(found: FaceStudy, *, command: str) -> Grid:
    """One line a recogniser, beside the first."""
    columns = (
        Column(key="name", label="Recogniser", flows=True),
        Column(key="error", label="Error %"),
        Column(key="difference", label="Beside pixels"),
        Column(key="equal_error", label="Equal error %"),
        Column(key="true_accepts", label=f"Accepted at {FALSE_ACCEPTS:.0%}", form="share"),
        Column(key="macs", label="MACs", form="count"),
        Column(key="params", label="Params", form="count", wide=True),
        Column(key="blocks", label="After", wide=True),
    )
    base = found.recognisers[0]
    lines = tuple(
        Line(
            cells={
                "name": title_of(one),
                "error": str(spread(one.scores.error)),
                "difference": difference(base, one, found),
                "equal_error": str(spread(one.scores.equal_error)),
                "true_accepts": fmean(one.scores.true_accepts),
                "macs": one.macs,
                "params": one.params,
                "blocks": ", ".join(dict.fromkeys(one.blocks)),
            }
        )
        for one in found.recognisers
    )
    data = found.dataset
    return Grid(
        title="Whose face is it",
        heading=f"{data['people']} people, {data['images']} images",
        columns=columns,
        lines=lines,
        notes=(
            f"Data            {data['name']} ({data['fingerprint'][:12]})",
            f"Identification  {found.each} images of each person to learn from, {found.asked} to ask about;"
            f" seeds {', '.join(map(str, found.seeds))}",
            "Verification    all pairs of images of half of the people, who were not learnt from",
            "Beside pixels   the 95 % interval of the difference in error, in points, for splits that overlap",
            *(f"Features        {one['label']}: {one['weights']}" for one in found.sources),
        ),
        command=command,
        convention=CONVENTION,
    )


def difference(base: Recogniser, one: Recogniser, found: FaceStudy) -> str:
    """The interval of the difference in error, in points."""
    if one is base:
        return ""
    known = found.each * int(found.dataset["people"])
    interval = resampled(base.scores.error, one.scores.error, asked=found.asked, known=known)
    if interval is None:
        return "a single seed"
    return f"{100 * interval[0]:+.1f} to {100 * interval[1]:+.1f}"


def cuts_grid(found: FaceStudy) -> Grid:
    """One line for the features after each block of each network."""
    columns = (
        Column(key="name", label="Features after", flows=True),
        Column(key="shape", label="Shape"),
        Column(key="error", label="Error %"),
        Column(key="equal_error", label="Equal error %"),
        Column(key="macs", label="MACs", form="count"),
        Column(key="params", label="Params", form="count", wide=True),
    )
    lines = tuple(
        Line(
            cells={
                "name": f"{cut.source}: {cut.block}",
                "shape": sizes(cut.shape),
                "error": str(spread(cut.scores.error)),
                "equal_error": str(spread(cut.scores.equal_error)),
                "macs": cut.macs,
                "params": cut.params,
            }
        )
        for cut in found.cuts
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
