"""Records as plain data: dictionaries, lists, texts and numbers, as JSON has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any

Number = Callable[[float], Any]
_ATOMS = frozenset({str, int, bool, type(None)})


def _as_it_is(value: float) -> float:
    return value


def as_dict(
    record: Any,
    *names: str,
    number: Number = _as_it_is,
    renamed: Mapping[str, str] = {},
) -> dict[str, Any]:
    """A record, or some of its fields and properties, as a dictionary of plain data.

    Nested records become dictionaries too, and tuples lists. Nothing is copied that need not be, as
    ``dataclasses.asdict`` does: a report has thousands of layers. A class whose plain data is not its
    fields, all of them and in their order, lists the names in ``PLAIN``.

    Args:
        record: a dataclass or a named tuple.
        names: of what is wanted; default: what the class has.
        number: what stands for a float, wherever it is.
        renamed: for names of the record, those in the dictionary.

    >>> from typing import NamedTuple
    >>> class Map(NamedTuple):
    ...     name: str
    ...     shape: tuple[int, ...]
    >>> as_dict(Map("stem", (32, 32, 16)))
    {'name': 'stem', 'shape': [32, 32, 16]}
    """
    fields = {
        name: value if type(value := getattr(record, name)) in _ATOMS else as_data(value, number)
        for name in names or _names_of(record.__class__)
    }
    return {renamed.get(name, name): value for name, value in fields.items()} if renamed else fields


def as_data(value: Any, number: Number = _as_it_is) -> Any:
    """Anything as plain data; what is neither a record nor a collection stays as it is."""
    kind = type(value)
    if kind in _ATOMS:
        return value
    if kind is float:
        return number(value)
    if kind is tuple or kind is list:
        return [item if type(item) in _ATOMS else as_data(item, number) for item in value]
    if isinstance(value, Mapping):
        return {key: as_data(item, number) for key, item in value.items()}
    return as_dict(value, number=number) if _names_of(value.__class__) else value


@cache
def _names_of(kind: type) -> tuple[str, ...]:
    """What a class of records has as plain data; nothing for another class."""
    if is_dataclass(kind):
        return getattr(kind, "PLAIN", ()) or tuple(field.name for field in fields(kind))
    return getattr(kind, "PLAIN", getattr(kind, "_fields", ()))
