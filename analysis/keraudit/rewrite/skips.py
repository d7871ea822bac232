"""The network without its skip connections: at each residual merge the shortcut is cut.

A *residual merge* is a sum of two or more branches. A branch is a *shortcut* if it carries what
another branch works on to the sum and does no more than match its shape: the identity, or a projection
(He et al. 2015, section 3.3), with pooling, padding, normalisation or dropout on the way. The other
branch, F(x), computes: it has layers with weights, and if the shortcut projects, an activation,
attention, or a convolution that looks at neighbours as well.

What a branch reads besides is a side input (the encoder of a cross-attention, the time or class of a
diffusion model): it is neither cut nor in the way of a cut. What only served a shortcut goes with it.
Sums are looked at in running order, each in the network as cut so far; names play no part.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from keraudit.errors import ShapeError
from keraudit.layers.merging import broadcast
from keraudit.model.graph import Graph, Ref
from keraudit.rewrite.edit import Change, Plan, Rewrite, applied, check_name, of_keras
from keraudit.rewrite.shortcut_layers import CARRIES, PROJECTS, SUMS
from keraudit.rewrite.trunk import ROOT, Trunk, neighbours

COMPUTES = 2  # more than to carry or to project
SHOWN = 3  # layers of a shortcut that are named


class Shortcut(NamedTuple):
    """An input of a sum that is a shortcut: from where, with how many projections, around what."""

    ref: Ref
    fork: int
    projections: int
    around: Ref


def without_skips(graph: Graph, *, only: str = "") -> Rewrite:
    """Cut the shortcut of every residual merge; a merge left with one input goes.

    Args:
        graph: any graph.
        only: the sum whose shortcut is cut, by name; the others stay. Default: all.

    Returns:
        The plain network, with the same names for the layers that stay. The log has an entry for every
        cut, with what tells that it is a shortcut, and for every sum that was left alone.

    Raises:
        KerauditError: no sum is called ``only``.
    """
    check_name(graph, only, lambda node: node.layer.kind in SUMS and of_keras(node.layer), "sum")
    trunk = Trunk(graph)
    drop: dict[int, frozenset[Ref]] = {}
    log: list[Change] = []
    for index, node in enumerate(graph.nodes):
        remaining: Sequence[Shortcut] = ()
        is_sum = node.layer.kind in SUMS and of_keras(node.layer) and len(set(node.sources)) > 1
        if is_sum and only in ("", node.name):
            remaining = shortcuts(trunk, index)
            why = _refusal(graph, index, remaining) or (
                "" if remaining else _no_shortcut(trunk, index)
            )
            if why:
                remaining = ()
                log.append(Change(layer=node.name, what="left alone", why=why))
        gone = frozenset(cut.ref for cut in remaining)
        left = {ref.call for ref in node.sources if ref not in gone}
        trunk.grow(index, {ref.call for ref in gone} - left)
        if remaining:
            drop[index] = gone
            log.extend(
                Change(layer=node.name, what="cut", why=evidence(trunk, cut)) for cut in remaining
            )
    if not drop:
        reason = "no sum with a shortcut" if log else "nothing is added up in this model"
        return Rewrite(graph=graph, log=tuple(log), nothing=f"no skip connection found: {reason}")
    return Rewrite(graph=applied(graph, Plan(drop=drop)), log=tuple(log))


def shortcuts(trunk: Trunk, index: int) -> list[Shortcut]:
    """The inputs of a sum that carry what another of its inputs was computed from."""
    refs = sorted(trunk.full(index))
    result = []
    for ref, near in neighbours(refs):
        ways = [way for other in near if other != ref and (way := _around(trunk, ref, other))]
        if ways:
            result.append(
                max(ways, key=lambda way: (trunk.depth[way.fork], trunk.work[way.around.call + 1]))
            )
    return result


def _around(trunk: Trunk, ref: Ref, other: Ref) -> Shortcut | None:
    """One input of a sum as a shortcut around another; ``None`` if it is none."""
    fork = trunk.meet(ref.call + 1, other.call + 1)
    projections = trunk.carries_from(ref.call + 1, fork)
    if fork == ROOT or projections is None or projections > PROJECTS:
        return None
    if does(trunk, fork, other) <= projections:
        return None
    return Shortcut(ref, fork, projections, other)


def does(trunk: Trunk, fork: int, ref: Ref) -> int:
    """What a branch does: ``CARRIES``, ``PROJECTS`` once, or ``COMPUTES``.

    An activation written out in operations has no layers with weights, and counts as carrying.
    """
    end = ref.call + 1
    projections = trunk.carries_from(end, fork)
    if projections is not None:
        return min(projections, COMPUTES)
    return COMPUTES if trunk.work[end] > trunk.work[fork] else CARRIES


def _refusal(graph: Graph, index: int, shortcuts: Sequence[Shortcut]) -> str:
    """Why shortcuts cannot be cut; empty if they can: what is left must have the shape of the sum."""
    node, gone = graph.nodes[index], {cut.ref for cut in shortcuts}
    if not shortcuts:
        return ""
    pairs = zip(node.sources, node.inputs, strict=True)
    left = [tensor.shape for ref, tensor in pairs if ref not in gone]
    try:
        keeps = bool(left) and broadcast(*left) == node.outputs[0].shape
    except ShapeError:
        keeps = False
    return "" if keeps else "without its shortcut its shape would be another"


def evidence(trunk: Trunk, cut: Shortcut) -> str:
    """What tells that a shortcut is one."""
    nodes, end = trunk.graph.nodes, cut.ref.call + 1
    kind = "a projection" if cut.projections else "the identity"
    start = nodes[cut.fork - 1]
    origin = "the input" if start.layer.kind == "InputLayer" else start.name
    passed: list[str] = []
    while end != cut.fork and len(passed) <= SHOWN:
        passed.append(nodes[end - 1].name)
        end = trunk.parent[end]
    more = ["..."] if len(passed) > SHOWN else []
    through = f" through {', '.join([*more, *reversed(passed[:SHOWN])])}" if passed else ""
    layers = trunk.layers[cut.around.call + 1] - trunk.layers[cut.fork]
    counted = f"{layers} layer{'s' * (layers != 1)} with weights" if layers else "no weights"
    branch = nodes[cut.around.call].name
    return f"{kind} from {origin}{through}, beside a branch of {counted} that ends in {branch}"


def _no_shortcut(trunk: Trunk, index: int) -> str:
    """Why a sum has no shortcut."""
    nodes, refs = trunk.graph.nodes, sorted(trunk.full(index))
    side = [ref.call for ref in nodes[index].sources if ref not in set(refs)]
    if len(refs) < 2:
        names = ", ".join(nodes[i].name for i in side[:SHOWN])
        return (
            f"{names} is stretched over the rest: a side input is not a shortcut"
            if side
            else ("its inputs are zeros but for one")
        )
    a, b = refs[0].call + 1, refs[-1].call + 1
    fork = trunk.meet(a, b)
    names = f"{nodes[a - 1].name} and {nodes[b - 1].name}"
    if fork == ROOT:
        return f"{names} come from different inputs: neither carries what the other works on"
    lengths = [trunk.layers[ref.call + 1] - trunk.layers[fork] for ref in refs]
    kinds = [does(trunk, fork, ref) for ref in refs]
    if max(kinds) < COMPUTES:
        word = "project" if max(kinds) else "carry on"
        what = f"none of its branches computes: they {word} {nodes[fork - 1].name}"
    else:
        what = f"no branch carries on what another works on: {_computing(trunk, a, b, fork)}"
    if len(set(lengths)) == 1:
        return f"its branches are equally long: neither is a shortcut; {what}"
    return what


def _computing(trunk: Trunk, a: int, b: int, fork: int) -> str:
    """For two branches, the last layer of each that computes; or that it projects twice."""
    layers = []
    for end in dict.fromkeys((a, b)):
        nodes, top = trunk.graph.nodes, trunk.top[end]
        if trunk.depth[top] > trunk.depth[fork]:
            layers.append(f"{nodes[top - 1].name} ({nodes[top - 1].layer.kind}) computes")
        else:
            times = trunk.carries_from(end, fork)
            layers.append(f"{nodes[end - 1].name} ends {times} projections")
    return ", ".join(layers)
