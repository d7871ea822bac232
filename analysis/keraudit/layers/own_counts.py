"""The Python form of a rule: a function that counts the layers of a class, on the class itself.

The function runs where the live layer is, once for each call, and gives plain numbers. They are kept with the
layer, by the input shapes that they hold for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from inspect import signature
from operator import index
from typing import Any, TypeVar

from keraudit.errors import KerauditError, ModelError
from keraudit.layers.call import Effect, Rule, Site
from keraudit.layers.unlisted import unlisted
from keraudit.layers.user_rules import COUNTS, effect_from
from keraudit.model.fuzzy import close
from keraudit.model.graph import GLOBAL, POINTWISE, Layer, Shape
from keraudit.model.shape_text import shape_text

Count = Callable[..., Mapping[str, Any]]
C = TypeVar("C", bound=type)
MARK = "_keraudit_counts"
KEYS = (*COUNTS, "output", "view")


def counts(function: Count) -> Callable[[C], C]:
    """Count the layers of the decorated class by a function of yours; they are not opened by the trace.

    Args:
        function: takes the live layer and the shape of each tensor that its ``call`` receives, batch first;
            or only of the first ones: a cell's step, say, without its states. It returns the keys of a rules
            file: ``macs``, ``flops`` (those beside the MACs), ``params``, ``frozen_params``, ``output``,
            ``view``. All may be left out: a count is then 0, the output shape and the parameters are those of
            the live layer, and ``view`` is ``"global"``.

    Raises:
        KerauditError: it is not used as ``@keraudit.counts(function)`` on a class.

    >>> @counts(lambda layer, shape: {"macs": shape[0] * shape[-1] * layer.units})
    ... class Gate:
    ...     units = 3
    """
    if isinstance(function, type) or not callable(function):
        raise KerauditError(
            "keraudit.counts takes a function of the layer and its input shapes: write"
            " @keraudit.counts(function) above the class"
        )

    def marked(kind: C) -> C:
        if not isinstance(kind, type):
            raise KerauditError(f"@keraudit.counts(function) stands above a class, not {kind!r}")
        setattr(kind, MARK, staticmethod(function))
        return kind

    return marked


def count_of(kind: type) -> Count | None:
    """The function that counts a class: its own, or inherited together with ``call``."""
    for base in kind.__mro__:
        if MARK in vars(base):
            function: Count = getattr(base, MARK)
            return function
        if "call" in vars(base):  # what it does is no longer what was counted
            return None
    return None


def counted_by(
    function: Count, layer: Any, who: str, inputs: Sequence[Shape], outputs: Sequence[Shape]
) -> dict[str, Any]:
    """What a user's function says of one call, as plain data.

    Args:
        function: the user's.
        layer: the live layer.
        who: the layer's name and class, for messages.
        inputs: the shapes that the call receives.
        outputs: those that it returns.

    Raises:
        ModelError: the function raised, or returned what is no count; one line says which.
    """
    where = f"{who}: its @keraudit.counts function"
    try:
        found = function(layer, *_taken(function, inputs))
    except Exception as error:  # noqa: BLE001  # the user's own code may raise anything
        at = ", ".join(map(shape_text, inputs))
        raise ModelError(
            f"{where} raised {type(error).__name__}: {error} (at {at}); mend it"
        ) from None
    if not isinstance(found, Mapping):
        raise ModelError(
            f"{where} returned {found!r:.60}, expected a dict such as {{'macs': 1000}}"
        )
    for key in found:
        if key not in KEYS:
            near = close(str(key), KEYS, most=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(KEYS)}"
            raise ModelError(f"{where} returned an unknown key {key!r}; {hint}")
    if found.get("view", GLOBAL) not in (POINTWISE, GLOBAL):
        raise ModelError(f'{where}: view is "pointwise" or "global", not {found["view"]!r:.60}')
    output = found.get("output", outputs[0])
    if (tuple(output) if isinstance(output, list) else output) != outputs[0]:
        raise ModelError(
            f"{where}: output is {output!r:.60}, but the layer gives {outputs[0]}; leave it out"
        )
    return {
        "inputs": [list(shape) for shape in inputs],
        "outputs": [list(shape) for shape in outputs],
        "view": found.get("view", GLOBAL),
        "counts": {key: _whole(found[key], f"{where}: {key}") for key in COUNTS if key in found},
    }


def _taken(function: Count, inputs: Sequence[Shape]) -> Sequence[Shape]:
    """As many of the shapes as a function takes; all where that is not known."""
    try:
        parameters = signature(function).parameters.values()
    except (TypeError, ValueError):  # a builtin
        return inputs
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return inputs
    places = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return inputs[: max(len(places) - 1, 1)]


def _whole(value: Any, where: str) -> int:
    try:
        number = index(value)
    except TypeError:
        number = -1
    if number < 0 or isinstance(value, bool):
        raise ModelError(f"{where} is {value!r:.60}, expected a whole number from 0")
    return number


def effects_from(stated: Sequence[Mapping[str, Any]]) -> dict[tuple[Shape, ...], Effect]:
    """The effects of a layer's calls, by the input shapes that they hold for."""
    return {
        tuple(map(tuple, call["inputs"])): effect_from(
            call["counts"],
            tuple(map(tuple, call["outputs"])),
            call["view"],
            weights_known="params" in call["counts"],  # otherwise those of the live layer
        )
        for call in stated
    }


def stated_rule(layer: Layer) -> Rule | None:
    """The rule of a layer whose calls a function of the user's counted."""
    if layer.counted is None:
        return None
    effects = layer.counted

    def applied(site: Site) -> Effect:
        shapes = tuple(tensor.shape for tensor in site.inputs)
        if shapes in effects:
            return effects[shapes]
        known = "; ".join(", ".join(map(shape_text, key)) for key in effects)
        reason = f"its @keraudit.counts function was asked at {known} only"
        return unlisted(layer, site.inputs, site.expected, reason)

    return applied
