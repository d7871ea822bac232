"""What shapes and counts must satisfy, whatever a file says; each breach is one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

from keraudit.errors import ModelError, ShapeError
from keraudit.model.graph import Call, Effect, Layer, Node, Ref, Shape, Tensor, windows_of
from keraudit.model.shape_text import MOST_AXES, shape_text

LARGEST_SIZE = 2**31 - 1  # of one axis; anything above is a mistake or an attack
LARGEST_COUNT = 2**127  # of one term, one weight or one window; likewise


def check_refs(refs: Sequence[Ref], nodes: Sequence[Node]) -> None:
    for ref in refs:
        if ref.output >= len(nodes[ref.call].outputs):
            raise ModelError(f"layer {nodes[ref.call].name!r} has no output number {ref.output}")


def check_outputs(
    layer: Layer,
    call: Call,
    inputs: tuple[Tensor, ...],
    effect: Effect,
    starts: Sequence[Shape],
    empty: Sequence[tuple[int | None, ...]],
) -> None:
    """Hold the shapes of outputs to sizes from 1, but for those that the file records as ``empty``."""
    for shape in effect.outputs:
        if any(same_shape(shape, stated) for stated in empty):
            continue
        if len(shape) > MOST_AXES:
            raise ModelError(
                f"layer {call.name!r} ({layer.kind}) gives a shape of {len(shape):,} axes; {MOST_AXES} at most"
            )
        if all(isinstance(size, int) and 0 < size <= LARGEST_SIZE for size in shape):
            if prod(shape) <= LARGEST_COUNT:
                continue
            raise ModelError(
                f"layer {call.name!r} ({layer.kind}) gives the absurd shape {shape_text(shape)}"
            )
        received = ", ".join(shape_text(t.shape) for t in inputs)
        if all(isinstance(size, int) and size <= LARGEST_SIZE for size in shape):
            raise ShapeError(
                f"the input shape {' and '.join(shape_text(s) for s in starts)} is too small: at layer"
                f" {call.name!r} ({layer.kind}) the map {received} would become {shape_text(shape)};"
                " give a larger --input-shape (input_shape=)"
            )
        raise ModelError(
            f"layer {call.name!r} ({layer.kind}) gives the absurd shape {shape_text(shape)} from {received}"
        )


def check_shared(call: Call, layer: Layer, first: Effect, now: Effect) -> None:
    """Refuse a shared layer of Keras' whose calls would need weights of different shapes."""
    if not layer.module or not (first.weights_known and now.weights_known):
        return
    before, after = ([w.shape for w in effect.weights] for effect in (first, now))
    if before != after:
        raise ShapeError(
            f"layer {call.layer!r} ({layer.kind}) is called more than once, on inputs that need weights of"
            f" different shapes: {_shapes_text(before)} and, at {call.name!r}, {_shapes_text(after)}"
        )


def _shapes_text(shapes: Sequence[Shape]) -> str:
    return ", ".join(map(shape_text, shapes[:4])) or "none"


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
                f" {shape_text(sizes)}; sizes are whole numbers from 1"
            )


def check_recorded(
    layer: Layer,
    call: Call,
    index: int,
    effect: Effect,
    recorded: Mapping[Ref, tuple[int | None, ...]],
    requested: Sequence[Shape] | None,
) -> None:
    """Hold our shapes against those that the model records.

    ``requested`` are the input sizes, where the file leaves one open and the user chose it: what does not
    fit is then the choice.
    """
    for output, shape in enumerate(effect.outputs):
        stated = recorded.get(Ref(index, output))
        if stated is not None and not same_shape(shape, stated):
            if requested is not None:
                raise ShapeError(
                    f"the input shape {' and '.join(map(shape_text, requested))} does not fit: layer"
                    f" {call.name!r} ({layer.kind}) would give {shape_text(shape)}, where the model takes"
                    f" {shape_text(stated)}; give another --input-shape (input_shape=)"
                )
            raise ModelError(
                f"layer {call.name!r} ({layer.kind}): its config gives the output shape"
                f" {shape_text(shape)}, but the model records {shape_text(stated)}; it contradicts itself"
            )


def same_shape(shape: Sequence[int], stated: Sequence[int | None]) -> bool:
    """Whether the sizes agree, the batch and sizes left open aside."""
    return len(shape) == len(stated) and all(
        b is None or a == b for a, b in zip(shape[1:], stated[1:], strict=True)
    )
