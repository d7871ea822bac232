"""Operations that rearrange or repeat elements: no arithmetic.

A view by axis (``Along``) says where positions keep their place, whichever axis the layout gives to
the channels. Where the rank changes the view is ``GLOBAL``, which promises nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from keraudit.errors import ModelError, ShapeError
from keraudit.layers.call import Effect, Rule, Shape, Site, Tensor, zero
from keraudit.layers.dense import short_enough
from keraudit.layers.operations.operands import (
    axes_of,
    axis_of,
    broadcast,
    promoted,
    shape_of,
    whole,
)
from keraudit.layers.reshaping import MOVED
from keraudit.model.graph import GLOBAL, POINTWISE, Along, View, Window, all_along, laid_along

MOST_OUTPUTS = 10_000  # of one call: a file cannot make us allocate more


def moved(*outputs: Shape, view: View = GLOBAL, **rest: Any) -> Effect:
    return zero(*outputs, reason=MOVED, view=view, **rest)


def same(site: Site) -> Effect:
    """y = x, perhaps in another dtype."""
    return moved(site.shape, view=POINTWISE)


def _rearranged(site: Site) -> Effect:
    """The same elements in another order along some axes: roll, flip."""
    position = {"ops.Roll": 2, "ops.Flip": 1}.get(site.kind)
    if position is None:
        return moved(site.shape)
    axis = site.argument(position, "axis")
    if axis is None and site.kind == "ops.Roll":  # laid flat, rolled, and folded again
        return moved(site.shape)
    return moved(site.shape, view=all_along(*axes_of(axis, len(site.shape))))


def _masked(site: Site) -> Effect:
    """The elements above or below a diagonal become zero."""
    return moved(site.shape, view=POINTWISE)


def reshape(site: Site) -> Effect:
    """The same elements in another shape; one size may be -1, which is what remains.

    A size that is not known when the model is built, mostly the batch, stands as ``null`` or as a
    tensor: it is the input's own at the first axis, else what remains.
    """
    shape, wanted = site.shape, site.argument(1, "newshape")
    wanted = [wanted] if isinstance(wanted, int) else list(wanted)
    sizes = [size if isinstance(size, int) else None for size in wanted]
    if sizes and sizes[0] is None and sizes.count(None) + sizes.count(-1) > 1:
        sizes[0] = shape[0]
    open_axes = [i for i, size in enumerate(sizes) if size is None or size == -1]
    known = prod(size for i, size in enumerate(sizes) if i not in open_axes and size is not None)
    elements = prod(shape)
    if len(open_axes) == 1 and known > 0 and elements % known == 0:
        sizes[open_axes[0]] = elements // known
    output = tuple(size if size is not None else -1 for size in sizes)
    if prod(output) != elements or min(output, default=1) < 1:
        raise ShapeError(f"the new shape {wanted} must hold the {elements} elements of {shape}")
    return moved(output, view=POINTWISE if output == shape else GLOBAL)


def _ravel(site: Site) -> Effect:
    return moved((prod(site.shape),))


def transpose(site: Site) -> Effect:
    """Axis i of the output is axis axes[i] of the input; without axes, all are reversed."""
    rank, axes = len(site.shape), site.argument(1, "axes")
    order = tuple(range(rank))[::-1] if axes is None else axes_of(axes, rank)
    if sorted(order) != list(range(rank)):
        raise ModelError(f"axes must be the numbers 0 to {rank - 1} in some order, received {axes}")
    return _permuted(site, order)


def _permuted(site: Site, order: Sequence[int]) -> Effect:
    output = tuple(site.shape[i] for i in order)
    return moved(output, view=POINTWISE if list(order) == sorted(order) else GLOBAL)


def _swap_axes(site: Site) -> Effect:
    rank = len(site.shape)
    one, two = axis_of(site.argument(1, "axis1"), rank), axis_of(site.argument(2, "axis2"), rank)
    order = list(range(rank))
    order[one], order[two] = order[two], order[one]
    return _permuted(site, order)


def _move_axis(site: Site) -> Effect:
    rank = len(site.shape)
    source = axes_of(site.argument(1, "source"), rank)
    target = axes_of(site.argument(2, "destination"), rank)
    order = [i for i in range(rank) if i not in source]
    for place, axis in sorted(zip(target, source, strict=True)):
        order.insert(place, axis)
    return _permuted(site, order)


def expand_dims(site: Site) -> Effect:
    shape = list(site.shape)
    named = whole(site.argument(1, "axis"))
    for axis in sorted(axis_of(a, len(shape) + len(named)) for a in named):
        shape.insert(axis, 1)
    return moved(tuple(shape))


def squeeze(site: Site) -> Effect:
    shape, axis = site.shape, site.argument(1, "axis")
    chosen = [i for i, size in enumerate(shape) if size == 1]
    if axis is not None:
        chosen = list(axes_of(axis, len(shape)))
    if any(shape[i] != 1 for i in chosen):
        raise ShapeError(f"only axes of size 1 can be squeezed, axis {axis} of {shape} is not")
    return moved(tuple(size for i, size in enumerate(shape) if i not in chosen))


def items(site: Site) -> list[Any]:
    """The operands of an operation on a list."""
    given = site.argument(0, "xs", site.kwargs.get("x"))
    if not isinstance(given, list | tuple) or isinstance(given, Tensor) or not given:
        raise ModelError("expected a list of tensors")
    return list(given)


def joined(given: list[Any], axis: int) -> Effect:
    first, *rest = map(shape_of, given)
    place = axis_of(axis, len(first))
    for shape in rest:
        if len(shape) != len(first) or any(
            a != b for i, (a, b) in enumerate(zip(first, shape, strict=True)) if i != place
        ):
            raise ShapeError(f"{first} and {shape} cannot be joined along axis {place}")
    size = first[place] + sum(shape[place] for shape in rest)
    output = (*first[:place], size, *first[place + 1 :])
    sizes = [first[place], *(shape[place] for shape in rest)]
    return moved(output, view=laid_along(place, sizes), dtype=promoted(given))


def concatenate(site: Site) -> Effect:
    """Tensors one behind the other along an axis."""
    return joined(items(site), site.argument(1, "axis", -1))


def append(site: Site) -> Effect:
    axis, given = site.argument(2, "axis"), [site.argument(0, "x1"), site.argument(1, "x2")]
    if axis is None:
        return moved((sum(prod(shape_of(value)) for value in given),))
    return joined(given, axis)


def stack(site: Site) -> Effect:
    """Tensors of one shape along a new axis."""
    given = site.argument(0, "x", site.kwargs.get("xs"))
    shapes = {shape_of(value) for value in given}
    if len(shapes) != 1:
        raise ShapeError(f"only tensors of one shape can be stacked, received {sorted(shapes)}")
    shape = list(shapes.pop())
    shape.insert(axis_of(site.argument(1, "axis", 0), len(shape) + 1), len(given))
    return moved(tuple(shape), dtype=promoted(given))


def split(site: Site) -> Effect:
    """Equal parts, or parts that start at the given indices; ``ArraySplit`` may be uneven."""
    shape, wanted = site.shape, site.argument(1, "indices_or_sections")
    axis = axis_of(site.argument(2, "axis", 0), len(shape))
    length = shape[axis]
    if isinstance(wanted, int):
        if wanted < 1 or (length % wanted and site.kind != "ops.ArraySplit"):
            raise ShapeError(f"axis {axis} of {shape} cannot be split into {wanted} equal parts")
        if wanted > MOST_OUTPUTS:
            raise ModelError(f"{wanted:,} outputs are more than {MOST_OUTPUTS:,}")
        each, more = divmod(length, wanted)
        parts = [each + 1] * more + [each] * (wanted - more)
    else:
        ends = [min(i + length if i < 0 else i, length) for i in whole(wanted)]
        parts = [end - start for start, end in zip([0, *ends], [*ends, length], strict=True)]
    outputs = [(*shape[:axis], part, *shape[axis + 1 :]) for part in parts]
    return moved(*outputs, view=all_along(axis))


def unstack(site: Site) -> Effect:
    shape = site.shape
    axis = axis_of(site.argument(2, "axis", 0), len(shape))
    if shape[axis] > MOST_OUTPUTS:
        raise ModelError(f"{shape[axis]:,} outputs are more than {MOST_OUTPUTS:,}")
    return moved(*[(*shape[:axis], *shape[axis + 1 :])] * shape[axis])


def repeat(site: Site) -> Effect:
    repeats, axis = whole(site.argument(1, "repeats")), site.argument(2, "axis")
    shape = (prod(site.shape),) if axis is None else site.shape
    place = axis_of(axis or 0, len(shape))
    size = shape[place] * repeats[0] if len(repeats) == 1 else sum(repeats)
    view: View = GLOBAL if axis is None else all_along(place)
    return moved((*shape[:place], size, *shape[place + 1 :]), view=view)


def tile(site: Site) -> Effect:
    repeats, shape = whole(site.argument(1, "repeats")), site.shape
    rank = max(len(repeats), len(shape))
    sizes = (1,) * (rank - len(shape)) + shape
    times = [1] * (rank - len(repeats)) + repeats
    view: View = GLOBAL
    if rank == len(shape):
        view = all_along(*(axis for axis, many in enumerate(times) if many != 1))
    return moved(tuple(a * b for a, b in zip(sizes, times, strict=True)), view=view)


def broadcast_to(site: Site) -> Effect:
    wanted, shape = site.argument(1, "shape"), site.shape
    own = (1,) * (len(wanted) - len(shape)) + shape
    sizes = [b if not isinstance(a, int) or a < 0 else a for a, b in zip(wanted, own, strict=True)]
    return moved(broadcast(tuple(sizes), shape), view=POINTWISE if own == shape else GLOBAL)


def pad(site: Site) -> Effect:
    """Elements added before and after each axis: position x of the output is x - before."""
    shape, width = site.shape, site.argument(1, "pad_width")
    if isinstance(width, int):
        width = [[width, width]]
    elif isinstance(width[0], int):
        width = [[width[0], width[-1]]]
    pairs = [tuple(whole(pair)) for pair in width]
    pairs = [p * 2 if len(p) == 1 else p for p in pairs]
    pairs = pairs * len(shape) if len(pairs) == 1 else pairs
    constant = str(site.argument(2, "mode", "constant")).lower() == "constant"
    output = tuple(size + sum(pair) for size, pair in zip(shape, pairs, strict=True))
    view: View = Along(
        tuple(
            # reflected and wrapped elements come from elsewhere along the axis
            (axis, Window(1, -pair[0], -pair[0]) if constant else GLOBAL)
            for axis, pair in enumerate(pairs)
            if any(pair)
        )
    )
    return moved(output, view=view)


def _rearrange(site: Site) -> Effect:
    """A pattern such as ``b (h p) w c -> b h w (p c)``: axes split, reordered, merged.

    One axis of a group may be left open; it is what remains.
    """
    left, _, right = short_enough(str(site.argument(1, "pattern"))).partition("->")
    groups, wanted = (re.findall(r"\w+|\(.*?\)", side) for side in (left, right))
    if len(groups) != len(site.shape):
        raise ShapeError(f"the pattern {left.strip()!r} does not fit the shape {site.shape}")
    sizes: dict[str, int] = {}
    for group, length in zip(groups, site.shape, strict=True):
        names = re.findall(r"\w+", group)
        given = {name: int(site.kwargs[name]) for name in names if name in site.kwargs}
        known, unknown = prod(given.values()), [name for name in names if name not in given]
        if len(unknown) > 1 or known < 1 or length % known or (not unknown and known != length):
            raise ShapeError(f"{group} cannot be an axis of {length}")
        sizes |= given | dict.fromkeys(unknown, length // known)
    return moved(tuple(prod(sizes[name] for name in re.findall(r"\w+", g)) for g in wanted))


MOVEMENTS: Mapping[str, Rule] = {
    **dict.fromkeys(("Cast", "SaturateCast", "Copy", "StopGradient", "ConvertToTensor"), same),
    **dict.fromkeys(("Array", "Real", "Imag"), same),
    **dict.fromkeys(("Roll", "Flip", "Flipud", "Fliplr"), _rearranged),
    **dict.fromkeys(("Tril", "Triu"), _masked),
    **dict.fromkeys(("ScatterUpdate", "SliceUpdate"), _rearranged),
    "Reshape": reshape,
    "Ravel": _ravel,
    "Transpose": transpose,
    "Swapaxes": _swap_axes,
    "Moveaxis": _move_axis,
    "ExpandDims": expand_dims,
    "Squeeze": squeeze,
    "Concatenate": concatenate,
    "Append": append,
    "Stack": stack,
    "Split": split,
    "ArraySplit": split,
    "Unstack": unstack,
    "Repeat": repeat,
    "Tile": tile,
    "BroadcastTo": broadcast_to,
    "Pad": pad,
    "Rearrange": _rearrange,
}
