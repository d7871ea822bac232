"""From our FLOPs to those of XLA's cost analysis of the program that JAX hands it.

XLA counts every operation of the program, before anything is fused: one for each element of an
addition, a comparison, a choice; two for each tap that does not lie on padding. Exponentials,
logarithms, roots and hyperbolic tangents are kept apart as *transcendentals*. A loop's body counts
once (``xla/service/hlo_cost_analysis.cc``; jax 0.10).
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from keraudit.audits.crosscheck.peers import Named
from keraudit.audits.crosscheck.sizes import (
    config_of,
    elements,
    factor,
    kernel,
    kind_of,
    positions,
    rows,
)
from keraudit.audits.crosscheck.taps import padded_macs
from keraudit.layers.normalization import axes_of
from keraudit.model.graph import Node, Term

# FLOPs per element of the operations that JAX's activations are made of, transcendentals left out.
ACTIVATIONS = {
    "relu6": 2,
    "leaky_relu": 3,
    "elu": 5,
    "selu": 6,
    "celu": 5,
    "sigmoid": 3,
    "hard_sigmoid": 4,
    "sparse_sigmoid": 4,
    "tanh": 0,
    "hard_tanh": 4,
    "tanh_shrink": 1,
    "softplus": 6,
    "softsign": 3,
    "squareplus": 4,
    "sparse_plus": 7,
    "silu": 4,
    "hard_silu": 5,
    "gelu": 66,  # erfc is written out as polynomials
    "mish": 7,
    "exponential": 0,
    "soft_shrink": 6,
    "hard_shrink": 3,
    "log_sigmoid": 8,
}
LOOPS = ("LSTM", "GRU", "SimpleRNN")


def cost_analysis(node: Node) -> Iterator[Named]:
    """What XLA counts at a node beside our FLOPs, or short of them."""
    for term in node.effect.terms:
        if term.unit == "mac" and term.what == "score":
            left = term.value // factor(term, "channels")
            yield Named("additive scores: k - 1 for a sum of k", -left)
        elif term.unit == "mac":
            yield Named("padded taps: not counted", -2 * padded_macs(node, term))
        else:
            yield from other(node, term)
    yield from normalization(node)
    kind, config = kind_of(node), config_of(node)
    if kind in LOOPS and not config.get("unroll"):
        yield from recurrent(node)
    if kind.startswith("ZeroPadding") or config.get("padding") == "causal":
        yield Named("padding: the zero itself", 1)


def other(node: Node, term: Term) -> Iterator[Named]:
    what, kind, n = term.what, kind_of(node), elements(term)
    name = what.removeprefix("activation ")
    if name in ("softmax", "log_softmax"):
        count = factor(term, "query length", 0) * factor(term, "heads") * factor(term, "batch")
        shape = node.outputs[0].shape
        count = count or (rows(node) if kind == "Softmax" else prod(shape) // shape[-1])
        yield Named("softmax: exp left out, a finite maximum", 4 * n - count - term.value)
    elif name != what and name in ACTIVATIONS:
        reason = "erfc as polynomials" if name == "gelu" else "JAX's operations, no transcendentals"
        yield Named(f"{what}: {reason}", ACTIVATIONS[name] * n - term.value)
    elif name == "relu" and config_of(node).get("negative_slope"):
        yield Named("activation relu: a slope as run", 3 * n - term.value)
    elif name == "prelu":  # relu(x) - alpha relu(-x)
        alpha = sum(w.elements for w in node.effect.weights)
        yield Named("activation prelu: as run", 5 * n + alpha - term.value)
    elif what == "pooling":
        yield from pooling(node, term)
    elif what == "score":
        yield Named("additive scores: tanh not counted", -term.value // 2)
    elif what == "rescaling" and not config_of(node).get("offset"):
        yield Named("rescaling: no offset to add", -n)


def pooling(node: Node, term: Term) -> Iterator[Named]:
    """A maximum of k takes k - 1 comparisons; an average with ``same`` counts its window, once a map."""
    kind, window = kind_of(node), prod(kernel(term))
    if kind.startswith("Global"):
        if "Max" in kind:
            yield Named("pooling: k - 1 for a maximum of k", -prod(node.outputs[0].shape))
    elif "Max" in kind:
        yield Named("pooling: k - 1 for a maximum of k", -(term.value // window))
    elif config_of(node).get("padding") == "same":
        yield Named("pooling: counting what is not padded", (window - 1) * prod(positions(term)))


def normalization(node: Node) -> Iterator[Named]:
    """What comes once per channel or row, and the statistics as JAX takes them.

    Batch normalisation folds its weights into a scale and a shift at every call: epsilon, a change of
    sign, mean times scale; one more each for gamma and beta. Layer normalisation of n elements in r
    rows is 10 n + 3 r + 3 with scale and centre.
    """
    kind, config = kind_of(node), config_of(node)
    shape = node.outputs[0].shape
    scale, centre = bool(config.get("scale", True)), bool(config.get("center", True))
    if kind == "BatchNormalization":
        channels = prod(shape[axis] for axis in axes_of(config.get("axis", -1), shape))
        yield Named("batch normalisation: folding per channel", (3 + scale + centre) * channels)
    elif kind == "LayerNormalization" and not config.get("rms_scaling"):
        counted = (7 + 2 * scale + centre) * prod(shape) + (4 - scale) * rows(node) + 3
        yield Named(
            "layer normalisation: statistics as run", counted - (5 + scale + centre) * prod(shape)
        )
    elif kind == "Normalization" and config.get("mean") is None:
        yield Named("normalisation: a fresh mean of 0 taken out", -prod(shape))
    elif kind == "RMSNormalization":
        yield Named("normalisation: statistics per row", rows(node))


def recurrent(node: Node) -> Iterator[Named]:
    """The loop's body counts once, with its counter; a GRU projects all its inputs before the loop."""
    left = 0
    hoisted = kind_of(node) == "GRU" and config_of(node).get("reset_after", True)
    for term in node.effect.terms:
        steps = factor(term, "steps")
        one = term.value // steps * (2 if term.unit == "mac" else 1)
        name = term.what.removeprefix("activation ")
        if name != term.what:
            one = elements(term) // steps * ACTIVATIONS.get(name, 0)
        before = 0
        if hoisted and term.what == "input projection":
            before = one
        elif hoisted and term.what == "bias":
            before = elements(term) // steps * 3
        left += (steps - 1) * (one - before)
    loops = sum(term.what == "input projection" for term in node.effect.terms)
    yield Named("recurrent steps: the loop's body once", 2 * loops - left)
