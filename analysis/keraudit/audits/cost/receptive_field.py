"""The receptive field: which part of the input each position of each layer can see.

Along one axis, position x of a layer sees ``[stride * x + low, stride * x + high]`` of the input;
the extent is ``high - low + 1`` and ``-low`` is the effective padding (Araujo, Norris and Sim,
"Computing Receptive Fields of Convolutional Neural Networks", Distill 2019). Where branches meet,
the interval is the union of theirs, which is exact when their strides agree. After a layer that
enlarges the map, positions differ in their receptive fields; the extent is then an upper bound. It is also
an upper bound where maps are concatenated along a spatial axis (``Concatenate``): the interval covers every
shift. After a layer that rearranges an axis (a flip, a sort) the receptive field is the whole axis.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import floor
from typing import NamedTuple

from keraudit.model.graph import (
    GLOBAL,
    POINTWISE,
    STATISTICS,
    UNSUPPORTED,
    Along,
    Graph,
    Node,
    Shape,
    View,
    Window,
)
from keraudit.model.spatial import layouts, spatial_axes

START = Window(1, 0, 0)
FURTHEST = 2**63  # of a stride or its reciprocal: no input is that long
Span = tuple[int, int]


class Axis(NamedTuple):
    """The receptive field along one axis of the input: of each position, and of all positions together."""

    window: Window | None = START
    span: Span | None = None


class Field(NamedTuple):
    """The receptive field of a layer's output, an entry per spatial axis of the input.

    ``local`` tells where a position looks, and is ``None`` along an axis whose positions are mixed
    (pooled away, flattened, attended); ``hull`` is the interval that every position sees besides, as
    after squeeze-and-excitation, ``None`` along an axis that has none. Either is ``None`` as a whole
    where all its entries are.
    """

    local: tuple[Window | None, ...] | None
    hull: tuple[Span | None, ...] | None = None

    @property
    def axes(self) -> tuple[Axis, ...]:
        rank = len(self.local or self.hull or ())
        none = (None,) * rank
        return tuple(map(Axis, self.local or none, self.hull or none))

    @property
    def receptive_field(self) -> tuple[int, ...]:
        """The extent in input positions; borders and padding included."""
        return tuple(map(extent, self.axes))

    @property
    def effective_stride(self) -> tuple[float, ...] | None:
        """Input positions between neighbouring output positions; below 1 after upsampling.

        ``None`` where positions are mixed along any axis.
        """
        windows = [w for w in self.local or () if w is not None]
        whole = self.local is not None and len(windows) == len(self.local)
        return tuple(number(w.stride) for w in windows) if whole else None

    @property
    def effective_padding(self) -> tuple[float, ...] | None:
        """How far the first position's field begins before the input."""
        windows = [w for w in self.local or () if w is not None]
        whole = self.local is not None and len(windows) == len(self.local)
        return tuple(number(-w.low) for w in windows) if whole else None


class Source(NamedTuple):
    """One input of a call: its field, its shape, and which of its axes hold positions."""

    field: Field
    shape: Shape
    spatial: tuple[int, ...]


def receptive_fields(graph: Graph) -> tuple[Field | None, ...]:
    """The field of every node; ``None`` where it is not defined.

    It is not defined for inputs without spatial axes, behind an unsupported layer, where branches
    of different strides meet, and where the stride is beyond all inputs.
    """
    first = layouts(graph)
    fields: list[Field | None] = []
    placed: list[tuple[int, ...]] = []  # which axes hold positions
    for node, leading in zip(graph.nodes, first, strict=True):
        shape = node.outputs[0].shape if node.outputs else ()
        spatial = spatial_axes(shape, leading)
        if len(node.sources) == 1 and _keeps_axes(node.effect.view):
            (only,) = node.sources
            # channels that are split into heads stay channels
            spatial = placed[only.call] if first[only.call] == leading else spatial
        placed.append(spatial)
        if not node.sources:
            fields.append(Field(local=(START,) * len(spatial)) if spatial else None)
            continue
        sources = [
            Source(field, tensor.shape, placed[ref.call])
            for ref, tensor in zip(node.sources, node.inputs, strict=True)
            if (field := fields[ref.call]) is not None
        ]
        complete = len(sources) == len(node.sources)
        fields.append(_field_of(node, sources, shape, spatial) if complete else None)
    return tuple(fields)


def _keeps_axes(view: View) -> bool:
    """Whether the axes that hold positions are those of the input."""
    return view == POINTWISE or isinstance(view, Along)


def _field_of(
    node: Node, sources: Sequence[Source], shape: Shape, spatial: tuple[int, ...]
) -> Field | None:
    """The field of a call's output, whose axes ``spatial`` hold positions."""
    view = node.effect.view
    if view == GLOBAL and node.effect.status == UNSUPPORTED:
        return None
    seen = [_looked_through(node, source, shape, spatial) for source in sources]
    known = [field for field in seen if field is not None]
    return _merged(known) if len(known) == len(seen) else None


def _looked_through(
    node: Node, source: Source, shape: Shape, spatial: tuple[int, ...]
) -> Field | None:
    """The field of an output in so far as it looks at one of the inputs."""
    view, field = node.effect.view, source.field
    if field.local is None:
        return field
    if len(source.spatial) != len(field.local):
        return None
    if view == GLOBAL or source.spatial != spatial:
        return mixed(source)
    if view == POINTWISE:
        return stretched(source, shape)
    if isinstance(view, Along):
        by_axis = dict(view.axes)
        views = [by_axis.get(axis, START) for axis in source.spatial]
    elif isinstance(view, str) or len(view) != len(field.local):
        return None
    else:
        views = list(view)
    sizes = [source.shape[axis] for axis in source.spatial]
    axes = [_through(*each) for each in zip(field.axes, views, sizes, strict=True)]
    windows = [axis.window for axis in axes if axis.window is not None]
    if not all(1 <= window.stride * FURTHEST <= FURTHEST**2 for window in windows):
        return None
    return joined(axes)


def joined(axes: Sequence[Axis]) -> Field:
    local, hull = tuple(a.window for a in axes), tuple(a.span for a in axes)
    return Field(
        local=local if any(w is not None for w in local) else None,
        hull=hull if any(span is not None for span in hull) else None,
    )


def _through(axis: Axis, view: Window | str, size: int) -> Axis:
    """What is seen along an axis of ``size`` positions by looking through a layer's view of it."""
    if view == GLOBAL:
        return _mixed_axis(axis, size)
    if view == STATISTICS:
        return Axis(axis.window, _mixed_axis(axis, size).span)
    seen = axis.window
    if seen is None or not isinstance(view, Window):
        return axis
    stride = seen.stride
    window = Window(
        stride * view.stride, seen.low + stride * view.low, seen.high + stride * view.high
    )
    return Axis(window, axis.span)


def _mixed_axis(axis: Axis, size: int) -> Axis:
    """An axis once every position is seen: the hull over all positions."""
    if axis.window is None:
        return axis
    low, high = axis.window.low, axis.window.stride * (size - 1) + axis.window.high
    return Axis(None, union((floor(low), floor(high)), axis.span))


def mixed(source: Source) -> Field:
    """The field once every position is seen."""
    sizes = [source.shape[axis] for axis in source.spatial]
    return joined(list(map(_mixed_axis, source.field.axes, sizes)))


def stretched(source: Source, shape: Shape) -> Field:
    """The field of what is broadcast to ``shape``: where it has one position, all see that one."""
    axes = []
    for axis, at in zip(source.field.axes, source.spatial, strict=True):
        size = source.shape[at]
        axes.append(axis if size == shape[at] else _mixed_axis(axis, size))
    return joined(axes)


def _merged(fields: Sequence[Field]) -> Field | None:
    """What is seen through any of several sources; ``None`` where their strides or axes differ."""
    first, *others = (field.axes for field in fields)
    axes = list(first)
    for other in others:
        if len(other) != len(axes):
            return None
        for at, (one, two) in enumerate(zip(axes, other, strict=True)):
            window, second = one.window, two.window
            if window is not None and second is not None:
                if window.stride != second.stride:
                    return None
                window = Window(
                    window.stride, min(window.low, second.low), max(window.high, second.high)
                )
            axes[at] = Axis(window or second, union(one.span, two.span))
    return joined(axes)


def union(one: Span | None, two: Span | None) -> Span | None:
    """The smallest interval that holds both."""
    if one is None or two is None:
        return one or two
    return min(one[0], two[0]), max(one[1], two[1])


def extent(axis: Axis) -> int:
    """How many input positions are seen along an axis."""
    size = 0 if axis.window is None else floor(axis.window.high - axis.window.low) + 1
    return size if axis.span is None else max(size, axis.span[1] - axis.span[0] + 1)


def number(value: object) -> float:
    """A whole number as ``int``, anything else as ``float``."""
    as_float = float(value)  # type: ignore[arg-type]
    return int(as_float) if as_float == int(as_float) else as_float
