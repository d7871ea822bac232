"""Operations that select, look up, order or create elements: no arithmetic that can be counted."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

from keraudit.errors import ModelError, ShapeError
from keraudit.layers.call import Effect, Rule, Site, zero
from keraudit.layers.operations.operands import (
    axis_of,
    broadcast,
    operands,
    promoted,
    shape_of,
    whole,
)
from keraudit.layers.operations.shape import moved
from keraudit.model.graph import GLOBAL, POINTWISE, Along, View, Window, all_along

SORTED = "a sort: how many comparisons it takes depends on the data"
CHOSEN = "a choice between values, no arithmetic"
CREATED = "constants of a shape, no arithmetic"


def _keys(value: Any) -> list[Any]:
    """The parts of a subscript: whole numbers, slices, ``None`` and ``...``, as files spell them."""
    parts = value if isinstance(value, list | tuple) else [value]
    read: list[Any] = []
    for part in parts:
        if isinstance(part, Mapping) and part.get("class_name") == "__ellipsis__":
            read.append(...)
        elif isinstance(part, Mapping) and {"start", "stop"} <= part.keys():  # Keras 2
            read.append(slice(part["start"], part["stop"], part.get("step")))
        elif part is None or isinstance(part, slice | int):
            read.append(part)
        else:
            raise ModelError(f"the subscript {str(part)[:60]!r} is no number and no slice")
    return read


def get_item(site: Site) -> Effect:
    """x[key]: slices and numbers take from an axis each, ``None`` makes one, ``...`` fills up.

    Slices keep a window along their axis: position x of the output is start + step x.
    """
    key, given = _keys(site.argument(1, "key")), list(site.shape)
    if ... not in key:
        key.append(...)
    fill = key.index(...)
    consumed = sum(part is not None and part is not ... for part in key)
    if consumed > len(given) or key.count(...) > 1:
        raise ShapeError(f"{consumed} subscripts do not fit the shape {site.shape}")
    key[fill : fill + 1] = [slice(None)] * (len(given) - consumed)
    output: list[int] = []
    windows: list[Window] = []
    for part in key:
        if part is None:
            output.append(1)
            continue
        size = given.pop(0)
        if isinstance(part, slice):
            start, stop, step = part.indices(size)
            output.append(len(range(start, stop, step)))
            windows.append(Window(step, start, start))
        elif not -size <= part < size:
            raise ShapeError(f"the subscript {part} is outside an axis of {size}")
    shape = tuple(output)
    view: View = GLOBAL
    if windows == [Window(1, 0, 0)] * len(shape) and shape == site.shape:
        view = POINTWISE
    elif len(key) == len(windows):
        view = Along(
            tuple(
                (axis, window if window.stride > 0 else GLOBAL)
                for axis, window in enumerate(windows)
                if window != Window(1, 0, 0)
            )
        )
    return moved(shape, view=view)


def _sliced(site: Site) -> Effect:
    """A block of a given shape from given start indices."""
    return moved(tuple(whole(site.config["shape"])))


def take(site: Site) -> Effect:
    """Elements at the given indices along an axis: a look-up."""
    indices, shape = shape_of(site.argument(1, "indices")), shape_of(site.argument(0, "x"))
    axis, dtype = site.argument(2, "axis"), promoted([site.argument(0, "x")])
    if axis is None:
        return moved(indices, dtype=dtype)
    place = axis_of(axis, len(shape))
    view: View = all_along(place) if len(indices) == 1 else GLOBAL
    return moved((*shape[:place], *indices, *shape[place + 1 :]), view=view, dtype=dtype)


def _take_along(site: Site) -> Effect:
    indices, shape = shape_of(site.argument(1, "indices")), site.shape
    axis = site.argument(2, "axis")
    if axis is None:
        return moved((prod(indices),))
    place = axis_of(axis, len(shape))
    both = [[*s[:place], 1, *s[place + 1 :]] for s in (shape, indices)]
    sizes = list(broadcast(*map(tuple, both)))
    sizes[place] = indices[place]
    return moved(tuple(sizes), dtype=promoted(site.inputs[:1]))


def where(site: Site) -> Effect:
    """c ? x : y, broadcast."""
    given = list(operands(site))
    output = broadcast(*map(shape_of, given))
    return zero(output, reason=CHOSEN, dtype=promoted(given[1:]) or "int32")


def like(site: Site) -> Effect:
    """Zeros, ones or one value in the input's shape."""
    return zero(site.shape, reason=CREATED, dtype=site.config.get("dtype"))


def one_hot(site: Site) -> Effect:
    """A new axis of ``num_classes``, one element of which is 1."""
    shape = list(site.shape)
    axis = axis_of(site.argument(2, "axis", -1), len(shape) + 1)
    shape.insert(axis, int(site.argument(1, "num_classes")))
    return zero(tuple(shape), reason="a look-up, no arithmetic", view=GLOBAL)


def sort(site: Site) -> Effect:
    return zero(site.shape, reason=SORTED, view=_sorted_along(site))


def _sorted_along(site: Site) -> View:
    axis = site.argument(1, "axis", -1)
    return GLOBAL if axis is None else all_along(axis_of(axis, len(site.shape)))


def _arg_sort(site: Site) -> Effect:
    output = (prod(site.shape),) if site.argument(1, "axis", -1) is None else site.shape
    return zero(output, reason=SORTED, view=_sorted_along(site), dtype="int32")


def _top_k(site: Site) -> Effect:
    """The k largest along the last axis, and where they were."""
    output = (*site.shape[:-1], int(site.argument(1, "k")))
    return zero(output, output, reason=SORTED, view=all_along(len(output) - 1))


def _diagonal(site: Site) -> Effect:
    shape, offset = site.shape, int(site.argument(1, "offset", 0))
    one = axis_of(site.argument(2, "axis1", 0), len(shape))
    two = axis_of(site.argument(3, "axis2", 1), len(shape))
    length = min(shape[one] + min(offset, 0), shape[two] - max(offset, 0))
    rest = tuple(size for i, size in enumerate(shape) if i not in (one, two))
    return moved((*rest, length))


def _meshgrid(site: Site) -> Effect:
    sizes = [prod(shape_of(value)) for value in site.args]
    if site.config.get("indexing", "xy") == "xy" and len(sizes) > 1:
        sizes[:2] = sizes[1::-1]
    return moved(*[tuple(sizes)] * len(sizes))


SELECTIONS: Mapping[str, Rule] = {
    **dict.fromkeys(("ZerosLike", "OnesLike", "EmptyLike", "FullLike"), like),
    "GetItem": get_item,
    "Slice": _sliced,
    "Take": take,
    "TakeAlongAxis": _take_along,
    "Where": where,
    "OneHot": one_hot,
    "Sort": sort,
    "Argsort": _arg_sort,
    "TopK": _top_k,
    "Diagonal": _diagonal,
    "Meshgrid": _meshgrid,
}
