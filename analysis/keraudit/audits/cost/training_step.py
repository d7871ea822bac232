"""The MACs of a training step: each product once forward, and once for each gradient it must give."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from keraudit.errors import KerauditError
from keraudit.layers.infer import shaped
from keraudit.layers.lora import INWARDS, OUTWARDS, PRODUCT
from keraudit.model.graph import Architecture, Call, Graph, Layer, Node, Term, Weight, refs_in

HOLDERS = ("TimeDistributed", "Wrapper", "SpectralNormalization")
HEADS = ("MultiHeadAttention", "GroupQueryAttention", "GroupedQueryAttention")
# Products of what a layer receives: of its own weights none lies before them.
INPUTS = ("query", "gate", "key", "value")
FIRST = frozenset(f"{role} projection" for role in INPUTS)
LOW_RANK = (PRODUCT, INWARDS, OUTWARDS)
TOGETHER = ("Attention", "AdditiveAttention")  # called with [query, value] or [query, value, key]


class Place(NamedTuple):
    """What training knows of one call: ``moves[i]`` says whether call ``i`` needs a gradient."""

    node: Node
    call: Call
    moves: Sequence[bool]
    frozen: bool

    @property
    def terms(self) -> list[Term]:
        return [term for term in self.node.effect.terms if term.unit == "mac"]

    @property
    def weights(self) -> list[Weight]:
        """The weights that are trained."""
        return [] if self.frozen else [w for w in self.node.effect.weights if w.trainable]

    def weights_of(self, role: str) -> list[Weight]:
        """Those of the projection of that name."""
        return [w for w in self.weights if w.name.startswith(f"{role}/")]

    @property
    def upstream(self) -> bool:
        return self.behind(list(self.node.sources))

    def behind(self, value: object) -> bool:
        """Whether something trained lies behind an argument of the call."""
        return any(self.moves[ref.call] for ref in refs_in(value))


def training_macs(
    graph: Graph, *, moving: bool = False, recurring: bool = False, frozen: bool = False
) -> list[int]:
    """The MACs of a forward and a backward pass at each node.

    The backward pass of a product of weights and activations is two products of the same size: one
    for the weights' gradient, if they are trained, one for the input's, if anything before it is
    trained. So the first trained layer needs no input gradient, and frozen layers no weight gradient.
    A product of two activations needs the gradient of each that has something trained before it.

    Args:
        graph: the model, or one that a wrapper holds.
        moving: whether the model's inputs need a gradient.
        recurring: whether those behind the first do in any case: the states of a cell.
        frozen: whether the wrapper is frozen, and so all that it holds.
    """
    first, *others = [ref.call for ref in graph.architecture.inputs]
    starts = {*([first] if moving else ()), *(others if moving or recurring else ())}
    moves: list[bool] = []
    result = []
    for index, (node, call) in enumerate(zip(graph.nodes, graph.architecture.calls, strict=True)):
        place = Place(node, call, moves, frozen or not node.layer.trainable)
        result.append(at(place))
        moves.append(bool(place.weights) or place.upstream or index in starts)
    return result


def at(place: Place) -> int:
    """The MACs of a forward and a backward pass at one node."""
    terms, upstream = place.terms, place.upstream
    if not terms:
        return 0
    traced = _of_traced(place)
    if traced is not None:
        return traced
    layer = _wrapped_layer(place.node.layer)
    if isinstance(layer, Architecture):
        total = _of_model(place, layer)
        return chain(terms, place.weights, upstream) if total is None else total
    if layer.kind == "Bidirectional" and len({_kinds(inner) for inner in layer.inner}) == 1:
        half = len(terms) // 2
        parts = (("forward/", terms[:half]), ("backward/", terms[half:]))
        return sum(
            chain(part, [w for w in place.weights if w.name.startswith(prefix)], upstream)
            for prefix, part in parts
        )
    if layer is place.node.layer and layer.kind in (*HEADS, *TOGETHER):
        return attention(place)
    if len(terms) == 1 and terms[0].operands == len(place.node.sources) == 2:
        return terms[0].value * (1 + sum(map(place.behind, place.node.sources)))
    return chain(terms, place.weights, upstream)


def _wrapped_layer(layer: Layer) -> Layer | Architecture:
    """The layer or model whose products a wrapper's are."""
    inner: Layer | Architecture = layer
    while isinstance(inner, Layer) and inner.kind in HOLDERS and inner.inner:
        inner = inner.inner[0]
    return inner


def _kinds(layer: Layer | Architecture) -> str:
    """What a layer holds, as text: equal for layers that have their products in the same order."""
    if isinstance(layer, Architecture):
        return "model"
    return f"{layer.kind}({','.join(map(_kinds, layer.inner))})"


def chain(terms: Sequence[Term], trained: Iterable[Weight], upstream: bool) -> int:
    """Products one after another: behind all but the first lie the weights of the first.

    Attention projects its input three times before anything else.
    """
    matrices = any(w.name.rpartition("/")[2] != "bias" for w in trained)
    adapted = any(term.what == OUTWARDS for term in terms)  # beside a kernel that has no gradient
    start = next((i for i, term in enumerate(terms) if term.what not in FIRST), 0) or 1
    total = 0
    for position, term in enumerate(terms):
        behind = upstream or (matrices and position >= start and not adapted)
        if term.operands == 0:  # of two weights: a gradient for each
            passes = 2 * matrices
        elif term.operands == 2:
            passes = 2 * behind
        elif term.what == OUTWARDS:
            passes = matrices + (matrices or upstream)
        elif adapted and term.what != INWARDS:
            passes = upstream
        else:
            passes = matrices + behind
        total += term.value * (1 + passes)
    return total


def attention(place: Place) -> int:
    """Query, key and value each have their own past; projected, also their own weights."""
    args, kwargs = place.call.args, place.call.kwargs
    if place.node.layer.kind in TOGETHER:
        args, kwargs = tuple(args[0] if args else kwargs.get("inputs", ())), {}
    operands = dict(zip(("query", "value", "key"), args, strict=False)) | dict(kwargs)
    query, value = place.behind(operands.get("query")), place.behind(operands.get("value"))
    key = value if operands.get("key") is None else place.behind(operands["key"])
    behind = {"query": query, "gate": query, "key": key, "value": value}
    trained = {role: place.weights_of(role) for role in (*INPUTS, "attention_output")}
    moves = {role: behind[role] or bool(trained[role]) for role in INPUTS}
    scaled = bool(place.weights) and place.node.layer.kind in TOGETHER
    scores = scaled or moves["query"] or moves["key"]
    behind["attention_output"] = scores or moves["value"] or moves["gate"]
    passes = {
        "score": scaled + (query or key),
        "attention scores": moves["query"] + moves["key"],
        "attention output": scores + moves["value"],
    }
    total = 0
    for first, *adapters in _with_adapters(place.terms):
        role = first.what.removesuffix(" projection")
        if first.what in passes and not adapters:
            total += first.value * (1 + passes[first.what])
        elif role in trained and role != first.what:
            total += chain([first, *adapters], trained[role], behind[role])
        else:  # a rule of the user's
            return chain(place.terms, place.weights, place.upstream)
    return total


def _with_adapters(terms: Sequence[Term]) -> list[list[Term]]:
    """The products of attention, each with those of its low-rank adaptation behind it."""
    found: list[list[Term]] = []
    for term in terms:
        if term.what in LOW_RANK and found:
            found[-1].append(term)
        else:
            found.append([term])
    return found


def _of_traced(place: Place) -> int | None:
    """What a wrapper holds that was traced, layer by layer, times the steps; ``None`` if it cannot be told."""
    parts = place.node.layer.inner
    models = [part for part in parts if isinstance(part, Architecture) and part.traced]
    if not models or len(models) < len(parts):
        return None
    try:
        graphs = [shaped(model) for model in models]
    except KerauditError:
        return None
    nodes = [node for graph in graphs for node in graph.nodes]
    macs = [t.value for node in nodes for t in node.effect.terms if t.unit == "mac"]
    steps = place.terms[0].value // macs[0] if macs else 0
    if [count * steps for count in macs] != [term.value for term in place.terms]:
        return None
    moving, recurring, frozen = place.upstream, bool(place.weights), place.frozen
    return steps * sum(
        sum(training_macs(graph, moving=moving, recurring=recurring, frozen=frozen))
        for graph in graphs
    )


def _of_model(place: Place, model: Architecture) -> int | None:
    """A model that a wrapper holds, layer by layer; ``None`` if it cannot be told apart.

    It is given its sizes once more; where that gives other products (a rule of the user's is at
    work), the wrapper's own are one chain.
    """
    shapes = [tensor.shape for tensor in place.node.inputs[: len(model.inputs)]]
    layer: Layer | Architecture = place.node.layer
    while isinstance(layer, Layer):
        if layer.kind == "TimeDistributed":
            shapes = [(batch * steps, *rest) for batch, steps, *rest in shapes]
        layer = layer.inner[0]
    try:
        graph = shaped(model, input_shapes=[s[1:] for s in shapes], batch=shapes[0][0])
    except KerauditError:
        return None
    macs = [t.value for node in graph.nodes for t in node.effect.terms if t.unit == "mac"]
    if macs != [term.value for term in place.terms]:
        return None
    return sum(training_macs(graph, moving=place.upstream, frozen=place.frozen))
