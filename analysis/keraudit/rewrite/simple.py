"""Rewrites of one idea each: no normalisation, another activation, another width or size, more blocks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from keraudit.blocks import NORMALISING, Block, blocks
from keraudit.checks import LARGEST_SIZE
from keraudit.errors import KerauditError, ModelError
from keraudit.graph import Call, Graph, Layer, Ref, Shape
from keraudit.layers.activation import ACTIVATIONS, activation_name
from keraudit.rewrite.surgery import (
    Change,
    Plan,
    Rewrite,
    applied,
    configured,
    is_output,
    layers_within,
    mapped,
    of_keras,
    reshaped,
)
from keraudit.shapes import shaped

WIDEST = 1_000_000  # times: beyond it no width fits in an axis
MOST_CALLS = 400_000  # of layers, as in a file that is read

ACTIVATION_LAYERS = frozenset({"Activation", "ReLU", "LeakyReLU", "ELU", "PReLU"})
# What is no hidden activation: classifiers, gates, and nothing at all.
KEPT = frozenset({"softmax", "sigmoid", "hard_sigmoid", "linear", "log_softmax"})


def at_input_shape(graph: Graph, *shapes: Shape, batch: int | None = None) -> Rewrite:
    """The same network at other input sizes (without batch), one for each input.

    Raises:
        ShapeError: the network collapses at this size.
    """
    given = shapes or tuple(node.outputs[0].shape[1:] for node in graph.input_nodes)
    new = shaped(
        graph.architecture,
        input_shapes=given,
        batch=batch or graph.batch,
        rules=graph.rules,
    )
    names = [node.name for node in graph.input_nodes]
    log = [
        Change(layer=name, what="changed", why="to " + "x".join(map(str, shape)))
        for name, shape in zip(names, given, strict=True)
    ]
    return Rewrite(graph=new, log=tuple(log))


def without_normalisation(graph: Graph) -> Rewrite:
    """Take out every batch, layer, group and RMS normalisation; nothing takes its place."""
    found = {
        i: node.sources[0]
        for i, node in enumerate(graph.nodes)
        if node.layer.kind in NORMALISING and of_keras(node.layer) and len(node.sources) == 1
    }
    if not found:
        return Rewrite(graph=graph, nothing="no normalisation found")
    log = [
        Change(layer=graph.nodes[i].name, what="removed", why=f"a {graph.nodes[i].layer.kind}")
        for i in found
    ]
    return Rewrite(graph=applied(graph, Plan(bypass=found)), log=tuple(log))


def with_activation(graph: Graph, name: str) -> Rewrite:
    """Put one activation in the place of every hidden one; classifiers and gates keep theirs.

    Raises:
        KerauditError: Keras has no activation of that name.
    """
    if name not in ACTIVATIONS:
        raise KerauditError(
            f"no activation is called {name!r}: expected one of {', '.join(sorted(ACTIVATIONS))}"
        )
    layers: dict[str, Layer] = {}
    log: list[Change] = []
    for path, layer in graph.architecture.layers.items():
        if missed := unreached_activation(layer):
            log.append(Change(layer=path, what="not reached", why=missed))
        current = hidden_activation(layer)
        if not current or not of_keras(layer) or is_operation(layer):
            continue
        if layer.kind in ACTIVATION_LAYERS:
            kept = {k: v for k, v in layer.config.items() if k in ("name", "dtype", "trainable")}
            layers[path] = replace(
                layer,
                kind="Activation",
                module="keras.layers",
                config={**kept, "activation": name},
                weights=None,
            )
        else:
            layers[path] = configured(layer, activation=name)
        log.append(Change(layer=path, what="changed", why=f"{current} to {name}"))
    if not layers:
        return Rewrite(graph=graph, log=tuple(log), nothing="no hidden activation found")
    return Rewrite(graph=applied(graph, Plan(layers=layers)), log=tuple(log))


def is_operation(layer: Layer) -> bool:
    """Whether a layer is a call of ``keras.ops``."""
    return layer.kind.startswith("ops.")


def hidden_activation(layer: Layer) -> str:
    """The hidden activation that a layer is or ends with; empty for a classifier's, a gate's, none."""
    own = layer.config.get("activation")
    if is_operation(layer):
        found = activation_name({"class_name": layer.kind.removeprefix("ops.")})
        return found if found in ACTIVATIONS and found not in KEPT else ""
    if own is None and layer.kind not in ACTIVATION_LAYERS:
        return ""
    found = activation_name(own) if own is not None else layer.kind.lower()
    return "" if found in KEPT else found


def unreached_activation(layer: Layer) -> str:
    """Why a hidden activation stays as it is; empty where there is none, or it can be replaced."""
    own = hidden_activation(layer)
    if own and not of_keras(layer):
        return f"{layer.kind} is no class of Keras: what its activation means is not known"
    if own and is_operation(layer):
        return f"{own} is called as an operation, not as a layer"
    held = [inner for inner in layers_within(layer) if hidden_activation(inner)]
    return f"it wraps {held[0].name}, which keeps {hidden_activation(held[0])}" if held else ""


def with_width(graph: Graph, multiplier: float) -> Rewrite:
    """Multiply the filters or units of every hidden layer; the outputs keep theirs.

    A product is rounded to a whole number, at least 1, and to a multiple of the groups (MobileNets'
    width multiplier, Howard et al. 2017, section 3.3, without their rounding to 8).

    Raises:
        ShapeError: a layer fixes a width that no longer fits; the error names it.
    """
    if not multiplier > 0:
        raise KerauditError(f"the width multiplier must be above 0, received {multiplier:g}")
    if multiplier > WIDEST:
        raise KerauditError(
            f"the width multiplier must be {WIDEST:,} or less, received {multiplier:g}"
        )
    last = {graph.architecture.calls[i].layer for i in last_weighted(graph)}
    layers: dict[str, Layer] = {}
    log: list[Change] = []
    told: set[str] = set()
    for index, node in enumerate(graph.nodes):
        path = graph.architecture.calls[index].layer
        if path in last or path in layers or path in told:
            continue
        output = node.outputs[0].shape if node.outputs else ()
        change = widened(node.layer.config, output, multiplier)
        if missed := unreached_width(node.layer, widths=bool(change)):
            told.add(path)
            log.append(Change(layer=path, what="not reached", why=missed))
            continue
        if not change:
            continue
        layers[path] = configured(node.layer, **change)
        why = ", ".join(
            f"{key} {node.layer.config[key]} to {value}" for key, value in change.items()
        )
        log.append(Change(layer=path, what="changed", why=why))
    if not layers:
        return Rewrite(
            graph=graph, log=tuple(log), nothing="no layer with a width of its own found"
        )
    return Rewrite(graph=applied(graph, Plan(layers=layers)), log=tuple(log))


def unreached_width(layer: Layer, *, widths: bool) -> str:
    """Why a layer with a width, its own (``widths``) or of what it wraps, keeps it; empty otherwise."""
    if not of_keras(layer):
        why = f"{layer.kind} is no class of Keras: what its options mean is not known"
        return why if widths else ""
    held = [inner for inner in layers_within(layer) if widened(inner.config, (), 1)]
    return f"it wraps {held[0].name}, which keeps its width" if held else ""


def with_filters(graph: Graph, name: str, count: int) -> Rewrite:
    """Give one convolution ``count`` filters; what reads it sees as many channels.

    Raises:
        KerauditError: no convolution has that name, or the count makes no sense.
        ShapeError: a layer behind it fixes a width that no longer fits; the error names it.
    """
    found = {
        node.name: (call.layer, node.layer)
        for call, node in zip(graph.architecture.calls, graph.nodes, strict=True)
        if of_keras(node.layer) and isinstance(node.layer.config.get("filters"), int)
    }
    if name not in found:
        from difflib import get_close_matches

        near = get_close_matches(name, found, n=3) or list(found)[:5] or ["none"]
        raise KerauditError(f"no convolution is called {name!r}; there are {', '.join(near)}")
    if count < 1:
        raise KerauditError(f"a convolution has 1 filter or more, received {count}")
    path, layer = found[name]
    now = layer.config["filters"]
    if now == count:
        return Rewrite(graph=graph, nothing=f"{name} has {count} filters already")
    change = Change(layer=name, what="changed", why=f"filters {now} to {count}")
    new = applied(graph, Plan(layers={path: configured(layer, filters=count)}))
    return Rewrite(graph=new, log=(change,))


def widened(config: Mapping[str, Any], output: Shape, multiplier: float) -> dict[str, Any]:
    """The options of a layer that state a width, multiplied."""
    stated = config.get("groups")
    groups = stated if isinstance(stated, int) and stated > 0 else 1
    depthwise = groups > 1 and groups == config.get("filters")  # as ConvNeXt writes it
    step = 1 if depthwise else groups
    found: dict[str, Any] = {}
    for key in ("filters", "units", "projection_dim"):  # the last is ConvNeXt's LayerScale
        if isinstance(config.get(key), int) and config[key] <= LARGEST_SIZE:
            found[key] = max(1, round(config[key] * multiplier / step)) * step
    if depthwise:
        found["groups"] = found["filters"]
    target = config.get("target_shape")
    # a gate's reshape to (1, 1, channels), as in squeeze-and-excitation
    if (
        isinstance(target, list | tuple)
        and len(target) > 1
        and list(target[-1:]) == list(output[-1:])
        and all(size == 1 for size in target[:-1])
    ):
        found["target_shape"] = [*target[:-1], max(1, round(target[-1] * multiplier))]
    return found


def last_weighted(graph: Graph) -> set[int]:
    """The last layer with weights before each output: its width is the model's own."""
    found: set[int] = set()
    waiting = [ref.call for ref in graph.architecture.outputs]
    seen: set[int] = set()
    while waiting:
        index = waiting.pop()
        if index in seen:
            continue
        seen.add(index)
        if graph.nodes[index].effect.macs:
            found.add(index)
        else:
            waiting.extend(ref.call for ref in graph.nodes[index].sources)
    return found


def repeat_block(graph: Graph, name: str, times: int) -> Rewrite:
    """Let a block stand ``times`` times in a row (0 takes it out), each copy with weights of its own.

    Raises:
        KerauditError: no block has that name, or its output does not fit its input.
    """
    found = {block.name: block for block in blocks(graph)}
    if name not in found:
        from difflib import get_close_matches

        near = get_close_matches(name, found, n=3) or list(found)[:5]
        raise KerauditError(f"no block is called {name!r}; there are {', '.join(near)}")
    if times < 0:
        raise KerauditError(f"a block can stand 0 times or more, received {times}")
    block = found[name]
    if times * len(block.nodes) > MOST_CALLS:
        raise KerauditError(
            f"block {name!r} {times:,} times would be more than {MOST_CALLS:,} calls of layers"
        )
    entry = entry_of(graph, block)
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


def entry_of(graph: Graph, block: Block) -> Ref:
    """The one outside output that a block reads."""
    held = set(block.nodes)
    outside = {r for i in block.nodes for r in graph.nodes[i].sources if r.call not in held}
    leaving = {i for i in block.nodes[:-1] if is_output(graph, i)} | {
        r.call
        for i, n in enumerate(graph.nodes)
        if i not in held
        for r in n.sources
        if r.call in held
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
