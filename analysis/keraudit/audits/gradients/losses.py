"""The loss that is differentiated: for each output by what it is, taken from logits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from keraudit.errors import KerauditError
from keraudit.layers.activation import activation_name
from keraudit.model.graph import Graph, Node, Ref
from keraudit.rewrite.edit import Plan, applied, configured

CROSS_ENTROPY, BINARY, SQUARED = "cross-entropy", "binary-cross-entropy", "mean-squared-error"
LOSSES = (CROSS_ENTROPY, BINARY, SQUARED)
FOLDED = {"softmax": CROSS_ENTROPY, "sigmoid": BINARY}


def _last_activation(node: Node) -> str:
    """The activation that a call ends with; ``linear`` if it has none."""
    own = node.layer.config.get("activation")
    if own is not None:
        return activation_name(own)
    return "softmax" if node.layer.kind in ("Softmax", "ops.Softmax") else "linear"


def chosen(graph: Graph, name: str | None = None) -> tuple[str, ...]:
    """The loss of each output: ``name``, or by the output.

    Cross-entropy for a softmax and for two or more linear outputs, binary cross-entropy for a sigmoid,
    the mean squared error for one linear output. Several losses are added up.

    Raises:
        KerauditError: there is no such loss, or an output that it does not fit.
    """
    if name is not None and name not in LOSSES:
        raise KerauditError(f"no loss is called {name!r:.60}: expected {', '.join(LOSSES)}")
    result = []
    for ref in graph.architecture.outputs:
        node = graph.nodes[ref.call]
        shape, activation = node.outputs[ref.output].shape, _last_activation(node)
        classes = shape[-1] if len(shape) > 1 else 1
        usual = FOLDED.get(activation, CROSS_ENTROPY if classes > 1 else SQUARED)
        loss = name or usual
        if loss == CROSS_ENTROPY and (classes < 2 or activation == "sigmoid"):
            what = "a sigmoid" if activation == "sigmoid" else "one number"
            raise KerauditError(
                f"{CROSS_ENTROPY} takes two classes or more on the output's last axis; output"
                f" {node.name!r} is {what}: choose {BINARY} or {SQUARED}"
            )
        if loss == BINARY and activation == "softmax":
            raise KerauditError(
                f"{BINARY} takes independent outputs; output {node.name!r} is a softmax: choose"
                f" {CROSS_ENTROPY}"
            )
        result.append(loss)
    return tuple(result)


def with_logits(graph: Graph, losses: Sequence[str]) -> Graph:
    """A network without the softmax or sigmoid that its loss contains.

    From probabilities Keras clips the cross-entropy at 1e-7, and a saturated output would show no
    gradient at all.
    """
    layers, bypass = {}, {}
    for ref, loss in zip(graph.architecture.outputs, losses, strict=True):
        node = graph.nodes[ref.call]
        activation = _last_activation(node)
        if FOLDED.get(activation) != loss:
            continue
        if node.layer.kind in ("Softmax", "ops.Softmax"):
            bypass[ref.call] = node.sources[0]
        else:
            path = graph.architecture.calls[ref.call].layer
            layers[path] = configured(node.layer, activation="linear")
    if not layers and not bypass:
        return graph
    return _replace_in(graph, Plan(layers=layers, bypass=bypass))


def _replace_in(graph: Graph, plan: Plan) -> Graph:
    """A plan carried out; the model keeps its title."""
    done = applied(graph, plan)
    return replace(done, architecture=replace(done.architecture, title=graph.architecture.title))


def value(losses: Sequence[str], outputs: Sequence[Any], labels: Sequence[Any]) -> Any:
    """The sum over the outputs of each mean loss over its batch (and positions)."""
    total: Any = 0.0
    for loss, output, label in zip(losses, outputs, labels, strict=True):
        total = total + one(loss, output, label)
    return total


def one(loss: str, output: Any, label: Any) -> Any:
    from keras import ops

    output = ops.cast(output, "float32")
    if loss == SQUARED:
        return ops.mean(ops.square(output - label))
    if loss == BINARY:  # log(1 + exp(z)) - y z
        return ops.mean(ops.softplus(output) - label * output)
    logs = ops.log_softmax(output, axis=-1)
    return -ops.mean(ops.sum(ops.one_hot(label, output.shape[-1]) * logs, axis=-1))


def label_shape(graph: Graph, ref: Ref, loss: str) -> tuple[int, ...]:
    """The shape of an output's labels: classes are numbers, other targets have the output's shape."""
    shape = graph.nodes[ref.call].outputs[ref.output].shape
    return shape[:-1] if loss == CROSS_ENTROPY else shape
