"""Effects of several layers made into one: what wrappers and stacks of cells need."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from keraudit.layers.call import Effect, Shape, Term, Weight
from keraudit.model.graph import COUNTED, UNSUPPORTED, ZERO, Architecture, Layer


def combined(
    *outputs: Shape,
    effects: Sequence[Effect],
    terms: Iterable[Term | None] = (),
    chained: bool = False,
    **rest: Any,
) -> Effect:
    """One effect with the given outputs and terms, as certain as the least certain of ``effects``.

    ``chained``: each reads what the one before it gives, so that all behind an assumed shape rest on it.

    Unsupported if one of them is; zero if there are no terms and all of them are; else counted.
    """
    first = next((i for i, e in enumerate(effects) if e.guessed), len(effects))
    behind = effects[first + 1 :] if chained else []
    nonzero = tuple(term for term in terms if term)
    unknown = [e.reason for e in effects if e.status == UNSUPPORTED]
    idle = [e.reason for e in effects if e.status == ZERO]
    status, reason = COUNTED, ""
    if unknown:
        status, reason = UNSUPPORTED, "; ".join(dict.fromkeys(unknown))
    elif not nonzero and idle and len(idle) == len(effects):
        status, reason = ZERO, "; ".join(dict.fromkeys(idle))
    return Effect(
        outputs=outputs,
        terms=nonzero,
        status=status,
        reason=reason,
        guessed=any(e.guessed for e in effects),
        estimated=any(e.estimated for e in effects) or any(e.terms for e in behind),
        weights_known=all(e.weights_known for e in effects) and not any(e.weights for e in behind),
        **rest,
    )


def repeated(terms: Iterable[Term], name: str, times: int) -> tuple[Term, ...]:
    """Repeat terms ``times`` times, by a factor of that name.

    >>> repeated([Term("mac", "dense", (("units", 4),))], "steps", 10)[0].factors
    (('steps', 10), ('units', 4))
    """
    return tuple(term._replace(factors=((name, times), *term.factors)) for term in terms)


def inner_weights(
    weights: Iterable[Weight], layer: Layer | Architecture, prefix: str = ""
) -> tuple[Weight, ...]:
    """An inner layer's weights, renamed, and frozen where that layer is.

    A model's weights come with its layers' own say already.
    """
    frozen = isinstance(layer, Layer) and not layer.trainable
    return tuple(
        w._replace(name=prefix + w.name, trainable=w.trainable and not frozen) for w in weights
    )
