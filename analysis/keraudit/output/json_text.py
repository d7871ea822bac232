"""A record as JSON that people and diffs can read: one row of a table per line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import isfinite
from typing import Any


def json_text(record: Mapping[str, Any] | list[Any]) -> str:
    """JSON text; every entry of a list at the top, or of the record's lists, has its own line.

    ``json.dumps(indent=...)`` takes six times as long, for it leaves the encoder written in C.

    >>> print(json_text({"model": "m", "layers": [{"name": "a"}, {"name": "b"}], "batch": 1}))
    {
    "model": "m",
    "layers": [
     {"name": "a"},
     {"name": "b"}
    ],
    "batch": 1
    }
    """
    if isinstance(record, list):
        return "[\n" + ",\n".join(json_text(item) for item in record) + "\n]"
    lines = [f"{_dumped(str(key))}: {_value_text(value)}" for key, value in record.items()]
    return "{\n" + ",\n".join(lines) + "\n}"


def _value_text(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        return "[\n " + ",\n ".join(map(_dumped, value)) + "\n]"
    return _dumped(value)


def _dumped(value: Any) -> str:
    """A value on one line; JSON has no word for a number that is not finite, so it is ``null``.

    >>> _dumped({"a": [1, float("nan")]})
    '{"a": [1, null]}'
    """
    try:
        return json.dumps(value, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(value))


def _finite(value: Any) -> Any:
    """Plain data with ``None`` for every number that is not finite."""
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not isfinite(value) else value
