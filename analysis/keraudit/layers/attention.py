"""Attention: projections of weights (one activation each), and the two products of activations.

Both products count in full: neither a mask nor ``use_causal_mask`` nor a sliding window makes a
score free, for the backends compute and then discard it. For each score: 1 FLOP of scaling and 5 of
softmax (maximum, subtract, exp, sum, divide). Dropout is off.

Vaswani et al. 2017, section 3.2; Ainslie et al. 2023 for grouped queries.
"""

from __future__ import annotations

from math import prod

from keraudit.errors import ModelError, ShapeError
from keraudit.layers.activation import activation_term
from keraudit.layers.call import (
    Effect,
    Shape,
    Site,
    Tensor,
    Term,
    Weight,
    checked_whole,
    counted,
    elementwise,
    is_whole,
    whole_number,
)
from keraudit.layers.combine import inner_weights
from keraudit.layers.convolution import from_one
from keraudit.layers.quantized import policies_by_path, quantization, uncounted
from keraudit.model.graph import GLOBAL, UNSUPPORTED
from keraudit.model.shape_text import shape_text

Factors = tuple[tuple[str, int], ...]
SCORE_SOFTMAX = 5  # FLOPs per score


def _tensor(value: object, role: str) -> Tensor:
    if not isinstance(value, Tensor):
        raise ModelError(f"expected a tensor as {role}, received {str(value)[:60]!r}")
    return value


def products(scores: Factors, key_width: int, value_width: int) -> list[Term]:
    """The two products of attention: scores = Q K^T and output = softmax(scores) V."""
    return [
        Term("mac", "attention scores", (*scores, ("key width", key_width)), operands=2),
        Term("mac", "attention output", (*scores, ("value width", value_width)), operands=2),
    ]


def scaled_softmax(scores: Factors, scaling: int = 1) -> list[Term]:
    terms = [Term("flop", "softmax", (("operations", SCORE_SOFTMAX), *scores))]
    return [Term("flop", "scaling", scores), *terms] if scaling else terms


def sequences(site: Site) -> tuple[Shape, Shape, Shape]:
    """The shapes of query, value and key, given as ``[query, value]`` or ``[query, value, key]``."""
    inputs = site.argument(0, "inputs")
    if not isinstance(inputs, tuple | list) or len(inputs) not in (2, 3):
        raise ModelError("expected the inputs [query, value] or [query, value, key]")
    query, value = _tensor(inputs[0], "query").shape, _tensor(inputs[1], "value").shape
    key = _tensor(inputs[2], "key").shape if len(inputs) == 3 else value
    if min(map(len, (query, value, key))) < 2 or query[-1] != key[-1]:
        raise ShapeError(f"query {query} and key {key} must have the same width")
    return query, value, key


def _single_head(site: Site, score_terms: list[Term | None], weights: list[Weight]) -> Effect:
    """What Attention and AdditiveAttention share: softmax(scores) V."""
    query, value, key = sequences(site)
    scores = _score_axes(query, key)
    terms = [*score_terms, *scaled_softmax(scores, 0), products(scores, 0, value[-1])[1]]
    outputs: list[Shape] = [(*query[:-1], value[-1])]
    if site.argument(3, "return_attention_scores", False):
        outputs.append((*query[:-1], key[-2]))
    return counted(*outputs, terms=terms, weights=tuple(weights), view=GLOBAL)


def _score_axes(query: Shape, key: Shape) -> Factors:
    """The named sizes whose product is the number of scores."""
    return (("batch", prod(query[:-2])), ("query length", query[-2]), ("key length", key[-2]))


def attention(site: Site) -> Effect:
    """softmax(s) V with s = Q K^T (Luong et al. 2015), or s = w sum over d of tanh(a (q + k)).

    The second, ``score_mode="concat"``, is 3 FLOPs for each query, key and channel (add, tanh, sum;
    4 with ``use_scale``) and 1 for each score.
    """
    config, (query, _, key) = site.config, sequences(site)
    scores, width, scaled = _score_axes(query, key), query[-1], bool(config.get("use_scale"))
    weights = [Weight("scale", ())] if scaled else []
    terms: list[Term | None]
    if config.get("score_mode", "dot") == "concat":
        weights.append(Weight("concat_score_weight", ()))
        each = (("operations", 3 + scaled), *scores, ("channels", width))
        terms = [Term("flop", "score", each), Term("flop", "scaling", scores)]
    else:
        terms = [products(scores, width, 0)[0]]
        terms += [Term("flop", "scaling", scores)] if scaled else []
    return _single_head(site, terms, weights)


def additive_attention(site: Site) -> Effect:
    """softmax(s) V with s = sum over d of v_d tanh(q_d + k_d) (Bahdanau et al. 2015).

    For each query, key and channel: add and tanh, 2 FLOPs; then a multiply-accumulate with the
    learnt v, or without ``use_scale`` a plain sum, 1 FLOP.
    """
    query, _, key = sequences(site)
    scores, width = _score_axes(query, key), query[-1]
    every = (*scores, ("channels", width))
    scaled = bool(site.config.get("use_scale", True))
    terms: list[Term | None] = [
        Term("flop", "score", (("operations", 2), *every)),
        Term("mac", "score", every) if scaled else Term("flop", "score sum", every),
    ]
    return _single_head(site, terms, [Weight("scale", (width,))] if scaled else [])


class Heads:
    """Collects the terms and weights of multi-head attention, projection by projection.

    A projection that a live layer has quantised, adapted or frozen is one of the call's inner layers,
    under the projection's name: it costs what it would cost on its own.
    """

    def __init__(self, site: Site) -> None:
        self.site = site
        self.use_bias = bool(site.config.get("use_bias", True))
        self.own = {inner.name.rpartition("/")[2]: inner for inner in site.inner}
        self.terms: list[Term | None] = []
        self.weights: list[Weight] = []
        self.weights_known = True
        self.unknown = ""

    def project(self, name: str, shape: Shape, inner: Shape, outer: Shape) -> Shape:
        """Project the last ``len(inner)`` axes of ``shape`` to the axes ``outer``."""
        leading = shape[: len(shape) - len(inner)]
        output = (*leading, *outer)
        if name in self.own:
            self._measured(name, shape, output)
            return output
        factors = (("rows", prod(leading)), ("input width", prod(inner)), ("width", prod(outer)))
        self.terms.append(Term("mac", f"{name} projection", factors))
        self.weights.append(Weight(f"{name}/kernel", (*inner, *outer)))
        if self.use_bias:
            self.terms.append(elementwise("bias", output))
            self.weights.append(Weight(f"{name}/bias", outer))
        return output

    def gate(self, query: Shape, outer: Shape) -> None:
        """A sigmoid gate of the query, times the heads' outputs (``use_gate``)."""
        gates = self.project("gate", query, query[-1:], outer)
        if "gate" not in self.own:  # which applies its activation itself
            self.terms.append(activation_term("sigmoid", gates))
        self.terms.append(elementwise("gate", gates))

    def _measured(self, name: str, shape: Shape, output: Shape) -> None:
        """Collect a projection that is a layer of its own."""
        layer = self.own[name]
        effect = self.site.measure(layer, (Tensor(shape, self.site.inputs[0].dtype),))
        if effect.outputs != (output,) and not effect.guessed:
            raise ModelError(
                f"its {name} projection gives {shape_text(effect.outputs[0])}, expected {shape_text(output)}"
            )
        if effect.status == UNSUPPORTED and not self.unknown:
            self.unknown = f"its {name} projection: {effect.reason}"
        self.weights_known = self.weights_known and effect.weights_known
        self.weights += inner_weights(effect.weights, layer, f"{name}/")
        self.terms += [
            term._replace(what=f"{name} projection") if term.what == "dense" else term
            for term in effect.terms
        ]


def _roles(site: Site) -> tuple[Shape, Shape, Shape]:
    """The shapes of the call's query, value and key (default: the value)."""
    query = _tensor(site.argument(0, "query"), "query").shape
    value = _tensor(site.argument(1, "value"), "value").shape
    third = site.argument(2, "key")
    key = value if third is None else _tensor(third, "key").shape
    if key[1:-1] != value[1:-1] or len(query) < 3 or len(query) != len(value):
        raise ShapeError(f"query {query}, key {key} and value {value} do not fit together")
    return query, value, key


def multi_head_attention(site: Site) -> Effect:
    """Heads of width ``key_dim``: softmax(Q K^T / sqrt(key_dim)) V over the attention axes, then W.

    The axes between the batch and the channels that are not attention axes act as more batch.
    Keras states scores of the query's length squared even where the key's length differs
    (``compute_output_spec``); the output shape follows it, so that a file agrees with itself, but
    the operations are those of query length times key length.
    """
    config, (query, value, key) = site.config, _roles(site)
    heads, key_dim = whole_number(config, "num_heads"), whole_number(config, "key_dim")
    value_dim, rank = checked_whole("value_dim", config.get("value_dim") or key_dim), len(query)
    from_one(num_heads=(heads,), key_dim=(key_dim,), value_dim=(value_dim,))
    axes = config.get("attention_axes")
    chosen = range(1, rank - 1) if axes is None else [axes] if is_whole(axes) else axes
    if not isinstance(chosen, range | list | tuple) or not all(map(is_whole, chosen)):
        raise ModelError(f"attention_axes must be whole numbers, received {axes!r:.60}")
    attended = sorted({axis % rank for axis in chosen})
    if not all(0 < axis < rank - 1 for axis in attended):
        raise ModelError(f"attention_axes must name axes between batch and channels, not {axes}")
    apart = [i for i in range(rank - 1) if i not in attended]
    scores = (
        ("batch", prod(query[i] for i in apart)),
        ("heads", heads),
        ("query length", prod(query[i] for i in attended)),
        ("key length", prod(key[i] for i in attended)),
    )
    projections = Heads(site)
    if config.get("use_gate"):
        projections.gate(query, (heads, value_dim))
    projections.project("query", query, query[-1:], (heads, key_dim))
    projections.project("key", key, key[-1:], (heads, key_dim))
    projections.project("value", value, value[-1:], (heads, value_dim))
    projections.terms += [*products(scores, key_dim, value_dim), *scaled_softmax(scores)]
    shape = config.get("output_shape") or (query[-1],)
    shape = tuple(shape) if isinstance(shape, list | tuple) else (shape,)
    from_one(output_shape=shape)
    joined = (*query[:-1], heads, value_dim)
    output = projections.project("attention_output", joined, (heads, value_dim), shape)
    outputs = [output]
    if site.argument(7, "return_attention_scores", False):
        outputs.append((query[0], heads, query[1], query[1]))
    return finished(site, projections, outputs)


def finished(site: Site, projections: Heads, outputs: list[Shape]) -> Effect:
    """The effect of what was collected; without its inner layers no config tells how they are quantised."""
    told = bool(site.inner)
    policies = "" if told else policies_by_path(site.config) or uncounted(quantization(site.config))
    return counted(
        *outputs,
        terms=projections.terms,
        weights=tuple(projections.weights),
        view=GLOBAL,
        unknown=projections.unknown or policies,
        weights_known=projections.weights_known,
    )


def group_query_attention(site: Site) -> Effect:
    """Several query heads share a head of keys and values; each still makes its own scores."""
    config, (query, value, key) = site.config, _roles(site)
    width, heads = whole_number(config, "head_dim"), whole_number(config, "num_query_heads")
    shared = whole_number(config, "num_key_value_heads")
    from_one(head_dim=(width,), num_query_heads=(heads,), num_key_value_heads=(shared,))
    if len(query) != 3 or heads % shared:
        raise ModelError(f"{shared} key-value heads must divide {heads} query heads, of rank 3")
    lengths = (("query length", query[1]), ("key length", key[1]))
    scores = (("batch", query[0]), ("heads", heads), *lengths)
    projections = Heads(site)
    if config.get("use_gate"):
        projections.gate(query, (heads, width))
    projections.project("query", query, query[-1:], (heads, width))
    projections.project("key", key, key[-1:], (shared, width))
    projections.project("value", value, value[-1:], (shared, width))
    projections.terms += [*products(scores, width, width), *scaled_softmax(scores)]
    joined = (*query[:-1], heads, width)
    outputs = [projections.project("attention_output", joined, (heads, width), query[-1:])]
    if site.argument(7, "return_attention_scores", False):
        outputs.append((query[0], heads, query[1], key[1]))
    return finished(site, projections, outputs)
