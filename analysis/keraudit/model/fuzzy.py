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
    from difflib import get_close_matches

    known = {plain(name): name for name in names}
    found = [known[match] for match in get_close_matches(plain(text), known, n=3, cutoff=0.5)]
    return f"did you mean {' or '.join(found)}? " if found else ""
