"""Workflow commands of GitHub Actions: what an audit found, as annotations of a run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from keraudit.output.table import Grid, shown

PROPERTY = {"%": "%25", "\r": "%0D", "\n": "%0A", ":": "%3A", ",": "%2C"}
MESSAGE = {"%": "%25", "\r": "%0D", "\n": "%0A"}


class Annotation(NamedTuple):
    """One line of a run. ``level``: ``error``, ``warning`` or ``notice``; ``file``: of the repository."""

    level: str
    title: str
    message: str
    file: str = ""

    def text(self) -> str:
        """The workflow command.

        >>> Annotation("error", "budget", "5 G MACs", "models/a.keras").text()
        '::error file=models/a.keras,title=keraudit%3A budget::5 G MACs'
        """
        place = f"file={_escaped(self.file, PROPERTY)}," if self.file else ""
        title = _escaped(f"keraudit: {self.title}", PROPERTY)
        return f"::{self.level} {place}title={title}::{_escaped(self.message, MESSAGE)}"


def github_text(grids: Iterable[Grid], found: Iterable[Annotation]) -> str:
    """A notice for each table, a warning for each that is not exact, and what an audit found."""
    lines = []
    for grid in map(shown, grids):
        lines.append(Annotation("notice", grid.title, grid.heading or grid.title))
        rough = [note for note in grid.notes if note.startswith(("LOWER", "ESTIMATE"))]
        lines += [Annotation("warning", grid.title, note) for note in rough]
    return "\n".join(one.text() for one in [*lines, *found])


def _escaped(text: str, characters: dict[str, str]) -> str:
    return "".join(characters.get(character, character) for character in text)
