"""Input sizes as a user requests them, fitted to the inputs of a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from keraudit.errors import ShapeError
from keraudit.model.graph import Shape
from keraudit.model.shape_text import shape_text


class Input(NamedTuple):
    """An input of a model: the names it goes by, and its recorded shape without the batch.

    ``open_length`` says that axis 0 of a sequence is not fixed although it is recorded: a subclassed
    model takes other lengths than the one that it was first called with.
    """

    names: tuple[str, ...]
    recorded: tuple[int | None, ...] | None
    open_length: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Requested:
    """The sizes that a user asked for; each may be missing.

    Attributes:
        shapes: without the batch, in the model's order or by the input's name.
        length: fills the open axis of every input that has one, such as tokens or time steps.
        batch: images or sequences.
    """

    shapes: tuple[Shape, ...] | Mapping[str, Shape] | None = None
    length: int | None = None
    batch: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for a process of its own; ``Requested.from_dict`` reads it."""
        shapes = self.shapes
        plain = dict(shapes) if isinstance(shapes, Mapping) else shapes and list(shapes)
        return {"shapes": plain, "length": self.length, "batch": self.batch}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Requested:
        """The request that ``to_dict`` wrote."""
        shapes = data["shapes"]
        if isinstance(shapes, Mapping):
            read: Any = {name: tuple(shape) for name, shape in shapes.items()}
        else:
            read = None if shapes is None else tuple(map(tuple, shapes))
        return cls(shapes=read, length=data["length"], batch=data["batch"])

    @property
    def first(self) -> Shape | None:
        """The one shape, where one alone is requested in order."""
        one = self.shapes
        return one[0] if one and not isinstance(one, Mapping) and len(one) == 1 else None

    def fitted(self, inputs: Sequence[Input]) -> list[Shape] | None:
        """The shape of each input, without the batch; ``None`` where nothing was requested.

        Raises:
            ShapeError: a name or a number of inputs does not fit, or a size stays open.
        """
        if self.shapes is None and self.length is None:
            return None
        if isinstance(self.shapes, Mapping):
            shapes = _by_name(self.shapes, inputs)
        elif self.shapes is None:
            shapes = [None] * len(inputs)
        else:
            shapes = [*_in_order(self.shapes, inputs)]
        if self.length is not None:
            shapes = _with_length(shapes, inputs, self.length)
        return [_whole(shape, put) for shape, put in zip(shapes, inputs, strict=True)]


def _in_order(shapes: Sequence[Shape], inputs: Sequence[Input]) -> Sequence[Shape]:
    if len(shapes) != len(inputs):
        raise ShapeError(
            f"the model has {len(inputs)} inputs ({_listed(inputs)}), received {len(shapes)}"
            " input shapes; give one for each, in this order"
        )
    return shapes


def _by_name(shapes: Mapping[str, Shape], inputs: Sequence[Input]) -> list[Shape | None]:
    """The requested shape of each input, or ``None`` for those that keep their recorded one."""
    remaining = {name.removesuffix(":0"): shape for name, shape in shapes.items()}
    fitted = []
    for put in inputs:
        name = next((name for name in put.names if name in remaining), None)
        fitted.append(None if name is None else remaining.pop(name))
    if remaining:
        raise ShapeError(
            f"the model's inputs are {_listed(inputs)}: no input is named"
            f" {', '.join(map(repr, sorted(remaining)))}"
        )
    return fitted


def _with_length(
    shapes: Sequence[Shape | None], inputs: Sequence[Input], length: int
) -> list[Shape | None]:
    """Fill the one open axis of every input that has one and no requested shape."""
    filled: list[Shape | None] = []
    lengths = 0
    for shape, put in zip(shapes, inputs, strict=True):
        axes = _length_axes(put)
        if shape is not None or put.recorded is None or len(axes) != 1:
            filled.append(shape)
            continue
        sizes = [length if axis in axes else size for axis, size in enumerate(put.recorded)]
        filled.append(tuple(int(size or 0) for size in sizes))
        lengths += 1
    if not lengths:
        raise ShapeError(
            "a length fills the one open axis of an input, and no input has one:"
            f" {_listed(inputs, with_shapes=True)}; give sizes with --input-shape (input_shape=)"
        )
    return filled


def _length_axes(put: Input) -> list[int]:
    recorded = put.recorded or ()
    axes = [axis for axis, size in enumerate(recorded) if size is None]
    return [0] if put.open_length and not axes and 0 < len(recorded) <= 2 else axes


def _whole(shape: Shape | None, put: Input) -> Shape:
    if shape is not None:
        return tuple(shape)
    if put.recorded is None or None in put.recorded:
        stated = (
            "no shape" if put.recorded is None else f"the open shape {shape_text(put.recorded)}"
        )
        batched = None if put.recorded is None else (None, *put.recorded)
        raise ShapeError(f"input {put.names[0]!r} has {stated}: {how_to_give_sizes(batched)}")
    return tuple(int(size or 0) for size in put.recorded)


def how_to_give_sizes(recorded: Sequence[int | None] | None) -> str:
    """What to pass for an input whose recorded shape, batch first, is open; one open axis is a length.

    >>> how_to_give_sizes((None, None))
    'give its length with --length 128 (length=128), or several with --lengths 128,512 (keraudit.lengths)'
    """
    if recorded is not None and recorded[1:].count(None) == 1:
        return "give its length with --length 128 (length=128), or several with --lengths 128,512 (keraudit.lengths)"
    return "give its size with --input-shape (input_shape=)"


def _listed(inputs: Sequence[Input], *, with_shapes: bool = False) -> str:
    if not with_shapes:
        return ", ".join(put.names[0] for put in inputs)
    return ", ".join(
        f"{put.names[0]} {'has no shape' if put.recorded is None else shape_text(put.recorded, '()')}"
        for put in inputs
    )
