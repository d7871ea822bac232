"""Which of a call's figures are exact, and where its weights are known from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from keraudit.layers.assumed import Expected
from keraudit.model.bounds import Bound, Bounds
from keraudit.model.graph import UNSUPPORTED, Call, Effect, Layer, Node, Tensor, Weight


class Place(NamedTuple):
    """One call where it stands. ``behind``: an input's shape is an assumption of ours."""

    layer: Layer
    call: Call
    inputs: tuple[Tensor, ...]
    hopes: Mapping[int, Expected]
    behind: bool
    reads: int
    empty: tuple[tuple[int | None, ...], ...] = ()


def with_weights(
    place: Place, effect: Effect, *, assumed: bool, holds: bool, shaded: bool
) -> tuple[Effect, Bounds]:
    """The effect with the weights that the file or the live layer holds, where no rule is sure of them.

    Args:
        place: the call.
        effect: what a rule, or nobody, says of it.
        assumed: whether the shape of an output is an assumption of ours.
        holds: whether the call reads the shapes that the layer was built for.
        shaded: whether something before it is not counted, and may be trained, so that a training step
            may cost more.

    Returns:
        The effect, and what each of its figures is.
    """
    rests = place.behind or effect.estimated
    read = place.layer.weights
    if read == () and effect.weights:  # a layer that was saved before it was built
        read = None
    added = bool(read) and not effect.weights  # variables of a traced layer, used by an operation
    if read is not None and (rests or added or not effect.weights_known):
        effect = replace(effect, weights=_named_alike(read, effect.weights), weights_known=True)
        merged = bool(
            place.layer.config.get("lora_rank")
        )  # a file holds the kernel with its factors
        params = (Bound.LOWER if merged else Bound.EXACT) if holds else Bound.ESTIMATE
    elif rests and effect.weights:
        params = Bound.ESTIMATE
    else:
        params = Bound.EXACT if effect.weights_known else Bound.LOWER
    untold = place.layer.trainable and any(w.trainable is None for w in effect.weights)
    left_out = Bound.LOWER if effect.status == UNSUPPORTED else Bound.EXACT
    macs = Bound.ESTIMATE if rests and effect.macs else left_out
    return effect, Bounds(
        macs=macs,
        training_macs=max(macs, Bound.LOWER) if shaded and effect.macs else macs,
        flops=Bound.ESTIMATE if rests and effect.terms else left_out,
        params=params,
        trainable_params=max(params, Bound.LOWER) if untold else params,
        activations=Bound.ESTIMATE if assumed else left_out,
    )


def _named_alike(read: Sequence[Weight], ruled: Sequence[Weight]) -> tuple[Weight, ...]:
    """Weights as they were read; where a rule gives the like, with its names and what it trains.

    An ``.h5`` file lists them by name, ``.keras`` in the layer's own order.
    """
    if len(read) != len(ruled):
        return tuple(read)
    names = {weight.name.rpartition("/")[2].partition(":")[0]: weight for weight in read}
    if all(rule.name in names for rule in ruled):
        read = [names[rule.name] for rule in ruled]
    pairs = list(zip(read, ruled, strict=True))
    if any(len(own.shape) != len(rule.shape) for own, rule in pairs):
        return tuple(read)
    return tuple(own._replace(name=rule.name, trainable=rule.trainable) for own, rule in pairs)


def checked_against_total(nodes: Sequence[Node], stated: int | None) -> tuple[Node, ...]:
    """The nodes, their parameters held against the number that the file or the live model holds.

    Where they do not add up to it, a weight is shared by two layers, or a layer is not as its config
    says: then they are estimates, of the layers whose weights were read, else of all.
    """
    exact = all(node.bounds.params is Bound.EXACT for node in nodes)
    ours = sum(weight.elements for node in nodes for weight in node.weights)
    if stated is None or not exact or ours == stated:
        return tuple(nodes)
    suspects = [node for node in nodes if node.layer.weights] or [n for n in nodes if n.weights]
    names = {node.name for node in suspects}

    def estimated(node: Node) -> Node:
        bounds = node.bounds._replace(params=Bound.ESTIMATE, trainable_params=Bound.ESTIMATE)
        return replace(node, bounds=bounds) if node.name in names else node

    return tuple(map(estimated, nodes))
