"""Arguments as users pass them, checked: one line names the argument, what it got and what it takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import index
from types import FunctionType
from typing import Any, NoReturn

from keraudit.errors import KerauditError, ShapeError
from keraudit.layers.call import Rule
from keraudit.model.graph import Shape
from keraudit.output.numbers import count_of

PLAIN = (str, int, float, bool, bytes, list, tuple, dict, type(None))
SIZES = (
    "sizes without the batch such as (96, 96, 3); for several inputs a sequence of such shapes or a"
    " dictionary by input name"
)


def refuse(
    argument: str, value: object, accepted: str, *, error: type[KerauditError] = KerauditError
) -> NoReturn:
    """Raise the error on an argument; of objects that are not plain only the type is named.

    >>> refuse("batch", "8", "a whole number from 1")
    Traceback (most recent call last):
    keraudit.errors.KerauditError: batch: received str '8'; accepted: a whole number from 1
    """
    kind = type(value)
    if value is None:
        received = "None"
    elif kind in PLAIN:
        text = repr(value)
        received = f"{kind.__name__} {text if len(text) <= 60 else text[:57] + '...'}"
    elif isinstance(value, type):
        received = f"the class {value.__name__}, not an object of it"
    elif kind is FunctionType:
        received = f"the function {value.__name__}, not what it returns"  # type: ignore[attr-defined]
    else:
        home = kind.__module__.partition(".")[0]
        received = f"an object of type {home}.{kind.__name__}"
    raise error(f"{argument}: received {received}; accepted: {accepted}")


def whole(argument: str, value: Any, *, least: int = 1) -> int:
    """A whole number, NumPy's too.

    Raises:
        ShapeError: it is none, or below ``least``.
    """
    try:
        number = index(value)
    except TypeError:
        number = least - 1
    if isinstance(value, bool) or number < least:
        refuse(argument, value, f"a whole number from {least}", error=ShapeError)
    return number


def whole_or_none(argument: str, value: Any) -> int | None:
    return None if value is None else whole(argument, value)


def whole_numbers(argument: str, value: Any, *, least: int) -> tuple[int, ...]:
    """Several whole numbers, at least one."""
    if isinstance(value, str | bytes | Mapping) or not hasattr(value, "__iter__"):
        refuse(argument, value, f"a sequence of whole numbers from {least}, such as [1, 2]")
    numbers = tuple(whole(argument, item, least=least) for item in value)
    if not numbers:
        refuse(argument, value, f"a sequence of whole numbers from {least}, such as [1, 2]")
    return numbers


def limit(argument: str, value: Any) -> int:
    """The most that a budget allows: a number such as ``4e9``, whole.

    Raises:
        KerauditError: it is none.
    """
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and 0 <= value < float("inf"):
        return int(value)
    if isinstance(value, str) and (found := count_of(value)) is not None:
        return found
    refuse(argument, value, 'a number such as 4e9 or "4G", or None for no limit')


def positive(argument: str, value: Any, accepted: str) -> float:
    """A number above 0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e18:
        refuse(argument, value, accepted)
    return value


def text(argument: str, value: Any, accepted: str) -> str:
    if not isinstance(value, str):
        refuse(argument, value, accepted)
    return value


def words(argument: str, value: Any, accepted: str) -> tuple[str, ...]:
    """Several texts; a single one is refused, for it is a sequence of letters."""
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Sequence):
        refuse(argument, value, accepted)
    if not all(isinstance(word, str) for word in value):
        refuse(argument, value, accepted)
    return tuple(value)


def rules_by_class(value: Any) -> Mapping[str, Rule]:
    accepted = "a dictionary of functions by class name, as keraudit.load_rules gives it"
    if not isinstance(value, Mapping):
        refuse("rules", value, accepted)
    for name, rule in value.items():
        if not isinstance(name, str) or not callable(rule):
            refuse("rules", value, accepted)
    return value


def function(argument: str, value: Any, accepted: str) -> Any:
    if not callable(value):
        refuse(argument, value, accepted)
    return value


def shapes(value: Any) -> tuple[Shape, ...] | Mapping[str, Shape] | None:
    """One input shape or several, as several; by name where they are.

    Raises:
        ShapeError: it is neither.
    """
    if value is None:
        return None
    try:
        if isinstance(value, Mapping):
            return {_name(name): _shape(shape) for name, shape in value.items()}
        if isinstance(value, str | bytes):
            raise TypeError
        sizes = list(value)
        if all(hasattr(size, "__index__") for size in sizes):
            return (_shape(sizes),)
        return tuple(map(_shape, sizes))
    except TypeError:
        refuse("input_shape", value, SIZES, error=ShapeError)


def _name(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _shape(value: Any) -> Shape:
    if isinstance(value, str | bytes) or any(isinstance(size, bool) for size in value):
        raise TypeError
    return tuple(index(size) for size in value)
