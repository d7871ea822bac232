"""One level of a network's drawing: boxes in layers, wires in the gaps between them and in lanes of their own.

A wire leaves its source downwards, runs across in the gap below it, and down a lane that no box of the
layers it passes enters. Columns (a chain of boxes, a lane) have one order from left to right in all layers,
so that each can be straight and none crosses another.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf
from typing import NamedTuple

IN, OUT = -1, -2  # the ports of a container, above and below all that it holds
Point = tuple[float, float]
Size = tuple[
    float, float, float
]  # width, height, and where from the left its wires arrive and leave
Edge = tuple[int, int]
LABEL, CHANNEL, ARROW, SIDE, LANE = 16.0, 9.0, 13.0, 16.0, 12.0  # pixels
SWEEPS = 6


class Level(NamedTuple):
    """Where everything of one level lies; the origin is its upper left corner.

    Attributes:
        size: width and height.
        axis: where from the left the ports lie.
        places: upper left corner of each item.
        wires: the corners of each wire, by source and target.
        long: wires that pass by other boxes, while their source leads to the next layer as well.
    """

    size: tuple[float, float]
    axis: float
    places: tuple[Point, ...]
    wires: Mapping[Edge, tuple[Point, ...]]
    long: frozenset[Edge]


@dataclass(slots=True)
class _Grid:
    """Boxes by layer and column; a column is a chain of boxes and lanes that share a middle.

    Attributes:
        boxes: sizes by item; ports have none.
        layers: of each item.
        targets: of each item.
        columns: from left to right: by layer, the item, or ``None`` for a lane.
        column_of: the column of each item.
        lane_of: the column in which an item's wires pass further layers.
    """

    boxes: Mapping[int, Size]
    layers: Mapping[int, int]
    targets: Mapping[int, Sequence[int]]
    columns: list[dict[int, int | None]] = field(default_factory=list)
    column_of: dict[int, int] = field(default_factory=dict)
    lane_of: dict[int, int] = field(default_factory=dict)

    def cells(self) -> Iterator[tuple[int, int]]:
        """Every column with each of its layers."""
        for number, column in enumerate(self.columns):
            yield from ((number, layer) for layer in column)

    def near(self, item: int) -> list[int]:
        """The targets in the next layer."""
        return [t for t in self.targets[item] if self.layers[t] == self.layers[item] + 1]

    def passed(self, item: int) -> range:
        """The layers that its wires pass on their way further down."""
        last = max((self.layers[t] for t in self.targets[item]), default=0)
        return range(self.layers[item] + 1, last)

    def left(self, column: int, layer: int) -> float:
        """How far a column reaches to the left of its axis in a layer."""
        item = self.columns[column][layer]
        return 0.0 if item is None else self.boxes[item][2]

    def right(self, column: int, layer: int) -> float:
        item = self.columns[column][layer]
        return 0.0 if item is None else self.boxes[item][0] - self.boxes[item][2]


def arranged(sizes: Sequence[Size], edges: Iterable[tuple[int, int]]) -> Level:
    """Place items and route the wires between them.

    Args:
        sizes: of the items, in running order.
        edges: pairs of indices; ``IN`` as a source and ``OUT`` as a target are the ports.
    """
    wanted = list(dict.fromkeys(edges))
    boxes = dict(enumerate(sizes))
    boxes |= {port: (0.0, 0.0, 0.0) for port in (IN, OUT) if any(port in edge for edge in wanted)}
    layers = _layers(boxes, wanted)
    targets: dict[int, list[int]] = {i: [] for i in boxes}
    for a, b in wanted:
        # An edge against the running order is laid out the other way round.
        top, below = (a, b) if layers[a] <= layers[b] else (b, a)
        if layers[top] < layers[below] and below not in targets[top]:
            targets[top].append(below)
    grid = _Grid(boxes, layers, targets)
    _set_columns(grid)
    return _routed(grid, _middles(grid), wanted, len(sizes))


def _layers(boxes: Mapping[int, Size], edges: Sequence[tuple[int, int]]) -> dict[int, int]:
    """The longest path to each item, in edges; the ports are first and last."""
    before: dict[int, list[int]] = {i: [] for i in boxes}
    for a, b in edges:
        if a == IN or (b != OUT and a < b):
            before[b].append(a)
    found = {IN: 0} if IN in boxes else {}
    start = len(found)
    for i in sorted(i for i in boxes if i >= 0):
        found[i] = max((found[a] + 1 for a in before[i]), default=start)
    if OUT in boxes:
        found[OUT] = max(found.values(), default=-1) + 1
    return found


def _set_columns(grid: _Grid) -> None:
    """Divide the items among columns: down each path first, its branches next, lanes aside last."""
    arriving = dict.fromkeys(grid.boxes, 0)  # paths, lanes aside left out
    for i in grid.boxes:
        for t in grid.near(i) or grid.targets[i]:
            arriving[t] += 1
    starts = sorted(grid.boxes, key=lambda i: (grid.layers[i], i), reverse=True)
    waiting = [(i, False) for i in starts]
    while waiting:
        item, aside = waiting.pop()
        if aside:
            grid.lane_of[item] = len(grid.columns)
            grid.columns.append(dict.fromkeys(grid.passed(item)))
        elif item not in grid.column_of:
            waiting += reversed(_descended(grid, item, arriving))


def _descended(grid: _Grid, item: int, arriving: Mapping[int, int]) -> list[tuple[int, bool]]:
    """Make a column from an item down, as far as one path goes; what is to be placed to its right."""
    column: dict[int, int | None] = {}
    lanes: list[tuple[int, bool]] = []
    number = len(grid.columns)
    grid.columns.append(column)
    while True:
        column[grid.layers[item]] = item
        grid.column_of[item] = number
        near = grid.near(item)
        if grid.passed(item):
            if not near:
                grid.lane_of[item] = number
                column |= dict.fromkeys(grid.passed(item))
                return [*[(t, False) for t in grid.targets[item]], *reversed(lanes)]
            lanes.append((item, True))
        if len(near) != 1 or arriving[near[0]] != 1 or near[0] in grid.column_of:
            return [*[(t, False) for t in near], *reversed(lanes)]
        item = near[0]


def _middles(grid: _Grid) -> list[float]:
    """The middle of each column: apart from its neighbours in all layers, near what it leads to."""
    rows: dict[int, list[int]] = {}
    for number, column in enumerate(grid.columns):
        for layer in column:
            rows.setdefault(layer, []).append(number)
    # The least distance to each neighbour.
    left: list[dict[int, float]] = [{} for _ in grid.columns]
    right: list[dict[int, float]] = [{} for _ in grid.columns]
    for layer, row in rows.items():
        for a, b in pairwise(row):
            lanes = grid.columns[a][layer] is None and grid.columns[b][layer] is None
            apart = grid.right(a, layer) + grid.left(b, layer) + (LANE if lanes else SIDE)
            left[b][a] = right[a][b] = max(left[b].get(a, 0), apart)
    middles: list[float] = []
    for near in left:
        middles.append(max((middles[a] + apart for a, apart in near.items()), default=0.0))
    pulls = _pulls(grid)
    numbers = range(len(grid.columns))
    for sweep in range(SWEEPS):
        for number in numbers if sweep % 2 else reversed(numbers):
            if pulls[number]:
                wish = sum(middles[other] for other in pulls[number]) / len(pulls[number])
                high = min((middles[b] - apart for b, apart in right[number].items()), default=inf)
                low = max((middles[a] + apart for a, apart in left[number].items()), default=-inf)
                middles[number] = max(min(wish, high), low)
    ports = [grid.column_of[port] for port in (IN, OUT) if port in grid.boxes]
    for port in ports:  # each is alone in its layer, unless a chain that it ends is its column
        if len(grid.columns[port]) == 1:
            middles[port] = middles[ports[0]]
    return _told_apart(grid, middles)


def _told_apart(grid: _Grid, middles: list[float]) -> list[float]:
    """Lanes of which one begins where another ends, half a lane apart: else they look like one."""
    ends: dict[int, list[tuple[float, bool]]] = {}
    lanes = sorted({n for item, n in grid.lane_of.items() if n != grid.column_of[item]})
    for number in sorted(lanes, key=lambda n: min(grid.columns[n])):
        before = ends.get(min(grid.columns[number]), [])
        moved = any(not m for x, m in before if abs(x - middles[number]) < LANE / 2)
        ends.setdefault(max(grid.columns[number]) + 1, []).append((middles[number], moved))
        middles[number] += LANE / 2 * moved
    return middles


def _pulls(grid: _Grid) -> list[list[int]]:
    """The columns that each is drawn to; a lane aside keeps close to its source and pulls nothing."""
    pulls: list[list[int]] = [[] for _ in grid.columns]
    for item, targets in grid.targets.items():
        own, lane = grid.column_of[item], grid.lane_of.get(item)
        for target in grid.near(item) if lane not in (None, own) else targets:
            other = grid.column_of[target]
            if other != own:
                pulls[own].append(other)
                pulls[other].append(own)
        if lane not in (None, own) and lane is not None:
            pulls[lane].append(own)
    return pulls


def _routed(grid: _Grid, middles: Sequence[float], wanted: Sequence[Edge], count: int) -> Level:
    """Turn layers and middles into corners."""
    channels = _channels(grid, middles)
    deep = max(grid.layers.values(), default=0) + 1
    heights = [0.0] * deep
    for item, layer in grid.layers.items():
        heights[layer] = max(heights[layer], grid.boxes[item][1])
    tops, gaps = [0.0], [0.0] * deep
    for layer in range(deep - 1):
        used = 1 + max((c for (g, _), c in channels.items() if g == layer), default=-1)
        gaps[layer] = LABEL + CHANNEL * used + ARROW
        tops.append(tops[-1] + heights[layer] + gaps[layer])
    spans = [(middles[c] - grid.left(c, n), middles[c] + grid.right(c, n)) for c, n in grid.cells()]
    edge, far = min(low for low, _ in spans), max(high for _, high in spans)

    def x_of(column: int) -> float:
        return round(middles[column] - edge, 1)

    def y_of(item: int, layer: int) -> float:
        return tops[layer] + heights[layer] + LABEL + CHANNEL * channels.get((layer, item), 0)

    def corners(a: int, b: int) -> tuple[Point, ...]:
        start, end = x_of(grid.column_of[a]), x_of(grid.column_of[b])
        first, last = grid.layers[a], grid.layers[b] - 1
        points = [(start, tops[first] + grid.boxes[a][1])]
        lane = x_of(grid.lane_of[a]) if last > first else end
        points += [(start, y_of(a, first)), (lane, y_of(a, first))]
        points += [(lane, y_of(a, last)), (end, y_of(a, last)), (end, tops[last + 1])]
        return straight(points)

    wires: dict[Edge, tuple[Point, ...]] = {}
    long: set[Edge] = set()
    for a, b in wanted:
        if grid.layers[a] < grid.layers[b]:
            wires[a, b] = corners(a, b)
            if grid.layers[b] > grid.layers[a] + 1 and grid.lane_of[a] != grid.column_of[a]:
                long.add((a, b))
        else:
            wires[a, b] = corners(b, a)[::-1] if grid.layers[a] > grid.layers[b] else ()
    places = tuple(
        (x_of(grid.column_of[i]) - grid.boxes[i][2], tops[grid.layers[i]]) for i in range(count)
    )
    height = tops[-1] + heights[-1]
    port = next((p for p in (IN, OUT) if p in grid.boxes), None)
    axis = (far - edge) / 2 if port is None else x_of(grid.column_of[port])
    return Level((far - edge, height), axis, places, wires, frozenset(long))


def _channels(grid: _Grid, middles: Sequence[float]) -> dict[tuple[int, int], int]:
    """The height at which each source's wires run across each gap, so that those of two never meet.

    By gap (the layer above it) and source, counted from above; wires that run straight need none.
    """
    spans: dict[int, list[tuple[bool, float, float, int]]] = {}
    for item, targets in grid.targets.items():
        if not targets:
            continue
        first, last = grid.layers[item], max(grid.layers[t] for t in targets) - 1
        for gap in range(first, last + 1):
            own = grid.column_of[item] if gap == first else grid.lane_of[item]
            across = [middles[own]]
            across += [middles[grid.column_of[t]] for t in targets if grid.layers[t] == gap + 1]
            across += [middles[grid.lane_of[item]]] if gap < last else []
            if max(across) - min(across) > 0.5:
                spans.setdefault(gap, []).append((gap != first, min(across), max(across), item))
    found: dict[tuple[int, int], int] = {}
    for gap, nets in spans.items():
        ends: list[float] = []
        for lane, low, high, item in sorted(nets):
            free = [n for n, end in enumerate(ends) if end < low - 4]
            level = free[0] if free and not lane else len(ends)
            if level == len(ends):
                ends.append(high)
            ends[level] = max(ends[level], high)
            found[gap, item] = level
    return found


def straight(points: Iterable[Point]) -> tuple[Point, ...]:
    """Corners without those that change nothing."""
    found: list[Point] = []
    for point in points:
        if found and abs(point[0] - found[-1][0]) <= 0.5 and abs(point[1] - found[-1][1]) <= 0.5:
            continue
        while len(found) > 1 and any(
            abs(point[k] - found[-1][k]) <= 0.5 and abs(found[-1][k] - found[-2][k]) <= 0.5
            for k in (0, 1)
        ):
            found.pop()
        found.append(point)
    return tuple(found)
