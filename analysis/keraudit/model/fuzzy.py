"""What people type, forgiven: names compared without what is spelt differently."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TypeVar

from keraudit.errors import UnknownNameError

T = TypeVar("T")


def plain(name: str) -> str:
    """A name with what people spell differently left out: case, hyphens, underscores, spaces.

    >>> plain("Inception_v3"), plain("ResNet-CIFAR-20")
    ('inceptionv3', 'resnetcifar20')
    """
    return re.sub(r"[\s_\-]", "", name).lower()


def by_name(
    name: object, entries: Iterable[tuple[object, T]], *, what: str, owner: str = "the report"
) -> T:
    """The entry of that name.

    Args:
        name: what a user looks up.
        entries: each with its name; of several with one name the first is meant.
        what: an entry in one word, such as ``layer``.
        owner: what holds the entries.

    Raises:
        UnknownNameError: there is none; the message names the most similar ones.

    >>> by_name("stem", [("stem", 1), ("head", 2)], what="block")
    1
    """
    known: dict[object, T] = {}
    for own, entry in entries:
        known.setdefault(own, entry)
    try:
        return known[name]
    except (KeyError, TypeError):  # a list has no hash, and is no name
        pass
    received = repr(name) if isinstance(name, str | int) else type(name).__name__
    names = [str(own) for own in known]
    guess = near(name, names) if isinstance(name, str) else ""
    hint = guess or f"the first are {', '.join(names[:5])}"
    raise UnknownNameError(f"{owner} has no {what} {received:.80}: {hint}")


def near(text: str, names: Iterable[str]) -> str:
    """``did you mean ...? `` with the names that are spelt like ``text``; empty if none is.

    >>> near("inception-v2", ["InceptionV3", "VGG16"])
    'did you mean InceptionV3? '
    """
    known = {plain(name): name for name in names}
    matches = [known[match] for match in close(plain(text), known, cutoff=0.5)]
    return f"did you mean {' or '.join(matches)}? " if matches else ""


def close(text: str, names: Iterable[str], *, most: int = 3, cutoff: float = 0.6) -> list[str]:
    """The names most similar to ``text``, letter by letter, the most similar first."""
    from difflib import get_close_matches

    return get_close_matches(text, list(names), n=most, cutoff=cutoff)


def suggestion(text: str, names: Iterable[str], *, most: int = 8) -> str:
    """What to write in place of ``text``: ``did you mean ...?``, else what there is.

    >>> suggestion("flosp", ["flops", "compare"]), suggestion("x", ["flops", "compare"])
    ('did you mean flops?', 'expected one of flops, compare')
    """
    known = list(names)
    by_plain = {plain(name): name for name in known}
    if matches := [by_plain[match] for match in close(plain(text), by_plain, most=2)]:
        return f"did you mean {' or '.join(matches)}?"
    more = f" and {len(known) - most} more" if len(known) > most else ""
    return f"expected one of {', '.join(known[:most]) or 'none'}{more}"
