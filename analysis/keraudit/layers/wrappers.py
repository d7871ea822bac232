"""Layers that hold other layers, and layers that hold code which is never run.

A wrapper applies the whole table to what it holds (``Site.measure``), so an inner layer costs what
it would cost on its own. Its weights belong to the wrapper.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from keraudit.errors import ModelError, ShapeError
from keraudit.layers.call import Effect, Shape, Site, Tensor, Term, Weight, elementwise, unsupported
from keraudit.layers.combine import combined, inner_weights, repeated
from keraudit.layers.lora import LOW_RANK, once_a_call
from keraudit.layers.quantized import ADDED, quantization
from keraudit.model.graph import GLOBAL, POINTWISE, UNSUPPORTED, Along, Architecture, Layer, View

# What a bidirectional layer does with its two outputs: FLOPs per element.
MERGES: Mapping[str | None, int] = {"concat": 0, "sum": 1, "mul": 1, "ave": 2, None: 0}

RUNS_CODE: Mapping[str, str] = {
    "Lambda": "it runs a Python function, which is not counted: make it a layer class of your own"
    " (which may have @keraudit.counts), or give a rule for Lambda with --rules (rules=)",
    "JaxLayer": "it runs a JAX function, which the config does not describe",
    "FlaxLayer": "it runs a Flax module, which the config does not describe",
    "TorchModuleWrapper": "it runs a pickled torch module, which is never loaded here",
    "TFSMLayer": "it runs a TensorFlow SavedModel, which is never loaded here",
}


def _inner_of(site: Site) -> Layer | Architecture:
    if not site.inner:
        raise ModelError("the wrapper's config holds no layer")
    return site.inner[0]


def wrapper(site: Site) -> Effect:
    """Wrapper: what the layer it holds does."""
    inner = _inner_of(site)
    effect = site.measure(inner, site.inputs)
    return combined(
        *effect.outputs,
        effects=[effect],
        terms=effect.terms,
        weights=inner_weights(effect.weights, inner),
        view=effect.view,
        dtype=effect.dtype,
    )


def _tensors_in(value: object) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        for key in sorted(value):
            yield from _tensors_in(value[key])
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _tensors_in(item)


def time_distributed(site: Site) -> Effect:
    """The layer or model on each step: on a batch of ``batch x steps``, its weights once.

    The view is the inner layer's: no step sees another. A mask of the call costs nothing, as anywhere
    else. Keras runs the steps one by one: what a call does to its weights (a low-rank product,
    unpacking) it does at each. It runs a quantised layer in its plain form, which is not counted.
    What was traced was so on one step; all that it does it does at each.
    """
    inner = _inner_of(site)
    single = isinstance(inner, Architecture) and inner.traced
    folded, steps = [], 0
    for tensor in _tensors_in(site.argument(0, "inputs", site.inputs)):
        if len(tensor.shape) < 3:
            raise ShapeError(f"expected an input (batch, steps, ...), received {tensor.shape}")
        batch, steps, *rest = tensor.shape
        folded.append(Tensor((batch if single else batch * steps, *rest), tensor.dtype))
    effect = site.measure(inner, tuple(folded))
    outputs: list[Shape] = []
    for shape in effect.outputs:
        if not shape or (shape[0] % steps and not single):
            raise ShapeError(f"the inner layer's output {shape} has lost the batch")
        outputs.append((shape[0] if single else shape[0] // steps, steps, *shape[1:]))
    terms: list[Term | None] = []
    for term in effect.terms:
        each = single or once_a_call(term)
        terms += repeated([term], "steps", steps) if each else [term]
    effects = [effect]
    if isinstance(inner, Layer) and (mode := quantization(inner.config).mode):
        reason = (
            f"TimeDistributed does not run the {mode} form of its layer: what it does is not known"
        )
        effects = [replace(effect, status=UNSUPPORTED, reason=reason)]
        terms = [term for term in terms if term and term.what not in (*ADDED, *LOW_RANK)]
    return combined(
        *outputs,
        effects=effects,
        terms=terms,
        weights=inner_weights(effect.weights, inner),
        view=_behind_steps(effect.view),
        dtype=effect.dtype,
    )


def _behind_steps(view: View) -> View:
    """The view of an inner layer, its axes counted with the steps before them."""
    if isinstance(view, Along):
        return Along(tuple((axis + 1 if axis else 0, window) for axis, window in view.axes))
    return view


def bidirectional(site: Site) -> Effect:
    """The layer forwards, a second one backwards, and their outputs merged.

    Merging costs 1 FLOP per element for ``sum`` and ``mul``, 2 for ``ave`` (add, halve), and none
    for ``concat``. Files of Keras 2 may leave the backward layer out: it is then the forward one
    with weights of its own.
    """
    forward = _inner_of(site)
    backward = site.inner[1] if len(site.inner) > 1 else forward
    effects = [site.measure(layer, site.inputs[:1]) for layer in (forward, backward)]
    (first, *states), (second, *more) = (effect.outputs for effect in effects)
    if first != second:
        raise ModelError(f"the two directions give {first} and {second}")
    mode = site.config.get("merge_mode", "concat")
    if mode not in MERGES:
        raise ModelError(f"merge_mode must be one of {list(MERGES)}, received {mode!r}")
    merged: tuple[Shape, ...] = (first,)
    if mode == "concat":
        merged = ((*first[:-1], 2 * first[-1]),)
    elif mode is None:
        merged = (first, second)
    terms: list[Term | None] = [term for effect in effects for term in effect.terms]
    terms.append(elementwise("merge", first, MERGES[mode]))
    weights = (
        *inner_weights(effects[0].weights, forward, "forward/"),
        *inner_weights(effects[1].weights, backward, "backward/"),
    )
    return combined(
        *merged, *states, *more, effects=effects, terms=terms, weights=weights, view=GLOBAL
    )


def spectral_normalization(site: Site) -> Effect:
    """The layer it holds; its power iteration runs in training only (Miyato et al. 2018).

    It keeps the vector u, one number for each column of the kernel seen as a matrix.
    """
    effect = wrapper(site)
    kernels = [w for w in effect.weights if w.name in ("kernel", "embeddings")]
    if not kernels:
        raise ModelError("the layer it holds has neither a kernel nor embeddings")
    vector = Weight("vector_u", (1, kernels[0].shape[-1]), trainable=False)
    return combined(
        *effect.outputs,
        effects=[effect],
        terms=effect.terms,
        weights=(*effect.weights, vector),
        view=effect.view,
        dtype=effect.dtype,
    )


def pipeline(site: Site) -> Effect:
    """Pipeline: its layers, one after another."""
    tensors, effects = site.inputs, []
    weights: list[Weight] = []
    for number, inner in enumerate(site.inner):
        effect = site.measure(inner, tensors)
        weights.extend(inner_weights(effect.weights, inner, f"{number}/"))
        dtype = effect.dtype or tensors[0].dtype
        tensors = tuple(Tensor(shape, dtype) for shape in effect.outputs)
        effects.append(effect)
    views = {effect.view for effect in effects}
    return combined(
        *(tensor.shape for tensor in tensors),
        effects=effects,
        chained=True,
        terms=[term for effect in effects for term in effect.terms],
        weights=tuple(weights),
        view=views.pop() if len(effects) == 1 else POINTWISE if views <= {POINTWISE} else GLOBAL,
    )


def opaque(site: Site) -> Effect:
    """Lambda and its like: nothing is known but the output shape that the file records.

    A Lambda owns no weights; its like may.
    """
    stated, guessed = site.config.get("output_shape"), True
    shape = site.shape if site.expected is None else site.expected
    reason = RUNS_CODE[site.kind]
    is_shape = isinstance(stated, list) and all(isinstance(s, int) for s in stated)
    if isinstance(stated, list) and stated and is_shape and site.expected is None:
        shape, guessed = (site.shape[0], *stated), False
        reason += " (its output shape is as its config states)"
    known = site.kind == "Lambda"
    return unsupported(shape, reason=reason, view=GLOBAL, guessed=guessed, weights_known=known)
