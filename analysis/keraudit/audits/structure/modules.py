"""Inception modules, found in the graph's fork-join regions; names play no part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

from keraudit.audits.structure.network import Filter, Network, Pool, pool_at, regions_as
from keraudit.model.block import Block
from keraudit.model.graph import Shape

JOINS = frozenset({"Concatenate", "ops.Concatenate"})

# One step of a branch: a layer that filters or pools, or a fork of its own.
Step = Filter | Pool | tuple["Branch", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """One branch of a module, in steps."""

    steps: tuple[Step, ...]

    @property
    def text(self) -> str:
        """The branch as people write it: ``1x1-3x3-3x3``, ``max pooling 3x3-1x1``."""
        return "-".join(map(_step_text, self.steps)) or "identity"

    @property
    def filters(self) -> tuple[Filter, ...]:
        """All filters of a branch, those of inner forks included."""
        result: list[Filter] = []
        for step in self.steps:
            if isinstance(step, Filter):
                result.append(step)
            elif not isinstance(step, Pool):
                result.extend(f for branch in step for f in branch.filters)
        return tuple(result)

    @property
    def pools(self) -> tuple[Pool, ...]:
        return tuple(step for step in self.steps if isinstance(step, Pool))

    @property
    def extent(self) -> Shape:
        """The sides of what one output sees through the branch's filters; pooling left out."""
        return extent(self.steps)

    @property
    def reduced(self) -> bool | None:
        """Whether a narrowing 1x1 comes first; ``None`` without a spatial convolution."""
        narrowed = False
        for step in self.steps:
            if isinstance(step, Pool):
                continue
            if not isinstance(step, Filter):
                if any(not f.is_pointwise for branch in step for f in branch.filters):
                    return narrowed
            elif not step.is_pointwise:
                return narrowed
            else:
                narrowed = narrowed or step.filters < step.reads
        return None

    @property
    def factorized(self) -> tuple[str, ...]:
        """The pieces that stand for a larger filter: ``1x7-7x1``, ``(1x3 | 3x1)``, ``3x3-3x3``."""
        kinds: list[str] = []
        last: Step | None = None
        for step in self.steps:
            if isinstance(last, Filter) and isinstance(step, Filter) and _are_factors(last, step):
                kinds.append(f"{last.text}-{step.text}")
                last = None  # a filter is half of one pair only
                continue
            last = step
            if not isinstance(step, Filter | Pool):
                firsts = [branch.steps[0] for branch in step if len(branch.steps) == 1]
                kernels = [f.kernel for f in firsts if isinstance(f, Filter)]
                if len(kernels) == 2 and _crossed(*kernels):
                    kinds.append(_step_text(step))
        return tuple(kinds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """An Inception module: a region whose join concatenates branches that hold convolutions."""

    name: str
    fork: int
    join: int
    branches: tuple[Branch, ...]

    @property
    def text(self) -> str:
        return " | ".join(branch.text for branch in self.branches)

    @property
    def pools(self) -> tuple[Pool, ...]:
        return tuple(pool for branch in self.branches for pool in branch.pools)


def modules(network: Network) -> tuple[Module, ...]:
    """The modules on the way to the main output; a fork inside a module's branch is part of it."""
    return tuple(regions_as(_module_of, network, network.blocks))


def _module_of(network: Network, block: Block) -> Module | None:
    """A region as a module, if no branch is a shortcut (as in DenseNet) and two convolve."""
    if block.fork is None or block.join is None or () in block.branches:
        return None
    if network.graph.nodes[block.join].layer.kind not in JOINS:
        return None
    branches = tuple(_branch_of(network, nodes, block.children) for nodes in block.branches)
    if sum(1 for branch in branches if any(f.kernel for f in branch.filters)) < 2:
        return None
    return Module(name=block.name, fork=block.fork, join=block.join, branches=branches)


def _branch_of(network: Network, nodes: Sequence[int], inner: Sequence[Block]) -> Branch:
    return Branch(steps=tuple(steps(network, nodes, inner)))


def steps(network: Network, nodes: Sequence[int], inner: Sequence[Block]) -> Iterator[Step]:
    """The steps of a branch in running order; normalisation and activation are passed over."""
    forks = {fork.nodes[0]: fork for fork in inner}
    inner_nodes = {i for fork in inner for i in fork.nodes}
    for i in nodes:
        if i in forks:
            fork = forks[i]
            yield tuple(_branch_of(network, branch, fork.children) for branch in fork.branches)
        elif i in inner_nodes:
            continue
        elif found := network.filters[i] or pool_at(network, i):
            yield found


def _step_text(step: Step) -> str:
    if isinstance(step, Filter | Pool):
        return step.text
    return f"({' | '.join(branch.text for branch in step)})"


def extent(steps: Sequence[Step]) -> Shape:
    """The sides of what one output of a chain of filters sees; empty if nothing filters.

    A 3x3 behind a 3x3 sees 5x5; behind a stride of 2 each further tap is two positions away.
    """
    field: list[int] = []
    jump: list[int] = []
    for step in steps:
        if isinstance(step, Pool):
            continue
        if isinstance(step, Filter):
            kernel, strides = step.kernel, step.strides
        else:
            inner = [branch.extent for branch in step if branch.extent]
            kernel = tuple(map(max, zip(*inner, strict=False)))
            strides = (1,) * len(kernel)
        field = field or [1] * len(kernel)
        jump = jump or [1] * len(kernel)
        if len(kernel) == len(field):
            field = [s + (k - 1) * j for s, k, j in zip(field, kernel, jump, strict=False)]
            jump = [j * s for j, s in zip(jump, strides, strict=False)]
    return tuple(field)


def _are_factors(a: Filter, b: Filter) -> bool:
    """Whether two filters in a row stand for a larger one (Szegedy et al. 2015, section 3).

    A 1xn and an nx1 in either order (figure 6), or two of 3x3 (figure 5).
    """
    return _crossed(a.kernel, b.kernel) or a.kernel == b.kernel == (3,) * max(len(a.kernel), 2)


def _crossed(a: Shape, b: Shape) -> bool:
    return len(a) == 2 and min(a) == 1 < prod(a) and b == a[::-1]
