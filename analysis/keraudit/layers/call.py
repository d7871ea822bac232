"""What a rule of the layer table is given, and the few words every rule uses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

from keraudit.errors import ModelError, ShapeError
from keraudit.model.graph import (
    COUNTED,
    POINTWISE,
    UNSUPPORTED,
    ZERO,
    Architecture,
    Effect,
    Layer,
    Shape,
    Tensor,
    Term,
    View,
    Weight,
)

AXIS_NAMES: Mapping[int, tuple[str, ...]] = {
    1: ("length",),
    2: ("height", "width"),
    3: ("depth", "height", "width"),
}


class Options(dict[str, Any]):
    """A layer's options by name; that one is missing is a fault of the file, and told as one."""

    def __missing__(self, name: str) -> Any:
        raise ModelError(
            f"its config has no option {name!r}, which this class needs; save the model again"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One call of one layer: its config and the tensors it receives.

    ``args`` and ``kwargs`` are those of the call, with a ``Tensor`` in place of each reference.
    ``measure`` applies the whole table to an inner layer or model, for wrappers.
    ``expected`` is the output shape that the file records, for rules that cannot tell. ``layer`` is the
    layer itself, with the weights that its file holds.
    """

    kind: str
    config: Mapping[str, Any]
    inputs: tuple[Tensor, ...]
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    inner: tuple[Layer | Architecture, ...] = ()
    measure: Callable[[Layer | Architecture, tuple[Tensor, ...]], Effect]
    expected: Shape | None = None
    layer: Layer | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "config", Options(self.config))

    @property
    def shape(self) -> Shape:
        """The shape of the first input, batch included."""
        return self.inputs[0].shape

    def argument(self, position: int, name: str, default: Any = None) -> Any:
        """An argument of the call, by position or by name, else from the config, else the default."""
        if len(self.args) > position:
            return self.args[position]
        if name in self.kwargs:
            return self.kwargs[name]
        return self.config.get(name, default)


Rule = Callable[[Site], Effect]


def counted(
    *outputs: Shape, terms: Sequence[Term | None] = (), unknown: str = "", **rest: Any
) -> Effect:
    """An effect whose operations are ``terms``; ``None`` among them is left out.

    ``unknown`` says what else the layer does that could not be counted; the effect is then
    *unsupported*, and its terms a lower bound.
    """
    status = UNSUPPORTED if unknown else COUNTED
    nonzero = tuple(term for term in terms if term)
    return Effect(outputs=outputs, terms=nonzero, status=status, reason=unknown, **rest)


def zero(*outputs: Shape, reason: str, **rest: Any) -> Effect:
    """An effect without operations, by decision, for the reason given."""
    return Effect(outputs=outputs, status=ZERO, reason=reason, **rest)


def unsupported(*outputs: Shape, reason: str, **rest: Any) -> Effect:
    """An effect that could not be (wholly) counted: totals become lower bounds."""
    return Effect(outputs=outputs, status=UNSUPPORTED, reason=reason, **rest)


def elementwise(what: str, shape: Shape, operations: int = 1) -> Term | None:
    """``operations`` FLOPs for each element of ``shape``; ``None`` when there are none."""
    if not operations:
        return None
    repeat = (("operations", operations),) if operations != 1 else ()
    return Term("flop", what, (*repeat, ("elements", prod(shape))))


def is_whole(value: Any) -> bool:
    """Whether a value is an ``int``; true and false are none."""
    return isinstance(value, int) and not isinstance(value, bool)


def checked_whole(name: str, value: Any) -> int:
    """An option's value where it is a whole number; ``4.0`` is one.

    Raises:
        ModelError: it is not; nor does Keras make a layer of it.
    """
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if not is_whole(value):
        raise ModelError(f"{name} must be a whole number, received {value!r:.60}")
    return int(value)


def whole_number(config: Mapping[str, Any], name: str, default: int | None = None) -> int:
    """An option that is a whole number.

    Args:
        config: the options.
        name: which one.
        default: its value where it is missing; without one that is a fault of the file.

    Raises:
        ModelError: it is missing, or not a whole number.

    >>> whole_number({"units": 4}, "units"), whole_number({}, "groups", 1)
    (4, 1)
    """
    return checked_whole(name, config[name] if default is None else config.get(name, default))


def tuple_of(value: Any, rank: int) -> tuple[int, ...]:
    """An int repeated ``rank`` times, or a sequence of ``rank`` ints."""
    values = tuple(value) if isinstance(value, list | tuple) else (value,) * rank
    if len(values) != rank or not all(map(is_whole, values)):
        raise ModelError(f"expected {rank} whole numbers, received {value!r}")
    return values


def rank_of(kind: str) -> int:
    """The number of spatial axes that a class name states: 2 for ``MaxPooling2D``."""
    for rank in (1, 2, 3):
        if f"{rank}D" in kind:
            return rank
    raise ModelError(f"{kind} names no rank")


def channels_first(config: Mapping[str, Any]) -> bool:
    return config.get("data_format") == "channels_first"


def split(shape: Shape, config: Mapping[str, Any], rank: int) -> tuple[int, Shape, int]:
    """Take ``shape`` apart into batch, spatial sizes and channels, by the config's data format."""
    if len(shape) != rank + 2:
        raise ShapeError(
            f"expected an input of rank {rank + 2} (batch, {', '.join(AXIS_NAMES[rank])}, channels),"
            f" received the shape {shape}"
        )
    if channels_first(config):
        return shape[0], shape[2:], shape[1]
    return shape[0], shape[1:-1], shape[-1]


def join(batch: int, spatial: Shape, channels: int, config: Mapping[str, Any]) -> Shape:
    """Put a shape together again; the inverse of ``split``."""
    return (batch, channels, *spatial) if channels_first(config) else (batch, *spatial, channels)


__all__ = [
    "AXIS_NAMES",
    "POINTWISE",
    "Effect",
    "Rule",
    "Shape",
    "Site",
    "Tensor",
    "Term",
    "View",
    "Weight",
    "channels_first",
    "checked_whole",
    "counted",
    "elementwise",
    "is_whole",
    "join",
    "rank_of",
    "split",
    "tuple_of",
    "unsupported",
    "whole_number",
    "zero",
]
