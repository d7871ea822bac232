"""A drawn network as plain data for the browser: what is written on each box, its colour, what is lit."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Any, NamedTuple

from keraudit.audits.cost.count import NOTHING, Cost, LayerCost
from keraudit.audits.cost.network_layout import NARROW, ROUND, Arc, Box, Layout, Wire, laid_out
from keraudit.audits.cost.network_tree import (
    BLOCK,
    BRANCH,
    GROUP,
    STACK,
    SUMS,
    Item,
    network_tree,
    skip_edges,
)
from keraudit.audits.cost.parts import Part
from keraudit.audits.cost.treemap import KINDS, MEASURES, WRITTEN, family
from keraudit.model.block import SEGMENT
from keraudit.model.bounds import Bounds
from keraudit.model.graph import Graph
from keraudit.model.regions import Edges, Links
from keraudit.model.shape_text import shape_text
from keraudit.output.numbers import percent, sizes
from keraudit.output.palette import ink, shade
from keraudit.rewrite.edit import kernel_of

LETTER, SMALL = 7.3, 5.8  # pixels of a letter, on average: of a name, of what stands under it
COSTLIEST = 10  # layers that the search offers unasked


class Network(NamedTuple):
    """A network's items and edges, worked out once for all its drawings."""

    root: Item
    links: Links
    skips: frozenset[tuple[int, int]]


class Shown(NamedTuple):
    """What decides how a network is drawn, besides the network.

    Attributes:
        opened: keys of opened items.
        color: ``kind``, or a key of ``MEASURES``.
        unit: ``macs`` or ``flops``: what is written where the colour is no cost.
        layer: index of the chosen layer.
        block: key of the chosen block, where no layer is chosen.
    """

    opened: frozenset[str] = frozenset()
    color: str = "kind"
    unit: str = "macs"
    layer: int | None = None
    block: str = ""


def network_of(graph: Graph, blocks: Sequence[Any]) -> Network:
    links = Links.of(graph)
    return Network(network_tree(graph, blocks, links), links, skip_edges(graph, blocks))


def around(root: Item, layer: int) -> tuple[Item, ...]:
    """The items that hold a layer, from the outermost inwards, the network itself left out."""
    found: list[Item] = []
    item = root
    while item.children:
        item = next(child for child in item.children if layer in child.nodes)
        found.append(item)
    return tuple(found)


def network_data(
    network: Network, graph: Graph, layers: Sequence[LayerCost], shown: Shown
) -> dict[str, Any]:
    """Everything that the browser needs to draw a network.

    Args:
        network: its items.
        graph: its layers.
        layers: their costs, in running order.
        shown: what is opened, chosen and measured.
    """
    layout = laid_out(network.root, network.links, shown.opened, network.skips)
    before = _leading_to(network.links.before, shown.layer)
    parts = {box.key: _part(box.item, layers) for box in layout.boxes}
    total = sum((layer.cost for layer in layers), NOTHING)
    text = _Writer(graph, layers, shown, parts, _part(network.root, layers), total)
    return {
        "size": [layout.width, layout.height],
        "boxes": [text.box(box, before) for box in layout.boxes],
        "wires": [_wire(wire, before) for wire in layout.wires if wire.points],
        "arcs": [_arc(arc, layout, graph, before) for arc in layout.arcs],
        "shapes": _shapes(layout, graph),
        "chosenBox": _chosen_box(layout, shown),
        "chosen": shown.layer,
        "names": [layer.name for layer in layers],
        "top": text.costliest(),
        "color": shown.color,
        "legend": text.legend(),
    }


def _part(item: Item, layers: Sequence[LayerCost]) -> Part:
    """An item as the map's measures take it."""
    own = [layers[i] for i in item.nodes]
    last = own[-1]
    kind = own[0].kind if item.role == STACK else item.block.kind if item.block else SEGMENT
    shape = last.output_shapes[0] if last.output_shapes else ()
    cost = sum((layer.cost for layer in own), NOTHING)
    return Part(item.name, item.role, kind, cost, last.field, shape)


def _leading_to(before: Edges, layer: int | None) -> Set[int]:
    """A layer and all on paths from an input to it."""
    found: set[int] = set()
    waiting = [] if layer is None else [layer]
    while waiting:
        index = waiting.pop()
        if index not in found:
            found.add(index)
            waiting += before[index]
    return found


def _wire(wire: Wire, lit: Set[int]) -> dict[str, Any]:
    return {
        "points": wire.points,
        "skip": wire.is_skip,
        "head": wire.target != wire.within,
        "lit": any(a in lit and b in lit for a, b in wire.calls),
    }


def _arc(arc: Arc, layout: Layout, graph: Graph, lit: Set[int]) -> dict[str, Any]:
    item = next(box.item for box in layout.boxes if box.key == arc.key)
    join = item.block.join if item.block else None
    return {
        "points": arc.points,
        "count": arc.skips,
        "whole": arc.whole,
        "sum": bool(join is not None and graph.nodes[join].layer.kind in SUMS),
        "lit": arc.whole and item.nodes[-1] in lit,
    }


def _shapes(layout: Layout, graph: Graph) -> list[tuple[float, float, str]]:
    """The shape that leaves each box, written under it."""
    sources = {source for source, _ in layout.edges}
    found = []
    for box in layout.boxes:
        outputs = graph.nodes[box.item.nodes[-1]].outputs
        if box.key in sources and outputs:
            down = box.y + box.height + (ROUND if box.item.is_skip else 0) + 11
            found.append((box.x + box.width / 2 + 6, down, sizes(outputs[0].shape)))
    return found


def _chosen_box(layout: Layout, shown: Shown) -> str:
    if shown.layer is None:
        return shown.block
    inner = [box.key for box in layout.boxes if not box.is_open and shown.layer in box.item.nodes]
    return inner[0] if inner else ""


class _Writer(NamedTuple):
    """Writes on boxes."""

    graph: Graph
    layers: Sequence[LayerCost]
    shown: Shown
    parts: dict[str, Part]
    whole: Part
    total: Cost

    @property
    def measure(self) -> str:
        """What is written on each box, and its bar's length."""
        return self.shown.unit if self.shown.color in ("kind", "field") else self.shown.color

    def box(self, box: Box, lit: Set[int]) -> dict[str, Any]:
        item, part = box.item, self.parts[box.key]
        fill = self.fill(part)
        value = MEASURES[self.measure](part)
        whole = MEASURES[self.measure](self.whole)
        cost = self.cost(part)
        share = percent(value / whole) if whole and value else ""
        sub = self.kind(item)
        skips = f"{item.skips} skip{'s' * (item.skips > 1)}" if item.skips else ""
        name = self.name(box)
        return {
            "key": box.key,
            "parent": box.parent,
            "depth": box.depth,
            "x": box.x,
            "y": box.y,
            "w": box.width,
            "h": box.height,
            "role": item.role,
            "open": box.is_open,
            "can": bool(item.children) and item.role != BRANCH,
            "layer": item.nodes[0],
            "name": shortened(name, self.room(box, cost)),
            "sub": cut(sub, int((box.width - 23) / SMALL - 1.1 * len(cost))),
            "cost": cost,
            "says": ", ".join(
                filter(None, [name, sub, skips, cost, share and f"{share} of the model"])
            ),
            "fill": fill,
            "ink": ink(fill),
            "bar": value / bar
            if (bar := self.largest(self.measure, layers=item.role == STACK))
            else 0,
            "lit": any(i in lit for i in item.nodes),
            "rows": [self.row(i) for i in item.nodes[1:]] if item.role == STACK else [],
        }

    def largest(self, name: str, *, layers: bool) -> float:
        """The largest value among the layers that are visible, or among the closed items."""
        closed = (p for k, p in self.parts.items() if k not in self.shown.opened)
        alike = (p for p in closed if (p.role == STACK) == layers and p.role != BRANCH)
        return max((MEASURES[name](p) for p in alike), default=0)

    @staticmethod
    def room(box: Box, cost: str) -> int:
        """Letters of a name that fit: in an opened item's heading the cost stands beside it."""
        beside = len(cost) if box.is_open else 0
        return max(6, int((box.width - 34) / LETTER) - beside)

    def name(self, box: Box) -> str:
        """A box's name; within an opened block of a traced model, without the path that they share."""
        return box.item.name.removeprefix(f"{box.parent}/") if box.parent else box.item.name

    def row(self, index: int) -> dict[str, Any]:
        layer = self.layers[index]
        return {
            "layer": index,
            "name": shortened(layer.name, int((NARROW - 30) / SMALL)),
            "fill": KINDS[family(layer.kind)],
        }

    def kind(self, item: Item) -> str:
        """What an item is: a layer's class and kernel, a block's branches and number of layers."""
        if item.role == STACK:
            node = self.graph.nodes[item.nodes[0]]
            kernel = shape_text(kernel_of(node)).replace("x", "\u00d7")
            return f"{node.layer.kind.removeprefix('ops.')} {kernel}".strip()
        count = f"{len(item.nodes):,} layer{'s' * (len(item.nodes) > 1)}"
        if item.role == GROUP:
            return f"{len(item.children)} parts, {count}"
        branches = (
            sum(bool(b) for b in item.block.branches) if item.role == BLOCK and item.block else 0
        )
        words = [f"{branches} branches"] if branches > 1 else []
        return ", ".join([*words, count])

    def cost(self, part: Part) -> str:
        value = MEASURES[self.measure](part)
        sign = _bound(part.cost.bounds, self.measure)
        written = WRITTEN[self.measure](value).replace("parameters", "params")
        return f"{sign}{written}" if value or sign else ""

    def fill(self, part: Part) -> str:
        if self.shown.color == "kind":
            return KINDS[family(part.kind)]
        top = self.largest(self.shown.color, layers=part.role == STACK)
        return shade(MEASURES[self.shown.color](part) / top if top else 0)

    def costliest(self) -> list[tuple[int, str]]:
        """The layers with the largest cost, and what each costs."""
        costs = [(self.unit(layer.cost), -i) for i, layer in enumerate(self.layers)]
        whole = self.unit(self.total)
        best = sorted(costs, reverse=True)[:COSTLIEST]
        return [
            (-i, f"{WRITTEN[self.shown.unit](value)}, {percent(value / whole)}")
            for value, i in best
            if value
        ]

    def unit(self, cost: Cost) -> int:
        return cost.macs if self.shown.unit == "macs" else cost.flops

    def legend(self) -> list[tuple[str, str]]:
        if self.shown.color == "kind":
            closed = [p for k, p in self.parts.items() if k not in self.shown.opened]
            seen = {family(p.kind) for p in closed if p.role != BRANCH}
            return [(name, fill) for name, fill in KINDS.items() if name in seen]
        tops = [
            (w, self.largest(self.shown.color, layers=w == "layers")) for w in ("blocks", "layers")
        ]
        write = WRITTEN[self.shown.color]
        most = ", ".join(f"{word}: {write(top)}" for word, top in tops if top)
        return [("none", shade(0)), ("half", shade(0.5)), (f"the most ({most})", shade(1))]


def _bound(bounds: Bounds, measure: str) -> str:
    found = {"macs": bounds.macs, "flops": bounds.flops, "params": bounds.params}
    return found.get(measure, bounds.activations).sign


def cut(text: str, most: int) -> str:
    """A text in at most ``most`` letters; its beginning matters."""
    return text if len(text) <= most else text[: max(most - 1, 0)] + "\u2026"


def shortened(name: str, most: int) -> str:
    """A name in at most ``most`` letters; its end tells layers apart.

    >>> shortened("batch_normalization_93", 12)
    '\u2026lization_93'
    """
    return name if len(name) <= most else "\u2026" + name[len(name) - most + 1 :]
