"""Texts that a file may hold to act on whoever reads them, and what no output may let through."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser
from io import StringIO
from typing import Any

from markdown_it import MarkdownIt

TEXTS = {
    "escapes": "a\x1b[31mred\x1b]0;title\x07\x9b32m\x00\x7f",
    "direction": "a\u202eb\u2066c\u200e\u200f\u061c",
    "unseen": "a\u200b\ufeff\u00ad\u034f\u3164\ufe0f\u2060",
    "lines": "a\r\nb\u2028c\u2029d\x85e\tf\x0b\x0c",
    "surrogate": "a\ud800b",
    "HTML": "<script>alert(1)</script><img src=x onerror=alert(1)>\"'>&lt;b&gt;",
    "Markdown": "[x](javascript:alert(1)) ![i](http://evil.example/i) *b* _i_ ~~s~~ # h",
    "addresses": "http://evil.example www.evil.example <http://evil.example> a@evil.example",
    "marks": "a | b `c` ``d\\` \\",
    "rich": "[bold red]x[/bold red] [link=http://evil.example]y[/link] [/]",
    "templates": "%{x} {x} {{x}} ${x} $x$ \\N &amp; {{ config }}",
}
EVERYTHING = " ".join(TEXTS.values())
FORMULAS = ("=cmd|'/C calc'!A0", "+1+1", "-1+1", "@SUM(1)", "\t=1", " =1", "\r=1", '"=1', "\uff1d1")
FORMULA = re.compile(r"[\s\"]*[=+\-@\uff1d\uff0b\uff0d\uff20]")
TAGS = frozenset(
    "html head meta title style body script div table caption b thead tbody tfoot tr th td button span"
    " pre p strong em code ul li br svg text desc rect line path g circle h1 h2 section article figure"
    " img figcaption details summary".split()
)
ATTRIBUTES = frozenset(
    "charset name content lang class scope data-v style aria-label type id viewbox width height role x y"
    " x1 x2 y1 y2 stroke stroke-dasharray font-weight text-anchor transform fill d cx cy r alt title src"
    " aria-hidden focusable preserveaspectratio stroke-width fill-opacity".split()
)


def acts(text: str) -> list[str]:
    """The characters of a text that do something or are not seen, line feeds aside."""
    unseen = re.compile("[\u034f\u115f\u1160\u3164\ufe00-\ufe0f]")
    return [c for c in text if c != "\n" and (not c.isprintable() or unseen.match(c))]


class Page(HTMLParser):
    """What a browser makes of HTML: its elements and their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs


def strings(value: Any) -> Iterator[str]:
    """Every text in plain data, keys too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from strings(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from strings(item)


def check_terminal(text: str) -> None:
    assert acts(text) == []


def check_json(text: str) -> None:
    assert text.isascii()
    assert acts(text) == []
    found = json.loads(text)
    assert [each for each in strings(found) if acts(each) or "\n" in each] == []


def check_csv(text: str) -> None:
    assert acts(text) == []
    rows = list(csv.reader(StringIO(text)))
    assert len({len(row) for row in rows}) == 1
    for row in rows:
        for cell in row:
            assert is_number(cell) or not FORMULA.match(cell), cell
    for line in text.splitlines():  # a spreadsheet elsewhere parts fields at semicolons
        outside = re.sub(r'"(?:[^"]|"")*"', "", line)
        assert ";" not in outside
        assert "\t" not in outside


def is_number(cell: str) -> bool:
    return bool(re.fullmatch(r"-?[\d.]+(e[+-]\d+)?", cell))


def check_markdown(text: str, *, bullets: int | None = None) -> None:
    """By CommonMark with tables and strikethrough: nothing but our own elements, and no links."""
    assert acts(text) == []
    reader = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    made = reader.render(text)
    check_html(made.replace("\xa0", " "))  # our own, for depth
    page = Page(made)
    assert not {"a", "img", "s", "em", "h1", "h2", "script"} & set(page.tags)
    inside = (token for block in reader.parse(text) for token in block.children or ())
    for token in inside:  # dialects make links of addresses in text, though not in code
        if token.type != "code_inline":
            assert not re.search(r"://|www\.|@", token.content, re.IGNORECASE)
    if bullets is not None:
        assert page.tags.count("li") == bullets


def check_html(text: str) -> None:
    assert acts(text) == []
    page = Page(text)
    assert set(page.tags) <= TAGS
    assert {name for name, _ in page.attributes} <= ATTRIBUTES
    assert not [v for _, v in page.attributes if v and v.lower().startswith("javascript:")]


CHECKS = {
    "table": check_terminal,
    "json": check_json,
    "csv": check_csv,
    "markdown": check_markdown,
    "html": check_html,
}


def check_every_format(grids: Sequence[Any], data: Any) -> dict[str, str]:
    """Write grids and their data twin in each format, and look at what comes of it."""
    from keraudit.cli.emit import rendered
    from keraudit.output.terminal import grid_text

    made = {form: rendered(grids, [data], form, "") for form in CHECKS}
    made["table"] += "".join(grid_text(grid, width) for grid in grids for width in (20, 300))
    for form, check in CHECKS.items():
        check(made[form])
    scripts = Page(made["html"]).tags.count("script")
    assert scripts == 1  # the page's own
    return made


def poisoned(value: Any, text: str, *, keep: frozenset[str] = frozenset()) -> Any:
    """Records and plain data with ``text`` behind each of their texts; keys and ``keep`` stay."""
    from dataclasses import fields, is_dataclass, replace

    if isinstance(value, str):
        return value + text
    if is_dataclass(value) and not isinstance(value, type):
        names = [f.name for f in fields(value) if f.init and f.name not in keep]
        return replace(value, **{n: poisoned(getattr(value, n), text, keep=keep) for n in names})
    if isinstance(value, tuple) and hasattr(value, "_replace"):
        names = [name for name in getattr(value, "_fields", ()) if name not in keep]
        return value._replace(
            **{name: poisoned(getattr(value, name), text, keep=keep) for name in names}
        )
    if isinstance(value, dict):
        return {k: v if k in keep else poisoned(v, text, keep=keep) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(poisoned(item, text, keep=keep) for item in value)
    return value
