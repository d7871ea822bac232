"""A figure on a page: its title, a still picture, the data that the script draws, the numbers as a table.

The still picture stands until the script has drawn the same data, and for good where there is no script.
The numbers are offered as CSV and JSON too; the hook writes those files when the site is built.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from keraudit.output.figure_data import Numbers, as_csv, numbers_of
from keraudit.output.svg import TITLE, svg
from pages.rendering import part

FOLDER = "data"
HERE = "ka-data:"  # begins the address of a data file until the page's own address is known
FILES: dict[str, str] = {}  # what the pages of this build offer, by address


def drawn_by_script(
    drawn: Mapping[str, Any],
    *,
    label: str,
    caption: str,
    made: str = "",
    badges: Sequence[str] = (),
) -> str:
    """A figure, with everything that belongs to it.

    Args:
        drawn: in plotly's JSON.
        label: what the picture shows, for those who do not see it.
        caption: what to see, in two lines at most.
        made: what made it, where, when and from what, folded away; Markdown's code marks are understood.
        badges: the same in a few words: seeds, epochs, hardware, data.
    """
    title = re.sub(r"<[^>]+>", "", (drawn["layout"].get("title") or {}).get("text", label))
    data = json.dumps(drawn, separators=(",", ":")).replace("</", r"<\/")
    numbers = numbers_of(drawn)
    height = int(drawn["layout"].get("height", 450)) - TITLE
    return part(
        "figure.html",
        **with_numbers(title, numbers, made),
        label=label,
        height=height,
        picture=svg(drawn),
        data=data,
        text=caption,
        badges=badges,
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


def with_numbers(title: str, numbers: Numbers, made: str) -> dict[str, Any]:
    """What a template needs for a figure's title, its files and its table of numbers."""
    name = offered(title, numbers, made)
    return {
        "name": name,
        "address": f"{HERE}{FOLDER}/{name}",
        "title": title,
        "made": made,
        "numbers": numbers,
    }


COUNTED = ("counted", "exact")  # the badges of what needs no measurement


def counted(command: str) -> str:
    """What is said of a figure that was counted, not measured."""
    from keraudit.reading.cache import keras_version

    day = datetime.now(UTC).date().isoformat()
    return (
        f"Counted by `{command}` when this page was built, {day}, from the graph that Keras"
        f" {keras_version()} makes. No data, no seed and no hardware has a part in it."
    )
