"""Parts of a page around tables and text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keraudit.output.csv_markdown import pipe_table
from keraudit.output.table import Grid, Line


def numbers(grid: Grid, *, folded_as: str = "") -> str:
    """A table of numbers, whose lines the stylesheet keeps whole; the search leaves it out."""
    body = folded(folded_as, pipe_table(grid)) if folded_as else pipe_table(grid)
    return f'<div class="ka-numbers" markdown data-search-exclude>\n\n{body}\n\n</div>'


def unsearched(body: str) -> str:
    """A part that the search leaves out: long tables whose page is found by its headings."""
    return f"<div markdown data-search-exclude>\n\n{body}\n\n</div>"


def folded(title: str, body: str) -> str:
    """A part of the page that is closed until the reader opens it."""
    inner = "\n".join(f"    {line}" if line else "" for line in body.splitlines())
    return f'??? note "{title}"\n\n{inner}'


def folded_figures(title: str, figures: Sequence[str]) -> str:
    """The same of figures, which are HTML."""
    return f'<details class="note"><summary>{title}</summary>\n{"".join(figures)}\n</details>'


def note(text: str) -> str:
    """Small print under a table."""
    return f"{text}\n{{ .ka-note }}"


def made(text: str, badges: Sequence[str] = ()) -> str:
    """Where a table is from, folded away, under a line of badges; the search leaves it out."""
    line = f'<p class="ka-badges">{" · ".join(badges)}</p>\n' if badges else ""
    opened = (
        '<details class="ka-data" markdown data-search-exclude><summary>How this was made</summary>'
    )
    return f"{line}{opened}\n\n{text}\n\n</details>"


def typeset(text: str) -> str:
    """With the signs that a page has.

    >>> typeset("4.1 +- 0.5"), typeset("-1.0 to +2.0")
    ('4.1 ± 0.5', '−1.0 to +2.0')
    """
    return text.replace("+-", "±").replace("-", "−")


def typeset_line(line: Line, *keys: str, **more: Any) -> Line:
    """A line of a table, some of its cells with those signs, and more cells."""
    cells = {key: typeset(line.cells[key]) for key in keys}
    return line._replace(cells=line.cells | cells | more)
