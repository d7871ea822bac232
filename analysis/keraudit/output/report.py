"""Where a report comes from: the model, its input, the command and the versions that made it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from keraudit.environment import own_versions
from keraudit.model.graph import Graph, Shape
from keraudit.output.html import fragment
from keraudit.output.json_text import json_text
from keraudit.output.plain_data import as_dict
from keraudit.output.table import Grid
from keraudit.output.terminal import grid_text


class Shown:
    """What is shown as tables, in a terminal by ``str()`` and in a notebook by itself; abstract."""

    __slots__ = ()

    def tables(self) -> Sequence[Grid]:
        """The tables, in order."""
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        """The whole record as plain data."""
        raise NotImplementedError

    def to_json(self) -> str:
        """``to_dict()`` as JSON text."""
        return json_text(self.to_dict())

    def __str__(self) -> str:
        return "\n\n".join(map(grid_text, self.tables()))

    def _repr_html_(self) -> str:
        return "".join(map(fragment, self.tables()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Report(Shown):
    """What every report states; abstract: each audit adds what it found.

    Attributes:
        model: the model's name.
        source: the file, or where else the model was read from.
        input_shapes: one per input, without the batch, by the input's name.
        batch: the batch size that all counts are for.
        command: the command line that makes the same report.
        versions: of what made it.
    """

    model: str
    source: str
    input_shapes: Mapping[str, Shape]
    batch: int = 1
    command: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)

    def origin(self, schema: str) -> dict[str, Any]:
        """The head of the report's plain data."""
        shapes = [list(shape) for shape in self.input_shapes.values()]
        return {
            "schema": schema,
            **as_dict(self, "model", "source", "command", "versions"),
            "input_shape": shapes[0] if len(shapes) == 1 else shapes,
            **as_dict(self, "input_shapes", "batch"),
        }


def origin_of(graph: Graph, *, command: str = "") -> dict[str, Any]:
    """The fields of ``Report`` for a graph."""
    return {
        "model": graph.architecture.title or graph.architecture.name,
        "source": graph.architecture.source,
        "input_shapes": {n.name: n.outputs[0].shape[1:] for n in graph.input_nodes},
        "batch": graph.batch,
        "command": command,
        "versions": own_versions(),
    }
