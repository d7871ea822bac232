"""The trunk of a network: its layers in running order, less side inputs and the shortcuts cut so far.

A node *passes* another if every path of the trunk from an input to it does, which is dominance
(Cooper, Harvey and Kennedy 2001). The tree of immediate dominators grows with the nodes, each with a
pointer that jumps over many (Myers 1983), so that a common ancestor takes O(log n) steps.

A *side input* is not part of the trunk: the keys and values of attention, the states of a recurrent
layer, a tensor that is stretched over a larger one, and what was read before and is read again (the
time or class of a diffusion model; the long skip of a U-Net).
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from functools import reduce
from math import prod
from typing import TypeVar

from keraudit.model.graph import POINTWISE, UNSUPPORTED, Graph, Ref
from keraudit.rewrite.shortcut_layers import CARRIES, JOINS, LINEAR_MERGES, SUMS, ZEROS, carried

ROOT = 0  # stands before all inputs; node i of the graph is i + 1 here
T = TypeVar("T")
FEW = 32  # inputs of one call that are all compared with each other
NEAR = 8  # of more inputs, how many on either side each is compared with


class Trunk:
    """The dominator tree of the nodes grown so far, and what each carries on from the one above.

    Attributes:
        parent: the immediate dominator.
        depth: in the tree.
        top: the last node on the way up from which on values are only carried.
        projections: of carrying nodes, from the root.
        layers: with MACs, on the longest path of the trunk.
        work: the same, with weightless layers that mix positions and those that are not known.
        origins: the inputs that a node depends on, side inputs included, a bit each.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.parent, self.jump, self.depth, self.top = [ROOT], [ROOT], [0], [ROOT]
        self.projections, self.layers, self.work, self.origins = [0], [0], [0], [0]
        self.inputs: list[int] = []

    def grow(self, index: int, gone: Set[int] = frozenset()) -> None:
        """Add the next node; ``gone`` are sources whose shortcut was cut."""
        node = self.graph.nodes[index]
        sources = [s for s in self.read_by(index) if s not in gone]
        mains = self.mains(index, sources)
        above = reduce(self.meet, (s + 1 for s in mains)) if mains else ROOT
        carry = self.carry(index, sources, above) if len(mains) == len(sources) else None
        mixes = carry is None and bool(sources) and node.effect.view != POINTWISE
        macs = bool(node.effect.macs)
        origins = 0
        for ref in node.sources:
            origins |= self.origins[ref.call + 1]
        if not node.sources:
            origins = 1 << len(self.inputs)
            self.inputs.append(index)
        own = len(self.parent)
        self.attach(above)
        self.top.append(own if carry is None else self.top[above])
        self.projections.append(self.projections[above] + (carry or 0))
        self.layers.append(macs + max((self.layers[s + 1] for s in mains), default=0))
        unknown = node.effect.status == UNSUPPORTED
        self.work.append(
            (macs or mixes or unknown) + max((self.work[s + 1] for s in mains), default=0)
        )
        self.origins.append(origins)

    def attach(self, above: int) -> None:
        """A leaf below ``above``; its jump spans the two of ``above`` where those are equally long."""
        over = self.jump[above]
        equal = (
            self.depth[above] - self.depth[over] == self.depth[over] - self.depth[self.jump[over]]
        )
        self.jump.append(self.jump[over] if equal else above)
        self.parent.append(above)
        self.depth.append(self.depth[above] + 1)

    def meet(self, a: int, b: int) -> int:
        """The lowest node above both: the last that every path to either has passed."""
        depth, jump, parent = self.depth, self.jump, self.parent
        if depth[a] < depth[b]:
            a, b = b, a
        while depth[a] > depth[b]:
            a = jump[a] if depth[jump[a]] >= depth[b] else parent[a]
        while a != b:
            a, b = (jump[a], jump[b]) if jump[a] != jump[b] else (parent[a], parent[b])
        return a

    def read_by(self, index: int) -> list[int]:
        """The nodes that a node reads, each once; zeros, which fill new channels, left out."""
        nodes = self.graph.nodes
        calls = dict.fromkeys(ref.call for ref in nodes[index].sources)
        return [s for s in calls if nodes[s].layer.kind not in ZEROS]

    def mains(self, index: int, sources: Sequence[int]) -> Sequence[int]:
        """The sources that are no side inputs."""
        node = self.graph.nodes[index]
        if len(sources) < 2:
            return sources
        if not (node.layer.kind in LINEAR_MERGES or node.effect.view == POINTWISE):
            return sources[:1]  # Keras' layers take what they work on first, then states and keys
        full = {ref.call for ref in self.full(index)}
        trunks = [s for s in sources if s in full] or list(sources)
        trunks = self.of_one_trunk(index, self.widest(trunks))
        return trunks if node.layer.kind in SUMS else self.latest(trunks)

    def full(self, index: int) -> list[Ref]:
        """The outputs that a merge reads unstretched, each once."""
        node = self.graph.nodes[index]
        pairs = zip(node.sources, node.inputs, strict=True)
        shape = node.outputs[0].shape
        concatenates = node.layer.kind in JOINS
        refs = dict.fromkeys(ref for ref, t in pairs if concatenates or t.shape == shape)
        return [ref for ref in refs if self.graph.nodes[ref.call].layer.kind not in ZEROS]

    def widest(self, sources: list[int]) -> list[int]:
        """Less those that depend on some of the inputs that another source depends on, and no other."""
        sets = {self.origins[s + 1] for s in sources}
        if not 1 < len(sets) <= FEW:
            return sources
        part = {a for a in sets for b in sets if a != b and a & b == a}
        return [s for s in sources if self.origins[s + 1] not in part]

    def of_one_trunk(self, index: int, sources: list[int]) -> list[int]:
        """The source that comes first, where two inputs of the model meet.

        The order of a sum's terms says less: all are kept where the first comes of a smaller input.
        """
        first = self.origins[sources[0] + 1]
        others = {self.origins[s + 1] for s in sources} - {first}
        if self.graph.nodes[index].layer.kind in SUMS:
            size = self.size(first)
            if any(self.size(other) > size for other in others):
                return sources
        return [s for s in sources if self.origins[s + 1] == first] if others else sources

    def size(self, origins: int) -> int:
        """The elements of the largest input among ``origins``."""
        inputs = (i for bit, i in enumerate(self.inputs) if origins >> bit & 1)
        return max((prod(self.graph.nodes[i].outputs[0].shape) for i in inputs), default=0)

    def latest(self, sources: list[int]) -> list[int]:
        """Less those that another source was made from: a long skip into a concatenation or product."""
        passed = {
            a
            for a, near in neighbours(sources)
            if any(a != b and self.meet(a + 1, b + 1) == a + 1 for b in near)
        }
        return [s for s in sources if s not in passed]

    def carry(self, index: int, sources: Sequence[int], above: int) -> int | None:
        """What happens to values between ``above`` and a node: carried on, projected, or computed on."""
        node = self.graph.nodes[index]
        if not sources:
            return None
        if len(sources) == 1:
            return carried(node, self.graph.architecture.calls[index])
        if node.layer.kind not in LINEAR_MERGES:
            return None
        if any(self.depth[self.top[s + 1]] > self.depth[above] for s in sources):
            return None
        return max(
            (self.projections[s + 1] - self.projections[above] for s in sources), default=CARRIES
        )

    def carries_from(self, end: int, start: int) -> int | None:
        """The projections from ``start`` to ``end`` if values are only carried; ``None`` if not."""
        if self.depth[self.top[end]] > self.depth[start]:
            return None
        return self.projections[end] - self.projections[start]


def neighbours(items: Sequence[T]) -> list[tuple[T, Sequence[T]]]:
    """Each item with those to compare it with: all, or of many the nearest."""
    if len(items) <= FEW:
        return [(item, items) for item in items]
    return [(item, items[max(0, i - NEAR) : i + NEAR + 1]) for i, item in enumerate(items)]
