"""Drawings of the chapter on Inception: windows over objects, deeper or in parallel, a 1x1 convolution."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from keraudit.model.graph import Graph
from keraudit.model.shape_text import shape_text
from keraudit.output.numbers import short
from keraudit.output.palette import BLUE, GREEN, SKY, VERMILION
from keraudit.output.svg_marks import text
from pages.calculator import Sizes
from pages.rendering import part
from pages.sketch import Block, arrow, box, dot, line, svg

CELL = 14  # units of a position in the picture with the windows
WINDOWS = ((5, VERMILION), (3, GREEN), (1, BLUE))
LARGE, SMALL = (5, 5), (14, 8)  # the positions in the middle of the two objects
SIZE = "height=28,width=28,channels=192"
# The 192 filters of one layer in three kernel sizes; and two 3x3 of 192 filters, of which a 5x5 is made.
WIDER = f"inception-naive:{SIZE},f1=64,f3=96,f5=32,pool=0"
DEEPER = f"inception-naive:{SIZE},f1=0,f3=0,f5=192,pool=0"
MODELS = (WIDER, DEEPER)


def grown() -> str:
    """The windows over two objects, and the cost of a second layer and of parallel kernels."""
    return part(
        "sketches.html",
        drawings=(
            (
                _windows(),
                "Windows to scale on the positions of a feature map: the 5×5 holds the balloon, the 1×1 the bird.",
            ),
            (
                _two_ways(),
                "Counted on 28×28×192, 192 filters a layer: a second layer doubles the cost; splitting one layer's filters over"
                " three kernel sizes leaves it as it is.",
            ),
        ),
    )


def _windows() -> str:
    """A large and a small object on a grid of positions, and the windows of three kernels around each."""
    rows = 12
    wide, high = 20 * CELL, rows * CELL
    grid = "".join(
        [f"M{CELL * at} 0V{high}" for at in range(21)]
        + [f"M0 {CELL * at}H{wide}" for at in range(rows + 1)]
    )
    return svg(
        (
            '<g transform="translate(10 4)">',
            f'<path class="ka-grid" d="{grid}"/>',
            _balloon(*(CELL * (at + 0.5) for at in LARGE)),
            _bird(*(CELL * (at + 0.5) for at in SMALL)),
            *_around(*LARGE),
            *_around(*SMALL),
            "</g>",
        ),
        height=high + 8,
        label="A balloon five positions wide and a bird one position wide on a grid; around the middle of each stand the"
        " windows of a 1×1, a 3×3 and a 5×5 kernel. The 5×5 holds the balloon, the 1×1 the bird",
    )


def _balloon(x: float, y: float) -> str:
    r = 2.4 * CELL
    return (
        f'<circle fill="currentColor" fill-opacity="0.3" cx="{x}" cy="{y}" r="{r}"/>'
        f'<path fill="currentColor" fill-opacity="0.3" stroke="currentColor" stroke-opacity="0.5" d="M{x - 20} {y + 27}L{x - 8} {y + 56}'
        f'M{x + 20} {y + 27}L{x + 8} {y + 56}M{x - 9} {y + 56}h18v12h-18z"/>'
    )


def _bird(x: float, y: float) -> str:
    return (
        '<path fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round"'
        f' d="M{x - 6} {y - 1}Q{x - 3} {y - 6} {x} {y + 2}Q{x + 3} {y - 6} {x + 6} {y - 1}"/>'
    )


def _around(column: int, row: int) -> Iterator[str]:
    """The windows around a position, each with its name on the right."""
    right = CELL * (column + 3) + 4
    for size, color in WINDOWS:
        left, top = (CELL * (at - size // 2) for at in (column, row))
        side = CELL * size
        yield (
            f'<path fill="none" stroke="{color}" stroke-width="2.5"'
            f' d="M{left} {top}h{side}v{side}h-{side}z"/>'
        )
        yield text(right, top + 11, f"{size}×{size}")


class _Layer(NamedTuple):
    """A convolution as a box: its kernel, its filters, what it costs."""

    kernel: str
    filters: int
    macs: int

    @property
    def words(self) -> list[str]:
        return [f"{self.kernel}, {self.filters}", short(self.macs)]


def _layers(graph: Graph) -> list[_Layer]:
    """The convolutions of a graph, in order."""
    import keraudit

    kernels = {
        node.name: shape_text(node.layer.config["kernel_size"]).replace("x", "×")
        for node in graph.nodes
        if node.layer.kind == "Conv2D"
    }
    return [
        _Layer(kernels[layer.name], layer.output_shapes[0][-1], layer.cost.macs)
        for layer in keraudit.audit(graph).layers
        if layer.name in kernels
    ]


def deeper() -> list[_Layer]:
    """Two 3x3 layers in a row."""
    import keraudit

    return _layers(keraudit.factorized(keraudit.read(DEEPER), "two-3x3").graph)


def wider() -> list[_Layer]:
    """One layer's filters, split over three kernels in parallel."""
    import keraudit

    return _layers(keraudit.read(WIDER))


def total(layers: Sequence[_Layer]) -> int:
    return sum(layer.macs for layer in layers)


def _two_ways() -> str:
    chain, branches = deeper(), wider()
    first, middle, out = 54, 203, sum(layer.filters for layer in branches)
    parts = [
        text(first, 14, f"deeper: {short(total(chain))}", anchor="middle", bold=True),
        text(middle, 14, f"in parallel: {short(total(branches))}", anchor="middle", bold=True),
    ]
    for at, layer in enumerate(chain):
        y = 52 + 62 * at
        parts += [arrow((first, y - 22), (first, y - 2)), box(first, y, 84, layer.words, GREEN, 38)]
    for at, layer in enumerate(branches):
        x = middle + 66 * (at - 1)
        parts += [
            line([(middle, 28), (x, 38)]),
            arrow((x, 38), (x, 50)),
            box(x, 52, 61, layer.words, GREEN, 38),
            line([(x, 90), (middle, 112)]),
        ]
    parts.append(box(middle, 114, 150, [f"concatenate, {out}"], GREEN, 38))
    kinds = ", ".join(f"{layer.kernel} with {layer.filters} filters" for layer in branches)
    return svg(
        parts,
        height=176,
        label=f"Deeper: {len(chain)} {chain[0].kernel} layers of {chain[0].filters} filters in a row,"
        f" {total(chain):,} multiplications. In parallel: {kinds}, concatenated, {total(branches):,}"
        " multiplications",
    )


def one_by_one() -> str:
    """A dense layer at one position, and the same at all."""
    s = Sizes()
    weights, positions = s.channels * s.reduction, s.height * s.width
    return part(
        "sketches.html",
        drawings=(
            (
                _dense(s),
                f"One position: {s.channels} numbers in, {s.reduction} out, {s.channels} × {s.reduction} = {weights:,}"
                " weights.",
            ),
            (_everywhere(s), f"All {positions} positions: the same {weights:,} weights at each."),
        ),
    )


def _dense(s: Sizes) -> str:
    left, right = [18 + 20 * at for at in range(7)], [48, 78, 108]
    ends = [(100.0, float(y)) for y in left if y != left[5]]
    outs = [(200.0, float(y)) for y in right]
    return svg(
        (
            '<g opacity="0.5">',
            *(line([a, b]) for a in ends for b in outs),
            "</g>",
            *(dot(at, SKY, 6) for at in ends),
            *(dot(at, BLUE, 6) for at in outs),
            text(100, left[5] + 4, "⋮", anchor="middle", bold=True),
            text(200, 128, "⋮", anchor="middle", bold=True),
            text(86, 78, str(s.channels), anchor="end", bold=True),
            text(214, 82, str(s.reduction), bold=True),
        ),
        height=156,
        label=f"{s.channels} numbers, each joined to each of {s.reduction} numbers by a line",
    )


def _everywhere(s: Sizes) -> str:
    source = Block(30, 30, s.height, s.width, s.channels)
    target = Block(220, 30, s.height, s.width, s.reduction)
    parts = [source.whole(), target.whole()]
    for row, column in ((3, 20), (12, 12), (22, 3)):
        window = ((row, row + 1.6), (column, column + 1.6))
        parts += [
            source.part(*window, SKY, 1),
            target.part(*window, BLUE, 1),
            line([source.end(row + 1, column + 1), target.at(0, row + 1, column + 1)]),
        ]
    return svg(
        (*parts, source.named(), target.named()),
        height=156,
        label=f"Three positions of a box of {s.height}×{s.width}×{s.channels}, each with a line to the same position of a"
        f" box of {s.height}×{s.width}×{s.reduction}",
    )
