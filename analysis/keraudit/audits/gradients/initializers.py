"""What each variable starts from: Keras calls its initialiser and does not keep it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock
from typing import Any

import keras
from keras import initializers

ONE_AT_A_TIME = RLock()  # the scope below is the process's
# By the method that makes the numbers: a subclass that sets other defaults only makes the same.
RANDOM = frozenset(
    made.__call__
    for made in (
        initializers.Orthogonal,
        initializers.RandomNormal,
        initializers.RandomUniform,
        initializers.TruncatedNormal,
        initializers.VarianceScaling,
    )
)
CONSTANT = frozenset(
    made.__call__
    for made in (
        initializers.Constant,
        initializers.Identity,
        initializers.Ones,
        initializers.STFT,
        initializers.Zeros,
    )
)


@contextmanager
def recorded() -> Iterator[dict[int, Any]]:
    """Collect the initialiser of every variable that is made inside, by the variable's ``id``.

    A layer's config does not say it: a cell, an attention layer or a user's own layer gives its
    weights initialisers of any name, or of none.
    """
    base = next(c for c in reversed(keras.Variable.__mro__) if c.__module__.startswith("keras."))
    plain = base.__init__
    by_variable: dict[int, Any] = {}

    def noted(self: Any, initializer: Any, *args: Any, **kwargs: Any) -> None:
        plain(self, initializer, *args, **kwargs)
        if isinstance(initializer, str):
            initializer = initializers.get(initializer)
        by_variable[id(self)] = initializer if callable(initializer) else None

    with ONE_AT_A_TIME:
        base.__init__ = noted
        try:
            yield by_variable
        finally:
            base.__init__ = plain


def is_random(initializer: Any) -> bool | None:
    """Whether an initialiser is one of Keras' random ones; ``None`` for a user's own."""
    if initializer is None:
        return None
    method = getattr(type(initializer), "__call__", None)  # noqa: B004  # of the class, to compare
    return True if method in RANDOM else False if method in CONSTANT else None
