"""Pictures of free licence, what the networks that ship take them for, and where they look."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pages.published import missing, published
from pages.rendering import part
from records.pictures import COMMAND, PATH, SCHEMA


def gallery() -> str:
    """Each picture, and for each network its map and its likeliest class."""
    found = _record()
    if found is None:
        return missing(PATH, COMMAND)
    sources = dict.fromkeys(one["source"] for one in found["pictures"])
    return part(
        "pictures.html",
        pictures=found["pictures"],
        networks=list(found["networks"]),
        sources=list(sources),
        command=found["command"],
        date=found["date"],
    )


def correct(kind: str) -> str:
    """How many pictures of a kind, the first word of its title, each network gets right.

    Args:
        kind: ``"drawing"``, for instance.
    """
    found = _record()
    if found is None:
        return missing(PATH, COMMAND)
    of_kind = [p for p in found["pictures"] if p["class"] and p["title"].startswith(kind)]
    counts = [f"{name} {sum(_is_right(p, name) for p in of_kind)}" for name in found["networks"]]
    return f"{' and '.join(counts)} of {len(of_kind)}"


def _record() -> Mapping[str, Any] | None:
    return published(PATH, SCHEMA)


def _is_right(picture: Mapping[str, Any], network: str) -> bool:
    return bool(picture["networks"][network]["top"][0][0] == picture["class"])
