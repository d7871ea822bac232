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
from collections.abc import Mapping, Sequence
from functools import cache
from math import log10, pi, sqrt
from typing import NamedTuple

from keraudit.audits.gradients.growth import line
from keraudit.output.csv_markdown import pipe_table
from keraudit.output.figure_data import Numbers
from keraudit.output.numbers import times
from keraudit.output.table import bare_grid
from pages import gradients, log_chart
from pages.figures import with_numbers
from pages.markdown import note
from pages.rendering import part

DEPTHS = (20, 56, 110)
TITLE = "Gradient norm at each block over that at the last: model and measurement"
DEPTH, NETWORK = 56, "norm-he"  # where the figure starts
SIDES: Mapping[str, str] = {"off": "without skips", "on": "with skips"}


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
    name = f"resnet-cifar-{depth}-corners"
    label = getattr(NETWORKS[network], side)
    logs = gradients.relative(name, label)
    (found,) = (v for v in gradients.needed(name)["verdicts"] if v["label"] == label)
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
        "box": log_chart.BOX,
        "ticks": log_chart.MOST_TICKS,
        "slack": log_chart.SLACK,
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
    record = gradients.needed(f"resnet-cifar-{DEPTH}-corners")
    columns = lines()
    names = [SIDES[n.partition("-")[0]] + ", " + n.partition("-")[2] for n in columns]
    values = zip(*(curve.logs for curve in columns.values()), strict=True)
    numbers = Numbers(
        ("block", *(f"log10 of the norm over the last, {name}" for name in names)),
        tuple((at, *(round(log, 4) for log in row)) for at, row in enumerate(values)),
    )
    return part(
        "chain-rule.html",
        data=json.dumps(data, separators=(",", ":")),
        depths=DEPTHS,
        depth=DEPTH,
        networks={name: network.title for name, network in NETWORKS.items()},
        gain=gain(NETWORK),
        picture=log_chart.picture({name: curve.logs for name, curve in lines().items()}, stages()),
        width=log_chart.WIDTH,
        height=log_chart.HEIGHT,
        rows=rows,
        badges=gradients.badges(record),
        **with_numbers(TITLE, numbers, gradients.origin(record)),
    )


def stages(depth: int = DEPTH) -> list[int]:
    """The stem and the last block of each of the three stages.

    >>> stages(56)
    [0, 9, 18, 27]
    """
    return [stage * (depth - 2) // 6 for stage in range(4)]


def told(curve: Curve) -> tuple[str, str]:
    """Growth per block and across, as the table shows them."""
    return f"{curve.growth:.2f}", f"{times(curve.across)}×"


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
                f"{times(10 ** curve.logs[0])}×"
                for side in SIDES
                for curve in (measured(depth, NETWORK, side), network_model(depth, NETWORK, side))
            ),
        )
        for depth in DEPTHS
    ]
    text = "Norm at the stem over that at the last block; batch norm, He."
    return f"{pipe_table(bare_grid(columns, rows))}\n\n{note(text)}"
