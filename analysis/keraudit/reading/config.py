"""Keras' serialised config (plain data) to an ``Architecture``. Nothing in it is executed.

Keras 3 and Keras 2 configs are read by the same walk: nested models are laid flat, a shared layer
becomes one layer with several calls, and every reference is resolved.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from keraudit.errors import ModelError
from keraudit.model.graph import Architecture, Call, Hint, Layer, Ref, refs_in
from keraudit.reading.laid_flat import LARGEST_GRAPH, Amounts
from keraudit.reading.nested import rank_changers, received
from keraudit.reading.origin import kind_of, package_of, without_graph
from keraudit.reading.serialised import (
    History,
    KerasTensor,
    as_list,
    built_for,
    histories,
    input_shape,
    is_model,
    is_sequential,
    keras_tensors,
    layer_name,
    named_layers,
    node_arguments,
    pick,
    resolve,
    sequential_dtype,
    sequential_input,
    sequential_layers,
    text,
)
from keraudit.safe_text import harmless

INNER_KEYS = ("layer", "backward_layer", "cell", "cells", "layers")
PROJECTIONS = (
    "projections"  # of a live attention layer, next to its config; in a file it means nothing
)
PROJECTED = ("MultiHeadAttention", "GroupQueryAttention", "GroupedQueryAttention")
FITTED = ("Dense", "BatchNormalization", "LayerNormalization")  # weights as long as the last axis


def architecture(
    record: Mapping[str, Any],
    *,
    source: str,
    title: str = "",
    most_calls: int = LARGEST_GRAPH,
    live: bool = False,
) -> Architecture:
    """Read a model's record ``{"class_name", "config", ...}``.

    Args:
        record: plain data.
        source: the file, or where else it is from.
        title: what people call the model, if that differs from its own name.
        most_calls: layers and their calls, nested models laid flat; more is refused.
        live: whether the record is of a live model, and so of our own making.

    Raises:
        ModelError: the record is not a model, contradicts itself, or refers to what is not there.
    """
    if not isinstance(record, Mapping) or "class_name" not in record:
        raise ModelError("expected a Keras model config with a 'class_name', found none")
    if not is_model(record):
        raise ModelError(without_graph(record))
    walk = Walk(most_calls, live=live)
    refs, shapes = walk.top(record)
    config = record["config"]
    own = config.get("name") if isinstance(config, Mapping) else None  # else it lists layers alone
    name = text(own or record["class_name"])
    return Architecture(
        name=name,
        source=harmless(source),
        layers=walk.layers,
        calls=tuple(walk.calls),
        inputs=tuple(walk.inputs),
        outputs=tuple(refs),
        input_shapes=tuple(shapes),
        recorded=walk.recorded,
        hinted=walk.hinted,
        dtypes=walk.dtypes,
        containers=walk.containers,
        title=harmless(title),
    )


def _layer_from(
    record: Mapping[str, Any], *, name: str = "", trainable: bool = True, live: bool = False
) -> Layer:
    """Read one layer's record; layers it wraps become its ``inner``, as do the projections of live attention."""
    config = record.get("config")
    if not isinstance(config, Mapping):
        config = {}
    kind, module = kind_of(record)
    name = name or text(config.get("name") or record.get("name") or kind)
    own = trainable and config.get("trainable", True) is not False
    held = [item for key in INNER_KEYS for item in as_list(config.get(key))]
    if kind in PROJECTED:
        held = as_list(record.get(PROJECTIONS)) if live else []
    inner = tuple(
        _read_inner(item, f"{name}/", own, live)
        for item in held
        if isinstance(item, Mapping) and "class_name" in item
    )
    package = "" if module else package_of(record)
    unknown = f"{kind}, of package {package!r}, is not in the layer table" if package else ""
    return Layer(
        name=name,
        kind=kind,
        config=config,
        module=module,
        trainable=own,
        inner=inner,
        unknown=unknown,
    )


def _read_inner(
    record: Mapping[str, Any], prefix: str, trainable: bool, live: bool
) -> Layer | Architecture:
    if is_model(record):
        return architecture(record, source="", live=live)
    config = record.get("config")
    own = text(config.get("name", "")) if isinstance(config, Mapping) else ""
    own = own or harmless(str(record["class_name"]))
    return _layer_from(record, name=prefix + own, trainable=trainable, live=live)


def _layers_in(layer: Layer | Architecture) -> int:
    """How many layers are measured with a wrapper, in it, or with a model that a wrapper holds."""
    if isinstance(layer, Architecture):
        layer_counts = {name: 1 + _layers_in(inner) for name, inner in layer.layers.items()}
        return sum(layer_counts[call.layer] for call in layer.calls)
    twice = 2 if layer.kind == "Bidirectional" and len(layer.inner) == 1 else 1
    return twice * sum(1 + _layers_in(inner) for inner in layer.inner)


def _free_name(record: Mapping[str, Any]) -> str:
    """What the input of a Sequential is called: ``input``, unless a layer has that name."""
    items = (i for i in sequential_layers(record) if i.get("class_name") != "InputLayer")
    taken, name = {layer_name(item) for item in items}, "input"
    while name in taken:
        name += "_"
    return name


class Walk:
    """Lays nested models flat while it resolves references."""

    def __init__(self, most_calls: int, *, live: bool = False) -> None:
        self.live = live
        self.amounts = Amounts(most_calls)
        self.layers: dict[str, Layer] = {}
        self.calls: list[Call] = []
        self.inputs: list[Ref] = []
        self.recorded: dict[Ref, tuple[int | None, ...]] = {}
        self.stated: dict[Ref, tuple[int | None, ...]] = {}  # where it is read
        self.hinted: dict[Ref, Hint] = {}  # by what the reader was built for
        self.dtypes: dict[Ref, str] = {}
        self.times: dict[str, int] = {}
        self.layer_counts: dict[str, int] = {}
        self.within: tuple[tuple[str, int], ...] = ()
        self.containers: dict[str, str] = {}

    def top(
        self, record: Mapping[str, Any]
    ) -> tuple[list[Ref], list[tuple[int | None, ...] | None]]:
        if is_sequential(record):
            shape = sequential_input(record)
            ref = self.input(
                Layer(name=_free_name(record), kind="InputLayer", config=sequential_dtype(record))
            )
            if shape is not None:
                self.stated[ref] = shape
            outputs = self.model(record, [ref], "", True)
            return outputs, [shape]
        config = record["config"]
        refs, shapes = [], []
        by_name = named_layers(config)
        for name, _, _ in histories(config.get("input_layers")):
            if name not in by_name:
                raise ModelError(f"the input {name!r} is not among the model's layers")
            layer = _layer_from(by_name[name], live=self.live)
            refs.append(self.input(layer))
            shapes.append(input_shape(layer.config))
        self.stated.update((r, s) for r, s in zip(refs, shapes, strict=True) if s is not None)
        if not refs:
            raise ModelError("the model names no input layers")
        return self.model(record, refs, "", True), shapes

    def input(self, layer: Layer) -> Ref:
        ref = self.call(layer, layer.name, (), {})
        self.inputs.append(ref)
        return ref

    def call(self, layer: Layer, path: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Ref:
        self.layers.setdefault(path, layer)
        if path not in self.layer_counts:
            self.layer_counts[path] = 1 + _layers_in(layer)
        self.amounts.work(self.layer_counts[path])
        times = self.times[path] = self.times.get(path, 0) + 1
        name = path if times == 1 else f"{path}:{times}"
        self.amounts.write(name)
        self.calls.append(Call(name=name, layer=path, args=args, kwargs=kwargs, within=self.within))
        return Ref(len(self.calls) - 1)

    def model(
        self, record: Mapping[str, Any], inputs: list[Ref], prefix: str, trainable: bool
    ) -> list[Ref]:
        """Lay a model flat on ``inputs``; return its outputs."""
        self.amounts.enter()
        layers = (
            record["config"] if isinstance(record["config"], list) else record["config"]["layers"]
        )
        self.amounts.work(1 + len(layers))
        config = record["config"]
        if isinstance(config, Mapping):
            trainable = trainable and config.get("trainable", True) is not False
        if is_sequential(record):
            outputs = self.sequential(record, inputs, prefix, trainable)
        else:
            outputs = self.functional(config, inputs, prefix, trainable)
        self.amounts.leave()
        return outputs

    def apply(
        self,
        record: Mapping[str, Any],
        path: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        trainable: bool,
    ) -> list[Ref] | Ref:
        if is_model(record):
            inputs = received(record, path, args, kwargs)
            times = self.times[path] = self.times.get(path, 0) + 1
            self.containers[path] = text(record["class_name"])
            outside, self.within = self.within, (*self.within, (path, times))
            if not _is_old(record):
                changers = rank_changers(record, path, inputs, self.stated, self.recorded)
                for index, changer in changers.items():
                    inputs[index] = self.call(changer, changer.name, (inputs[index],), {})
            outputs = self.model(record, inputs, f"{path}/", trainable)
            self.within = outside
            return outputs
        layer = self.layers.get(path)
        if layer is None:
            layer = _layer_from(record, name=path, trainable=trainable, live=self.live)
            for ref, shape in zip(refs_in(args), built_for(record), strict=False):
                sure = len(shape) == 2 and bool(layer.module) and layer.kind in FITTED
                self.hinted.setdefault(ref, Hint(shape, sure))
        return self.call(layer, path, args, kwargs)

    def sequential(
        self, record: Mapping[str, Any], inputs: list[Ref], prefix: str, trainable: bool
    ) -> list[Ref]:
        if not inputs:
            raise ModelError(f"model {prefix.rstrip('/')!r} is called without an input")
        refs: list[Ref] = inputs
        for item in sequential_layers(record):
            if item.get("class_name") == "InputLayer":
                continue
            path = prefix + layer_name(item)
            result = self.apply(item, path, (refs[0],), {}, trainable)
            refs = [result] if isinstance(result, Ref) else result
        return refs

    def functional(
        self, config: Mapping[str, Any], inputs: list[Ref], prefix: str, trainable: bool
    ) -> list[Ref]:
        by_name = named_layers(config)
        entries = [h[:2] for h in histories(config.get("input_layers"))]
        if len(entries) != len(inputs):
            raise ModelError(
                f"model {prefix.rstrip('/')!r} takes {len(entries)} inputs, is called with {len(inputs)}"
            )
        done: dict[tuple[str, int], list[Ref] | Ref] = dict(zip(entries, inputs, strict=True))
        arguments = {
            (name, index): node_arguments(node)
            for name, item in by_name.items()
            for index, node in enumerate(as_list(item.get("inbound_nodes")))
            if (name, index) not in done
        }
        outputs = _count_from_zero(by_name, arguments, histories(config.get("output_layers")))
        if not outputs:
            raise ModelError(
                f"{f'model {prefix[:-1]!r}' if prefix else 'the model'} names no output layers"
            )
        tensors = {key: tuple(keras_tensors(call)) for key, call in arguments.items()}
        self.amounts.refer(sum(map(len, tensors.values())))
        for key in _run_order(by_name, tensors, done):
            args, kwargs = arguments[key]
            name = key[0]
            note(self.stated, tensors[key], done)
            done[key] = self.apply(
                by_name[name],
                prefix + name,
                tuple(resolve(args, done)),
                resolve(kwargs, done),
                trainable,
            )
            note(self.recorded, tensors[key], done)
            for tensor in tensors[key]:
                if tensor.dtype:
                    self.dtypes.setdefault(pick(done, tensor.history), tensor.dtype)
        return [pick(done, history) for history in outputs]


def note(
    shapes: dict[Ref, tuple[int | None, ...]],
    tensors: Iterable[KerasTensor],
    done: Mapping[tuple[str, int], Any],
) -> None:
    """Add the shapes that a call states of its tensors, where none is known yet."""
    for tensor in tensors:
        if tensor.shape is not None:
            shapes.setdefault(pick(done, tensor.history), tensor.shape)


def _count_from_zero(
    by_name: Mapping[str, Any], arguments: Mapping[tuple[str, int], Any], outputs: list[History]
) -> list[History]:
    """The output references, with the calls of nested models counted from 0; others in place.

    A functional model is born with a call of its own, which no file lists. Keras 3 counts it where a
    nested model is an output, and nowhere else; Keras 2 counts it in every reference to one.
    """
    nested = {name for name, item in by_name.items() if is_model(item)}
    tensors = [
        t for call in arguments.values() for t in keras_tensors(call) if t.history[0] in nested
    ]
    old = {
        name
        for name in nested
        if _is_old(by_name[name])
        and all(h[1] for h in [t.history for t in tensors] + outputs if h[0] == name)
    }
    for tensor in tensors:
        if tensor.history[0] in old:
            tensor.history = _shifted(tensor.history)
    born = {n for n in nested if not _is_old(by_name[n]) and "input_layers" in by_name[n]["config"]}
    return [_shifted(history) if history[0] in old | born else history for history in outputs]


def _is_old(record: Mapping[str, Any]) -> bool:
    """Whether a layer's calls are in Keras 2's notation."""
    return any(isinstance(node, list) for node in as_list(record.get("inbound_nodes")))


def _shifted(history: History) -> History:
    name, call, output = history
    return name, max(call - 1, 0), output


def _run_order(
    by_name: Mapping[str, Any],
    tensors: Mapping[tuple[str, int], Iterable[KerasTensor]],
    done: Mapping[tuple[str, int], Any],
) -> Iterator[tuple[str, int]]:
    """The calls in an order in which each comes after its inputs; as listed where that is free.

    Keras lists layers by depth, so for models without shared layers this is the order it runs them.
    """
    position = {name: i for i, name in enumerate(by_name)}
    waiting: dict[tuple[str, int], int] = {}
    users: dict[tuple[str, int], list[tuple[str, int]]] = {}
    ready: list[tuple[int, int, str]] = []
    for key, read in tensors.items():
        needs = {t.history[:2] for t in read} - done.keys()
        for need in needs:
            if need[0] not in by_name:
                raise ModelError(
                    f"layer {key[0]!r} reads from {need[0]!r}, which is not in the model"
                )
            if need not in tensors:
                raise ModelError(
                    f"layer {key[0]!r} reads call {need[1]} of {need[0]!r}, which has no such call"
                )
            users.setdefault(need, []).append(key)
        waiting[key] = len(needs)
        if not needs:
            ready.append((position[key[0]], key[1], key[0]))
    heapq.heapify(ready)
    while ready:
        _, index, name = heapq.heappop(ready)
        key = (name, index)
        del waiting[key]
        yield key
        for user in users.get(key, ()):
            waiting[user] -= 1
            if not waiting[user]:
                heapq.heappush(ready, (position[user[0]], user[1], user[0]))
    if waiting:
        raise ModelError(f"the model has a cycle through layer {next(iter(waiting))[0]!r}")
