"""What a block is worth: a bar for each deleted block of two networks, shallow and deep or residual and plain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import ceil
from typing import Any, NamedTuple

from keraudit.output.figure_data import Numbers
from keraudit.output.palette import BLUE, ORANGE
from keraudit.output.svg_marks import text
from pages import lesions
from pages.figures import with_numbers
from pages.rendering import part

DEPTHS = {"resnet-cifar-20": "ResNet-20", "resnet-cifar-56": "ResNet-56"}
TWINS = {"own-resnet-cifar-20": "ResNet-20", "own-plain-cifar-20": "Plain-20"}
TITLE = "What a block is worth: points of accuracy lost without it"
WIDTH, HEIGHT = 340, 210
LEFT, RIGHT, TOP, BOTTOM = 30, 336, 8, 180  # where the axes end
STEP = 20  # points between two lines of the grid


class Deleted(NamedTuple):
    """A block and what its deletion costs, in percentage points, with the ends of its paired 95 % interval."""

    block: str
    cost: float
    low: float
    high: float
    resizes: bool


def costs(network: str) -> list[Deleted]:
    """Each block of a network, by the name of its record, from the input on."""
    return [
        Deleted(
            block=row["block"],
            cost=-row["change_points"],
            low=-row["change_high_points"],
            high=-row["change_low_points"],
            resizes=row["resizes"],
        )
        for row in lesions.record(network)["deletions"]
    ]


def figure() -> str:
    """A shallow and a deep residual network beside each other, on one scale."""
    return _beside(DEPTHS, TITLE, "weights by Yerlan Idelbayev · 1 network of each depth")


def twins() -> str:
    """A residual network and its plain twin, trained alike."""
    return _beside(TWINS, f"{TITLE}, residual and plain", "this project's weights · 1 seed")


def _beside(shown: Mapping[str, str], title: str, weights: str) -> str:
    records = [lesions.record(network) for network in shown]
    found = {name: costs(network) for network, name in shown.items()}
    most = max(row.high for rows in found.values() for row in rows)
    panels = [
        (
            name,
            lesions.median(network),
            _bars(found[name], STEP * ceil(most / STEP)),
            _told(len(found[name]), name, units=bool(lesions.record(network)["paths"])),
        )
        for network, name in shown.items()
    ]
    numbers = Numbers(
        ("without", "points lost", "least", "most"),
        tuple(
            (f"{name}, {row.block}", *(round(v, 1) for v in (row.cost, row.low, row.high)))
            for name, rows in found.items()
            for row in rows
        ),
    )
    return part(
        "lesion-bars.html",
        panels=panels,
        width=WIDTH,
        height=HEIGHT,
        colors=(BLUE, ORANGE),
        resizes=any(row.resizes for rows in found.values() for row in rows),
        badges=f"{weights} · {records[0]['baseline']['images']:,} original test images",
        **with_numbers(title, numbers, lesions.origin(records)),
    )


def _told(count: int, name: str, *, units: bool) -> str:
    """How many were deleted, one by one.

    >>> _told(16, "Plain-20", units=False)
    '16 of 20 layers'
    """
    return f"{count} blocks" if units else f"{count} of {name.rpartition('-')[2]} layers"


def _bars(rows: Sequence[Deleted], highest: int) -> str:
    def y(points: float) -> float:
        return BOTTOM - (BOTTOM - TOP) * points / highest

    return "".join([*_grid(highest, y), *_each(rows, y)])


def _grid(highest: int, y: Any) -> Iterator[str]:
    for points in range(0, highest + 1, STEP):
        yield f'<path class="ka-grid" d="M{LEFT} {y(points):.1f}H{RIGHT}"/>'
        yield text(LEFT - 6, y(points) + 4, str(points), anchor="end")
    yield text(LEFT, BOTTOM + 20, "input")
    yield text(RIGHT, BOTTOM + 20, "output", anchor="end")
    yield text((LEFT + RIGHT) / 2, BOTTOM + 20, "deleted block", anchor="middle")


def _each(rows: Sequence[Deleted], y: Any) -> Iterator[str]:
    room = (RIGHT - LEFT) / len(rows)
    for number, row in enumerate(rows):
        left, wide = LEFT + (number + 0.15) * room, 0.7 * room
        middle = left + wide / 2
        color = ORANGE if row.resizes else BLUE
        height = y(0) - y(row.cost)
        yield (
            f'<g><title>{row.block}: {row.cost:.1f} points</title><path fill="{color}"'
            f' d="M{left:.1f} {y(0):.1f}v{-height:.1f}h{wide:.1f}v{height:.1f}z"/>'
            f'<path class="ka-whisker" d="M{middle:.1f} {y(row.low):.1f}V{y(row.high):.1f}"/></g>'
        )
