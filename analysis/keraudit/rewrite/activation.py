"""Rewriting a network with another hidden activation."""

from __future__ import annotations

from dataclasses import replace

from keraudit.errors import KerauditError
from keraudit.layers.activation import ACTIVATIONS, activation_name
from keraudit.model.graph import Graph, Layer
from keraudit.rewrite.edit import (
    Change,
    Plan,
    Rewrite,
    applied,
    configured,
    layers_within,
    of_keras,
)

ACTIVATION_LAYERS = frozenset({"Activation", "ReLU", "LeakyReLU", "ELU", "PReLU"})
# What is no hidden activation: classifiers, gates, and nothing at all.
NOT_HIDDEN = frozenset({"softmax", "sigmoid", "hard_sigmoid", "linear", "log_softmax"})


def with_activation(graph: Graph, name: str) -> Rewrite:
    """Put one activation in the place of every hidden one; classifiers and gates keep theirs.

    Raises:
        KerauditError: Keras has no activation of that name.
    """
    if name not in ACTIVATIONS:
        raise KerauditError(
            f"no activation is called {name!r}: expected one of {', '.join(sorted(ACTIVATIONS))}"
        )
    layers: dict[str, Layer] = {}
    log: list[Change] = []
    for path, layer in graph.architecture.layers.items():
        if missed := _unreached_activation(layer):
            log.append(Change(layer=path, what="not reached", why=missed))
        current = _hidden_activation(layer)
        if not current or not of_keras(layer) or _is_operation(layer):
            continue
        if layer.kind in ACTIVATION_LAYERS:
            common = {k: v for k, v in layer.config.items() if k in ("name", "dtype", "trainable")}
            layers[path] = replace(
                layer,
                kind="Activation",
                module="keras.layers",
                config={**common, "activation": name},
                weights=None,
            )
        else:
            layers[path] = configured(layer, activation=name)
        log.append(Change(layer=path, what="changed", why=f"{current} to {name}"))
    if not layers:
        return Rewrite(graph=graph, log=tuple(log), nothing="no hidden activation found")
    return Rewrite(graph=applied(graph, Plan(layers=layers)), log=tuple(log))


def _is_operation(layer: Layer) -> bool:
    """Whether a layer is a call of ``keras.ops``."""
    return layer.kind.startswith("ops.")


def _hidden_activation(layer: Layer) -> str:
    """The hidden activation that a layer is or ends with; empty for a classifier's, a gate's, none."""
    own = layer.config.get("activation")
    if _is_operation(layer):
        name = activation_name({"class_name": layer.kind.removeprefix("ops.")})
        return name if name in ACTIVATIONS and name not in NOT_HIDDEN else ""
    if own is None and layer.kind not in ACTIVATION_LAYERS:
        return ""
    name = activation_name(own) if own is not None else layer.kind.lower()
    return "" if name in NOT_HIDDEN else name


def _unreached_activation(layer: Layer) -> str:
    """Why a hidden activation stays as it is; empty where there is none, or it can be replaced."""
    own = _hidden_activation(layer)
    if own and not of_keras(layer):
        return f"{layer.kind} is not a class of Keras: what its activation means is not known"
    if own and _is_operation(layer):
        return f"{own} is called as an operation, not as a layer"
    inner_layers = [inner for inner in layers_within(layer) if _hidden_activation(inner)]
    return (
        f"it wraps {inner_layers[0].name}, which keeps {_hidden_activation(inner_layers[0])}"
        if inner_layers
        else ""
    )
