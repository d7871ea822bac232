"""Output shapes where no rule can tell: what the file states, else a guess that is marked as one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from keraudit.model.graph import Architecture, Ref, Shape, Tensor

Sizes = tuple[int | None, ...]


class Expected(NamedTuple):
    """What is to be expected of one output. ``sure``: the file states it, for this very input."""

    shape: Shape
    sure: bool


class Statements(NamedTuple):
    """What a file states of shapes, by call output.

    Attributes:
        shapes: of each call the outputs that are recorded or hinted; of inputs the recorded ones.
        unsure: outputs of which there is no more than a hint that need not hold.
        read_shapes: of a rewritten architecture, by call: the input shapes that its statements hold for.
        reads: how many outputs of each call are read, by later calls or as the model's outputs.
        as_recorded: whether the model's inputs have the sizes that the file records.
        start: the first input's recorded shape and its shape now.
        batch: of the graph to be.
    """

    shapes: Mapping[int, Mapping[int, Sizes]]
    unsure: frozenset[Ref]
    read_shapes: Mapping[int, tuple[Shape, ...]] | None
    reads: Mapping[int, int]
    as_recorded: bool
    start: tuple[Sizes | None, Shape]
    batch: int

    def of(self, ref: Ref) -> Sizes | None:
        """What is stated of one output."""
        return self.shapes.get(ref.call, {}).get(ref.output)


def statements(
    architecture: Architecture,
    starts_now: Sequence[Shape],
    *,
    as_recorded: bool,
    read_shapes: Mapping[int, tuple[Shape, ...]] | None,
    batch: int,
) -> Statements:
    """Collect what an architecture states of its shapes."""
    starts = zip(architecture.inputs, architecture.input_shapes, strict=True)
    reads: dict[int, int] = {}
    for refs in (*(call.inputs for call in architecture.calls), architecture.outputs):
        for ref in refs:
            reads[ref.call] = max(reads.get(ref.call, 0), ref.output + 1)
    hints = architecture.hinted
    known = {
        **{ref: hint.shape for ref, hint in hints.items()},
        **architecture.recorded,
        **{ref: shape for ref, shape in starts if shape is not None},
    }
    shapes: dict[int, dict[int, Sizes]] = {}
    for ref, shape in known.items():
        shapes.setdefault(ref.call, {})[ref.output] = shape
    return Statements(
        shapes=shapes,
        unsure=frozenset(
            r for r, h in hints.items() if not h.sure and r not in architecture.recorded
        ),
        read_shapes=read_shapes,
        reads=reads,
        as_recorded=as_recorded,
        start=(architecture.input_shapes[0], (batch, *starts_now[0])),
        batch=batch,
    )


def expected(
    statements: Statements, index: int, sources: Sequence[Ref], inputs: Sequence[Tensor]
) -> dict[int, Expected]:
    """What is to be expected of a call's outputs, by number; those of which nothing is known are left out."""
    if index not in statements.shapes:
        return {}
    known: Sequence[Sizes | None] = [statements.of(ref) for ref in sources]
    holds = statements.as_recorded
    if statements.read_shapes is not None and statements.as_recorded:
        known = statements.read_shapes.get(index, ())
        holds = list(known) == [tensor.shape for tensor in inputs]
    result = {}
    for output, stated in statements.shapes[index].items():
        shape = _concrete(stated, statements)
        if shape is not None and 0 in shape:
            continue
        if holds and shape is not None and _sure_of_batch(stated, statements):
            result[output] = Expected(shape, sure=Ref(index, output) not in statements.unsure)
        elif inputs:
            before, now = (known[0] if known else None), inputs[0].shape
            if before is None or len(before) != len(now):
                before, now = statements.start  # how the model's input grew is the next best thing
            guess = _projected(stated, before, now, statements.batch)
            result[output] = Expected(guess, sure=False)
    return result


def _concrete(stated: Sizes, statements: Statements) -> Shape | None:
    """A stated shape at the graph's batch; ``None`` where it leaves a size open.

    A first size that is no batch, as of a mean over the batch, stays.
    """
    if None in stated[1:]:
        return None
    recorded = statements.start[0][0] if statements.start[0] else None
    first = stated[0] if stated else None
    is_new = first is not None and first != recorded
    batch = first if first is not None and is_new else statements.batch
    return (batch, *(int(size or 0) for size in stated[1:])) if stated else ()


def _sure_of_batch(stated: Sizes, statements: Statements) -> bool:
    """Whether a stated first size holds at the graph's batch."""
    recorded = statements.start[0][0] if statements.start[0] else None
    if not stated or stated[0] in (None, recorded) or recorded is None:
        return True
    return statements.batch == recorded


def _projected(stated: Sizes, before: Sizes | None, now: Shape, batch: int) -> Shape:
    """Guess an output at another input size from the output that is stated for a known one.

    An axis grows as the same axis does from ``before`` to ``now``, an input; a size that is left open is
    taken from the input's open sizes, in order.

    >>> _projected((None, 16, 16, 64), (None, 32, 32, 3), (1, 64, 64, 3), 1)
    (1, 32, 32, 64)
    >>> _projected((None, None, 16), (None, None), (1, 128), 1)
    (1, 128, 16)
    """
    before = before if before is not None and len(before) == len(now) else (None,) * len(now)
    opened = _open_sizes(before, now)
    result = [batch]
    for axis, size in enumerate(stated[1:], 1):
        old, new = (before[axis], now[axis]) if axis < len(now) else (None, None)
        if size is None:
            size = next(opened, new or 1)
        elif old and new and old != new:
            size = max(1, round(size * new / old))
        result.append(size)
    return tuple(result)


def _open_sizes(before: Sizes, now: Shape) -> Iterator[int]:
    return (new for old, new in zip(before[1:], now[1:], strict=True) if old is None)
