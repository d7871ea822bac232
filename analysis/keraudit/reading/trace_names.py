"""What the parts of a traced model are called: the path of layers that they were called in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from keraudit.model.naming import is_automatic


class Names:
    """Paths for operations, each its own; the model's own name is left out."""

    def __init__(self) -> None:
        self.taken: set[str] = set()
        self.known: dict[int, str] = {}

    def of(self, operation: Any, within: Sequence[Any]) -> str:
        if id(operation) not in self.known:
            path = "/".join([*(part.name for part in within[1:]), _own_name(operation)])
            name, times = path, 1
            while name in self.taken:
                times += 1
                name = f"{path}_{times}"
            self.taken.add(name)
            self.known[id(operation)] = name
        return self.known[id(operation)]


def _own_name(operation: Any) -> str:
    """The name of an operation; one that the trace made goes without Keras' count of all of its class."""
    made_here = len(operation._inbound_nodes) == 1 and not hasattr(operation, "weights")
    name, kind = str(operation.name), type(operation).__name__
    return re.sub(r"_[0-9]+$", "", name) if made_here and is_automatic(name, kind) else name


def containers(paths: Iterable[Sequence[Any]]) -> dict[str, str]:
    """The class of every layer that holds others, by path.

    Args:
        paths: the layers around each call, from the model itself on.
    """
    return {
        "/".join(part.name for part in path[1:end]): type(path[end - 1]).__name__
        for path in paths
        for end in range(2, len(path) + 1)
    }
