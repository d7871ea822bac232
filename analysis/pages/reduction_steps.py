"""The reduction step by step: one output value, all filters, all positions, and a 1x1 in front.

All steps stand on the page; ``steps.js`` shows one at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from keraudit.output.palette import BLUE, SKY, VERMILION
from keraudit.output.svg_marks import text
from pages.calculator import Sizes, behind, direct, squeeze
from pages.rendering import part
from pages.sketch import Block, dot, line, svg

TOP, HEIGHT = 28, 140  # of the boxes, and of a drawing
MIDDLE = 0.5  # where among the positions the example is


class Step(NamedTuple):
    """A step: a drawing, what is counted, the product, and the bar's parts as (class, value)."""

    title: str
    text: str
    product: str
    drawing: str
    bar: tuple[tuple[str, int], ...]

    @property
    def total(self) -> int:
        return sum(value for _, value in self.bar)


def steps() -> str:
    """The figure of the lecture's case."""
    found = list(_steps(Sizes()))
    return part("steps.html", steps=found, whole=direct(Sizes()))


def _steps(s: Sizes) -> Iterator[Step]:
    positions, kernel = s.height * s.width, s.kernel * s.kernel
    one = kernel * s.channels
    yield Step(
        "One output value",
        f"The window covers {s.kernel} × {s.kernel} positions of {s.channels} channels. Each number in it is multiplied"
        " by a weight of the filter.",
        f"{s.kernel} × {s.kernel} × {s.channels} = {one:,}",
        _direct(s, "value"),
        (("direct", one),),
    )
    yield Step(
        f"All {s.filters} filters",
        f"At the same position each of the {s.filters} filters gives a value of its own.",
        f"{one:,} × {s.filters} = {one * s.filters:,}",
        _direct(s, "filters"),
        (("direct", one * s.filters),),
    )
    yield Step(
        f"All {positions} positions",
        f"The window moves over {s.height} × {s.width} positions.",
        f"{one * s.filters:,} × {positions} = {direct(s):,}",
        _direct(s, "positions"),
        (("direct", direct(s)),),
    )
    yield Step(
        f"A 1×1 reduction to {s.reduction} channels in front",
        f"The 1×1 convolution makes {s.reduction} channels of {s.channels}. The {s.kernel}×{s.kernel} then reads"
        f" {s.reduction} channels, and its output keeps its shape.",
        f"{positions} × {s.channels} × {s.reduction} + {positions} × {kernel} × {s.reduction} × {s.filters}"
        f" = {squeeze(s):,} + {behind(s):,} = {squeeze(s) + behind(s):,}",
        _reduced(s),
        (("squeeze", squeeze(s)), ("behind", behind(s))),
    )


def _window(s: Sizes, size: int) -> tuple[tuple[float, float], tuple[float, float]]:
    """The rows and columns of a window in the middle."""
    row, column = MIDDLE * (s.height - size), MIDDLE * (s.width - size)
    return (row, row + size), (column, column + size)


def _converging(s: Sizes, size: int, source: Block, target: Block, color: str) -> str:
    """From the corners of a window at a block's right end to one position of the next block."""
    rows, columns = _window(s, size)
    end = target.at(0, MIDDLE * s.height, MIDDLE * s.width)
    corners = ((rows[0], columns[0]), (rows[0], columns[1]), (rows[1], columns[0]))
    return "".join(line([source.end(*corner), end], color) for corner in corners)


def _direct(s: Sizes, what: str) -> str:
    source = Block(10, TOP, s.height, s.width, s.channels)
    target = Block(225, TOP, s.height, s.width, s.filters)
    middle = _window(s, 1)
    done = {
        "value": dot(target.at(0, MIDDLE * s.height, MIDDLE * s.width), VERMILION),
        "filters": target.part(*middle, VERMILION, 1),
        "positions": target.whole(VERMILION, 0.5),
    }[what]
    label = (
        (
            f"A box of {s.height}×{s.width} positions with {s.channels} channels; in it a column of"
            f" {s.kernel}×{s.kernel}×{s.channels} numbers, from which lines lead to the {what} of a box"
            f" of {s.height}×{s.width}×{s.filters}"
        )
        .replace("the value of", "one value of")
        .replace("the filters of", "all filters at one position of")
    )
    return svg(
        (
            source.whole(),
            source.part(*_window(s, s.kernel), VERMILION),
            target.whole(),
            done,
            _converging(s, s.kernel, source, target, VERMILION),
            text(186, TOP + 22, f"{s.kernel}×{s.kernel}", anchor="middle", bold=True),
            source.named(),
            target.named(),
        ),
        height=HEIGHT,
        label=label.replace("the positions of", "all positions of"),
    )


def _reduced(s: Sizes) -> str:
    source = Block(2, TOP, s.height, s.width, s.channels)
    slab = Block(154, TOP, s.height, s.width, s.reduction)
    target = Block(240, TOP, s.height, s.width, s.filters)
    return svg(
        (
            source.whole(),
            source.part(*_window(s, 1), SKY, 1),
            slab.whole(SKY, 0.4),
            _converging(s, 1, source, slab, SKY),
            slab.part(*_window(s, s.kernel), BLUE),
            target.whole(BLUE, 0.3),
            _converging(s, s.kernel, slab, target, BLUE),
            text(147, TOP + 22, "1×1", anchor="middle", bold=True),
            text(218, TOP + 22, f"{s.kernel}×{s.kernel}", anchor="middle", bold=True),
            source.named(),
            slab.named(),
            target.named(),
        ),
        height=HEIGHT,
        label=f"Between the two boxes stands a thin one of {s.height}×{s.width}×{s.reduction}: a 1×1 convolution leads"
        f" to it, and the {s.kernel}×{s.kernel} reads it",
    )
