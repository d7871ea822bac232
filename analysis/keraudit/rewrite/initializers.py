"""Rewriting a network with another initialisation of its kernels."""

from __future__ import annotations

from typing import Any

from keraudit.errors import KerauditError
from keraudit.model.fuzzy import plain
from keraudit.model.graph import Graph, Layer
from keraudit.rewrite.edit import Change, Plan, Rewrite, applied, configured

# Glorot and Bengio 2010, equation 16; He et al. 2015 (rectifiers), equation 10; LeCun et al. 1998.
INITIALIZERS = (
    "GlorotUniform",
    "GlorotNormal",
    "HeUniform",
    "HeNormal",
    "LecunUniform",
    "LecunNormal",
    "Orthogonal",
)
SHORT = {"glorot": "GlorotUniform", "he": "HeNormal", "lecun": "LecunNormal"}
OPTIONS = ("kernel_initializer", "depthwise_initializer", "pointwise_initializer")


def initializer_named(name: str) -> str | None:
    """The class that a name means: ``he`` and ``he_normal`` are HeNormal; ``None`` if unknown.

    >>> initializer_named("glorot"), initializer_named("he_normal"), initializer_named("none")
    ('GlorotUniform', 'HeNormal', None)
    """
    word = plain(name)
    if word in SHORT:
        return SHORT[word]
    return next((known for known in INITIALIZERS if plain(known) == word), None)


def with_initializer(graph: Graph, name: str) -> Rewrite:
    """Initialise the kernel of every layer by ``name``, the classifier's too.

    Raises:
        KerauditError: there is no such initialiser.
    """
    kind = initializer_named(name)
    if kind is None:
        raise KerauditError(
            f"no initialiser is called {name!r}: expected one of"
            f" {', '.join([*SHORT, *INITIALIZERS])}"
        )
    record: dict[str, Any] = {
        "module": "keras.initializers",
        "class_name": kind,
        "config": {"seed": None},
        "registered_name": None,
    }
    layers: dict[str, Layer] = {}
    for path, layer in graph.architecture.layers.items():
        options = [option for option in OPTIONS if option in layer.config]
        if options:
            layers[path] = configured(layer, **dict.fromkeys(options, record))
    if not layers:
        return Rewrite(graph=graph, nothing="no layer with a kernel initialiser found")
    log = [Change(layer=path, what="changed", why=f"kernel from {kind}") for path in layers]
    return Rewrite(graph=applied(graph, Plan(layers=layers)), log=tuple(log))
