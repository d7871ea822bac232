"""What people type, forgiven: names compared without what is spelt differently."""

from __future__ import annotations

import re
from collections.abc import Iterable


def plain(name: str) -> str:
    """A name with what people spell differently left out: case, hyphens, underscores, spaces.

    >>> plain("Inception_v3"), plain("ResNet-CIFAR-20")
    ('inceptionv3', 'resnetcifar20')
    """
    return re.sub(r"[\s_\-]", "", name).lower()


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


def choices(text: str, names: Iterable[str]) -> str:
    """Names to list where ``text`` is none of them: similar ones, else the first five.

    >>> choices("mixd4", ["stem", "mixed4"]), choices("x", ["stem", "mixed4"])
    ('mixed4', 'stem, mixed4')
    """
    known = list(names)
    return ", ".join(close(text, known) or known[:5] or ["none"])
