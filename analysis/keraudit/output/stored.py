"""Records that we wrote, read again: someone may have damaged, cut or replaced them since."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

LARGEST = 2**26  # bytes; the longest record of a run with gradients has some 2 MB
DEEPEST = 50  # lists and objects in one another
MOST_VALUES = 5_000_000  # of lists and objects


def stored_json(path: Path) -> Any:
    """The plain data in a file of JSON.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no JSON, or larger than any record; one line says so.
    """
    with path.open("rb") as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise ValueError(f"it has more than {LARGEST:,} bytes")
    if sum(map(data.count, (b"{", b"[", b","))) > MOST_VALUES:
        raise ValueError(f"it holds more than {MOST_VALUES:,} values")
    try:
        found = json.loads(data)
    except RecursionError:
        raise ValueError("its JSON is nested too deep") from None
    _check_depth(found)
    return found


def _check_depth(value: Any) -> None:
    """Refuse what readers that go down into it would not come back from."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(DEEPEST):
        inner = (outer.values() if isinstance(outer, dict) else outer for outer in level)
        level = [item for items in inner for item in items if isinstance(item, dict | list)]
        if not level:
            return
    raise ValueError(f"its JSON is nested more than {DEEPEST} deep")
