"""Claims about Inception networks, a rule each.

The sentences follow Stanford's CS231n 2017, lecture 9; the sources are Szegedy et al. 2014, "Going
Deeper with Convolutions" (GoogLeNet), and 2015, "Rethinking the Inception Architecture" (v3).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from keraudit.audits.structure.both_families import one_classifier, stacked, stem
from keraudit.audits.structure.claim import Claim, Finding, decided, fails
from keraudit.audits.structure.modules import Module
from keraudit.audits.structure.network import Network, is_connected, listed
from keraudit.model.regions import Links, ancestors
from keraudit.model.shape_text import shape_text
from keraudit.output.numbers import counted

SHOWN = 4  # groups of modules in the evidence
LARGE = 5  # a side that the paper calls large (Szegedy et al. 2015, section 3)


class Inception(NamedTuple):
    """A network and its Inception modules, one at least."""

    network: Network
    modules: tuple[Module, ...]


class Place(NamedTuple):
    """A module by the ends of the outermost region around it: its own, or a residual unit's."""

    name: str
    fork: int
    join: int


def _modules_are_stacked(inception: Inception) -> Finding:
    """Holds for two modules or more of which most follow the one before with no weights between.

    A module inside a residual unit stands where the unit stands.
    """
    home = {index: block for block in inception.network.blocks for index in block.nodes}
    around = [(module, home[module.join]) for module in inception.modules]
    places = [
        Place(m.name, m.fork if b.fork is None else b.fork, b.join or m.join) for m, b in around
    ]
    return stacked(inception.network, places, "module")


def _stem_comes_first(inception: Inception) -> Finding:
    """Holds when a convolution stands before the first module."""
    return stem(inception.network, inception.modules, most=None, word="module")


def _sizes_differ(inception: Inception) -> Finding:
    """Holds when in every module two branches see different extents; a 3x3 behind a 3x3 sees 5x5.

    The branch of a pooling does not count: its 1x1 is a projection.
    """
    alike = [
        module.name
        for module in inception.modules
        if len({b.extent for b in module.branches if b.extent and not b.pools}) < 2
    ]
    if alike:
        return fails(
            f"Every branch has filters of one size in {listed(alike)}.", *_patterns(inception)
        )
    return decided(True, *_patterns(inception))


def _patterns(inception: Inception) -> list[str]:
    """Modules of one pattern together, with the kernels of their branches."""
    groups: dict[str, list[str]] = {}
    for module in inception.modules:
        groups.setdefault(module.text, []).append(module.name)
    lines = [f"{listed(names)}: {text}." for text, names in groups.items()]
    rest = len(lines) - SHOWN
    return lines if rest <= 1 else [*lines[:SHOWN], f"... and {rest} more patterns."]


def _pooling_runs_along(inception: Inception) -> Finding:
    """Holds when every module has a pooling, of whichever kind, in a branch."""
    without = [m.name for m in inception.modules if not m.pools]
    kinds: dict[str, list[str]] = {}
    for module in inception.modules:
        for how in dict.fromkeys(pool.how for pool in module.pools):
            kinds.setdefault(how, []).append(module.name)
    evidence = [f"{how.capitalize()} pooling in {len(n)}: {listed(n)}." for how, n in kinds.items()]
    if without:
        evidence.append(f"No pooling in {len(without)}: {listed(without)}.")
    return decided(not without, *evidence)


def _outputs_are_concatenated(inception: Inception) -> Finding:
    """Holds when every join keeps the positions and adds up the channels of its branches."""
    network, along, across = inception.network, [], []
    for module in inception.modules:
        sources = [ref.call for ref in network.graph.nodes[module.join].sources]
        places = {network.places[i] for i in (*sources, module.join)}
        terms = " + ".join(f"{network.channels(i):,}" for i in sources)
        if len(places) == 1:
            along.append(f"{module.name} {terms} = {network.channels(module.join):,}")
        else:
            sides = ", ".join(shape_text(network.places[i], "-") for i in sources)
            across.append(
                f"{module.name} ({sides} to {shape_text(network.places[module.join], '-')})"
            )
    evidence = (
        [f"{counted(len(along), 'module')}, channels: {'; '.join(along[:3])}"] if along else []
    )
    if len(along) > 3:
        evidence[0] += f" ... and {len(along) - 3} more"
    evidence = [line + "." for line in evidence]
    if across:
        evidence.append(f"Along positions instead: {listed(across)}.")
    return decided(not across, *evidence)


def _channels_are_reduced(inception: Inception) -> Finding:
    """Holds when each branch with a larger filter begins with a 1x1 that narrows.

    Modules that change the size are built otherwise (Szegedy et al. 2015, section 5, figure 10);
    they are counted apart and decide nothing, unless there are no others.
    """
    network = inception.network
    keeping = [m for m in inception.modules if network.places[m.fork] == network.places[m.join]]
    others = [m for m in inception.modules if m not in keeping]
    done, total, missed = reductions(keeping or others)
    evidence = [f"{done} of {counted(total, 'branch')} with a larger filter reduce first."]
    if missed:
        evidence.append(f"Without: {listed(missed)}.")
    if keeping and others:
        part, whole, _ = reductions(others)
        evidence.append(
            f"Apart: modules that change the size, {part} of {whole}"
            f" ({listed([m.name for m in others])}; figure 10 of Szegedy et al. 2015)."
        )
    return decided(not missed and total > 0, *evidence)


def reductions(modules: Sequence[Module]) -> tuple[int, int, list[str]]:
    """The branches that reduce, those that could, and what does not."""
    could = [(m.name, b) for m in modules for b in m.branches if b.reduced is not None]
    missed = [f"{name} {branch.text}" for name, branch in could if not branch.reduced]
    return len(could) - len(missed), len(could), missed


def _filters_are_factorized(inception: Inception) -> Finding:
    """Holds when every module has a factorised filter; larger ones left whole are listed."""
    pieces = Counter(p for m in inception.modules for b in m.branches for p in b.factorized)
    without = [m.name for m in inception.modules if not any(b.factorized for b in m.branches)]
    whole = Counter(
        f.text
        for m in inception.modules
        for b in m.branches
        for f in b.filters
        if min(f.kernel, default=1) >= LARGE
    )
    evidence = []
    if pieces:
        named = [f"{count} x {text}" for text, count in pieces.items()]
        evidence.append(f"Factorised: {listed(named, 6)}.")
    if without:
        evidence.append(f"No factorised filter in {len(without)}: {listed(without)}.")
    if whole:
        evidence.append(f"Left whole: {listed([f'{n} x {text}' for text, n in whole.items()])}.")
    return decided(not without, *evidence)


def _classifiers_help(inception: Inception) -> Finding:
    """Holds when another output than the main one ends in a fully connected layer."""
    network = inception.network
    outputs = {ref.call for ref in network.graph.architecture.outputs} - {network.end}
    side = [
        f for f in network.filters if f and f.at not in network.main and is_connected(network, f)
    ]
    links = Links.of(network.graph)
    ends = [i for i in sorted(outputs) if not ancestors(i, links).isdisjoint(f.at for f in side)]
    if not ends:
        return fails(
            "The graph has one classifier. Auxiliary ones serve training only; the papers"
            " discard them at inference (Szegedy et al. 2014, section 5)."
        )
    names = [network.name(i) for i in ends]
    return decided(True, f"{counted(len(ends), 'auxiliary classifier')}: {listed(names)}.")


def _classifier_is_alone(inception: Inception) -> Finding:
    """Holds when one fully connected layer follows the last module, after global average pooling."""
    return one_classifier(inception.network, inception.modules)


CLAIMS: tuple[Claim[Inception], ...] = (
    Claim(
        code="INC01",
        name="stacked-modules",
        sentence="Inception modules are stacked on top of each other.",
        source="Szegedy et al. 2014, section 4 and Table 1",
        check=_modules_are_stacked,
    ),
    Claim(
        code="INC02",
        name="stem-before-modules",
        sentence="A stem of ordinary convolutions stands before the modules.",
        source="Szegedy et al. 2014, section 4 and figure 3",
        check=_stem_comes_first,
    ),
    Claim(
        code="INC03",
        name="sizes-side-by-side",
        sentence="Filters of different sizes operate on the same level.",
        source="Szegedy et al. 2014, figure 2",
        check=_sizes_differ,
    ),
    Claim(
        code="INC04",
        name="pooling-along",
        sentence="A pooling (max in GoogLeNet) runs along them.",
        source="Szegedy et al. 2014, figure 2; 2015, figures 5 to 7 and 10",
        check=_pooling_runs_along,
    ),
    Claim(
        code="INC05",
        name="concatenated",
        sentence="The outputs of all branches are concatenated along the channels.",
        source="Szegedy et al. 2014, section 4",
        check=_outputs_are_concatenated,
    ),
    Claim(
        code="INC06",
        name="reduced-by-1x1",
        sentence="1x1 convolutions reduce the channels before the 3x3 and 5x5.",
        source="Szegedy et al. 2014, section 4 and figure 2(b)",
        check=_channels_are_reduced,
    ),
    Claim(
        code="INC07",
        name="factorized",
        sentence="Larger filters are factorised: nxn to 1xn and nx1, 5x5 to two 3x3 (v3).",
        source="Szegedy et al. 2015, sections 3.1 and 3.2",
        check=_filters_are_factorized,
    ),
    Claim(
        code="INC08",
        name="auxiliary-classifiers",
        sentence="Auxiliary classifiers inject gradient at lower layers.",
        source="Szegedy et al. 2014, section 5; 2015, section 4",
        check=_classifiers_help,
    ),
    Claim(
        code="INC09",
        name="one-classifier",
        sentence="No fully connected layers at the end, only the one to the classes.",
        source="Szegedy et al. 2014, section 5 and Table 1",
        check=_classifier_is_alone,
    ),
)
