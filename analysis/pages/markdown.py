"""The little Markdown and HTML that the pages are made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

ALIGNMENTS = {"left": ":--", "right": "--:"}


def table(head: Sequence[tuple[str, str]], rows: Iterable[Sequence[str]]) -> str:
    """A table; ``head`` holds each column's title and its alignment, ``left`` or ``right``.

    >>> print(table([("layer", "left"), ("MACs", "right")], [("conv1", "118,013,952")]))
    | layer | MACs |
    | :-- | --: |
    | conv1 | 118,013,952 |
    """
    lines = [
        [title for title, _ in head],
        [ALIGNMENTS[alignment] for _, alignment in head],
        *([cell(text) for text in row] for row in rows),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cell(text: str) -> str:
    r"""Text that cannot end its cell or its row.

    >>> cell("a | b")
    'a \\| b'
    """
    return " ".join(text.replace("|", r"\|").split())


def code(text: str) -> str:
    """Text as code, safe from emphasis: layer names hold underscores."""
    return f"`{text.replace('`', '')}`"


def folded(title: str, body: str) -> str:
    """A part of the page that is closed until the reader opens it."""
    inner = "\n".join(f"    {line}" if line else "" for line in body.splitlines())
    return f'??? note "{title}"\n\n{inner}'


def numbers(body: str) -> str:
    """A part whose tables hold numbers: the stylesheet keeps their lines whole."""
    return f'<div class="ka-numbers" markdown data-search-exclude>\n\n{body}\n\n</div>'


def unsearched(body: str) -> str:
    """A part that the search leaves out: long tables whose page is found by its headings."""
    return f"<div markdown data-search-exclude>\n\n{body}\n\n</div>"
