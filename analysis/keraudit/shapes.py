"""Architecture to Graph: give the inputs a size and let the layer table do the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from keraudit.errors import KerauditError, ModelError, ShapeError
from keraudit.graph import (
    UNSUPPORTED,
    Architecture,
    Call,
    Effect,
    Graph,
    Layer,
    Node,
    Ref,
    Shape,
    Tensor,
    windows_of,
)
from keraudit.layers.site import Rule, Site
from keraudit.layers.table import rule_of

LARGEST_SIZE = 2**31 - 1  # of one axis; anything above is a mistake or an attack
LARGEST_COUNT = 2**127  # of one term, one weight or one window; likewise
MOST_TENSORS = 1_000_000  # that all calls together give
NO_RULES: Mapping[str, Rule] = {}


def shaped(
    architecture: Architecture,
    *,
    input_shapes: Sequence[Shape] | None = None,
    batch: int | None = None,
    rules: Mapping[str, Rule] = NO_RULES,
    recorded_for: Mapping[int, tuple[Shape, ...]] | None = None,
) -> Graph:
    """Infer every shape of ``architecture`` at an input size.

    Args:
        architecture: layers and calls.
        input_shapes: one shape per input, without the batch; default: those the model records.
        batch: default: the one the model records, else 1.
        rules: rules for the user's own layer classes, by class name; they go before the table.
        recorded_for: of a rewritten architecture, by call: the input shapes that its recorded outputs
            hold for. Default: all that is recorded holds.

    Raises:
        ShapeError: an input size is missing, of the wrong rank, or too small for the network.
        ModelError: a layer's config contradicts its input or the shapes that the file records.
    """
    batch = batch_size(architecture, batch)
    starts = resolve_inputs(architecture, input_shapes)
    as_recorded = all(
        recorded is not None and same_shape((0, *start), (None, *recorded[1:]))
        for start, recorded in zip(starts, architecture.input_shapes, strict=True)
    )
    given = {
        ref.call: (batch, *start) for ref, start in zip(architecture.inputs, starts, strict=True)
    }
    recorded = architecture.recorded if as_recorded else {}
    nodes: list[Node] = []
    seen: set[str] = set()
    made = 0
    for index, call in enumerate(architecture.calls):
        layer, sources = architecture.layers[call.layer], call.inputs
        check_refs(sources, nodes)
        inputs = tuple(nodes[r.call].outputs[r.output] for r in sources)
        stated = recorded if still_holds(recorded_for, index, inputs) else {}
        shape = given.get(index) or concrete(stated.get(Ref(index)), batch)
        effect = effect_of(layer, inputs, call=call, expected=shape, rules=rules, nodes=nodes)
        if effect.status == UNSUPPORTED:
            effect = completed(effect, index, stated, batch)
        check_outputs(layer, call, inputs, effect, starts)
        check_counts(layer, call, effect)
        made += len(effect.outputs)
        if made > MOST_TENSORS:
            raise ModelError(f"the layers give more than {MOST_TENSORS:,} tensors")
        check_recorded(layer, call, index, effect, stated)
        dtype = effect.dtype or compute_dtype(layer, inputs)
        nodes.append(
            Node(
                name=call.name,
                layer=layer,
                sources=sources,
                inputs=inputs,
                outputs=tuple(Tensor(s, dtype) for s in effect.outputs),
                effect=effect,
                first_call=call.layer not in seen,
            )
        )
        seen.add(call.layer)
    check_refs(architecture.outputs, nodes)
    return Graph(architecture=architecture, batch=batch, nodes=tuple(nodes), rules=rules)


def still_holds(
    recorded_for: Mapping[int, tuple[Shape, ...]] | None, index: int, inputs: Sequence[Tensor]
) -> bool:
    """Whether a call reads the shapes that its recorded outputs hold for."""
    return recorded_for is None or recorded_for.get(index) == tuple(t.shape for t in inputs)


def check_refs(refs: Sequence[Ref], nodes: Sequence[Node]) -> None:
    for ref in refs:
        if ref.output >= len(nodes[ref.call].outputs):
            raise ModelError(f"layer {nodes[ref.call].name!r} has no output number {ref.output}")


def completed(
    effect: Effect, index: int, recorded: Mapping[Ref, tuple[int | None, ...]], batch: int
) -> Effect:
    """An unsupported layer's effect with the outputs that the file records, where it does."""
    outputs: list[Shape] = []
    while (shape := concrete(recorded.get(Ref(index, len(outputs))), batch)) is not None:
        outputs.append(shape)
    return replace(effect, outputs=(*outputs, *effect.outputs[len(outputs) :]))


def batch_size(architecture: Architecture, batch: int | None) -> int:
    if batch is None:
        recorded = [s[0] for s in architecture.input_shapes if s and s[0]]
        batch = recorded[0] if recorded else 1
    if not 0 < batch <= LARGEST_SIZE:
        raise ShapeError(f"the batch must be a whole number from 1, received {batch}")
    return batch


def resolve_inputs(architecture: Architecture, given: Sequence[Shape] | None) -> tuple[Shape, ...]:
    """The input shapes without batch: those given, else those recorded."""
    names = [architecture.calls[ref.call].name for ref in architecture.inputs]
    recorded = architecture.input_shapes
    if given is not None and len(given) != len(recorded):
        raise ShapeError(
            f"the model has {len(recorded)} inputs ({', '.join(names)}), received {len(given)}"
            " input shapes; give one for each, in this order"
        )
    shapes = []
    for position, (name, record) in enumerate(zip(names, recorded, strict=True)):
        if given is None:
            if record is None or None in record[1:]:
                stated = "no shape" if record is None else f"the shape {show(record)}"
                raise ShapeError(
                    f"input {name!r} records {stated}: give its size with --input-shape (input_shape=)"
                )
            shapes.append(tuple(int(size or 0) for size in record[1:]))
            continue
        shape = tuple(given[position])
        if record is not None and len(shape) != len(record) - 1:
            raise ShapeError(
                f"input {name!r} has {len(record) - 1} axes besides the batch, {show(record)};"
                f" received {len(shape)}: {','.join(map(str, shape))}"
            )
        shapes.append(shape)
    for name, shape in zip(names, shapes, strict=True):
        if not all(0 < size <= LARGEST_SIZE for size in shape):
            raise ShapeError(f"input {name!r}: every size must be from 1, received {shape}")
    return tuple(shapes)


def effect_of(
    layer: Layer | Architecture,
    inputs: tuple[Tensor, ...],
    *,
    call: Call | None = None,
    expected: Shape | None = None,
    rules: Mapping[str, Rule] = NO_RULES,
    nodes: Sequence[Node] = (),
) -> Effect:
    """Apply the table's rule, or the user's, to one call of a layer.

    ``expected`` is the output shape to assume where no rule can tell.
    """
    if isinstance(layer, Architecture):
        return effect_of_model(layer, inputs, rules)
    rule = rules.get(layer.kind) or (rule_of(layer.kind) if layer.module else None)
    if layer.kind == "InputLayer" and expected is not None:
        from keraudit.layers.site import zero

        return zero(
            expected,
            reason="an input, no arithmetic",
            dtype=str(layer.config.get("dtype") or "float32"),
        )
    if rule is None:
        return unknown_effect(layer, inputs, expected)
    site = Site(
        kind=layer.kind,
        config=layer.config,
        inputs=inputs,
        args=with_tensors(call.args, nodes) if call else (),
        kwargs=with_tensors(call.kwargs, nodes) if call else {},
        inner=layer.inner,
        measure=partial(effect_of, rules=rules),
        expected=expected,
    )
    try:
        return rule(site)
    except KerauditError as error:
        if str(error).startswith("layer "):  # an inner layer's, whose name tells where it is
            raise
        raise type(error)(f"layer {layer.name!r} ({layer.kind}): {error}") from error
    except RecursionError:
        raise ModelError(f"layer {layer.name[:60]!r}: wrappers are nested too deep") from None
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, ArithmeticError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise ModelError(
            f"layer {layer.name!r} ({layer.kind}): its config does not fit its input"
            f" {', '.join(show(t.shape) for t in inputs)} ({reason})"
        ) from error


def effect_of_model(
    model: Architecture, inputs: tuple[Tensor, ...], rules: Mapping[str, Rule]
) -> Effect:
    """The summed effect of a model that a wrapper holds."""
    graph = shaped(
        model,
        input_shapes=[t.shape[1:] for t in inputs],
        batch=inputs[0].shape[0],
        rules=rules,
    )
    unknown = [n for n in graph.nodes if n.effect.status == UNSUPPORTED]
    return Effect(
        outputs=tuple(graph.nodes[r.call].outputs[r.output].shape for r in model.outputs),
        terms=tuple(term for n in graph.nodes for term in n.effect.terms),
        weights=tuple(
            w._replace(name=f"{n.name}/{w.name}", trainable=w.trainable and n.layer.trainable)
            for n in graph.nodes
            for w in n.weights
        ),
        view="global",
        status=UNSUPPORTED if unknown else "counted",
        reason="; ".join(f"{n.name}: {n.effect.reason}" for n in unknown),
    )


def unknown_effect(layer: Layer, inputs: tuple[Tensor, ...], expected: Shape | None) -> Effect:
    shape = inputs[0].shape if expected is None and inputs else expected
    if shape is None:
        raise ModelError(
            f"layer {layer.name!r} ({layer.kind}) is not in the layer table and records no output"
            " shape: give a rule for it with --rules (rules=)"
        )
    assumed = "as the file records" if expected is not None else "assumed equal to its input's"
    return Effect(
        outputs=(shape,),
        view="global",
        status=UNSUPPORTED,
        reason=f"{layer.kind} is not in the layer table (its output shape is {assumed})",
    )


def check_outputs(
    layer: Layer, call: Call, inputs: tuple[Tensor, ...], effect: Effect, starts: Sequence[Shape]
) -> None:
    for shape in effect.outputs:
        if all(isinstance(size, int) and 0 < size <= LARGEST_SIZE for size in shape):
            continue
        received = ", ".join(show(t.shape) for t in inputs)
        if all(isinstance(size, int) and size <= LARGEST_SIZE for size in shape):
            raise ShapeError(
                f"the input shape {' and '.join(show(s) for s in starts)} is too small: at layer"
                f" {call.name!r} ({layer.kind}) the map {received} would become {show(shape)};"
                " give a larger --input-shape"
            )
        raise ModelError(
            f"layer {call.name!r} ({layer.kind}) gives the absurd shape {show(shape)} from {received}"
        )


def check_counts(layer: Layer, call: Call, effect: Effect) -> None:
    """Refuse numbers that no network has, and that no sum, table or float would hold."""
    counts = [t.value for t in effect.terms] + [w.elements for w in effect.weights]
    counts += [abs(edge) for window in windows_of(effect.view) for edge in window]  # type: ignore[misc]
    if any(count > LARGEST_COUNT for count in counts):
        raise ModelError(
            f"layer {call.name!r} ({layer.kind}): its config gives counts of more than"
            f" {len(str(LARGEST_COUNT))} digits"
        )
    for what, sizes in [
        *((t.what, tuple(size for _, size in t.factors)) for t in effect.terms),
        *((w.name, w.shape) for w in effect.weights),
    ]:
        if any(size < 0 for size in sizes):
            raise ModelError(
                f"layer {call.name!r} ({layer.kind}): its config gives a negative size for {what},"
                f" {show(sizes)}; sizes are whole numbers from 1"
            )


def check_recorded(
    layer: Layer,
    call: Call,
    index: int,
    effect: Effect,
    recorded: Mapping[Ref, tuple[int | None, ...]],
) -> None:
    for output, shape in enumerate(effect.outputs):
        stated = recorded.get(Ref(index, output))
        if stated is not None and not same_shape(shape, stated):
            raise ModelError(
                f"layer {call.name!r} ({layer.kind}): its config gives the output shape"
                f" {show(shape)}, but the file records {show(stated)}; the file contradicts itself"
            )


def same_shape(shape: Sequence[int], stated: Sequence[int | None]) -> bool:
    """Whether the sizes agree, the batch and sizes left open aside."""
    return len(shape) == len(stated) and all(
        b is None or a == b for a, b in zip(shape[1:], stated[1:], strict=True)
    )


def concrete(stated: Sequence[int | None] | None, batch: int) -> Shape | None:
    if stated is None or None in stated[1:]:
        return None
    return (batch, *(int(size or 0) for size in stated[1:])) if stated else ()


def with_tensors(value: Any, nodes: Sequence[Node]) -> Any:
    """The same structure with a ``Tensor`` in place of every ``Ref``."""
    if isinstance(value, Ref):
        return nodes[value.call].outputs[value.output]
    if isinstance(value, list | tuple):
        return tuple(with_tensors(item, nodes) for item in value)
    if isinstance(value, dict):
        return {key: with_tensors(item, nodes) for key, item in value.items()}
    return value


def compute_dtype(layer: Layer, inputs: Sequence[Tensor]) -> str:
    """The dtype of a layer's outputs: its policy's compute dtype; for an operation, its input's."""
    policy = layer.config.get("dtype")
    if policy is None:
        return inputs[0].dtype if inputs else "float32"
    return policy_dtypes(policy)[0]


def policy_dtypes(policy: Any) -> tuple[str, str]:
    """The compute and the variable dtype of a serialised dtype policy.

    >>> policy_dtypes({"class_name": "DTypePolicy", "config": {"name": "mixed_bfloat16"}})
    ('bfloat16', 'float32')
    """
    if isinstance(policy, Mapping):
        config = policy.get("config")
        stated = config if isinstance(config, Mapping) else {}
        policy = stated.get("name") or stated.get("source_name") or "float32"
    name = str(policy).rpartition("_from_")[2] or "float32"
    if name.startswith("mixed_"):
        return name.removeprefix("mixed_"), "float32"
    return name, name


def show(shape: Sequence[int | None]) -> str:
    """A shape as people write it: ``28x28x192``; an open size is ``?``."""
    return "x".join("?" if size is None else str(size) for size in shape)


__all__ = ["effect_of", "policy_dtypes", "shaped", "show"]
