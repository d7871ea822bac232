"""The chain rule across depth: a model of one number per layer, beside what was measured.

The model: every layer multiplies the gradient's norm by a gain ``g``, so a block of two layers by
``f = g * g``. Without skips n blocks give ``f ** n``. With skips the gradient through a branch is taken
as independent of the one that passes it, so their squared norms add: a block gives ``sqrt(1 + f * f)``.
Under batch norm the stream's standard deviation grows with the root of the number of branches that
have been added to it (De and Smith 2020, section 3), the first normalisation of block l divides by it,
and ``f`` there becomes ``f / sqrt(l)``.

The gains, squared, are those of the literature: pi / (pi - 1) for a normalised ReLU layer (Yang et al.
2019), 1 under He's initialiser (He et al. 2015, ICCV), 1/2 under Glorot's, which is made for no ReLU.

What is written here is the case of 56 layers, for readers without a script; ``chain-rule.js`` draws the
same picture for any gain.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from math import ceil, floor, log10, pi, sqrt
from typing import Any, NamedTuple

from keraudit.audits.gradients.figure import over_seeds
from keraudit.audits.gradients.growth import line
from keraudit.output.csv_markdown import pipe_table
from keraudit.output.numbers import raised, times
from keraudit.output.table import bare_grid
from pages import gradients
from pages.markdown import note
from pages.rendering import part

DEPTHS = (20, 56, 110)
DEPTH, NETWORK = 56, "norm-he"  # where the figure starts
SIDES: Mapping[str, str] = {"off": "without skips", "on": "with skips"}
# The picture, in its own units: where the axes end.
WIDTH, HEIGHT = 400, 300
LEFT, RIGHT, TOP, BOTTOM = 50, 390, 12, 254
MOST_TICKS = 7
SLACK = 0.1  # of a decade, by which a line may leave the grid


class Network(NamedTuple):
    """A kind of network: what it is called, its gain per layer, and its profiles with skips and without."""

    title: str
    gain: float
    norm: bool
    on: str
    off: str


NETWORKS: Mapping[str, Network] = {
    "norm-he": Network("batch norm, He", sqrt(pi / (pi - 1)), True, "he", "without-skips+he"),
    "he": Network(
        "no batch norm, He", 1.0, False, "without-norm+he", "without-skips+without-norm+he"
    ),
    "glorot": Network(
        "no batch norm, Glorot",
        sqrt(1 / 2),
        False,
        "without-norm+glorot",
        "without-skips+without-norm+glorot",
    ),
}


class Curve(NamedTuple):
    """The decimal logarithm of the norm over that at the last block, block by block, and its growth."""

    logs: Sequence[float]
    growth: float
    across: float


def gain(network: str) -> float:
    """The gain per layer of a kind of network, as the slider starts: two decimals."""
    return round(NETWORKS[network].gain, 2)


def model(blocks: int, g: float, *, norm: bool, skips: bool) -> Curve:
    """What the model gives at the output of the stem and of each block.

    >>> [round(10**log, 2) for log in model(2, 2.0, norm=False, skips=False).logs]
    [16.0, 4.0, 1.0]
    >>> [round(10**log, 2) for log in model(2, 1.0, norm=False, skips=True).logs]
    [2.0, 1.41, 1.0]
    """
    f = g * g
    logs = [0.0]
    for block in range(blocks, 0, -1):
        squared = 1 + f * f / (block if norm else 1)
        logs.insert(0, logs[0] + (log10(squared) / 2 if skips else log10(f)))
    slope, _ = line(list(enumerate(logs)))
    return Curve(logs, 10**-slope, 10 ** (-slope * blocks))


def network_model(depth: int, network: str, side: str) -> Curve:
    """The model at the gain of a kind of network; a CIFAR network of depth d has (d - 2) / 2 blocks."""
    norm = NETWORKS[network].norm
    return model((depth - 2) // 2, gain(network), norm=norm, skips=side == "on")


@cache
def measured(depth: int, network: str, side: str) -> Curve:
    """The same as it was measured: geometric mean over seeds; growth and its line as in every verdict."""
    record = gradients.record(f"resnet-cifar-{depth}-corners")
    if record is None:
        raise ValueError(f"the record resnet-cifar-{depth}-corners is not there")
    label = getattr(NETWORKS[network], side)
    profiles = [profile for profile in record["profiles"] if profile["label"] == label]
    norms = [row["mean"] for row in over_seeds(profiles) if not row["is_output"]]
    (found,) = (verdict for verdict in record["verdicts"] if verdict["label"] == label)
    logs = [round(log10(norm / norms[-1]), 4) for norm in norms]
    return Curve(logs, found["growth_per_block"], found["across"])


def lines() -> dict[str, Curve]:
    """The four lines of the first picture, by their names in the page."""
    found = {}
    for side in SIDES:
        found[f"{side}-measured"] = measured(DEPTH, NETWORK, side)
        found[f"{side}-model"] = network_model(DEPTH, NETWORK, side)
    return found


def figure() -> str:
    """The equations, the picture of 56 layers, the form that the script opens, and the growths."""
    data = {
        "box": [LEFT, TOP, RIGHT, BOTTOM],
        "ticks": MOST_TICKS,
        "slack": SLACK,
        "networks": {
            name: {"gain": gain(name), "norm": network.norm} for name, network in NETWORKS.items()
        },
        "measured": {
            str(depth): {
                name: {side: measured(depth, name, side)._asdict() for side in SIDES}
                for name in NETWORKS
            }
            for depth in DEPTHS
        },
    }
    rows = [
        (name, f"{SIDES[name.partition('-')[0]]}, {name.partition('-')[2]}", *told(curve))
        for name, curve in lines().items()
    ]
    record: Mapping[str, Any] = gradients.record(f"resnet-cifar-{DEPTH}-corners") or {}
    return part(
        "chain-rule.html",
        data=json.dumps(data, separators=(",", ":")),
        depths=DEPTHS,
        depth=DEPTH,
        networks={name: network.title for name, network in NETWORKS.items()},
        gain=gain(NETWORK),
        picture=picture(lines()),
        width=WIDTH,
        height=HEIGHT,
        rows=rows,
        badges=gradients.badges(record),
        made=gradients.origin(record),
    )


def told(curve: Curve) -> tuple[str, str]:
    """Growth per block and across, as the table shows them."""
    return f"{curve.growth:.2f}", f"{times(curve.across)}×"


def picture(curves: Mapping[str, Curve]) -> str:
    """Axes and lines; the script writes the same."""
    logs = [log for curve in curves.values() for log in curve.logs]
    low, high = floor(min(logs) + SLACK), ceil(max(logs) - SLACK)
    high = max(high, low + 1)
    blocks = len(next(iter(curves.values())).logs) - 1

    def x(block: float) -> float:
        return LEFT + (RIGHT - LEFT) * block / blocks

    def y(log: float) -> float:
        return BOTTOM - (BOTTOM - TOP) * (log - low) / (high - low)

    return "".join([*_axes(low, high, blocks, x, y), *_drawn(curves, x, y)])


def _axes(low: int, high: int, blocks: int, x: Any, y: Any) -> Iterator[str]:
    for power in range(low, high + 1, ceil((high - low) / MOST_TICKS)):
        at = y(power)
        yield f'<path class="ka-grid" d="M{LEFT} {at:.1f}H{RIGHT}"/>'
        yield f'<text x="{LEFT - 6}" y="{at + 5:.1f}" text-anchor="end">{power_of_ten(power)}</text>'
    for stage in range(4):
        block = stage * blocks // 3
        yield f'<path class="ka-grid" d="M{x(block):.1f} {TOP}V{BOTTOM}"/>'
        yield f'<text x="{x(block):.1f}" y="{BOTTOM + 18}" text-anchor="middle">{block}</text>'


def _drawn(curves: Mapping[str, Curve], x: Any, y: Any) -> Iterator[str]:
    for name, curve in curves.items():
        points = "L".join(f"{x(at):.1f} {y(log):.1f}" for at, log in enumerate(curve.logs))
        yield f'<path class="ka-line" data-line="{name}" d="M{points}"/>'


def power_of_ten(power: int) -> str:
    """Name a tick of the axis.

    >>> power_of_ten(0), power_of_ten(-4)
    ('1', '10⁻⁴')
    """
    return f"10{raised(power)}" if power else "1"


def by_depth() -> str:
    """Growth from the last block to the first at each depth, with batch norm and He, beside the model."""
    columns = {
        "layers": "number",
        **{f"{title}{more}": "text" for title in SIDES.values() for more in ("", ", model")},
    }
    rows = [
        (
            depth,
            *(
                told(curve)[1]
                for side in SIDES
                for curve in (measured(depth, NETWORK, side), network_model(depth, NETWORK, side))
            ),
        )
        for depth in DEPTHS
    ]
    text = "From the last block to the first along the least-squares line; batch norm, He."
    return f"{pipe_table(bare_grid(columns, rows))}\n\n{note(text)}"
