"""The receptive field: which part of the input each position of each layer can see.

Along one axis, position x of a layer sees ``[stride * x + low, stride * x + high]`` of the input;
the extent is ``high - low + 1`` and ``-low`` is the effective padding (Araujo, Norris and Sim,
"Computing Receptive Fields of Convolutional Neural Networks", Distill 2019). Where branches meet,
the interval is the union of theirs, which is exact when their strides agree. Behind a layer that
enlarges the map the positions differ among themselves; the extent is then an upper bound.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import floor
from typing import NamedTuple

from keraudit.graph import GLOBAL, POINTWISE, UNSUPPORTED, Graph, Node, Window
from keraudit.layout import positions

START = Window(1, 0, 0)
FURTHEST = 2**63  # of a stride or its reciprocal: no input is that long


class Field(NamedTuple):
    """The receptive field of a layer's output, an entry per spatial axis of the input.

    ``local`` tells where a position looks; it is ``None`` once positions are mixed (pooled away,
    flattened, attended). ``hull`` is the interval that every position sees besides, as after
    squeeze-and-excitation.
    """

    local: tuple[Window, ...] | None
    hull: tuple[tuple[int, int], ...] | None = None

    @property
    def receptive_field(self) -> tuple[int, ...]:
        """The extent in input positions; borders and padding included."""
        sizes = [floor(w.high - w.low) + 1 for w in self.local or ()]
        spans = [high - low + 1 for low, high in self.hull or ()]
        if sizes and spans:
            return tuple(map(max, sizes, spans))
        return tuple(sizes or spans)

    @property
    def effective_stride(self) -> tuple[float, ...] | None:
        """Input positions between neighbouring output positions; below 1 after upsampling."""
        return None if self.local is None else tuple(number(w.stride) for w in self.local)

    @property
    def effective_padding(self) -> tuple[float, ...] | None:
        """How far the first position's field begins before the input."""
        return None if self.local is None else tuple(number(-w.low) for w in self.local)


def receptive_fields(graph: Graph) -> tuple[Field | None, ...]:
    """The field of every node; ``None`` where it is not defined.

    It is not defined for inputs without spatial axes, behind an unsupported layer, where branches
    of different strides meet, and where the stride is beyond all inputs.
    """
    places = positions(graph)
    fields: list[Field | None] = []
    for node, place in zip(graph.nodes, places, strict=True):
        if not node.sources:
            fields.append(Field(local=(START,) * len(place)) if place else None)
            continue
        sources = [(fields[ref.call], places[ref.call]) for ref in node.sources]
        known = [(field, sizes) for field, sizes in sources if field is not None]
        fields.append(field_of(node, known) if len(known) == len(sources) else None)
    return tuple(fields)


def field_of(node: Node, sources: Sequence[tuple[Field, Sequence[int]]]) -> Field | None:
    view = node.effect.view
    if view == GLOBAL and node.effect.status == UNSUPPORTED:
        return None
    if view == GLOBAL:
        return merged([mixed(field, sizes) for field, sizes in sources])
    if view == POINTWISE:
        return merged(broadcast(sources))
    field = merged([field for field, _ in sources])
    if field is None or field.local is None:
        return field
    if isinstance(view, str) or len(view) != len(field.local):
        return None
    local = tuple(map(through, field.local, view))
    if not all(1 <= window.stride * FURTHEST <= FURTHEST**2 for window in local):
        return None
    return Field(local=local, hull=field.hull)


def through(seen: Window, window: Window) -> Window:
    """The window of a layer that looks through ``window`` at one that sees ``seen``."""
    stride = seen.stride
    return Window(
        stride * window.stride, seen.low + stride * window.low, seen.high + stride * window.high
    )


def mixed(field: Field, sizes: Sequence[int]) -> Field:
    """The field once every position is seen: the hull over all positions."""
    if field.local is None:
        return field
    if len(sizes) != len(field.local):
        sizes = [1] * len(field.local)
    hull = tuple(
        (floor(w.low), floor(w.stride * (size - 1) + w.high))
        for w, size in zip(field.local, sizes, strict=True)
    )
    return Field(local=None, hull=hull if field.hull is None else union(hull, field.hull))


def broadcast(sources: Sequence[tuple[Field, Sequence[int]]]) -> list[Field]:
    """A source with one position that meets larger maps is seen from everywhere."""
    largest = max((list(sizes) for _, sizes in sources), key=lambda s: sum(s), default=[])
    return [
        mixed(field, sizes) if sum(sizes) < sum(largest) and set(sizes) <= {1} else field
        for field, sizes in sources
    ]


def merged(fields: Sequence[Field]) -> Field | None:
    """What is seen through any of several sources; ``None`` where their strides or axes differ."""
    first, *others = fields
    for field in others:
        local, hull = first.local, first.hull
        if local is None:
            local = field.local
        elif field.local is not None:
            if [w.stride for w in local] != [w.stride for w in field.local]:
                return None
            local = tuple(
                Window(a.stride, min(a.low, b.low), max(a.high, b.high))
                for a, b in zip(local, field.local, strict=True)
            )
        if hull is None:
            hull = field.hull
        elif field.hull is not None:
            if len(hull) != len(field.hull):
                return None
            hull = union(hull, field.hull)
        if local is not None and hull is not None and len(local) != len(hull):
            return None
        first = Field(local=local, hull=hull)
    return first


def union(
    a: tuple[tuple[int, int], ...], b: tuple[tuple[int, int], ...]
) -> tuple[tuple[int, int], ...]:
    return tuple(
        (min(low, other_low), max(high, other_high))
        for (low, high), (other_low, other_high) in zip(a, b, strict=True)
    )


def number(value: object) -> float:
    """A whole number as ``int``, anything else as ``float``."""
    as_float = float(value)  # type: ignore[arg-type]
    return int(as_float) if as_float == int(as_float) else as_float
