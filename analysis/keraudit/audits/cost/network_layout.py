"""The drawing of a network with some of its items opened: boxes, wires and arcs, in pixels.

An edge between two layers is drawn between the innermost items that are visible, through the ports of the
opened items around them. A skip within a closed item stays visible, as an arc at its side.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

from keraudit.audits.cost.network_level import IN, OUT, Point, arranged, straight
from keraudit.audits.cost.network_tree import BRANCH, MODEL, STACK, Item
from keraudit.model.regions import Links

# Pixels. UNDER is the height of a layer that follows in a stack, ROUND the margin that an arc takes up.
WIDE, NARROW, CLOSED, ROW, UNDER = 226.0, 190.0, 46.0, 46.0, 18.0
HEAD, PADDING, ARC, ROUND = 26.0, 12.0, 18.0, 11.0
LEAST = 160.0  # the width of an opened item, its padding left out
MOST_ARCS = 4  # beside one box
Edge = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """An item that is visible: closed, opened (others lie in it), or a stack of layers.

    ``parent`` is the key of the opened item that holds it; ``depth`` is 0 for those in none.
    """

    key: str
    item: Item
    parent: str
    depth: int
    x: float
    y: float
    width: float
    height: float
    is_open: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """A line within one opened item, or in none: from a box or the upper port to a box or the lower port.

    ``source`` and ``target`` are keys of boxes; that of ``within`` stands for its ports. ``calls`` are the
    edges between layers that it carries.
    """

    within: str
    source: str
    target: str
    points: tuple[Point, ...]
    is_skip: bool
    calls: tuple[Edge, ...]


class Arc(NamedTuple):
    """Skips of a closed item: around all of it (``whole``) or along its side; ``skips`` of them."""

    key: str
    points: tuple[Point, ...]
    whole: bool
    skips: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A drawing; ``edges`` holds, for each pair of boxes with an edge, the indices of its wires."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    wires: tuple[Wire, ...]
    arcs: tuple[Arc, ...]
    edges: Mapping[tuple[str, str], tuple[int, ...]]


class _Drawn(NamedTuple):
    """What was drawn of an item; its own upper left corner is the origin."""

    width: float
    height: float
    axis: float  # where from the left its wires arrive and leave
    boxes: tuple[Box, ...] = ()
    wires: tuple[Wire, ...] = ()
    arcs: tuple[Arc, ...] = ()


Parts = list[tuple[str, str, str]]
Routes = dict[str, dict[tuple[str, str], list[Edge]]]


class _Scene(NamedTuple):
    """What stays the same while the items are drawn from the root inwards."""

    routes: Routes
    skips: Set[Edge]
    opened: Set[str]


def laid_out(
    root: Item, links: Links, opened: Set[str] = frozenset(), skips: Set[Edge] = frozenset()
) -> Layout:
    """Draw a network.

    Args:
        root: its items.
        links: its edges.
        opened: keys of opened items; branches are open with what holds them.
        skips: edges between layers that are drawn as skips.
    """
    paths = _paths(root, opened)
    routes, carried = _routes(links, paths)
    drawn = _drawn(root, _Scene(routes, skips, opened), "", -1)
    number = {(w.within, w.source, w.target): n for n, w in enumerate(drawn.wires)}
    edges = {
        pair: tuple(number[part] for part in parts if part in number)
        for pair, parts in carried.items()
    }
    return Layout(
        width=drawn.width,
        height=drawn.height,
        boxes=drawn.boxes,
        wires=drawn.wires,
        arcs=drawn.arcs,
        edges=edges,
    )


def is_open(item: Item, opened: Set[str]) -> bool:
    """Whether what an item holds is visible; a branch is with the item that it belongs to."""
    return item.role in (MODEL, BRANCH) or (bool(item.children) and item.key in opened)


def _paths(root: Item, opened: Set[str]) -> dict[int, tuple[Item, ...]]:
    """For each layer, the visible items that hold it, from the root inwards."""
    found: dict[int, tuple[Item, ...]] = {}
    waiting: list[tuple[Item, tuple[Item, ...]]] = [(root, ())]
    while waiting:
        item, above = waiting.pop()
        path = (*above, item)
        if is_open(item, opened):
            waiting += [(child, path) for child in item.children]
        else:
            found |= dict.fromkeys(item.nodes, path)
    return found


def _routes(
    links: Links, paths: Mapping[int, tuple[Item, ...]]
) -> tuple[Routes, dict[tuple[str, str], Parts]]:
    """The wires of each opened item with the edges that they carry, and those of each pair of boxes."""
    routes: Routes = {}
    carried: dict[tuple[str, str], Parts] = {}
    for b, sources in links.before.items():
        for a in sources:
            start, end = paths[a], paths[b]
            if start[-1] is end[-1]:
                continue
            common = 0
            while start[common + 1] is end[common + 1]:
                common += 1
            middle = start[common].key
            parts = [(up.key, low.key, up.key) for up, low in _steps(start, common)][::-1]
            parts.append((middle, start[common + 1].key, end[common + 1].key))
            parts += [(up.key, up.key, low.key) for up, low in _steps(end, common)]
            carried.setdefault((start[-1].key, end[-1].key), parts)
            for within, source, target in parts:
                routes.setdefault(within, {}).setdefault((source, target), []).append((a, b))
    return routes, carried


def _steps(path: Sequence[Item], common: int) -> list[tuple[Item, Item]]:
    inner = path[common + 1 :]
    return list(pairwise(inner))


def _drawn(item: Item, scene: _Scene, parent: str, depth: int) -> _Drawn:
    if not is_open(item, scene.opened):
        return _closed(item, parent, depth)
    inner = [_drawn(child, scene, item.key, depth + 1) for child in item.children]
    index = {child.key: number for number, child in enumerate(item.children)}
    calls = scene.routes.get(item.key, {})
    ends = {
        (a, b): (IN if a == item.key else index[a], OUT if b == item.key else index[b])
        for a, b in calls
    }
    level = arranged([(d.width, d.height, d.axis) for d in inner], ends.values())
    bare = item.role == MODEL
    width = level.size[0] if bare else max(level.size[0], LEAST) + 2 * PADDING
    height = level.size[1] + (0 if bare else HEAD + PADDING)
    left, top = round((width - level.size[0]) / 2, 1), 0 if bare else HEAD
    parts = [_moved(d, x + left, y + top) for d, (x, y) in zip(inner, level.places, strict=True)]
    by_key = {child.key: child for child in item.children}
    wires = []
    for pair, carried in calls.items():
        way = [(round(x + left, 1), round(y + top, 1)) for x, y in level.wires[ends[pair]]]
        if way:  # on through the margin that an arc takes up
            way[0] = (way[0][0], way[0][1] - _margin(by_key.get(pair[0]), scene))
            way[-1] = (way[-1][0], way[-1][1] + _margin(by_key.get(pair[1]), scene))
        start = [(way[0][0], 0.0)] if way and pair[0] == item.key else []  # from the frame's edge
        end = [(way[-1][0], height)] if way and pair[1] == item.key else []
        wires.append(
            Wire(
                within=item.key,
                source=pair[0],
                target=pair[1],
                points=straight([*start, *way, *end]),
                is_skip=ends[pair] in level.long or set(carried) <= scene.skips,
                calls=tuple(carried),
            )
        )
    frame = _box(item, parent, depth, 0, 0, width, height, opened=True)
    return _Drawn(
        width,
        height,
        left + level.axis,
        (*(() if bare else (frame,)), *(box for d in parts for box in d.boxes)),
        (*wires, *(wire for d in parts for wire in d.wires)),
        tuple(arc for d in parts for arc in d.arcs),
    )


def _margin(item: Item | None, scene: _Scene) -> float:
    """How far above and below an item's box the arc around it reaches."""
    return ROUND if item and item.is_skip and not is_open(item, scene.opened) else 0.0


def _closed(item: Item, parent: str, depth: int) -> _Drawn:
    """A stack, or a closed item with the arcs of its skips."""
    stack = item.role == STACK
    width = NARROW if stack else WIDE
    height = ROW + UNDER * (len(item.nodes) - 1) if stack else CLOSED
    side = ARC if item.skips else 0.0
    around = ROUND if item.is_skip else 0.0
    box = _box(item, parent, depth, 0, around, width, height)
    return _Drawn(
        width + side, height + 2 * around, width / 2, (box,), arcs=tuple(_arcs(item, around))
    )


def _arcs(item: Item, around: float) -> Iterator[Arc]:
    """The skips of a closed item: one around all of it, the others along its side."""
    right, middle = WIDE, WIDE / 2
    bottom = CLOSED + 2 * around
    if item.is_skip:
        far = right + ARC - 2
        points = ((middle, 2.0), (far, 2.0), (far, bottom - 5), (middle, bottom - 5))
        yield Arc(item.key, points, True, 1)
    inner = item.skips - item.is_skip
    shown = min(inner, MOST_ARCS)
    for number in range(shown):
        step = (CLOSED - 8) / shown
        high, low = around + 5 + number * step, around + 3 + (number + 1) * step
        count = inner - shown + 1 if number == shown - 1 else 1
        yield Arc(
            item.key,
            ((right, high), (right + ARC - 8, high), (right + ARC - 8, low), (right, low)),
            False,
            count,
        )


def _box(
    item: Item,
    parent: str,
    depth: int,
    x: float,
    y: float,
    width: float,
    height: float,
    *,
    opened: bool = False,
) -> Box:
    return Box(
        key=item.key,
        item=item,
        parent=parent,
        depth=depth,
        x=x,
        y=y,
        width=width,
        height=height,
        is_open=opened,
    )


def _moved(drawn: _Drawn, x: float, y: float) -> _Drawn:
    def to(points: Sequence[Point]) -> tuple[Point, ...]:
        return tuple((round(a + x, 1), round(b + y, 1)) for a, b in points)

    return drawn._replace(
        boxes=tuple(replace(b, x=round(b.x + x, 1), y=round(b.y + y, 1)) for b in drawn.boxes),
        wires=tuple(replace(w, points=to(w.points)) for w in drawn.wires),
        arcs=tuple(a._replace(points=to(a.points)) for a in drawn.arcs),
    )
