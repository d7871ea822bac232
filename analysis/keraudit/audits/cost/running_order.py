"""The order in which Keras runs the calls of a model.

A functional model runs its calls by depth, the longest way to an output, the deepest first; calls of
one depth run in the order in which Keras comes upon them on its way back from the outputs
(``map_graph`` in ``keras/src/ops/function.py``). A model inside a model is one call of the outer one,
and runs its own calls, in its own order, while that call lasts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence

from keraudit.model.graph import Architecture, Call, Ref, refs_in

Nest = tuple[tuple[str, int], ...]  # which call of which model inside, from the outermost on
Item = int | Nest  # of one model: a call of its own by number, or that of a model inside


def running_order(architecture: Architecture) -> list[int]:
    """The numbers of an architecture's calls in the order Keras runs them; its inputs come first.

    Where a model inside has several outputs or inputs, ties between them follow the order in which
    they are read: laid flat, its own lists of them are gone.
    """
    calls, outputs = architecture.calls, architecture.outputs
    order = _nested_order(calls, outputs, [call.within for call in calls])
    if not _comes_after_its_inputs(
        calls, order
    ):  # a rewrite has mixed what models inside held apart
        order = _nested_order(calls, outputs, [()] * len(calls))
    inputs = dict.fromkeys(ref.call for ref in architecture.inputs)
    return [*inputs, *(index for index in order if index not in inputs)]


def _nested_order(
    calls: Sequence[Call], outputs: Sequence[Ref], nests: Sequence[Nest]
) -> list[int]:
    """The order of all calls, each model inside kept together; ``nests`` says which call is where."""
    items: dict[Nest, dict[Item, list[Item]]] = defaultdict(dict)  # of each model: what reads what
    ends: dict[Nest, list[Item]] = defaultdict(list)  # of each model: its outputs

    def item(index: int, level: int) -> Item:
        nest = nests[index]
        return index if len(nest) == level else nest[: level + 1]

    for index, call in enumerate(calls):
        nest = nests[index]
        for level in range(len(nest) + 1):
            items[nest[:level]].setdefault(item(index, level), [])
        for ref in arguments(call):
            other = nests[ref.call]
            shared = common(nest, other)
            items[nest[:shared]][item(index, shared)].append(item(ref.call, shared))
            for level in range(shared + 1, len(other) + 1):
                ends[other[:level]].append(item(ref.call, level))
    for ref in outputs:
        for level in range(len(nests[ref.call]) + 1):
            ends[nests[ref.call][:level]].append(item(ref.call, level))

    def shared_by(one: Item) -> Hashable:
        """What one call has in common with other calls of the same layer or model."""
        return calls[one].layer if isinstance(one, int) else one[-1][0]

    def spread(nest: Nest) -> Iterator[int]:
        for one in by_depth(items[nest], ends[nest], shared_by):
            if isinstance(one, int):
                yield one
            else:
                yield from spread(one)

    return list(spread(()))


def arguments(call: Call) -> Iterator[Ref]:
    """What a call reads in Keras' order: by position, then by name."""
    yield from refs_in(call.args)
    for name in sorted(call.kwargs):
        yield from refs_in(call.kwargs[name])


def common(one: Nest, other: Nest) -> int:
    """The number of nested models that hold both calls."""
    for level, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return level
    return min(len(one), len(other))


def by_depth(
    reads: Mapping[Item, Sequence[Item]],
    outputs: Sequence[Item],
    shared_by: Callable[[Item], Hashable],
) -> list[Item]:
    """One model's calls as ``map_graph`` sorts them; what no output needs is taken for an output."""
    depths: dict[Item, int] = {}  # in the order in which Keras comes upon them
    deepest: dict[Hashable, int] = {}  # of all calls of one layer: they count as equally deep
    for one in reversed(finished(reads, [*outputs, *reads])):
        depth = max(depths.get(one, 0), deepest.get(shared_by(one), 0))
        depths[one] = deepest[shared_by(one)] = depth
        for other in reads[one]:
            depths[other] = max(depth + 1, depths.get(other, 0))
    return sorted(depths, key=lambda one: -depths[one])


def finished(reads: Mapping[Item, Sequence[Item]], starts: Sequence[Item]) -> list[Item]:
    """A depth-first walk from ``starts`` to what is read: each item behind all that it reads."""
    result: list[Item] = []
    known: set[Item] = set()
    for start in starts:
        if start in known:
            continue
        known.add(start)
        stack = [(start, iter(reads[start]))]
        while stack:
            one, rest = stack[-1]
            following = next((other for other in rest if other not in known), None)
            if following is None:
                result.append(one)
                stack.pop()
            else:
                known.add(following)
                stack.append((following, iter(reads[following])))
    return result


def _comes_after_its_inputs(calls: Sequence[Call], order: Sequence[int]) -> bool:
    """Whether every call runs after those whose outputs it reads."""
    place = {index: position for position, index in enumerate(order)}
    return len(place) == len(calls) and all(
        place[ref.call] < place[index] for index, call in enumerate(calls) for ref in call.inputs
    )
