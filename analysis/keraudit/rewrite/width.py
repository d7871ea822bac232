"""Rewriting a network wider or narrower: all of it, or one convolution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keraudit.errors import KerauditError
from keraudit.layers.checks import LARGEST_SIZE
from keraudit.model.fuzzy import suggestion
from keraudit.model.graph import Graph, Layer, Shape
from keraudit.rewrite.edit import (
    Change,
    Plan,
    Rewrite,
    applied,
    configured,
    layers_within,
    of_keras,
)

WIDEST = 1_000_000  # times: beyond it no width fits in an axis


def with_width(graph: Graph, multiplier: float) -> Rewrite:
    """Multiply the filters or units of every hidden layer; the outputs keep theirs.

    A product is rounded to a whole number, at least 1, and to a multiple of the groups (MobileNets'
    width multiplier, Howard et al. 2017, section 3.3, without their rounding to 8).

    Raises:
        KerauditError: the multiplier is not above 0, or above ``WIDEST``.
        ShapeError: a layer fixes a width that no longer fits; the error names it.
    """
    if not multiplier > 0:
        raise KerauditError(f"the width multiplier must be above 0, received {multiplier:g}")
    if multiplier > WIDEST:
        raise KerauditError(
            f"the width multiplier must be {WIDEST:,} or less, received {multiplier:g}"
        )
    last = {graph.architecture.calls[i].layer for i in _last_weighted(graph)}
    layers: dict[str, Layer] = {}
    log: list[Change] = []
    reported: set[str] = set()
    for index, node in enumerate(graph.nodes):
        path = graph.architecture.calls[index].layer
        if path in last or path in layers or path in reported:
            continue
        output = node.outputs[0].shape if node.outputs else ()
        change = _widened(node.layer.config, output, multiplier)
        if missed := _unreached_width(node.layer, widths=bool(change)):
            reported.add(path)
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


def _unreached_width(layer: Layer, *, widths: bool) -> str:
    """Why a layer with a width, its own (``widths``) or of what it wraps, keeps it; empty otherwise."""
    if not of_keras(layer):
        why = f"{layer.kind} is not a class of Keras: what its options mean is not known"
        return why if widths else ""
    inner_layers = [inner for inner in layers_within(layer) if _widened(inner.config, (), 1)]
    return f"it wraps {inner_layers[0].name}, which keeps its width" if inner_layers else ""


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
        raise KerauditError(f"no convolution is called {name!r}: {suggestion(name, found)}")
    if count < 1:
        raise KerauditError(f"a convolution has 1 filter or more, received {count}")
    path, layer = found[name]
    now = layer.config["filters"]
    if now == count:
        return Rewrite(graph=graph, nothing=f"{name} has {count} filters already")
    change = Change(layer=name, what="changed", why=f"filters {now} to {count}")
    new = applied(graph, Plan(layers={path: configured(layer, filters=count)}))
    return Rewrite(graph=new, log=(change,))


def _widened(config: Mapping[str, Any], output: Shape, multiplier: float) -> dict[str, Any]:
    """The options of a layer that state a width, multiplied."""
    stated = config.get("groups")
    groups = stated if isinstance(stated, int) and stated > 0 else 1
    depthwise = groups > 1 and groups == config.get("filters")  # as ConvNeXt writes it
    step = 1 if depthwise else groups
    options: dict[str, Any] = {}
    for key in ("filters", "units", "projection_dim"):  # the last is ConvNeXt's LayerScale
        if isinstance(config.get(key), int) and config[key] <= LARGEST_SIZE:
            options[key] = max(1, round(config[key] * multiplier / step)) * step
    if depthwise:
        options["groups"] = options["filters"]
    target = config.get("target_shape")
    # a gate's reshape to (1, 1, channels), as in squeeze-and-excitation
    if (
        isinstance(target, list | tuple)
        and len(target) > 1
        and list(target[-1:]) == list(output[-1:])
        and all(size == 1 for size in target[:-1])
    ):
        options["target_shape"] = [*target[:-1], max(1, round(target[-1] * multiplier))]
    return options


def _last_weighted(graph: Graph) -> set[int]:
    """The last layer with a width of its own before each output: that is the model's own."""
    last: set[int] = set()
    waiting = [ref.call for ref in graph.architecture.outputs]
    seen: set[int] = set()
    while waiting:
        index = waiting.pop()
        if index in seen:
            continue
        seen.add(index)
        layer = graph.nodes[index].layer
        has_width = any(_widened(one.config, (), 1) for one in (layer, *layers_within(layer)))
        if graph.nodes[index].effect.macs and (has_width or not of_keras(layer)):
            last.add(index)
        else:
            waiting.extend(ref.call for ref in graph.nodes[index].sources)
    return last
