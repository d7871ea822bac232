"""Claims about residual networks: the lecture's *full ResNet architecture*, a rule each.

The sentences follow Stanford's CS231n 2017, lecture 9, the sources are He et al. 2015, "Deep
Residual Learning for Image Recognition", by section, table and figure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from keraudit.audits.structure.both_families import one_classifier, size_of, stacked, stem
from keraudit.audits.structure.claim import Claim, Finding, decided, fails, holds, silent
from keraudit.audits.structure.network import Network, depth, halves, listed, pool_at
from keraudit.audits.structure.units import BASIC, BOTTLENECK, IDENTITY, PADDED, PROJECTION, Unit
from keraudit.output.numbers import counted


class Residual(NamedTuple):
    """A network and its residual units, one at least."""

    network: Network
    units: tuple[Unit, ...]


# Depth: the kind of its units, and how many at each number of channels (Table 1).
TABLE_1: Mapping[int, tuple[str, tuple[int, ...]]] = {
    18: (BASIC, (2, 2, 2, 2)),
    34: (BASIC, (3, 4, 6, 3)),
    50: (BOTTLENECK, (3, 4, 6, 3)),
    101: (BOTTLENECK, (3, 4, 23, 3)),
    152: (BOTTLENECK, (3, 8, 36, 3)),
}
ROUTES: Mapping[str, str] = {  # what a shortcut may be, and how to write it
    IDENTITY: "identity shortcut",
    PADDED: "option A shortcut",
    PROJECTION: "projection shortcut",
}
DEEP = 50  # from here on, Table 1 has bottlenecks


def _blocks_are_stacked(residual: Residual) -> Finding:
    """Holds for two units or more of which most follow the one before with no weights between."""
    return stacked(residual.network, residual.units, "residual unit")


def _shortcuts_carry(residual: Residual) -> Finding:
    """Holds when every shortcut is the identity, option A's included, or a projection."""
    routes = grouped([(unit.shortcut, unit.name) for unit in residual.units])
    note = "Option A is the identity with zeros for new channels or a choice of positions."
    evidence = [
        f"{counted(len(names), ROUTES.get(route, f'shortcut with {route}'))}: {listed(names)}."
        for route, names in routes.items()
    ]
    return decided(set(routes) <= set(ROUTES), *evidence, note if PADDED in routes else "")


def _blocks_are_of_two_kinds(residual: Residual) -> Finding:
    """Holds when every unit is one of figure 5's two."""
    return decided({u.kind for u in residual.units} <= {BASIC, BOTTLENECK}, *_kinds(residual.units))


def _blocks_are_basic(residual: Residual) -> Finding:
    """Holds when every residual branch is two 3x3 convolutions."""
    others = [unit for unit in residual.units if unit.kind != BASIC]
    if not others:
        return holds(*_kinds(residual.units))
    note = (
        "The sentence is the lecture's simplification: in Table 1 it is true of ResNet-18 and"
        " ResNet-34; from ResNet-50 on, the units are bottlenecks."
    )
    simplified = all(unit.kind == BOTTLENECK for unit in others)
    return fails(*_kinds(others), *([note] if simplified else []))


def _blocks_are_bottlenecks(residual: Residual) -> Finding:
    """Holds when every residual branch is 1x1-3x3-1x1; not applicable below 50 layers."""
    layers = depth(residual.network)
    if layers < DEEP:
        return silent(f"The sentence is about ResNet-50 and deeper; this has {layers} layers.")
    others = [unit for unit in residual.units if unit.kind != BOTTLENECK]
    note = "The paper's CIFAR nets are basic at any depth (section 4.2)."
    basic = bool(others) and all(unit.kind == BASIC for unit in others)
    return decided(not others, *_kinds(others or residual.units), *([note] if basic else []))


def _kinds(units: Sequence[Unit]) -> list[str]:
    """A sentence for each kind of unit and chain of kernels."""
    groups: dict[tuple[str, str], list[str]] = {}
    for unit in units:
        groups.setdefault((unit.kind, unit.text), []).append(unit.name)
    return [
        f"{counted(len(names), f'{kind} unit')}, {text}: {listed(names)}."
        for (kind, text), names in groups.items()
    ]


def grouped(pairs: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for key, name in pairs:
        groups.setdefault(key, []).append(name)
    return groups


def _filters_double(residual: Residual) -> Finding:
    """Holds when, wherever the units' sizes halve, a stride of 2 does it and the channels double.

    They may double in the unit after (as in Keras' version 2, which puts the stride at the end of a
    stage). Not applicable when the sizes stay.
    """
    network, units = residual
    points = [units[0].fork, *(unit.join for unit in units)]
    names = ["", *(unit.name for unit in units)]
    evidence, true = [], True
    for k, (a, b) in enumerate(pairwise(points), 1):
        if network.places[a] == network.places[b]:
            continue
        before, after = network.channels(a), network.channels(b)
        later = network.channels(points[k + 1]) if k + 1 < len(points) else after
        late = before == after and later == 2 * before
        good, by = _downsampler(network, a, units[k - 1])
        good = good and halves(network.places[a], network.places[b])
        true = true and good and (after == 2 * before or late)
        evidence.append(
            f"{names[k]}: {size_of(network, a)} to {size_of(network, b)}"
            f" {by}, channels {before:,} to {after:,}"
            + (f", and {later:,} in the next unit" if late else "")
            + "."
        )
    if not evidence:
        return silent(f"All units have the positions of the first, {size_of(network, points[0])}.")
    return decided(true, *evidence)


def _downsampler(network: Network, start: int, unit: Unit) -> tuple[bool, str]:
    """Whether a convolution with a stride of 2 shrinks the positions before or in a unit, and which.

    The shortcut does not count: it follows what the residual branch does.
    """
    for layer in network.weighted(start + 1, unit.join):
        if set(layer.strides) == {2} and layer.at not in unit.around:
            return True, f"by stride 2 in {network.name(layer.at)}"
    for index in range(start + 1, unit.join):
        pool = pool_at(network, index)
        if pool and max(pool.strides) > 1 and index not in unit.around:
            return False, f"by {pool.text} in {network.name(index)}"
    return False, "without a convolution of stride 2"


def _stem_is_one_convolution(residual: Residual) -> Finding:
    """Holds when exactly one layer with weights stands before the first unit."""
    return stem(residual.network, residual.units, most=1, word="unit")


def _classifier_is_alone(residual: Residual) -> Finding:
    """Holds when one fully connected layer follows the last unit, after global average pooling."""
    return one_classifier(residual.network, residual.units)


def _depth_is_the_papers(residual: Residual) -> Finding:
    """Holds when depth, kind and number of units agree with Table 1, or with 6n + 2 in section 4.2."""
    network, units = residual
    layers = depth(network)
    before = len(network.weighted(0, units[0].fork + 1))
    inside = Counter(len(unit.filters) for unit in units)
    rest = layers - before - sum(size * count for size, count in inside.items())
    terms = " + ".join(f"{count} x {size}" for size, count in inside.items())
    widths = [network.channels(unit.join) for unit in units]
    stages = tuple(Counter(widths).values())
    projections = sum(1 for unit in units if unit.shortcut == PROJECTION)
    aside = (
        f"; {counted(projections, 'projection')} on shortcuts not counted" if projections else ""
    )
    sum_text = f"{layers} = {before} + {terms} + {rest}: before the units, in them, and between or after them{aside}."
    if any(not unit.filters for unit in units):
        sum_text = f"{layers} layers with weights on the longest path."
    stage_text = f"Units at each width: {', '.join(map(str, stages))}."
    kind = {unit.kind for unit in units}
    if layers in TABLE_1 and (kind, stages) == ({TABLE_1[layers][0]}, TABLE_1[layers][1]):
        return holds(sum_text, f"{stage_text[:-1]}, as in Table 1.")
    n, left = divmod(layers - 2, 6)
    if not left and kind == {BASIC} and stages == (n, n, n):
        return holds(sum_text, f"{stage_text[:-1]}: 6n + 2 with n = {n}, as in section 4.2.")
    return fails(sum_text, stage_text)


CLAIMS: tuple[Claim[Residual], ...] = (
    Claim(
        code="RES01",
        name="stacked-units",
        sentence="Residual blocks are stacked.",
        source="He et al. 2015, section 3.3 and figure 3",
        check=_blocks_are_stacked,
        any_layers=True,
    ),
    Claim(
        code="RES02",
        name="shortcut-carries-x",
        sentence="Layers fit F(x) = H(x) - x: the shortcut adds x itself, or a projection of it.",
        source="He et al. 2015, sections 3.1 to 3.3, equations 1 and 2",
        check=_shortcuts_carry,
        any_layers=True,
    ),
    Claim(
        code="RES03",
        name="two-kinds",
        sentence="Every residual block is basic (3x3-3x3) or a bottleneck (1x1-3x3-1x1).",
        source="He et al. 2015, figure 5",
        check=_blocks_are_of_two_kinds,
    ),
    Claim(
        code="RES04",
        name="two-3x3",
        sentence="Every residual block has two 3x3 convolutions.",
        source="He et al. 2015, figure 5, left; Table 1, 18 and 34 layers",
        check=_blocks_are_basic,
    ),
    Claim(
        code="RES05",
        name="bottlenecks",
        sentence="From 50 layers on, every residual block is a 1x1-3x3-1x1 bottleneck.",
        source="He et al. 2015, figure 5, right; Table 1, 50 layers and more",
        check=_blocks_are_bottlenecks,
    ),
    Claim(
        code="RES06",
        name="filters-double",
        sentence="Periodically the filters double and the size halves, by stride 2.",
        source="He et al. 2015, section 3.3, rule (ii)",
        check=_filters_double,
    ),
    Claim(
        code="RES07",
        name="one-stem-convolution",
        sentence="One additional convolution stands at the beginning.",
        source="He et al. 2015, Table 1, conv1; section 4.2",
        check=_stem_is_one_convolution,
    ),
    Claim(
        code="RES08",
        name="one-classifier",
        sentence="No fully connected layers at the end, only the one to the classes.",
        source="He et al. 2015, section 3.3 and Table 1, last rows",
        check=_classifier_is_alone,
    ),
    Claim(
        code="RES09",
        name="paper-depth",
        sentence="The depth is 18, 34, 50, 101 or 152 layers, or 6n + 2 on CIFAR.",
        source="He et al. 2015, Table 1 and section 4.2",
        check=_depth_is_the_papers,
    ),
)
