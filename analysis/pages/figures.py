"""A figure on a page: its title, a still picture, the data that the script draws, the numbers as a table.

The still picture stands until the script has drawn the same data, and for good where there is no script.
The numbers are offered as CSV and JSON too; the hook writes those files when the site is built.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from keraudit.output.figure_data import Numbers, as_csv, numbers_of, shown
from keraudit.output.svg import TITLE, svg

FOLDER = "data"
HERE = "ka-data:"  # begins the address of a data file until the page's own address is known
FILES: dict[str, str] = {}  # what the pages of this build offer, by address


def drawn_by_script(
    drawn: Mapping[str, Any], *, label: str, caption: str, made: str = "", tell: bool = True
) -> str:
    """A figure, with everything that belongs to it.

    Args:
        drawn: in plotly's JSON.
        label: what the picture shows, for those who do not see it.
        caption: how to read it.
        made: what made it, where, when and from what; Markdown's code marks are understood.
        tell: whether the page says that too; the data always do.
    """
    title = re.sub(r"<[^>]+>", "", (drawn["layout"].get("title") or {}).get("text", label))
    data = json.dumps(drawn, separators=(",", ":")).replace("</", r"<\/")
    numbers = numbers_of(drawn)
    name = offered(title, numbers, made)
    height = int(drawn["layout"].get("height", 450)) - TITLE
    told = "".join(
        f"<figcaption>{in_code(text)}</figcaption>"
        for text in (caption, made if tell else "")
        if text
    )
    return (
        f'<figure class="ka-figure" id="figure-{name}" data-search-exclude>'
        f'<p class="ka-title" id="title-{name}">{html.escape(title)}</p>'
        f'<div class="ka-plot" role="img" aria-label="{html.escape(label, quote=True)}"'
        f' style="min-height:{height}px">{svg(drawn)}'
        f'<script type="application/json">{data}</script></div>'
        f"{told}{table_of(numbers, name)}</figure>"
    )


def offered(title: str, numbers: Numbers, made: str) -> str:
    """Remember the figure's files; the name that they share."""
    base = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
    text = as_csv(numbers)
    name, number = base, 1
    while FILES.get(f"{FOLDER}/{name}.csv", text) != text:
        number += 1
        name = f"{base}-{number}"
    record = {
        "title": title,
        "made": made.replace("`", ""),
        "columns": numbers.head,
        "rows": numbers.rows,
    }
    FILES[f"{FOLDER}/{name}.csv"] = text
    FILES[f"{FOLDER}/{name}.json"] = json.dumps(record, indent=1) + "\n"
    return name


def table_of(numbers: Numbers, name: str) -> str:
    head = "".join(f'<th scope="col">{html.escape(text)}</th>' for text in numbers.head)
    rows = "".join(
        f'<tr><th scope="row">{html.escape(shown(first))}</th>'
        + "".join(f"<td>{html.escape(shown(value))}</td>" for value in rest)
        + "</tr>"
        for first, *rest in numbers.rows
    )
    links = ", ".join(
        f'<a href="{HERE}{FOLDER}/{name}.{end}" download>{end.upper()}</a>'
        for end in ("csv", "json")
    )
    return (
        f'<details class="ka-data">'
        f"<summary>The numbers of this figure</summary><p>As {links}.</p>"
        f'<div class="ka-scroll" tabindex="0" role="region" aria-labelledby="title-{name}">'
        f'<table class="ka-table"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
        f"</div></details>"
    )


def in_code(text: str) -> str:
    """Text as HTML, with Markdown's code marks.

    >>> in_code("Made by `keraudit flops A` & co.")
    'Made by <code>keraudit flops A</code> &amp; co.'
    """
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text, quote=False))


def counted(command: str) -> str:
    """What is said of a figure that was counted, not measured."""
    from keraudit.reading.cache import keras_version

    day = datetime.now(UTC).date().isoformat()
    return (
        f"Counted by `{command}` when this page was built, {day}, from the graph that Keras"
        f" {keras_version()} makes. No data, no seed and no hardware has a part in it."
    )
