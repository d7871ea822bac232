"""The text of a shape."""

from __future__ import annotations

from collections.abc import Iterable

MOST_AXES = 64  # of a shape; NumPy has no more


def shape_text(shape: Iterable[object], empty: str = "") -> str:
    """Sizes with crosses between them; an open one is ``?``.

    >>> shape_text((28, 28, 192)), shape_text((None, 7)), shape_text((), "-")
    ('28x28x192', '?x7', '-')
    """
    return "x".join("?" if size is None else str(size) for size in shape) or empty
