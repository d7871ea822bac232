"""Rewrites of a model in any form: ``keraudit.audit(keraudit.without_skips("ResNet50"))``.

A rewrite takes no options of reading: ``keraudit.without_skips(keraudit.read("m.keras", batch=8))``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from keraudit.api import arguments
from keraudit.api.models import AS_RECORDED, InputShape, Model, graph_of, notes_of, reading_of
from keraudit.layers.infer import NO_RULES
from keraudit.model.graph import Graph
from keraudit.reading.resolve import silent
from keraudit.rewrite.apply import steps
from keraudit.rewrite.edit import Rewrite, RewriteNote
from keraudit.rewrite.input_size import at_input_shape as at_shape
from keraudit.rewrite.options import HOW, Rewriting


def without_skips(model: Model, *, layer: str = "") -> Rewrite:
    """Cut the shortcut of every residual addition; an addition left with one input goes.

    Args:
        model: as for ``keraudit.read``, or an earlier rewrite.
        layer: the addition whose shortcut is cut, by name; the others stay. Default: all.

    Returns:
        A ``Rewrite``: its ``graph`` and the ``log`` of what changed; every function takes it as a model.

    Raises:
        KerauditError: the model cannot be read, or does not fit; the message names the layer.
    """
    if layer == "":
        return _done(model, Rewriting(without_skips=True))
    arguments.text("layer", layer, "the name of a layer")
    return _done(model, Rewriting(without_skip=(layer,)))


def without_reductions(
    model: Model, *, also_pool_projections: bool = False, layer: str = ""
) -> Rewrite:
    """Remove every 1x1 reduction; the convolutions behind it read the wide map.

    Args:
        model: as for ``without_skips``.
        also_pool_projections: take the 1x1 behind poolings out too (GoogLeNet's figure 2(a)).
        layer: the reduction that is removed, by name; the others stay. Default: all.
    """
    if layer != "":
        arguments.text("layer", layer, "the name of a layer")
        return _done(model, Rewriting(without_reduction=(layer,)))
    pools = bool(also_pool_projections)
    return _done(model, Rewriting(without_reductions=True, also_pool_projections=pools))


def without_normalization(model: Model) -> Rewrite:
    """Remove every batch, layer, group and RMS normalisation; arguments as for ``without_skips``."""
    return _done(model, Rewriting(without_norm=True))


def factorized(model: Model, how: str) -> Rewrite:
    """Replace every 2-D convolution that one way of factorising fits.

    Args:
        model: as for ``without_skips``.
        how: ``"two-3x3"``: each 5x5 becomes two 3x3, 28 % fewer MACs at equal width (Szegedy et al.
            2015, section 3.1); ``"asymmetric"``: each nxn with n from 3 becomes 1xn and nx1, 33 %
            fewer for n = 3 (section 3.2); ``"separable"``: each kxk from 3 becomes depthwise and
            pointwise, 1/filters + 1/k^2 of the MACs (Howard et al. 2017, section 3.1).
    """
    if how not in HOW:
        arguments.refuse("how", how, ", ".join(HOW))
    return _done(model, Rewriting(factorized=how))


def with_activation(model: Model, name: str) -> Rewrite:
    """Replace every hidden activation; classifiers and gates keep theirs.

    Args:
        model: as for ``without_skips``.
        name: as Keras spells it, such as ``"gelu"``.
    """
    arguments.text("name", name, 'an activation as Keras spells it, such as "gelu"')
    return _done(model, Rewriting(activation=name))


def with_width(model: Model, multiplier: float) -> Rewrite:
    """Multiply the filters or units of every hidden layer; the outputs keep theirs.

    Args:
        model: as for ``without_skips``.
        multiplier: such as ``0.5``.
    """
    arguments.positive("multiplier", multiplier, "a number above 0 such as 0.5")
    return _done(model, Rewriting(width=multiplier))


def with_filters(model: Model, layer: str, count: int) -> Rewrite:
    """Give one convolution another number of filters.

    Args:
        model: as for ``without_skips``.
        layer: the convolution's name.
        count: of its filters.
    """
    arguments.text("layer", layer, "the name of a layer")
    return _done(model, Rewriting(filters=((layer, arguments.whole("count", count)),)))


def repeat_block(model: Model, block: str, times: int) -> Rewrite:
    """Let a block stand several times in a row (0 removes it), each copy with weights of its own.

    Args:
        model: as for ``without_skips``.
        block: its name.
        times: in all.
    """
    arguments.text("block", block, "the name of a block")
    return _done(model, Rewriting(repeat=((block, arguments.whole("times", times, least=0)),)))


def at_input_shape(
    model: Model, input_shape: InputShape | None = None, *, batch: int | None = None
) -> Rewrite:
    """Shape a model at another input size or batch.

    Args:
        model: as for ``without_skips``.
        input_shape: as for ``keraudit.read``; default: as it is.
        batch: default: as it is.
    """
    reading = reading_of(input_shape, None, batch, NO_RULES, (), silent)
    graph = graph_of(model, AS_RECORDED)
    sizes = reading.requested.shapes
    if isinstance(sizes, Mapping):
        sized = graph_of(graph, reading)
        sizes = tuple(node.outputs[0].shape[1:] for node in sized.input_nodes)
    done = at_shape(graph, *(sizes or ()), batch=reading.requested.batch)
    return replace(done, notes=notes_of(model))


def _done(model: Any, rewriting: Rewriting) -> Rewrite:
    """Carry out the one step of ``rewriting``, with a note for reports after those of earlier ones."""
    step: Callable[[Graph], Rewrite]
    ((label, step),) = steps(rewriting)
    graph = graph_of(model, AS_RECORDED)
    done = step(graph)
    note = RewriteNote(name=label, changes=len(done.changes), nothing=done.nothing, log=done.log)
    return replace(done, notes=(*notes_of(model), note))
