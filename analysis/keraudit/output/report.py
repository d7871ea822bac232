"""What every report is: tables in every format, plain data, and where it comes from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from keraudit.environment import own_versions
from keraudit.errors import KerauditError
from keraudit.model.fuzzy import near
from keraudit.model.graph import Graph, Shape
from keraudit.output.csv_markdown import csv_text, markdown_text
from keraudit.output.files import save
from keraudit.output.html import fragment, page
from keraudit.output.json_text import json_text
from keraudit.output.plain_data import as_dict
from keraudit.output.table import Grid, shown
from keraudit.output.terminal import grid_text

if TYPE_CHECKING:
    import pandas


class Tables(tuple[Grid, ...]):
    """The tables of a view: ``print`` shows them, a notebook shows them as HTML."""

    __slots__ = ()

    def __str__(self) -> str:
        return "\n\n".join(map(grid_text, self))

    def __repr__(self) -> str:
        return f"<{'; '.join(map(_in_one_line, self))}>"

    def _repr_html_(self) -> str:
        return "".join(map(fragment, self))


def _in_one_line(grid: Grid) -> str:
    grid = shown(grid)
    return " ".join(f"{grid.title} {grid.heading}".split())


class Shown:
    """What is shown as tables; abstract. ``print`` shows them, a notebook shows them as HTML.

    ``repr`` is one line, however large the report.

    Attributes:
        VIEWS: what ``by`` may be; empty where there is one view.
    """

    __slots__ = ()
    VIEWS: ClassVar[tuple[str, ...]] = ()

    def tables(self) -> Sequence[Grid]:
        """The tables, in order."""
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        """The whole record as plain data."""
        raise NotImplementedError

    def to_json(self) -> str:
        """``to_dict()`` as JSON text."""
        return json_text(self.to_dict())

    def to_markdown(self, *, by: str | None = None) -> str:
        """The tables as Markdown; ``by`` is one of ``VIEWS``."""
        return "\n".join(map(markdown_text, self.view(by)))

    def to_html(self, *, by: str | None = None) -> str:
        """The tables as one HTML page that needs nothing from elsewhere; ``by`` is one of ``VIEWS``."""
        return page(list(self.view(by)))

    def to_csv(self, *, by: str | None = None) -> str:
        """The rows as CSV, every digit kept; ``by`` is one of ``VIEWS``."""
        return csv_text(self._rows_by(by))

    def to_dataframe(self, *, by: str | None = None) -> pandas.DataFrame:
        """The rows as a pandas frame, every digit kept; ``by`` is one of ``VIEWS``.

        Raises:
            KerauditError: pandas is not installed, or there is no such view.
        """
        return frame_of(self._records_by(by))

    def save(self, path: str | PathLike[str], *, by: str | None = None) -> None:
        """Write the report to a file, whole or not at all, in the format that its ending names.

        Args:
            path: ends in ``.csv``, ``.html``, ``.json``, ``.md`` or ``.txt``.
            by: one of ``VIEWS``.

        Raises:
            KerauditError: another ending, or it cannot be written.
        """
        target = Path(fspath(path))
        ending = target.suffix.lower()
        if ending == ".csv":
            text = self.to_csv(by=by)
        elif ending in (".html", ".htm"):
            text = self.to_html(by=by)
        elif ending == ".json":
            text = self.to_json()
        elif ending in (".md", ".markdown"):
            text = self.to_markdown(by=by)
        elif ending == ".txt":
            text = str(self.view(by))
        else:
            raise KerauditError(
                f"path: received {str(target)!r}; its ending must be .csv, .html, .json, .md or .txt"
            )
        save(target, text if text.endswith("\n") else text + "\n")

    def view(self, by: str | None = None) -> Tables:
        """The tables with a row for each ``by``, one of ``VIEWS``, to ``print``; by default ``tables()``.

        Raises:
            KerauditError: there is no such view.
        """
        return Tables(self.tables() if by is None else self._tables_by(self._checked(by)))

    def _checked(self, by: str) -> str:
        if by in self.VIEWS:
            return by
        accepted = ", ".join(self.VIEWS) or f"nothing, as a {type(self).__name__} has one view"
        guess = near(by, self.VIEWS) if isinstance(by, str) else ""
        raise KerauditError(f"by: received {by!r:.60}; {guess}accepted: {accepted}")

    def _tables_by(self, by: str) -> Sequence[Grid]:
        """The tables of a view."""
        raise NotImplementedError

    def _rows_by(self, by: str | None) -> Sequence[Grid]:
        """The tables whose rows a file or a frame holds: all have the same columns."""
        return self.view(by)

    def _records_by(self, by: str | None) -> Iterable[Mapping[str, Any]]:
        """The rows of a frame: their values by name, for several tables with their title."""
        grids = self._rows_by(by)
        for grid in grids:
            title = {"table": grid.title} if len(grids) > 1 else {}
            for line in grid.lines:
                yield {**title, **{c.key: line.cells.get(c.key) for c in grid.columns}}

    def __str__(self) -> str:
        return str(self.view())

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {_in_one_line(self.tables()[0])}>"

    def _repr_html_(self) -> str:
        return self.view()._repr_html_()


def frame_of(records: Iterable[Mapping[str, Any]]) -> pandas.DataFrame:
    """Rows as a pandas frame.

    Raises:
        KerauditError: pandas is not installed.
    """
    try:
        import pandas
    except ImportError:
        raise KerauditError("data frames need pandas: pip install pandas") from None
    return pandas.DataFrame(list(records))


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
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
