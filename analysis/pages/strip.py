"""Whole networks as strips: a rectangle for each block, as high as its MACs and as wide as its channels.

The strips of a figure share one scale. Their picture is made by the build; ``strip.js`` lets a reader choose
a block, and ``block_pictures`` draws that block's own picture, which the explorer's component shows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from importlib.resources import files
from itertools import groupby
from typing import Any, NamedTuple

from keraudit.audits.cost.network_tree import BLOCK, Item
from keraudit.explorer.network_data import Shown, network_data, network_of
from keraudit.output.figure_data import Numbers
from keraudit.output.numbers import percent, short, sizes
from keraudit.output.palette import BLUE, GREEN, ORANGE, PURPLE, SKY, ink
from pages import figures
from pages.audited import record
from pages.rendering import part

LEAST, GAP = 1.5, 1.0  # pixels: of a block, between two
UNDER = 18  # below the last block, for the total
TICK = 14  # a run of blocks that is lower has no room for its label
INSIDE = 60  # percent of the width from which a label stands in the rectangle
TICKS = 7  # at most
COLORS = (ORANGE, SKY, GREEN, PURPLE, BLUE)  # of a network's stages; later ones repeat


class Bar(NamedTuple):
    """A block: its cost as a height, its channels as a width, and what is said of it."""

    name: str
    y: float
    height: float
    width: float
    fill: str
    says: str


class Label(NamedTuple):
    """The spatial size of a run of blocks, beside them or in them."""

    text: str
    y: float
    x: float
    inside: bool
    ink: str


class Strip(NamedTuple):
    """A network; ``source`` names the file of its blocks' pictures."""

    name: str
    bars: tuple[Bar, ...]
    labels: tuple[Label, ...]
    end: float
    total: str
    source: str


def strips(*names: str, title: str, height: int) -> str:
    """The strips of some networks to one scale.

    Args:
        names: of the networks.
        title: what to see.
        height: of the costliest one, in pixels.
    """
    records = {name: record(name) for name in names}
    most = max(found["totals"]["macs"] for found in records.values())
    widest = max(channels(block) for found in records.values() for block in found["blocks"])
    step = next(s for s in (1, 2, 5, 10, 20, 50) if most / (s * 10**9) <= TICKS)
    scale = height / most
    drawn = [_strip(name, found, scale, widest) for name, found in records.items()]
    key: dict[str, dict[str, None]] = {}  # by colour, the sizes that have it
    for found in records.values():
        for text, color in _colors(found).items():
            key.setdefault(color, {})[text] = None
    numbers = _numbers(records)
    made = figures.counted(f"keraudit flops {' '.join(names)} --by block")
    return part(
        "strip.html",
        **figures.with_numbers(title, numbers, made),
        strips=drawn,
        height=height + UNDER,
        ticks=[
            (f"{at} G" if at else "0", at * 10**9 * scale)
            for at in range(0, most // 10**9 + 1, step)
        ],
        key={color: " or ".join(texts) for color, texts in key.items()},
        label=f"{', '.join(names)} as strips of blocks, as high as their MACs and as wide as their channels",
        text=f"A rectangle is a block: as high as its MACs, as wide as its output channels (at most {widest:,}),"
        " coloured by the size of its map. The image enters at the top; all are drawn to one scale.",
        badges=figures.COUNTED,
        files=figures.HERE,
    )


def channels(block: Mapping[str, Any]) -> int:
    """Of a block's output."""
    return int(block["output_shape"][-1])


def stage(block: Mapping[str, Any]) -> str:
    """The spatial size of a block's output; empty behind the global pooling."""
    spatial = block["output_shape"][1:-1]
    return "×".join(map(str, spatial))


def _colors(found: Mapping[str, Any]) -> dict[str, str]:
    """A colour for each spatial size of a network, in its order."""
    sizes = dict.fromkeys(filter(None, map(stage, found["blocks"])))
    return {text: COLORS[at % len(COLORS)] for at, text in enumerate(sizes)}


def _strip(name: str, found: Mapping[str, Any], scale: float, widest: int) -> Strip:
    total, colors = found["totals"]["macs"], _colors(found)
    bars, at = [], 0
    for block in found["blocks"]:
        share = f"{percent(block['macs'] / total)} of the network"
        shape = "×".join(map(str, block["output_shape"][1:]))
        bars.append(
            Bar(
                block["name"],
                round(at * scale, 2),
                round(max(block["macs"] * scale - GAP, LEAST), 2),
                round(100 * channels(block) / widest, 2),
                colors.get(stage(block), "currentColor"),
                f"{block['name']}: {shape}, {block['macs']:,} MACs, {share}",
            )
        )
        at += block["macs"]
    pictures = figures.HERE + _pictures_file(name)
    labels = tuple(_labels(zip(found["blocks"], bars, strict=True)))
    return Strip(name, tuple(bars), labels, round(at * scale, 2), short(total), pictures)


def _labels(blocks: Iterable[tuple[Mapping[str, Any], Bar]]) -> Iterator[Label]:
    """One for each run of blocks of one spatial size."""
    for text, run in groupby(blocks, lambda pair: stage(pair[0])):
        bars = [bar for _, bar in run]
        last = bars[-1]
        if not text or last.y + last.height - bars[0].y < TICK:
            continue
        wide = max(bar.width for bar in bars)
        middle = (bars[0].y + last.y + last.height) / 2
        inside = wide > INSIDE
        yield Label(text, round(middle + 4, 1), 0 if inside else wide, inside, ink(last.fill))


def _numbers(records: Mapping[str, Mapping[str, Any]]) -> Numbers:
    rows = [
        (f"{name} {block['name']}", sizes(block["output_shape"]), block["macs"])
        for name, found in records.items()
        for block in found["blocks"]
    ]
    return Numbers(("block", "output", "MACs"), tuple(rows))


def _pictures_file(name: str) -> str:
    """The address of a network's pictures, which are made for the first figure that offers them."""
    address = f"{figures.FOLDER}/blocks-{name.lower()}.js"
    if address not in figures.FILES:
        data = json.dumps(block_pictures(name), separators=(",", ":"))
        figures.FILES[address] = f"window.keraudit.blocks[{json.dumps(name)}]={data};\n"
    return address


@cache
def block_pictures(name: str) -> Mapping[str, Mapping[str, Any]]:
    """For each block of a network its picture, opened, between its closed neighbours."""
    import keraudit
    from keraudit.model.blocks import blocks

    graph = keraudit.read(name)
    report = keraudit.audit(graph)
    whole = network_of(graph, blocks(graph))
    items = [item for item in whole.root.walk() if item.role == BLOCK and _is_outer(item, report)]
    found = {}
    for at, item in enumerate(items):
        shown = items[max(at - 1, 0) : at + 2]
        nodes = {i for one in shown for i in one.nodes}
        part_of = whole._replace(
            root=replace(whole.root, children=tuple(shown)),
            links=whole.links.among(nodes),
            parts={},
        )
        drawn = network_data(part_of, graph, report.layers, Shown(opened=frozenset({item.key})))
        found[item.name] = drawn | {"names": [], "top": []}
    return found


def _is_outer(item: Item, report: Any) -> bool:
    """Whether an item is one of the blocks that the report lists, not a region inside one."""
    return any(block.name == item.key for block in report.blocks)


def component() -> str:
    """The explorer's drawing of a network as a script for pages that are opened from the disk, too.

    A module cannot be loaded from there: its only export becomes a property.
    """
    folder = files("keraudit.explorer")
    code, style = (folder.joinpath(f"network.{kind}").read_text("utf-8") for kind in ("js", "css"))
    code = code.replace("export default function", "window.keraudit.drawNetwork = function", 1)
    return f'(() => {{\n"use strict";\n{code};\nwindow.keraudit.networkStyle = {json.dumps(style)};\n}})();\n'


def stem_share(name: str) -> str:
    """The part of a network's MACs that its first block takes."""
    found = record(name)
    return f"{found['blocks'][0]['macs'] / found['totals']['macs']:.0%}".replace("%", " %")


def units(name: str) -> str:
    """The MACs of a network's residual units, from the cheapest to the costliest, in millions."""
    costs = [b["macs"] for b in record(name)["blocks"] if b["kind"] == "fork-join"]
    return f"{min(costs) / 1e6:.0f} to {max(costs) / 1e6:.0f} million"


def times(name: str, other: str) -> str:
    """How many times the MACs of another network one takes."""
    return f"{record(name)['totals']['macs'] / record(other)['totals']['macs']:.1f}"
