"""Architecture to Graph: give the inputs a size and let the layer table do the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from keraudit.errors import KerauditError, ModelError, ShapeError
from keraudit.layers.arguments import Arguments
from keraudit.layers.assumed import Expected, expected, statements
from keraudit.layers.call import Rule, Site, zero
from keraudit.layers.checks import (
    LARGEST_SIZE,
    check_counts,
    check_outputs,
    check_recorded,
    check_refs,
    check_shared,
    same_shape,
)
from keraudit.layers.exactness import Place, checked_against_total, with_weights
from keraudit.layers.keras_io import reason_for
from keraudit.layers.own_counts import stated_rule
from keraudit.layers.rule_table import rule_of
from keraudit.layers.unlisted import unlisted
from keraudit.model.bounds import Bound
from keraudit.model.graph import (
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
)
from keraudit.model.input_sizes import how_to_give_sizes
from keraudit.model.shape_text import shape_text
from keraudit.safe_text import harmless

MOST_TENSORS = 1_000_000  # that all calls together give
NO_RULES: Mapping[str, Rule] = {}


def shaped(
    architecture: Architecture,
    *,
    input_shapes: Sequence[Shape] | None = None,
    batch: int | None = None,
    rules: Mapping[str, Rule] = NO_RULES,
    recorded_for: Mapping[int, tuple[Shape, ...]] | None = None,
    earlier: Mapping[int, Node] | None = None,
) -> Graph:
    """Infer every shape of ``architecture`` at an input size.

    Where no rule tells a layer's output, it is taken from what the file states; where that says
    nothing, it is assumed to be the input's shape, and what rests on it is an estimate.

    Args:
        architecture: layers and calls.
        input_shapes: one shape per input, without the batch; default: those the model records.
        batch: default: the one the model records, else 1.
        rules: rules for the user's own layer classes, by class name; they go before the table.
        recorded_for: of a rewritten architecture, by call: the input shapes that its recorded outputs
            hold for. Default: all that is recorded holds.
        earlier: of a rewritten architecture, by call: what the same call was before; it is that still
            where it reads the same.

    Raises:
        ShapeError: an input size is missing, of the wrong rank, or too small for the network.
        ModelError: a layer's config contradicts its input or the shapes that the model records.
    """
    batch = batch_size(architecture, batch)
    starts = _resolve_inputs(architecture, input_shapes)
    as_recorded = all(
        recorded is not None and same_shape((0, *start), (None, *recorded[1:]))
        for start, recorded in zip(starts, architecture.input_shapes, strict=True)
    )
    start_shapes = {
        ref.call: (batch, *start) for ref, start in zip(architecture.inputs, starts, strict=True)
    }
    recorded = architecture.recorded if as_recorded else {}
    requested = None if input_shapes is None or _is_stated(architecture) else starts
    stated = statements(
        architecture, starts, as_recorded=as_recorded, read_shapes=recorded_for, batch=batch
    )
    nodes: list[Node] = []
    guesses: set[Ref] = set()  # outputs whose shapes are our own assumption
    shade: set[int] = set()  # calls that are not counted in full, and all behind them
    seen: set[str] = set()
    weights_of: dict[str, Effect] = {}  # by the layer, at its first call
    made = 0
    for index, call in enumerate(architecture.calls):
        layer, sources = architecture.layers[call.layer], call.inputs
        check_refs(sources, nodes)
        inputs = tuple(nodes[r.call].outputs[r.output] for r in sources)
        hopes = expected(stated, index, sources, inputs)
        if index in start_shapes:
            hopes = {0: Expected(start_shapes[index], sure=True)}
        behind = any(ref in guesses for ref in sources)
        empty = tuple(
            s for s in stated.shapes.get(index, {}).values() if as_recorded and 0 in s[1:]
        )
        place = Place(layer, call, inputs, hopes, behind, stated.reads.get(index, 1), empty)
        old = earlier.get(index) if earlier else None
        same = old is not None and not behind and _is_same(old, layer, inputs)
        done = (old.effect, ()) if old and same else _measured(place, rules, nodes, starts)
        effect, assumed = done
        if not behind and not assumed:
            check_shared(call, layer, weights_of.setdefault(call.layer, effect), effect)
        made += len(effect.outputs)
        if made > MOST_TENSORS:
            raise ModelError(f"the layers give more than {MOST_TENSORS:,} tensors")
        holds = still_holds(recorded_for, index, inputs)
        if not behind and not assumed and holds:
            check_recorded(layer, call, index, effect, recorded, requested)
        guesses.update(Ref(index, output) for output in assumed)
        shaded = any(ref.call in shade for ref in sources)
        if shaded or effect.status == UNSUPPORTED:
            shade.add(index)
        effect, bounds = with_weights(
            place, effect, assumed=bool(assumed), holds=holds and as_recorded, shaded=shaded
        )
        if layer.weights:
            check_counts(layer, call, effect)
        stated_dtype = architecture.dtypes.get(Ref(index)) if effect.guessed else None
        dtype = effect.dtype or stated_dtype or _compute_dtype(layer, inputs)
        nodes.append(
            Node(
                name=call.name,
                layer=layer,
                sources=sources,
                inputs=inputs,
                outputs=tuple(Tensor(s, dtype) for s in effect.outputs),
                effect=effect,
                first_call=call.layer not in seen,
                bounds=bounds,
            )
        )
        seen.add(call.layer)
    check_refs(architecture.outputs, nodes)
    stated_params = architecture.stated_params if as_recorded else None
    return Graph(
        architecture=architecture,
        batch=batch,
        nodes=checked_against_total(nodes, stated_params),
        rules=rules,
    )


def _is_same(old: Node, layer: Layer, inputs: Sequence[Tensor]) -> bool:
    """Whether a call does what it did, all of which a rule tells."""
    ruled = old.effect.status != UNSUPPORTED and not old.effect.guessed and not old.effect.estimated
    return ruled and old.layer is layer and old.inputs == tuple(inputs)


def _measured(
    place: Place, rules: Mapping[str, Rule], nodes: Sequence[Node], starts: Sequence[Shape]
) -> tuple[Effect, tuple[int, ...]]:
    """What a call does, and the numbers of the outputs whose shapes are assumed.

    What does not fit an assumed shape is no fault of the file: the layer is then listed, not refused.
    """
    layer, call, inputs, hopes, behind, reads, empty = place
    first = hopes[0].shape if 0 in hopes else None
    try:
        effect = effect_of(layer, inputs, call=call, expected=first, rules=rules, nodes=nodes)
        if effect.status == UNSUPPORTED:
            effect = _completed(effect, hopes, reads)
        check_outputs(layer, call, inputs, effect, starts, empty)
        check_counts(layer, call, effect)
    except KerauditError as error:
        if not behind:
            raise
        reason = f"the shape of its input is not known, and the one assumed does not fit: {error}"
        effect = _completed(unlisted(layer, inputs, first, reason), hopes, reads)
    sure = {output for output, hope in hopes.items() if hope.sure}
    if behind:
        stated = enumerate(effect.outputs)
        outputs = tuple(hopes[i].shape if i in sure else shape for i, shape in stated)
        effect = replace(effect, outputs=outputs)
    if not effect.guessed and not behind:
        return effect, ()
    return effect, tuple(i for i in range(len(effect.outputs)) if i not in sure)


def _is_stated(architecture: Architecture) -> bool:
    """Whether the model records every size of its inputs, the batch aside."""
    return all(shape is not None and None not in shape[1:] for shape in architecture.input_shapes)


def still_holds(
    recorded_for: Mapping[int, tuple[Shape, ...]] | None, index: int, inputs: Sequence[Tensor]
) -> bool:
    """Whether a call reads the shapes that its recorded outputs hold for."""
    return recorded_for is None or recorded_for.get(index) == tuple(t.shape for t in inputs)


def _completed(effect: Effect, hopes: Mapping[int, Expected], reads: int) -> Effect:
    """An unsupported layer's effect with all outputs that are read, as expected where they are.

    Of an output that nobody states the first one's shape is assumed.
    """
    own = effect.outputs
    count = max(reads, len(own))
    guessed = effect.guessed or count > len(own)
    outputs = []
    for output in range(count):
        hope = hopes.get(output)
        if hope is not None and (hope.sure or guessed):
            outputs.append(hope.shape)
        else:
            outputs.append(own[min(output, len(own) - 1)])
    reason = (
        f"{effect.reason} (its output shape is {_origin_of(hopes)})" if guessed else effect.reason
    )
    return replace(effect, outputs=tuple(outputs), guessed=guessed, reason=reason)


def _origin_of(hopes: Mapping[int, Expected]) -> str:
    """Where the shapes come from that no rule gives, as words."""
    if not hopes:
        return "assumed equal to its input's"
    if all(hope.sure for hope in hopes.values()):
        return "as the model records"
    return "scaled from the one that the model records"


def batch_size(architecture: Architecture, batch: int | None) -> int:
    if batch is None:
        recorded = [s[0] for s in architecture.input_shapes if s and s[0]]
        batch = recorded[0] if recorded else 1
    if not 0 < batch <= LARGEST_SIZE:
        raise ShapeError(
            f"the batch must be a whole number from 1 to {LARGEST_SIZE:,}, received {batch}"
        )
    return batch


def _resolve_inputs(
    architecture: Architecture, requested: Sequence[Shape] | None
) -> tuple[Shape, ...]:
    """The input shapes without batch: those given, else those recorded."""
    names = [architecture.calls[ref.call].name for ref in architecture.inputs]
    recorded = architecture.input_shapes
    if requested is not None and len(requested) != len(recorded):
        raise ShapeError(
            f"the model has {len(recorded)} inputs ({', '.join(names)}), received {len(requested)}"
            " input shapes; give one for each, in this order"
        )
    shapes = []
    for position, (name, record) in enumerate(zip(names, recorded, strict=True)):
        if requested is None:
            if record is None or None in record[1:]:
                stated = "no shape" if record is None else f"the shape {shape_text(record)}"
                raise ShapeError(f"input {name!r} records {stated}: {how_to_give_sizes(record)}")
            shapes.append(tuple(int(size or 0) for size in record[1:]))
            continue
        shape = tuple(requested[position])
        if record is not None and len(shape) != len(record) - 1:
            raise ShapeError(
                f"input {name!r} has {len(record) - 1} {'axis' if len(record) == 2 else 'axes'} besides the"
                f" batch, {shape_text(record)};"
                f" received {len(shape)}: {','.join(map(str, shape))}"
            )
        shapes.append(shape)
    for name, shape in zip(names, shapes, strict=True):
        if not all(0 < size <= LARGEST_SIZE for size in shape):
            raise ShapeError(
                f"input {name!r}: every size must be from 1 to {LARGEST_SIZE:,}, received {shape}"
            )
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
        return _effect_of_model(layer, inputs, rules)
    rule = rules.get(layer.kind) or stated_rule(layer)
    rule = rule or (rule_of(layer.kind) if layer.module else None)
    if layer.kind == "InputLayer" and expected is not None:
        return zero(
            expected,
            reason="an input, no arithmetic",
            dtype=str(layer.config.get("dtype") or "float32"),
        )
    if rule is None:
        return unlisted(layer, inputs, expected, reason_for(layer))
    given = Arguments(call, inputs, nodes, arrays=not layer.kind.startswith("ops."))
    site = Site(
        kind=layer.kind,
        config=layer.config,
        inputs=given.inputs,
        args=given.args,
        kwargs=given.kwargs,
        inner=layer.inner,
        measure=partial(effect_of, rules=rules),
        expected=expected,
        layer=layer,
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
            f" {', '.join(shape_text(t.shape) for t in inputs)} ({reason})"
        ) from error


def _effect_of_model(
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
        guessed=any(
            graph.nodes[r.call].bounds.activations is Bound.ESTIMATE for r in model.outputs
        ),
        estimated=any(n.bounds.flops is Bound.ESTIMATE for n in graph.nodes),
        weights_known=all(n.bounds.params is Bound.EXACT for n in graph.nodes),
    )


def _compute_dtype(layer: Layer, inputs: Sequence[Tensor]) -> str:
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
        if "default_policy" in stated:  # a DTypePolicyMap: of paths that it does not name
            return policy_dtypes(stated["default_policy"])
        policy = stated.get("name") or stated.get("source_name") or "float32"
    name = harmless(str(policy)).rpartition("_from_")[2] or "float32"
    if name.startswith("mixed_"):
        return name.removeprefix("mixed_"), "float32"
    return name, name


__all__ = ["effect_of", "policy_dtypes", "shaped"]
