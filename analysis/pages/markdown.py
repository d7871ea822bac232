"""Parts of a page around tables and text."""

from __future__ import annotations

from keraudit.output.csv_markdown import pipe_table
from keraudit.output.table import Grid


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


def note(text: str) -> str:
    """Small print under a table."""
    return f"{text}\n{{ .ka-note }}"
