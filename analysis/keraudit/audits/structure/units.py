"""Residual units, found in the graph's fork-join regions; names play no part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from keraudit.audits.structure.network import Filter, Network, pool_at, regions_as
from keraudit.model.block import Block
from keraudit.model.blocks import GATES, NORMALIZING
from keraudit.rewrite.shortcut_layers import SUMS, VALUES_KEPT

BASIC, BOTTLENECK, INVERTED, OTHER = "basic", "bottleneck", "inverted bottleneck", "other"
IDENTITY, PADDED, PROJECTION = "identity", "option A", "projection"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A residual unit: a region whose join adds a shortcut to a longer branch.

    ``filters`` are those of the residual branch in order, empty where it forks itself.
    ``shortcut`` is ``IDENTITY``, ``PADDED`` (option A of He et al. 2015, section 3.3: the identity with
    zeros for new channels or a choice of positions), ``PROJECTION``, or what else it holds; ``around``
    are its nodes.
    """

    name: str
    fork: int
    join: int
    kind: str
    filters: tuple[Filter, ...]
    shortcut: str
    around: tuple[int, ...]

    @property
    def text(self) -> str:
        return "-".join(f.text for f in self.filters) or "several branches"


def units(network: Network) -> tuple[Unit, ...]:
    """The residual units on the way to the main output; one inside another is part of it."""
    return tuple(regions_as(_unit_of, network, network.blocks))


def _unit_of(network: Network, block: Block) -> Unit | None:
    """A region as a residual unit, if it adds and one branch has the fewest multiplying layers."""
    if block.fork is None or block.join is None or len(block.branches) < 2:
        return None
    if network.graph.nodes[block.join].layer.kind not in SUMS:
        return None
    weights = [sum(1 for i in branch if network.filters[i]) for branch in block.branches]
    least = min(weights)
    if weights.count(least) > 1:
        return None
    shortcut = block.branches[weights.index(least)]
    residual = [branch for branch in block.branches if branch is not shortcut]
    filters = _residual_filters(network, block, residual)
    return Unit(
        name=block.name,
        fork=block.fork,
        join=block.join,
        kind=_kind_of(filters),
        filters=filters,
        shortcut=_shortcut_of(network, shortcut),
        around=shortcut,
    )


def _residual_filters(
    network: Network, block: Block, residual: Sequence[Sequence[int]]
) -> tuple[Filter, ...]:
    """The multiplying layers of the one residual branch, gates left out; none if it forks."""
    nodes = {i for branch in residual for i in branch}
    forks = any(
        child.join in nodes and network.graph.nodes[child.join].layer.kind not in GATES
        for child in block.children
        if child.join is not None
    )
    if forks or len(residual) > 1:
        return ()
    inside = (i for i in residual[0] if i not in network.in_gates)
    return tuple(found for i in inside if (found := network.filters[i]))


def _kind_of(filters: Sequence[Filter]) -> str:
    """The two kinds of He et al. 2015, figure 5; MobileNetV2's inverted one; or another.

    A bottleneck's last 1x1 restores the channels that its 3x3 has fewer of. Grouped 3x3 (ResNeXt)
    count as 3x3.
    """
    sides = [set(f.kernel) if len(f.kernel) > 1 else None for f in filters]
    styles = {f.style.partition(" ")[0] for f in filters}
    if sides == [{3}, {3}] and styles <= {"", "in"}:
        return BASIC
    if sides != [{1}, {3}, {1}]:
        return OTHER
    if styles <= {"", "in"} and filters[2].filters > filters[1].filters:
        return BOTTLENECK
    wide = filters[0].filters > filters[2].filters and filters[1].style == "depthwise"
    return INVERTED if wide else OTHER


def _shortcut_of(network: Network, branch: Sequence[int]) -> str:
    """What a shortcut does to the values it carries."""
    weighty = [found for i in branch if (found := network.filters[i])]
    odd = [
        network.graph.nodes[i].layer.kind
        for i in branch
        if not (network.filters[i] or _carries(network, i, projected=bool(weighty)))
    ]
    if odd:
        return odd[0]
    if weighty:
        first = weighty[0]
        linear = len(weighty) == 1 and first.is_pointwise and first.style in ("", "dense")
        return PROJECTION if linear else "-".join(f.text for f in weighty)
    return PADDED if branch else IDENTITY


def _carries(network: Network, index: int, *, projected: bool) -> bool:
    """Whether a layer passes its values on; beside a projection it may also average or normalise."""
    kind = network.graph.nodes[index].layer.kind
    pool = pool_at(network, index)
    if pool:
        return projected or prod(pool.window) == 1
    return kind.startswith(VALUES_KEPT) or (projected and kind in NORMALIZING)
