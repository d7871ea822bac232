"""From our count to those of the two counters that run on torch.

Both count the products that torch carries out as a convolution or a matrix product, padded taps
included. Neither sees the fused attention that Keras calls on a CPU
(``scaled_dot_product_attention``), nor sums of products that torch runs as a multiplication and a sum.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from keraudit.audits.crosscheck.peers import Named
from keraudit.audits.crosscheck.sizes import ATTENTION, FUSED, config_of, factor, kind_of
from keraudit.model.graph import Node, Term

TWICE = "recurrent steps: the first is run twice"


def _uncounted_products(node: Node) -> Iterator[tuple[str, Term]]:
    """The MACs that neither counter sees, with the reason."""
    for term in node.effect.terms:
        if term.unit != "mac":
            continue
        if term.what in ATTENTION and kind_of(node) in FUSED:
            yield "attention products: fused, not seen", term
        elif term.what == "score":
            yield "additive scores: not a matrix product, not seen", term


def _first_step(node: Node) -> int:
    """The MACs of one step where Keras runs the first one twice, to learn the shape of its output.

    With torch it has loops of its own for an LSTM and for a GRU that resets after the product.
    """
    kind, config = kind_of(node), config_of(node)
    general = kind == "SimpleRNN" or (kind == "GRU" and not config.get("reset_after", True))
    if not general or config.get("unroll"):
        return 0
    return sum(t.value // factor(t, "steps") for t in node.effect.terms if t.unit == "mac")


def fvcore(node: Node) -> Iterator[Named]:
    """MACs; and what fvcore adds to them in another unit: FLOPs of a few layers, each by its rule.

    Layer normalisation is 5 for each element, 4 without a scale; a bilinear upsampling 4 for each
    element of its output; adaptive average pooling 1 for each of its input (fvcore 0.1.5,
    ``nn/jit_handles.py``).
    """
    for name, term in _uncounted_products(node):
        yield Named(name, -term.value)
    yield Named(TWICE, _first_step(node))
    kind, config = kind_of(node), node.layer.config
    if kind == "LayerNormalization" and not config.get("rms_scaling"):
        each = 5 if config.get("scale", True) else 4
        yield Named("layer normalisation: FLOPs among MACs", each * prod(node.outputs[0].shape))
    elif kind == "UpSampling2D" and config.get("interpolation") == "bilinear":
        yield Named("bilinear upsampling: FLOPs among MACs", 4 * prod(node.outputs[0].shape))
    elif kind == "AdaptiveAveragePooling2D":
        yield Named("adaptive pooling: FLOPs among MACs", prod(node.inputs[0].shape))


def flop_counter(node: Node) -> Iterator[Named]:
    """2 x MACs; nothing else."""
    for name, term in _uncounted_products(node):
        yield Named(name, -2 * term.value)
    yield Named(TWICE, 2 * _first_step(node))
    for term in node.effect.terms:
        if term.unit == "flop":
            yield Named(f"{term.what}: not counted", -term.value)
