"""What an operation is given: tensors, numbers and constants; their shapes, axes and dtypes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from keraudit.errors import ModelError, ShapeError
from keraudit.layers.arguments import ARRAY
from keraudit.layers.call import Shape, Site, Tensor

CONSTANTS = ("__numpy__", "__tensor__", ARRAY)
DTYPES = (  # a later one wins where two meet
    *("bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"),
    *("float8_e5m2", "float8_e4m3fn", "float16", "bfloat16", "float32", "float64"),
    *("complex64", "complex128"),
)


def shape_of(value: Any) -> Shape:
    """The shape of a tensor, a number, a nested list of numbers, or a constant that a file holds.

    >>> shape_of(2.0), shape_of([[1, 2, 3]]), shape_of({"class_name": "__numpy__", "config":
    ...     {"value": [1.0, 2.0], "dtype": "float32"}})
    ((), (1, 3), (2,))
    """
    if isinstance(value, Tensor):
        return value.shape
    if isinstance(value, Mapping):
        if value.get("class_name") not in CONSTANTS:
            raise ModelError(f"expected a tensor or a constant, received {str(value)[:60]!r}")
        if value["class_name"] == ARRAY:
            return tuple(value["config"]["shape"])
        return shape_of(value["config"]["value"])
    if isinstance(value, list | tuple):
        return (len(value), *(shape_of(value[0]) if value else ()))
    if isinstance(value, bool | int | float | complex):
        return ()
    raise ModelError(f"expected a tensor or a number, received {str(value)[:60]!r}")


def _dtype_of(value: Any) -> str | None:
    """The dtype of an operand; ``None`` for a plain number, which takes that of its company."""
    if isinstance(value, Tensor):
        return value.dtype
    if isinstance(value, Mapping):
        return str(value["config"].get("dtype", "float32"))
    if isinstance(value, float):
        return "float"
    if isinstance(value, list | tuple) and value:
        return _dtype_of(value[0])
    return None


def promoted(values: Iterable[Any]) -> str | None:
    """The dtype that several operands give; ``None`` where none of them has one.

    >>> promoted([Tensor((2,), "int32"), 1.5]), promoted([Tensor((2,), "float16"), 2])
    ('float32', 'float16')
    """
    named = [dtype for dtype in map(_dtype_of, values) if dtype]
    known = [dtype for dtype in named if dtype in DTYPES]
    best = max(known, key=DTYPES.index, default=None)
    if best == "bfloat16" and "float16" in known:  # neither holds the other
        return "float32"
    if "float" in named and (best is None or DTYPES.index(best) < DTYPES.index("float16")):
        return "float32"
    return best


def operands(site: Site) -> Iterator[Any]:
    """The arguments of a call that have a shape, by position and then by name."""
    for value in (*site.args, *site.kwargs.values()):
        if value is not None and not isinstance(value, str):
            yield value


def broadcast(*shapes: Shape) -> Shape:
    """The common shape by NumPy's rule: aligned at the last axis, ones stretch.

    >>> broadcast((2, 8, 8, 16), (16,), ())
    (2, 8, 8, 16)
    """
    rank = max(map(len, shapes), default=0)
    sizes = []
    for axis in zip(*((1,) * (rank - len(s)) + tuple(s) for s in shapes), strict=True):
        wanted = set(axis) - {1}
        if len(wanted) > 1:
            raise ShapeError(f"the shapes {' and '.join(map(str, shapes))} cannot be broadcast")
        sizes.append(wanted.pop() if wanted else 1)
    return tuple(sizes)


def axis_of(axis: Any, rank: int) -> int:
    """One axis as a number from 0."""
    if isinstance(axis, bool) or not isinstance(axis, int) or not -rank <= axis < rank:
        raise ModelError(f"an axis must be from {-rank} to {rank - 1}, received {axis!r}")
    return axis % rank


def axes_of(axis: Any, rank: int) -> tuple[int, ...]:
    """The axes that an operation names, as numbers from 0; ``None`` names all.

    >>> axes_of(None, 3), axes_of(-1, 3), axes_of([0, -2], 3)
    ((0, 1, 2), (2,), (0, 1))
    """
    if axis is None:
        return tuple(range(rank))
    named = axis if isinstance(axis, list | tuple) else [axis]
    return tuple(dict.fromkeys(axis_of(a, rank) for a in named))


def reduced_shape(shape: Shape, axes: tuple[int, ...], keepdims: bool) -> Shape:
    """What is left of a shape when some axes are reduced.

    >>> reduced_shape((2, 7, 7, 64), (1, 2), False), reduced_shape((2, 7, 7, 64), (1, 2), True)
    ((2, 64), (2, 1, 1, 64))
    """
    if keepdims:
        return tuple(1 if i in axes else size for i, size in enumerate(shape))
    return tuple(size for i, size in enumerate(shape) if i not in axes)


def whole(value: Any) -> list[int]:
    """A whole number or a list of them, as a list."""
    values = list(value) if isinstance(value, list | tuple) else [value]
    if not all(isinstance(v, int) and not isinstance(v, bool) for v in values):
        raise ModelError(f"expected whole numbers, received {str(value)[:60]!r}")
    return values
