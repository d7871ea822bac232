"""One run of a trace: the steps that were recorded, and the layers that are open."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import Any

from keraudit.reading.trace_record import Step


class Trace:
    """The steps of one run, and the layers that are open."""

    def __init__(self, model: Any, closed: Collection[str]) -> None:
        self.model = model
        self.closed = closed
        self.open: list[Any] = []
        self.steps: list[Step] = []
        self.leaves: dict[int, str] = {}
        self.errors: dict[int, Exception] = {}
        self.opened: dict[int, tuple[Any, int]] = {}  # a layer, and how many steps were before it
        self.training: bool | None = None  # as the layer that is open says, or one around it
        self.hidden = 0  # inside a call of Keras' own, whose parts are no nodes
        self.nodes: list[Any] = []  # every node that was made, to be undone
        self.constants: dict[
            int, tuple[Any, Any]
        ] = {}  # symbolic stand-ins, and what they stand for
        self.thread = get_ident()

    @contextmanager
    def hiding(self) -> Iterator[None]:
        self.hidden += 1
        try:
            yield
        finally:
            self.hidden -= 1

    def add(self, operation: Any) -> None:
        self.steps.append(Step(operation, operation._inbound_nodes[-1], tuple(self.open)))
