"""A drawn network as plain data for the browser: what is written on each box, its colour, what is lit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from heapq import nlargest
from math import hypot, inf, isfinite, log10
from types import MappingProxyType
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
from keraudit.output.palette import GREEN, ORANGE, VERMILION, ink, shade
from keraudit.rewrite.edit import kernel_of

LETTER, SMALL = 7.3, 5.8  # pixels of a letter, on average: of a name, of what stands under it
MARKS = {"added": GREEN, "removed": VERMILION, "changed": ORANGE}
COSTLIEST = 10  # layers that the search offers unasked


class Network(NamedTuple):
    """A network's items and edges, worked out once for all its drawings."""

    root: Item
    links: Links
    skips: frozenset[tuple[int, int]]
    parts: dict[str, Part]  # by key, as far as items were drawn
    tops: dict[str, list[tuple[int, int]]]  # by unit, the costliest layers


class Shown(NamedTuple):
    """What decides how a network is drawn, besides the network.

    Attributes:
        opened: keys of opened items.
        color: ``kind``, a key of ``MEASURES``, or ``gradient``.
        unit: ``macs`` or ``flops``: what is written where the colour is no cost.
        layer: index of the chosen layer.
        block: key of the chosen block, where no layer is chosen.
        gradients: the norm of the loss's gradient at the kernels that it was measured at, by index.
        marks: what each layer is beside another network, a key of ``MARKS``; empty for no comparison.
    """

    opened: frozenset[str] = frozenset()
    color: str = "kind"
    unit: str = "macs"
    layer: int | None = None
    block: str = ""
    gradients: Mapping[int, float] = MappingProxyType({})
    marks: Sequence[str] = ()


def network_of(graph: Graph, blocks: Sequence[Any]) -> Network:
    links = Links.of(graph)
    return Network(network_tree(graph, blocks, links), links, skip_edges(graph, blocks), {}, {})


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
    parts = {box.key: _part(network, box.item, layers) for box in layout.boxes}
    slopes = {box.key: _norm(box.item, shown.gradients) for box in layout.boxes}
    slopes[network.root.key] = _norm(network.root, shown.gradients)
    parts[network.root.key] = _part(network, network.root, layers)
    text = _Writer(graph, layers, shown, parts, slopes, network.root.key, network.tops)
    boxes = [text.box(box, before) for box in layout.boxes]
    return {
        "size": [layout.width, layout.height],
        "boxes": boxes,
        "wires": [_wire(wire, before) for wire in layout.wires if wire.points],
        "arcs": [_arc(arc, layout, graph, before) for arc in layout.arcs],
        "shapes": _shapes(layout, graph),
        "chosenBox": _chosen_box(layout, shown),
        "chosen": shown.layer,
        "names": [layer.name for layer in layers],
        "top": text.costliest(),
        "color": shown.color,
        "legend": text.legend(boxes),
    }


def _part(network: Network, item: Item, layers: Sequence[LayerCost]) -> Part:
    """An item as the map's measures take it, summed up once."""
    if item.key not in network.parts:
        network.parts[item.key] = _summed(item, layers)
    return network.parts[item.key]


def _summed(item: Item, layers: Sequence[LayerCost]) -> Part:
    own = [layers[i] for i in item.nodes]
    last = own[-1]
    kind = own[0].kind if item.role == STACK else item.block.kind if item.block else SEGMENT
    shape = last.output_shapes[0] if last.output_shapes else ()
    cost = sum((layer.cost for layer in own), NOTHING)
    return Part(item.name, item.role, kind, cost, last.field, shape)


def _norm(item: Item, gradients: Mapping[int, float]) -> float:
    """The norm of the gradient with respect to all of an item's kernels together."""
    return hypot(*(gradients[i] for i in item.nodes if isfinite(gradients.get(i, inf))))


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
    slopes: dict[str, float]
    whole: str  # the key of the network itself
    tops: dict[str, list[tuple[int, int]]]

    @property
    def measure(self) -> str:
        """What is written on each box, and its bar's length."""
        return self.shown.unit if self.shown.color in ("kind", "field") else self.shown.color

    def box(self, box: Box, lit: Set[int]) -> dict[str, Any]:
        item = box.item
        fill = self.fill(box.key)
        value, whole = self.value(self.measure, box.key), self.value(self.measure, self.whole)
        cost = self.cost(box.key)
        is_sum = self.measure != "gradient"
        share = percent(value / whole) if whole and value and is_sum else ""
        sub = self.kind(item)
        skips = f"{item.skips} skip{'s' * (item.skips > 1)}" if item.skips else ""
        name, mark = self.name(box), self.mark(item.nodes)
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
                filter(None, [name, mark, sub, skips, cost, share and f"{share} of the model"])
            ),
            "mark": mark,
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
        return max(self.alike(name, layers=layers), default=0)

    def alike(self, name: str, *, layers: bool) -> list[float]:
        """The values of the layers that are visible, or of the closed items."""
        closed = (k for k in self.parts if k not in self.shown.opened and k != self.whole)
        roles = ((k, self.parts[k].role) for k in closed)
        return [self.value(name, k) for k, r in roles if (r == STACK) == layers and r != BRANCH]

    def value(self, name: str, key: str) -> float:
        return self.slopes[key] if name == "gradient" else MEASURES[name](self.parts[key])

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
            "mark": self.mark((index,)),
        }

    def mark(self, nodes: Sequence[int]) -> str:
        """What a part is beside the other network: its own word where all layers share one."""
        found = {self.shown.marks[i] for i in nodes} if self.shown.marks else {"same"}
        word = found.pop() if len(found) == 1 else "changed"
        return word if word in MARKS else ""

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

    def cost(self, key: str) -> str:
        part, value = self.parts[key], self.value(self.measure, key)
        if self.measure == "gradient":
            return f"{value:.2g}" if value else ""
        sign = _bound(part.cost.bounds, self.measure)
        written = WRITTEN[self.measure](value).replace("parameters", "params")
        return f"{sign}{written}" if value or sign else ""

    def fill(self, key: str) -> str:
        part, color = self.parts[key], self.shown.color
        if color == "kind":
            return KINDS[family(part.kind)]
        value = self.value(color, key)
        found = self.alike(color, layers=part.role == STACK)
        if color == "gradient":
            return shade(decades(value, found))
        top = max(found, default=0)
        return shade(value / top if top else 0)

    def costliest(self) -> list[tuple[int, str]]:
        """The layers with the largest cost, and what each costs."""
        whole = self.unit(self.parts[self.whole].cost)
        if self.shown.unit not in self.tops:
            costs = ((self.unit(layer.cost), -i) for i, layer in enumerate(self.layers))
            self.tops[self.shown.unit] = nlargest(COSTLIEST, costs)
        best = self.tops[self.shown.unit]
        return [
            (-i, f"{WRITTEN[self.shown.unit](value)}, {percent(value / whole)}")
            for value, i in best
            if value
        ]

    def unit(self, cost: Cost) -> int:
        return cost.macs if self.shown.unit == "macs" else cost.flops

    def legend(self, boxes: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
        """What the colours of these boxes mean."""
        if self.shown.marks:
            seen = set(self.shown.marks)
            return [(word, fill) for word, fill in MARKS.items() if word in seen]
        if self.shown.color == "kind":
            closed = [box for box in boxes if not box["open"] and box["role"] != BRANCH]
            fills = {part["fill"] for box in closed for part in (box, *box["rows"])}
            return [(name, fill) for name, fill in KINDS.items() if fill in fills]
        if self.shown.color == "gradient":
            return [
                ("smallest gradient norm", shade(0)),
                ("midpoint (log scale)", shade(0.5)),
                ("largest", shade(1)),
            ]
        tops = [
            (w, self.largest(self.shown.color, layers=w == "layers")) for w in ("blocks", "layers")
        ]
        write = WRITTEN[self.shown.color]
        most = ", ".join(f"{word}: {write(top)}" for word, top in tops if top)
        return [("none", shade(0)), ("half", shade(0.5)), (f"the most ({most})", shade(1))]


def decades(value: float, among: Sequence[float]) -> float:
    """Where a value lies between the smallest and the largest of some, on a logarithmic scale.

    >>> decades(1.0, [0.01, 100.0]), decades(0.0, [0.01, 100.0])
    (0.5, 0.0)
    """
    known = [v for v in among if v > 0]
    if value <= 0 or not known or max(known) == min(known):
        return 0.0
    low, high = log10(min(known)), log10(max(known))
    return (log10(value) - low) / (high - low)


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
