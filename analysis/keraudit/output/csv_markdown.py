"""A grid as CSV (raw values) and as Markdown (written values)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from keraudit.model.bounds import Bound
from keraudit.model.shape_text import shape_text
from keraudit.output.table import Grid, Line, shown, written
from keraudit.safe_text import harmless

PARTS = re.compile(r'[,;"\t]')  # fields, or quotes
# What a spreadsheet takes for the start of a formula, with what it passes over before one.
FORMULA = re.compile(r"[\s'\"]*[=+\-@\uff1d\uff0b\uff0d\uff20]")
# Of what dialects make a link or a mention unasked, even of text that is escaped.
ADDRESS = r"(?:://|@|(?<=\bwww)\.)+"
MARK = re.compile(rf"({ADDRESS})|[\\`*_{{}}\[\]|#~$&<>]", re.IGNORECASE)
BACKSLASHED = frozenset("\\`*_{}[]|#")  # in every dialect; others are written by number
NAMED = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def csv_text(grids: Sequence[Grid]) -> str:
    """All lines of all grids under one header with every column; a list of sizes is written with crosses.

    The total is left out, so that a column adds up to it.
    """
    columns = [column for grid in grids for column in grid.columns]
    keys = list(dict.fromkeys(column.key for column in columns))
    bounded = list(dict.fromkeys(column.key for column in columns if column.bounded))
    rows = (
        [
            grid.title,
            *(line.cells.get(key) for key in keys),
            *(line.bounds.get(key, Bound.EXACT).word for key in bounded),
        ]
        for grid in map(shown, grids)
        for line in grid.lines
    )
    return csv_rows(["model", *keys, *(f"{key}_bound" for key in bounded)], rows)


def csv_rows(head: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """Rows of raw values as CSV; no text in them is a formula to a spreadsheet."""
    return "".join(",".join(map(field, row)) + "\n" for row in (head, *rows))


def field(value: object) -> str:
    """A value as it stands in CSV (RFC 4180): names come from files.

    A text that begins a formula gets an apostrophe before it. One that holds what parts fields in any
    country's spreadsheets is quoted: else it could begin a formula after a semicolon.

    >>> field(1.5), field(None), field((1, 28, 28)), field("=1+1"), field("a;=1")
    ('1.5', '', '1x28x28', "'=1+1", '"a;=1"')
    """
    if isinstance(value, list | tuple):
        value = shape_text(value)
    if not isinstance(value, str):
        return "" if value is None else str(value)
    text = harmless(value.replace("\n", " "))
    text = "'" + text if FORMULA.match(text) else text
    return '"' + text.replace('"', '""') + '"' if PARTS.search(text) else text


def markdown_text(grid: Grid) -> str:
    """A pipe table with the heading before it and the notes after it."""
    grid = shown(grid)
    notes = [" ".join(note.split()) for note in grid.notes if note.strip()]
    lines = [f"Made by {code(grid.command)}."] if grid.command else []
    notes += [f"Convention: {grid.convention}."] if grid.convention else []
    tail = "\n".join(f"- {_escaped(note)}" for note in notes)
    head = f"**{_escaped(grid.title)}** {_escaped(grid.heading)}"
    return f"{head}\n\n{pipe_table(grid)}\n\n{tail}\n" + "".join(f"- {line}\n" for line in lines)


def pipe_table(grid: Grid) -> str:
    """The table of a grid alone.

    >>> from keraudit.output.table import bare_grid
    >>> print(pipe_table(bare_grid({"layer": "code", "MACs": "exact"}, [("conv_1", 118013952)])))
    | layer | MACs |
    | :-- | --: |
    | `conv_1` | 118,013,952 |
    """
    grid = shown(grid)
    head = [
        column.label if column.form == "markdown" else _escaped(column.label)
        for column in grid.columns
    ]
    rule = ["--:" if column.is_number else ":--" for column in grid.columns]
    lines = [cells(grid, line) for line in grid.lines]
    if grid.total:
        total = [_marked("text", written(column, grid.total)) for column in grid.columns]
        lines.append([f"**{cell}**" if cell else "" for cell in total])
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, rule, *lines])


def cells(grid: Grid, line: Line) -> list[str]:
    indent = "&nbsp;" * 3 * line.depth
    first, *rest = (_marked(column.form, written(column, line)) for column in grid.columns)
    return [indent + first, *rest]


def _marked(form: str, text: str) -> str:
    r"""A cell, which cannot end its row.

    >>> [_marked(form, "*a*|b") for form in ("markdown", "code", "text")]
    ['*a*\\|b', '`*a*\\|b`', '\\*a\\*\\|b']
    """
    if form == "markdown":
        return " ".join(text.replace("|", r"\|").split())
    if form == "code":
        return code(text).replace("|", r"\|") if text else ""
    return _escaped(text).replace("\n", "<br>")


def _escaped(text: str) -> str:
    r"""Text that Markdown shows as it is: names come from files.

    >>> print(_escaped("a_b <b> http://c"))
    a\_b &lt;b&gt; http`://`c
    """
    return MARK.sub(as_text, text)


def as_text(match: re.Match[str]) -> str:
    """A mark as text; what makes an address as code, which no dialect looks into."""
    mark = match[0]
    if match[1]:
        return f"`{mark}`"
    return "\\" + mark if mark in BACKSLASHED else NAMED.get(mark, f"&#{ord(mark)};")


def code(text: str) -> str:
    """Text as a code span, whatever marks it holds: fenced by more of them than stand together in it.

    >>> code("keraudit flops m"), code("a`b"), code("`")
    ('`keraudit flops m`', '``a`b``', '`` ` ``')
    """
    text = " ".join(text.split())
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence, gap = "`" * (longest + 1), " " * (text.startswith("`") or text.endswith("`"))
    return f"{fence}{gap}{text}{gap}{fence}"
