"""A network as nested items that a reader opens level by level: blocks, branches, stacks of layers.

A stack is a layer with the normalisation and the activation that alone read it: they are drawn as one.
No level holds more than ``MOST`` items: longer ones are cut into groups of neighbours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil

from keraudit.model.block import FORK_JOIN, Block
from keraudit.model.blocks import FINISHING, GATES, NORMALIZING
from keraudit.model.graph import Graph
from keraudit.model.regions import Links

MODEL, GROUP, BLOCK, BRANCH, STACK = "model", "group", "block", "branch", "stack"
MOST = 64  # items of one level
MOST_BLOCKS = 40  # of the first level; of more, those of one spatial size stand together
FLAT = 40  # stacks; a block of at most so many shows its layers, not the regions inside it
FEW_BLOCKS = 5  # a network of fewer shows its layers at once
FOLLOW = FINISHING | NORMALIZING
SUMS = frozenset({"Add", "ops.Add"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A part of a network.

    Attributes:
        key: stands for it in an address; no two items share one.
        name: what is written on it.
        role: one of the five words above.
        nodes: indices of its calls, in running order.
        children: in running order; none for a stack.
        block: the block that it is, where it is one.
        skips: residual or dense connections that start and end in it.
        is_skip: whether one of them leads around the whole item.
    """

    key: str
    name: str
    role: str
    nodes: tuple[int, ...]
    children: tuple[Item, ...] = ()
    block: Block | None = field(default=None, repr=False)
    skips: int = 0
    is_skip: bool = False

    def walk(self) -> Iterator[Item]:
        """This item and all within it, each before its children."""
        yield self
        for child in self.children:
            yield from child.walk()


def network_tree(graph: Graph, blocks: Sequence[Block], links: Links | None = None) -> Item:
    """The items of a network.

    Args:
        graph: the network.
        blocks: its blocks; together they hold every node once.
        links: its edges, where they are known already.
    """
    links = links or Links.of(graph)
    stacks = _stacks(graph, blocks, links)
    everything = tuple(range(len(graph.nodes)))
    heads = [i for i in everything if i in stacks]
    skips = sum(_skips(block, graph) for block in blocks)
    children: Sequence[Item]
    if len(blocks) < FEW_BLOCKS and len(heads) <= FLAT:
        children = [_stack(graph, i, stacks) for i in heads]
    else:
        items = [_block_item(graph, block, block.name, stacks) for block in blocks]
        children = _by_stage(items) if len(items) > MOST_BLOCKS else items
    while len(children) == 1 and children[0].role == GROUP:  # nothing to choose from
        children = children[0].children
    root = Item(key="", name=graph.architecture.name, role=MODEL, nodes=everything, skips=skips)
    return _unique(replace(root, children=_bounded(children, "")))


def is_skip(block: Block, graph: Graph) -> bool:
    """Whether a path without other layers, or of one projection, leads around the rest of a block.

    The identity of a residual or dense unit, or a shortcut of at most one layer with MACs that is added
    to a longer path. The product of a gate is no skip.
    """
    if block.kind != FORK_JOIN or block.join is None:
        return False
    kind = graph.nodes[block.join].layer.kind
    if kind in GATES:
        return False
    if () in block.branches and len(block.branches) > 1:
        return True
    if kind not in SUMS or len(block.branches) != 2:
        return False
    low, high = sorted(sum(bool(graph.nodes[i].effect.macs) for i in b) for b in block.branches)
    return low <= 1 < high


def _skips(block: Block, graph: Graph) -> int:
    return is_skip(block, graph) + sum(_skips(child, graph) for child in block.children)


def skip_edges(graph: Graph, blocks: Iterable[Block]) -> frozenset[tuple[int, int]]:
    """The edges, by their calls, that lead from a fork straight to its join around other layers."""
    found: set[tuple[int, int]] = set()
    waiting = list(blocks)
    while waiting:
        block = waiting.pop()
        waiting += block.children
        if block.fork is not None and block.join is not None and is_skip(block, graph):
            found.add((block.fork, block.join))
    return frozenset(found)


def _stacks(graph: Graph, blocks: Sequence[Block], links: Links) -> Mapping[int, tuple[int, ...]]:
    """The first node of each stack and all of its nodes; a stack lies in one branch of one block."""
    place: dict[int, tuple[str, int]] = {}
    for block in blocks:
        place |= dict.fromkeys(block.nodes, (block.name, -1))
        for number, branch in enumerate(block.branches):
            place |= dict.fromkeys(branch, (block.name, number))
    home: dict[int, int] = {}
    for i, node in enumerate(graph.nodes):
        before = links.before[i]
        follows = (
            node.layer.kind in FOLLOW
            and len(before) == 1
            and before[0] in home
            and links.after[before[0]] == (i,)
            and place.get(before[0]) == place.get(i)
        )
        home[i] = home[before[0]] if follows else i
    stacks: dict[int, list[int]] = {}
    for i, head in home.items():
        stacks.setdefault(head, []).append(i)
    return {head: tuple(nodes) for head, nodes in stacks.items()}


def _stack(graph: Graph, head: int, stacks: Mapping[int, tuple[int, ...]]) -> Item:
    name = graph.nodes[head].name
    return Item(key=name, name=name, role=STACK, nodes=stacks[head])


def _block_item(
    graph: Graph, block: Block, key: str, stacks: Mapping[int, tuple[int, ...]]
) -> Item:
    """A block with its branches, each with its layers or, where these are many, the regions in it."""
    inner = block.children if sum(i in stacks for i in block.nodes) > FLAT else ()
    columns = [branch for branch in block.branches if branch]
    home = {i: number for number, branch in enumerate(columns) for i in branch}
    children: list[Item] = []
    if len(columns) > 1:
        for number, branch in enumerate(columns, 1):
            label = f"{key}/branch {number}"
            nested = [c for c in inner if home.get(c.nodes[0]) == number - 1]
            parts = _parts(graph, branch, nested, label, stacks)
            item = Item(key=label, name=f"branch {number}", role=BRANCH, nodes=branch)
            children.append(replace(item, children=_bounded(parts, label)))
        rest = [i for i in block.nodes if i not in home]
        children += _parts(graph, rest, [c for c in inner if c.nodes[0] not in home], key, stacks)
    else:
        children += _parts(graph, block.nodes, inner, key, stacks)
    return Item(
        key=key,
        name=block.name,
        role=BLOCK,
        nodes=block.nodes,
        children=_bounded(sorted(children, key=lambda item: item.nodes[0]), key),
        block=block,
        skips=_skips(block, graph),
        is_skip=is_skip(block, graph),
    )


def _parts(
    graph: Graph,
    nodes: Iterable[int],
    inner: Sequence[Block],
    key: str,
    stacks: Mapping[int, tuple[int, ...]],
) -> list[Item]:
    """The blocks ``inner`` as items, and the stacks of those of ``nodes`` that lie in none of them."""
    within = {i for block in inner for i in block.nodes}
    items = [_block_item(graph, b, f"{key}/{n}", stacks) for n, b in enumerate(inner, 1)]
    items += [_stack(graph, i, stacks) for i in nodes if i not in within and i in stacks]
    return sorted(items, key=lambda item: item.nodes[0])


def _by_stage(items: Sequence[Item]) -> list[Item]:
    """Blocks that follow one another at one spatial size, as one group."""
    runs: list[list[Item]] = []
    for item in items:
        stage = item.block.stage if item.block else ""
        last = runs[-1][-1].block if runs else None
        if last is None or last.stage != stage:
            runs.append([])
        runs[-1].append(item)
    return [run[0] if len(run) == 1 else _group(run) for run in runs]


def _group(run: Sequence[Item]) -> Item:
    first, last = run[0], run[-1]
    return Item(
        key=f"{first.key} to {last.key}",
        name=f"{first.name} to {last.name}",
        role=GROUP,
        nodes=tuple(sorted(i for item in run for i in item.nodes)),
        children=_bounded(run, first.key),
        skips=sum(item.skips for item in run),
    )


def _bounded(items: Sequence[Item], key: str) -> tuple[Item, ...]:
    """The items, in groups of neighbours where they are more than ``MOST``."""
    if len(items) <= MOST:
        return tuple(items)
    size = max(MOST // 2, ceil(len(items) / MOST))
    runs = [items[at : at + size] for at in range(0, len(items), size)]
    return _bounded([run[0] if len(run) == 1 else _group(run) for run in runs], key)


def _unique(root: Item) -> Item:
    """The tree with every key made unique: layers' and blocks' names may agree."""
    seen: set[str] = set()

    def named(item: Item) -> Item:
        key = item.key
        while key in seen:
            key += "'"
        seen.add(key)
        return replace(item, key=key, children=tuple(map(named, item.children)))

    return named(root)
