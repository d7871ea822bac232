"""Rewriting a network with a block repeated, or left out."""

from __future__ import annotations

from dataclasses import replace

from keraudit.errors import KerauditError, ModelError
from keraudit.model.block import Block
from keraudit.model.blocks import blocks
from keraudit.model.fuzzy import suggestion
from keraudit.model.graph import Call, Graph, Ref
from keraudit.rewrite.edit import (
    Change,
    Plan,
    Rewrite,
    applied,
    configured,
    is_output,
    mapped,
    reshaped,
)

MOST_CALLS = 100_000  # of layers, as in a file that is read


def repeat_block(graph: Graph, name: str, times: int) -> Rewrite:
    """Let a block stand ``times`` times in a row (0 takes it out), each copy with weights of its own.

    Raises:
        KerauditError: no block has that name, or its output does not fit its input.
    """
    by_name = {block.name: block for block in blocks(graph)}
    if name not in by_name:
        raise KerauditError(f"no block is called {name!r}: {suggestion(name, by_name)}")
    if times < 0:
        raise KerauditError(f"a block can stand 0 times or more, received {times}")
    block = by_name[name]
    if times * len(block.nodes) > MOST_CALLS:
        raise KerauditError(
            f"block {name!r} {times:,} times would be more than {MOST_CALLS:,} calls of layers"
        )
    entry = _entry_of(graph, block)
    end = block.nodes[-1]
    before, behind = graph.nodes[entry.call].outputs[entry.output], graph.nodes[end].outputs[0]
    if before.shape != behind.shape:
        raise KerauditError(
            f"block {name!r} turns {before.shape} into {behind.shape}: it can be repeated only where"
            " its output has its input's shape"
        )
    if times == 1:
        return Rewrite(graph=graph, nothing=f"block {name!r} stands once already")
    if times == 0:
        new = applied(graph, Plan(bypass={end: entry}))
        return Rewrite(graph=new, log=(Change(layer=name, what="removed", why="times 0"),))
    return copied(graph, block, entry, times - 1)


def _entry_of(graph: Graph, block: Block) -> Ref:
    """The one outside output that a block reads."""
    members = set(block.nodes)
    outside = {r for i in block.nodes for r in graph.nodes[i].sources if r.call not in members}
    leaving = {i for i in block.nodes[:-1] if is_output(graph, i)} | {
        r.call
        for i, n in enumerate(graph.nodes)
        if i not in members
        for r in n.sources
        if r.call in members
    }
    if len(outside) != 1 or leaving - {block.nodes[-1]}:
        raise KerauditError(
            f"block {block.name!r} has several inputs or outputs: it cannot be repeated"
        )
    return outside.pop()


def copied(graph: Graph, block: Block, entry: Ref, copies: int) -> Rewrite:
    """Put copies of a block behind it."""
    old = graph.architecture
    end = block.nodes[-1]
    layers, calls = dict(old.layers), list(old.calls[: end + 1])
    origin: dict[str, str] = {}
    last = Ref(end)
    for number in range(2, copies + 2):
        place: dict[int, int] = {}
        start = last

        def now(ref: Ref, place: dict[int, int] = place, start: Ref = start) -> Ref:
            return start if ref == entry else Ref(place[ref.call], ref.output)

        for index in block.nodes:
            call = old.calls[index]
            layer_name, call_name = f"{call.layer}_x{number}", f"{call.name}_x{number}"
            if layer_name in old.layers:
                raise ModelError(f"the name {layer_name!r} is taken")
            source = old.layers[call.layer]
            if source.weights and source.kind.startswith("ops."):
                raise KerauditError(
                    f"block {block.name!r} holds a variable outside of Keras' layers, at {call.name!r}: it"
                    " cannot be repeated"
                )
            layers[layer_name] = replace(
                configured(source, name=layer_name.replace("/", "_")), name=layer_name
            )
            origin[call_name] = call.name
            place[index] = len(calls)
            calls.append(
                Call(
                    name=call_name,
                    layer=layer_name,
                    args=mapped(call.args, now),
                    kwargs=mapped(call.kwargs, now),
                )
            )
        last = Ref(place[end])
    shift = len(calls) - end - 1

    def later(ref: Ref) -> Ref:
        if ref.call < end:
            return ref
        return last if ref.call == end else Ref(ref.call + shift, ref.output)

    calls.extend(
        replace(call, args=mapped(call.args, later), kwargs=mapped(call.kwargs, later))
        for call in old.calls[end + 1 :]
    )
    outputs = tuple(map(later, old.outputs))
    new = replace(old, layers=layers, calls=tuple(calls), outputs=outputs)
    why = f"{copies + 1} times in a row"
    return Rewrite(
        graph=reshaped(new, like=graph, origin=origin),
        log=(Change(layer=block.name, what="copied", why=why),),
        origin=origin,
    )
