"""Recurrent layers and their cells: one step's cost, times the steps.

Every step is counted in full, the first one too (its state is zero, but it is multiplied all the
same). Dropout is off. Beside the MACs of the two projections, for each unit and step:

=========  ====  ===========  ======================  =======================================
cell       bias  activations  other                   the equations
=========  ====  ===========  ======================  =======================================
SimpleRNN  1     1 act        1: x W + h U            h = act(x W + b + h U)
LSTM       4     3 rec 2 act  4: x W + h U, a gate    c = f c + i act(.), h = o act(c)
                              4: f c + i g, o act(c)
GRU        3, 6  2 rec 1 act  3: x W + h U, a gate    h = z h + (1 - z) act(. + r (h U))
                              5: r h, z h + (1 - z) g  or, before it is reset: act(. + (r h) U)
=========  ====  ===========  ======================  =======================================

Sources: Hochreiter and Schmidhuber 1997 with the forget gate of Gers et al. 2000 (LSTM); Cho et al.
2014 (GRU); ``reset_after`` is cuDNN's variant, with a second bias of its own for h U.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from keraudit.errors import ModelError, ShapeError
from keraudit.layers.activation import activation_term, unknown_activation
from keraudit.layers.call import (
    Effect,
    Shape,
    Site,
    Tensor,
    Term,
    Weight,
    counted,
    elementwise,
    join,
    whole_number,
)
from keraudit.layers.combine import combined, inner_weights, repeated
from keraudit.layers.convolution import Geometry, from_one, positions
from keraudit.model.graph import GLOBAL, UNSUPPORTED, Architecture, Layer

# name: (gates, states, recurrent activations, activations, other operations per unit)
GATES: Mapping[str, tuple[int, int, int, int, int]] = {
    "SimpleRNN": (1, 1, 0, 1, 1),
    "LSTM": (4, 2, 3, 2, 4 + 4),
    "GRU": (3, 1, 2, 1, 3 + 5),
}


def projection(what: str, batch: int, features: int, gates: int, units: int) -> Term:
    """The MACs of one step's x W or h U, all gates at once."""
    factors = (("batch", batch), (f"{what} features", features), ("gates", gates), ("units", units))
    return Term("mac", f"{what} projection", factors)


def _gate_terms(
    config: Mapping[str, Any], name: str, shape: Shape, biases: int
) -> list[Term | None]:
    """What one step does to every element of the state beside its projections."""
    gates, _, inner, outer, other = GATES[name]
    each = activation_term(config.get("activation", "tanh"), shape)
    gate = activation_term(config.get("recurrent_activation", "sigmoid"), shape)
    return [
        elementwise("bias", shape, biases * gates),
        *(repeated([gate], "gates", inner) if gate and inner else ()),
        *(repeated([each], "times", outer) if each else ()),
        elementwise("gates", shape, other),
    ]


def _unit_cell(config: Mapping[str, Any], name: str, shape: Shape, biases: int) -> Effect:
    """One step of ``name`` on ``(batch, features)``: x W + h U + b for every gate, then the gates.

    ``biases`` is the number of bias vectors of ``gates x units`` numbers.
    """
    if len(shape) != 2:
        raise ShapeError(f"expected a step of rank 2 (batch, features), received the shape {shape}")
    gates, states, inner, *_ = GATES[name]
    batch, features, units = shape[0], shape[1], whole_number(config, "units")
    from_one(units=(units,))
    state = (batch, units)
    terms = [
        projection("input", batch, features, gates, units),
        projection("recurrent", batch, units, gates, units),
        *_gate_terms(config, name, state, biases),
    ]
    weights = [
        Weight("kernel", (features, gates * units)),
        Weight("recurrent_kernel", (units, gates * units)),
    ]
    if biases:
        wide = gates * units
        weights.append(Weight("bias", (wide,) if biases == 1 else (biases, wide)))
    used = [config.get("activation", "tanh")]
    used += [config.get("recurrent_activation", "sigmoid")] if inner else []
    return counted(
        state,
        *((state,) * states),
        terms=terms,
        weights=tuple(weights),
        view=GLOBAL,
        unknown=unknown_activation(*used),
    )


def _simple_rnn_step(config: Mapping[str, Any], shape: Shape) -> Effect:
    """h = act(x W + b + h U)."""
    return _unit_cell(config, "SimpleRNN", shape, int(bool(config.get("use_bias", True))))


def _lstm_step(config: Mapping[str, Any], shape: Shape) -> Effect:
    """i, f, g, o from x W + h U + b; c = f c + i g; h = o act(c)."""
    return _unit_cell(config, "LSTM", shape, int(bool(config.get("use_bias", True))))


def _gru_step(config: Mapping[str, Any], shape: Shape) -> Effect:
    """z, r, g from x W + h U + b; h = z h + (1 - z) g; ``reset_after`` adds a bias to h U."""
    biases = (2 if config.get("reset_after", True) else 1) if config.get("use_bias", True) else 0
    return _unit_cell(config, "GRU", shape, biases)


def _cudnn_lstm_step(config: Mapping[str, Any], shape: Shape) -> Effect:
    """Keras 2's ``CuDNNLSTM``: an LSTM with tanh and sigmoid, and two biases."""
    return _unit_cell({"units": config["units"]}, "LSTM", shape, 2)


def _cudnn_gru_step(config: Mapping[str, Any], shape: Shape) -> Effect:
    """Keras 2's ``CuDNNGRU``: a GRU that resets after the product, with two biases."""
    return _unit_cell({"units": config["units"]}, "GRU", shape, 2)


STEPS: Mapping[str, Callable[[Mapping[str, Any], Shape], Effect]] = {
    "SimpleRNN": _simple_rnn_step,
    "LSTM": _lstm_step,
    "GRU": _gru_step,
    "CuDNNLSTM": _cudnn_lstm_step,
    "CuDNNGRU": _cudnn_gru_step,
}


def _unrolled(site: Site, cell: Effect, steps: int) -> Effect:
    """A cell's effect over a sequence: its terms times the steps, its weights once."""
    config, (step, *states) = site.config, cell.outputs
    output = (step[0], steps, *step[1:]) if config.get("return_sequences") else step
    outputs = (output, *states) if config.get("return_state") else (output,)
    terms = repeated(cell.terms, "steps", steps)
    return combined(*outputs, effects=[cell], terms=terms, weights=cell.weights, view=GLOBAL)


def _sequence(site: Site) -> tuple[int, int, Shape]:
    """Take a sequence's shape apart into batch, steps and the rest."""
    if len(site.shape) < 3:
        raise ShapeError(
            f"expected a sequence of rank 3 or more (batch, steps, ...), received {site.shape}"
        )
    batch, steps, *rest = site.shape
    return batch, steps, tuple(rest)


def recurrent(site: Site) -> Effect:
    """SimpleRNN, LSTM, GRU: the step of that name, once for each position of the sequence."""
    batch, steps, rest = _sequence(site)
    return _unrolled(site, STEPS[site.kind](site.config, (batch, *rest)), steps)


def cell(site: Site) -> Effect:
    """SimpleRNNCell, LSTMCell, GRUCell: one step; the output, then the new states."""
    return STEPS[site.kind.removesuffix("Cell")](site.config, site.shape)


def stacked_cells(site: Site) -> Effect:
    """StackedRNNCells: each cell reads the one before; the last output, then all states."""
    tensor, effects = site.inputs[0], []
    states: list[Shape] = []
    weights: list[Weight] = []
    for number, inner in enumerate(site.inner):
        effect = site.measure(inner, (tensor,))
        tensor = Tensor(effect.outputs[0], tensor.dtype)
        states.extend(effect.outputs[1:])
        weights.extend(inner_weights(effect.weights, inner, f"cell_{number}/"))
        effects.append(effect)
    terms = [term for effect in effects for term in effect.terms]
    return combined(
        tensor.shape,
        *states,
        effects=effects,
        chained=True,
        terms=terms,
        weights=tuple(weights),
        view=GLOBAL,
    )


def rnn(site: Site) -> Effect:
    """RNN: the wrapped cell, once for each position of the sequence."""
    batch, steps, rest = _sequence(site)
    if len(site.inner) != 1:
        raise ModelError(f"expected one cell, found {len(site.inner)}")
    (inner,) = site.inner
    step = Tensor((batch, *rest), site.inputs[0].dtype)
    effect = site.measure(inner, (step, *_states(inner, step)))
    effect = combined(
        *effect.outputs,
        effects=[effect],
        terms=effect.terms,
        weights=inner_weights(effect.weights, inner),
    )
    result = _unrolled(site, effect, steps)
    if effect.status == UNSUPPORTED and len(effect.outputs) == 1:  # a cell that no rule knows
        shape = result.outputs[0] if site.expected is None else site.expected
        return combined(shape, effects=[_effect_of_unknown(inner, shape)], view=GLOBAL)
    return result


def _states(inner: Layer | Architecture, step: Tensor) -> list[Tensor]:
    """The states that a traced cell receives behind the step; the rules of others need none."""
    if isinstance(inner, Layer):
        return []
    shapes = [[size or 0 for size in shape or ()] for shape in inner.input_shapes[1:]]
    return [Tensor((step.shape[0], *shape[1:]), step.dtype) for shape in shapes]


def _effect_of_unknown(inner: Layer | Architecture, shape: Shape) -> Effect:
    name = inner.kind if isinstance(inner, Layer) else inner.name
    known = inner.unknown if isinstance(inner, Layer) else ""
    reason = known or f"the cell {name} is not in the layer table"
    return Effect(
        outputs=(shape,), status=UNSUPPORTED, reason=reason, guessed=True, weights_known=False
    )


def conv_lstm(site: Site) -> Effect:
    """ConvLSTM: an LSTM whose products are convolutions (Shi et al. 2015).

    The input is convolved with the layer's stride, dilation and padding; the state, which has the
    output's size, with the same kernel, ``same`` padding and no stride.
    """
    config, (batch, steps, rest) = site.config, _sequence(site)
    inner = (Tensor((batch, *rest), site.inputs[0].dtype),)
    g = Geometry(Site(kind=site.kind, config=config, inputs=inner, measure=site.measure))
    filters = whole_number(config, "filters")
    from_one(filters=(filters,))
    state = join(batch, g.out, filters, config)
    tail = (("gates", 4), ("filters", filters))
    around = (("batch", batch), *positions(g.out), *positions(g.kernel, "kernel "))
    use_bias = bool(config.get("use_bias", True))
    terms = [
        Term("mac", "input convolution", (*around, ("input channels", g.channels), *tail)),
        Term("mac", "recurrent convolution", (*around, ("state channels", filters), *tail)),
        *_gate_terms(config, "LSTM", state, int(use_bias)),
    ]
    weights = [
        Weight("kernel", (*g.kernel, g.channels, 4 * filters)),
        Weight("recurrent_kernel", (*g.kernel, filters, 4 * filters)),
        *([Weight("bias", (4 * filters,))] if use_bias else []),
    ]
    unknown = unknown_activation(
        config.get("activation", "tanh"), config.get("recurrent_activation", "sigmoid")
    )
    step = counted(state, state, state, terms=terms, weights=tuple(weights), unknown=unknown)
    return _unrolled(site, step, steps)
