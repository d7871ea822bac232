"""From our FLOPs to those of TensorFlow's profiler of version 1.

It adds up a registered formula for each operation of the graph (``profiler/internal/flops_registry.py``
and ``ops/nn_ops.py`` of TensorFlow 2.21). An operation without a formula counts as nothing: ReLU,
sigmoid, tanh, exp, ``Einsum``, ``Max``, 3-D pooling; so does whatever hides in a function call, such as
Keras' grouped convolutions.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from keraudit.audits.crosscheck.peers import Named
from keraudit.audits.crosscheck.sizes import (
    ATTENTION,
    FUSED,
    config_of,
    elements,
    factor,
    kind_of,
    positions,
    rows,
    spatial,
)
from keraudit.layers.call import tuple_of
from keraudit.layers.normalization import axes_of
from keraudit.model.graph import Node, Term

# FLOPs per element of the operations that Keras' activations are made of and the registry knows.
ACTIVATIONS = {
    "relu": 0,
    "relu6": 0,
    "leaky_relu": 0,
    "elu": 0,
    "selu": 0,
    "celu": 5,
    "sigmoid": 0,
    "hard_sigmoid": 2,
    "sparse_sigmoid": 4,
    "tanh": 0,
    "hard_tanh": 2,
    "tanh_shrink": 1,
    "softplus": 0,
    "softsign": 0,
    "squareplus": 4,
    "sparse_plus": 5,
    "silu": 2,
    "hard_silu": 3,
    "gelu": 4,
    "mish": 1,
    "exponential": 0,
    "soft_shrink": 4,
    "hard_shrink": 1,
    "log_sigmoid": 2,
    "softmax": 5,
    "log_softmax": 0,
}
# Of the gates' operations per unit, those that Keras' loop runs on tensors of known shape.
GATES_IN_LOOP = {"LSTM": 5, "GRU": 6, "SimpleRNN": 1}


def profiler(node: Node) -> Iterator[Named]:
    """What the profiler counts at a node beside our FLOPs, or short of them."""
    for term in node.effect.terms:
        yield from (product if term.unit == "mac" else other)(node, term)
    yield from normalization(node)
    if kind_of(node) in GATES_IN_LOOP and not config_of(node).get("unroll"):
        yield from recurrent(node)


def product(node: Node, term: Term) -> Iterator[Named]:
    config, macs = config_of(node), term.value
    if term.what == "convolution" and config.get("groups", 1) != 1:
        yield Named("grouped convolution: in a function, not seen", -2 * macs)
    elif term.what in ATTENTION and kind_of(node) in FUSED:
        yield Named("attention products: Einsum, not seen", -2 * macs)
    elif term.what == "transposed convolution":
        yield Named(
            "transposed convolution: its own formula", 2 * transposed(node, term) - 2 * macs
        )
    elif term.what == "score":
        yield Named("additive scores: k - 1 for a sum of k", -(macs // factor(term, "channels")))
    elif term.what in ("convolution", "depthwise convolution"):
        name = "dilated convolution: padded to the dilation"
        yield Named(name, 2 * (dilated(node, term) - macs))


def transposed(node: Node, term: Term) -> int:
    """The profiler's MACs: output positions / strides, in place of input positions; in 3-D none."""
    config = config_of(node)
    rank = sum(name.startswith("input ") for name, _ in term.factors) - 1
    if rank == 3:
        return 0
    stride = tuple_of(config.get("strides", 1), rank)
    sizes = spatial(node.inputs[0].shape, rank, config)
    outs = spatial(node.outputs[0].shape, rank, config)
    return term.value // prod(sizes) * prod(outs) // prod(stride)


def dilated(node: Node, term: Term) -> int:
    """The profiler's MACs: maps are cut into ``dilation`` interleaved ones, all of the same size."""
    outs = positions(term)
    dilation = tuple_of(config_of(node).get("dilation_rate", 1), len(outs))
    padded = prod(-(-n // d) * d for n, d in zip(outs, dilation, strict=True))
    return term.value // prod(outs) * padded


def other(node: Node, term: Term) -> Iterator[Named]:
    kind, what = kind_of(node), term.what
    if what.startswith("activation ") and what.removeprefix("activation ") in ACTIVATIONS:
        each = ACTIVATIONS[what.removeprefix("activation ")]
        reason = "operations with a formula only" if each else "no formula, not counted"
        yield Named(f"{what}: {reason}", each * elements(term) - term.value)
    elif what == "pooling" and (kind.endswith("3D") or kind.startswith(("GlobalMax", "Adaptive"))):
        if kind != "GlobalAveragePooling3D":
            yield Named("pooling: no formula, not counted", -term.value)
    elif what == "interpolation":
        yield Named("interpolation: no formula, not counted", -term.value)
    elif what == "activation prelu":  # relu(x) - alpha relu(-x)
        alpha = sum(w.elements for w in node.effect.weights)
        yield Named("activation prelu: as run", 3 * elements(term) + alpha - term.value)
    elif what == "score":
        yield Named("additive scores: tanh not counted", -term.value // 2)


def normalization(node: Node) -> Iterator[Named]:
    """What comes once per channel or row, and the statistics as TensorFlow takes them.

    Batch normalisation folds its weights into a scale and a shift at every call: epsilon, rsqrt (2),
    mean, beta, their product: 5 per channel, 6 with a gamma. Layer normalisation of n elements in r
    rows is 9 n + 4 r with scale and centre.
    """
    kind, config = kind_of(node), config_of(node)
    shape = node.outputs[0].shape
    if kind == "BatchNormalization":
        channels = prod(shape[axis] for axis in axes_of(config.get("axis", -1), shape))
        yield Named(
            "batch normalisation: folding per channel",
            (5 + bool(config.get("scale", True))) * channels,
        )
    elif kind == "Normalization":
        channels = 1 if config.get("axis", -1) is None else prod(shape) // rows(node)
        yield Named("normalisation: epsilon per channel", channels)
    elif kind == "LayerNormalization" and not config.get("rms_scaling"):
        scale, centre, r = (
            bool(config.get("scale", True)),
            bool(config.get("center", True)),
            rows(node),
        )
        counted = (6 + 2 * scale + centre) * prod(shape) + (5 - scale) * r
        yield Named(
            "layer normalisation: statistics as run", counted - (5 + scale + centre) * prod(shape)
        )
    elif kind == "RMSNormalization":
        yield Named("normalisation: statistics per row", 3 * rows(node))
    elif kind == "UnitNormalization":
        yield Named("normalisation: statistics per row", 2 * rows(node))


def recurrent(node: Node) -> Iterator[Named]:
    """A loop's body counts once, and of it only what does not read the state, whose shape is lost.

    Keras runs the first step outside the loop as well, and that one is counted in full.
    """
    kind, left, again = kind_of(node), 0, 0
    resets_after = config_of(node).get("reset_after", True)
    for term in node.effect.terms:
        steps = factor(term, "steps")
        if term.what.startswith("activation "):
            continue  # not counted anywhere
        one = term.value // steps * (2 if term.unit == "mac" else 1)
        left += (steps - 1) * one
        if term.what == "input projection":
            again += one
        elif term.what == "bias":  # that of the input; a GRU has a second one, of the state
            again += elements(term) // steps * {"LSTM": 4, "GRU": 3}.get(kind, 1)
        elif term.what == "gates":
            known = GATES_IN_LOOP[kind] - (kind == "GRU" and not resets_after)
            again += elements(term) // steps * known
    yield Named("recurrent steps: only the first in full", -left)
    yield Named("recurrent steps: the loop's body once, without its state", again)
