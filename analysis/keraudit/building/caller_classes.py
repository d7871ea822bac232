"""The classes and functions of a live model that are not Keras' own: the caller passed them with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import FunctionType
from typing import Any

from keraudit.building.allow_list import ACTIVATIONS, CLASSES, LAYERS, MODELS

OPERATIONS = "keras.src.ops."  # a function of keras.ops is an activation where the caller says so


def user_objects(model: Any) -> Mapping[str, Any]:
    """Classes and functions in a live model by the names that Keras saves them under.

    Only objects of the model itself are named, none that is merely registered with Keras. A bare name
    that Keras uses too stands for Keras' own; the caller's is then found by its registered name alone.
    """
    import keras

    builtin = {*LAYERS, *ACTIVATIONS, *MODELS, *(n for _, names in CLASSES.values() for n in names)}
    objects: dict[str, Any] = {}
    for item in _objects_in(model):
        kind = item if isinstance(item, FunctionType) else type(item)
        plain = kind.__module__.startswith(OPERATIONS) and kind is item
        if kind.__module__.partition(".")[0] == "keras" and not plain:
            continue
        registered = str(keras.saving.get_registered_name(kind))
        for name in (registered, kind.__name__):
            if ">" in name or name not in builtin:
                objects.setdefault(name, kind)
        if kind.__name__ in builtin and ">" not in registered:
            objects.setdefault(f"{kind.__module__}>{kind.__name__}", kind)
    return objects


def _objects_in(model: Any) -> Iterator[Any]:
    """The functions and the configurable objects that a live model holds, itself first."""
    seen: set[int] = set()
    waiting = [model]
    while waiting:
        item = waiting.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, Mapping):
            waiting.extend(item.values())
        elif isinstance(item, list | tuple | set | frozenset):
            waiting.extend(item)
        elif isinstance(item, FunctionType):
            yield item
        elif hasattr(item, "get_config") and not isinstance(item, type):
            yield item
            waiting.extend(getattr(item, "__dict__", {}).values())
            waiting.extend(getattr(item, "layers", ()))
