"""What a block is worth, in the chapter: a bar for each deleted block of a shallow and of a deep network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import ceil
from typing import Any, NamedTuple

from keraudit.output.figure_data import Numbers
from keraudit.output.palette import BLUE, ORANGE
from keraudit.output.svg_marks import text
from pages import lesions
from pages.figures import with_numbers
from pages.published import missing
from pages.rendering import part
from records.lesions import FOLDER

SHOWN = {"resnet-cifar-20": "ResNet-20", "resnet-cifar-56": "ResNet-56"}
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
    """Each block of a network, from the input on."""
    found = {record["network"]: record for record in lesions.records()}[network]
    return [
        Deleted(
            block=row["block"],
            cost=-row["change_points"],
            low=-row["change_high_points"],
            high=-row["change_low_points"],
            resizes=row["resizes"],
        )
        for row in found["deletions"]
    ]


def figure() -> str:
    """Both networks beside each other, on one scale."""
    there: Sequence[Mapping[str, Any]] = [r for r in lesions.records() if r["network"] in SHOWN]
    if len(there) < len(SHOWN):
        return missing(FOLDER, lesions.COMMAND)
    found = {title: costs(network) for network, title in SHOWN.items()}
    most = max(row.high for rows in found.values() for row in rows)
    panels = [
        (
            title,
            lesions.median(network),
            _bars(found[title], STEP * ceil(most / STEP)),
            len(found[title]),
        )
        for network, title in SHOWN.items()
    ]
    numbers = Numbers(
        ("without", "points lost", "least", "most"),
        tuple(
            (f"{title}, {row.block}", *(round(v, 1) for v in (row.cost, row.low, row.high)))
            for title, rows in found.items()
            for row in rows
        ),
    )
    return part(
        "lesion-bars.html",
        panels=panels,
        width=WIDTH,
        height=HEIGHT,
        colors=(BLUE, ORANGE),
        images=f"{there[0]['baseline']['images']:,}",
        **with_numbers(TITLE, numbers, lesions.origin(there)),
    )


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
