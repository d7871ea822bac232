"""Links from a page's text: a term to the glossary and a citation to the sources, at its first use.

A term's link has its meaning as a title, which the theme shows as a tooltip.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

GLOSSARY, SOURCES = "glossary.html", "sources.html"
# How a term may be written, besides its heading in the glossary.
WRITTEN: Mapping[str, tuple[str, ...]] = {
    "mac": ("MACs", "multiply-accumulates", "multiply-accumulate"),
    "flop": ("FLOPs",),
    "kernel": ("kernels",),
    "filter": ("filters",),
    "channel": ("channels",),
    "1x1-convolution": ("1x1 convolutions", "1×1 convolution", "1×1 convolutions"),
    "reduction": (
        "1x1 reduction",
        "1x1 reductions",
        "1×1 reduction",
        "1×1 reductions",
        "reductions",
    ),
    "bottleneck": ("bottlenecks",),
    "inception-module": ("Inception modules",),
    "skip-connection": ("skip connections", "skips", "shortcut", "shortcuts"),
    "residual-block": ("residual blocks", "residual unit", "residual units"),
    "plain-network": ("plain networks",),
    "receptive-field": ("receptive fields",),
    "initialiser": ("initialisers",),
    "gradient": ("gradients",),
    "batch-norm": ("batch normalisation", "Batch normalisation"),
    "vanishing-gradient": ("vanishing gradients",),
    "exploding-gradient": ("exploding gradients",),
    "epoch": ("epochs",),
    "seed": ("seeds",),
    "rank-1-error": ("rank-1 errors",),
    "equal-error-rate": ("EER",),
    "true-accept-rate": ("TAR",),
}
# No link inside these; a heading is a link already.
CLOSED = {
    "a",
    "code",
    "pre",
    "h1",
    "h2",
    "h3",
    "h4",
    "th",
    "script",
    "style",
    "svg",
    "summary",
    "button",
}
CLOSED |= {"figure", "option", "label", "select", "form", "figcaption", "nav", "dt"}
VOID = {"br", "hr", "img", "input", "meta", "link", "wbr", "path", "circle", "rect"}
# A script is one piece: the data of a figure hold tags of plotly's that nothing closes.
TAG = re.compile(r"(<script\b.*?</script>|<[^>]*>)", re.DOTALL)


def _headings(path: Path) -> dict[str, str]:
    """The second-level headings of a page, by their anchor."""
    found = re.findall(r"^## (.+?)(?: \{#.*\})?$", path.read_text("utf-8"), re.MULTILINE)
    return {anchor_of(title): title for title in found}


def anchor_of(title: str) -> str:
    """A heading's anchor.

    >>> anchor_of("1×1 convolution")
    '1x1-convolution'
    """
    return re.sub(r"[^\w]+", "-", title.lower().replace("×", "x")).strip("-")


@cache
def meanings(folder: Path) -> Mapping[str, str]:
    """The first sentence of each term of the glossary, by its address, without marks of Markdown."""
    text = (folder / "glossary.md").read_text("utf-8")
    sections = re.findall(r"(?ms)^## ([^\n]+?)(?: \{#[^\n]*\})?\n(.*?)(?=^## |\Z)", text)
    return {f"{GLOSSARY}#{anchor_of(name)}": first_sentence(body) for name, body in sections}


def first_sentence(text: str) -> str:
    """The first sentence of Markdown, as plain text.

    >>> first_sentence("One **thing**,\\nsee [here](a.md). Another.")
    'One thing, see here.'
    """
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text).replace("*", "").replace("`", "")
    return re.split(r"(?<=[.])\s+(?=[A-Z])", " ".join(plain.split()))[0]


@cache
def patterns(folder: Path) -> Mapping[str, re.Pattern[str]]:
    """What to look for, by the address that it is linked to; longer phrases first."""
    found: dict[str, tuple[str, ...]] = {}
    for anchor, title in _headings(folder / "glossary.md").items():
        first = title if title.isupper() else title[0].lower() + title[1:]
        if title.startswith("Inception"):
            first = title
        found[f"{GLOSSARY}#{anchor}"] = (first, title, *WRITTEN.get(anchor, ()))
    for anchor, title in _headings(folder / "sources.md").items():
        name, _, year = title.rpartition(" ")
        found[f"{SOURCES}#{anchor}"] = (title, f"{name} ({year}") if year.isdigit() else (title,)
    order = sorted(found.items(), key=lambda item: -max(map(len, item[1])))
    return {address: _phrase(*words) for address, words in order}


def _phrase(*words: str) -> re.Pattern[str]:
    """One of several words; of a citation like "He et al. (2015, Table 1)" the name alone."""
    longest = [re.escape(word) for word in sorted(set(words), key=len, reverse=True)]
    ahead = [re.sub(r"\\ \\\(\d+$", lambda m: f"(?={m[0]})", word) for word in longest]
    return re.compile(rf"(?<![\w-])(?:{'|'.join(ahead)})(?![\w-])")


def linked(page: str, *, root: str, folder: Path, skip: tuple[str, ...] = ()) -> str:
    """HTML with the first use of each term linked.

    Args:
        page: the page's HTML.
        root: the way from the page to the site's root, ``""`` or ``"../"``.
        folder: where the glossary and the sources are.
        skip: pages that are not linked to: the page itself.
    """
    waiting = {
        address: pattern
        for address, pattern in patterns(folder).items()
        if not address.startswith(skip)
    }
    closed: list[str] = []
    parts = TAG.split(page)
    for at, part in enumerate(parts):
        if part.startswith("<"):
            step(closed, part)
        elif waiting and not closed and part.strip():
            parts[at] = _with_links(part, waiting, root, meanings(folder))
    return "".join(parts)


def step(closed: list[str], tag: str) -> None:
    """Keep track of the elements around the text that may not hold a link."""
    found = re.match(r"</?([a-z][a-z0-9]*)", tag, re.IGNORECASE)
    if not found or found[1].lower() in VOID or tag.endswith(("/>", "</script>")):
        return
    name = found[1].lower()
    if tag.startswith("</"):
        if closed and closed[-1] == name:
            closed.pop()
    elif name in CLOSED or closed:
        closed.append(name)


def _with_links(
    text: str, waiting: dict[str, re.Pattern[str]], root: str, meaning: Mapping[str, str]
) -> str:
    """One stretch of text; a phrase inside another's link is left alone."""
    links: list[tuple[int, int, str]] = []
    for address in list(waiting):
        for match in waiting[address].finditer(text):
            if all(match.end() <= start or match.start() >= end for start, end, _ in links):
                links.append((match.start(), match.end(), address))
                del waiting[address]
                break
    for start, end, address in sorted(links, reverse=True):
        kind = "term" if address.startswith(GLOSSARY) else "source"
        told = f' title="{html.escape(meaning[address])}"' if address in meaning else ""
        link = f'<a class="ka-{kind}" href="{root}{address}"{told}>{text[start:end]}</a>'
        text = text[:start] + link + text[end:]
    return text
