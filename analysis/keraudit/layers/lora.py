"""Low-rank adaptation (LoRA, Hu et al. 2021): what Keras adds to a call and to the weights.

A float layer adds s A B to its kernel at every call, whatever the batch: the product of A and B, and
2 FLOPs for each element of the kernel (scale, add). A quantised layer leaves its kernel alone and
adds s (x A) B to its output: two small products of each row, and 2 FLOPs for each output element.
The factors are float32 and trained, the kernel is frozen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from keraudit.errors import ModelError
from keraudit.layers.call import Shape, Term, Weight, is_whole

PRODUCT = "low-rank product"  # of two weights
ONCE = ("weights", "bytes", "adapter rows")  # factors of what a call does to its weights alone
INWARDS, OUTWARDS = "low-rank projection", "low-rank expansion"  # x A, and that times B
LOW_RANK = (PRODUCT, INWARDS, OUTWARDS, "adaptation")


def adapter_rank(config: Mapping[str, Any]) -> int:
    """The rank of a layer's adaptation; 0 if it has none."""
    rank = config.get("lora_rank")
    if not rank:
        return 0
    if not is_whole(rank) or rank < 1:
        raise ModelError(f"lora_rank must be from 1, received {rank!r}")
    return int(rank)


def once_a_call(term: Term) -> bool:
    """Whether a call does this once, however many rows it is given."""
    return any(name in ONCE for name, _ in term.factors)


def factors(name: str, shape: Shape, rank: int) -> list[Weight]:
    """A and B, the two factors of a change of a kernel of this shape; none without a rank."""
    if not rank:
        return []
    return [
        Weight(f"lora_{name}_a", (*shape[:-1], rank), dtype="float32"),
        Weight(f"lora_{name}_b", (rank, shape[-1]), dtype="float32"),
    ]


def merged_terms(shape: Shape, rank: int) -> list[Term]:
    """W + s A B: what a call of a float layer adds; nothing without a rank."""
    if not rank:
        return []
    sizes = (("adapter rows", prod(shape[:-1])), ("rank", rank), ("units", shape[-1]))
    change = (("operations", 2), ("weights", prod(shape)))
    return [Term("mac", PRODUCT, sizes, operands=0), Term("flop", "adaptation", change)]


def added_terms(
    rank: int, inwards: Sequence[tuple[str, int]], output: Shape, *, looked_up: bool = False
) -> list[Term]:
    """y + s (x A) B: what a call of a quantised layer adds; nothing without a rank.

    ``inwards`` are the sizes of x A, rank included; a table looks its rows of A up instead.
    """
    if not rank:
        return []
    outwards = (("rows", prod(output[:-1])), ("rank", rank), ("units", output[-1]))
    change = (("operations", 2), ("elements", prod(output)))
    first = [] if looked_up else [Term("mac", INWARDS, tuple(inwards))]
    return [*first, Term("mac", OUTWARDS, outwards), Term("flop", "adaptation", change)]
