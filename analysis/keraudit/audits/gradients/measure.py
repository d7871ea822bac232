"""The profile of a network on a batch: one forward pass, one backward pass, numbers at each block."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from keras import ops

from keraudit.audits.gradients.autodiff import forward, pulled
from keraudit.audits.gradients.batches import Batch
from keraudit.audits.gradients.losses import value
from keraudit.audits.gradients.network import Network, Piece, run
from keraudit.audits.gradients.norms import Activation, Size, activation, mean_cosine, size
from keraudit.audits.gradients.places import part
from keraudit.audits.gradients.records import BlockGradient, Finding, KernelGradient, Profile
from keraudit.model.graph import Ref

Values = dict[Ref, Any]
Step = Callable[[str], None]


class Pulled(NamedTuple):
    """The loss's gradient at the end of a piece and at each of its kernels, of this piece's calls."""

    piece: Piece
    gradient: Any
    kernels: list[Any]


def _no_step(block: str) -> None:
    """Tell nobody of progress."""


def profile(
    network: Network,
    batch: Batch,
    loss: Sequence[str],
    *,
    label: str = "",
    seed: int = 0,
    shattering: bool = False,
    step: Step = _no_step,
) -> Profile:
    """Measure a network on one batch; its weights, statistics and random states stay as they are.

    Args:
        network: with the weights to measure.
        batch: inputs and labels, in the graph's order.
        loss: for each output, see ``losses``.
        label: of the profile.
        seed: of the profile.
        shattering: a second backward pass with one label for all inputs, so that the gradients start
            out alike, and their mean cosine at each block.
        step: called with the block after each piece, forward and backward.
    """
    values, activations, finding = _forward_pass(network, batch, step)
    outputs = [values[ref] for ref in network.graph.architecture.outputs]
    worth, starts = _differentiated(loss, outputs, batch.labels)
    if finding is None and not math.isfinite(worth):
        finding = Finding(what="loss", layer=loss[0], block=network.pieces[-1].part.name)
    cosines: list[float] = []
    if shattering:
        alike = [labels * 0 for labels in batch.labels]
        _, common = _differentiated(loss, outputs, alike)
        for back in _backward_pass(network, dict(values), common, step):
            cosines.insert(0, math.nan if back.gradient is None else mean_cosine(back.gradient))
    rows, layers, broken = _sized(
        network, _backward_pass(network, values, starts, step), activations
    )
    if cosines:
        rows = [replace(row, cosine=cosine) for row, cosine in zip(rows, cosines, strict=True)]
    return Profile(
        label=label,
        seed=seed,
        loss=worth,
        layers=tuple(layers),
        blocks=tuple(rows),
        nonfinite=finding or broken,
    )


def _forward_pass(
    network: Network, batch: Batch, step: Step
) -> tuple[Values, list[Activation], Finding | None]:
    """What crosses between pieces, what each piece's output looks like, and where it first breaks."""
    values: Values = {
        ref: ops.convert_to_tensor(x)
        for ref, x in zip(network.graph.architecture.inputs, batch.inputs, strict=True)
    }
    activations: list[Activation] = []
    finding = None
    for piece in network.pieces:
        arguments = [values[ref] for ref in piece.part.reads]
        results = forward(lambda tensors, p=piece: run(p, tensors), arguments)  # type: ignore[misc]
        values.update(zip(piece.part.writes, results, strict=True))
        activations.append(activation(values[piece.part.end]))
        if finding is None and not all(map(math.isfinite, activations[-1])):
            layer = _first_not_finite(network, piece, values)
            finding = Finding(what="activation", layer=layer, block=piece.part.name)
        step(piece.part.name)
    return values, activations, finding


def _first_not_finite(network: Network, piece: Piece, values: Values) -> str:
    """The first call of a piece whose output is not finite."""
    known = dict(values)
    for index, call, _ in piece.calls:
        alone = part(network.graph, call.name, index, index + 1)
        single = Piece(network.graph, alone, network.layers)
        arguments = [known[ref] for ref in alone.reads]
        results = forward(lambda tensors, p=single: run(p, tensors), arguments)  # type: ignore[misc]
        known.update(zip(alone.writes, results, strict=True))
        if not all(math.isfinite(size(result).norm) for result in results):
            return call.name
    return piece.part.name


def _differentiated(
    loss: Sequence[str], outputs: Sequence[Any], labels: Sequence[Any]
) -> tuple[float, list[Any]]:
    """The loss and its gradient with respect to each output."""
    targets = [ops.convert_to_tensor(label) for label in labels]

    def total(tensors: list[Any]) -> list[Any]:
        return [value(loss, tensors, targets)]

    (worth,) = forward(total, list(outputs))
    return float(worth), pulled(total, list(outputs), [ops.ones_like(worth)])


def _backward_pass(
    network: Network, values: Values, starts: Sequence[Any], step: Step
) -> Iterator[Pulled]:
    """Pull the gradient through the pieces, from the last to the first.

    ``values`` are used up on the way: what a piece wrote is dropped once it has been pulled through.
    """
    cotangents: Values = {}

    def add(ref: Ref, gradient: Any) -> None:
        if gradient is not None:
            cotangents[ref] = cotangents[ref] + gradient if ref in cotangents else gradient

    inputs = set(network.graph.architecture.inputs)
    for ref, start in zip(network.graph.architecture.outputs, starts, strict=True):
        add(ref, start)
    for piece in reversed(network.pieces):
        gradient = cotangents.get(piece.part.end)
        kernels = network.kernels(piece)
        read = [r for r in piece.part.reads if r not in inputs and network.is_float(r)]
        pulled = _through(network, piece, values, cotangents, read)
        for ref in piece.part.writes:
            values.pop(ref, None)
            cotangents.pop(ref, None)
        for ref, grad in zip(read, pulled[len(kernels) :], strict=True):
            add(ref, grad)
        yield Pulled(piece, gradient, pulled[: len(kernels)])
        step(piece.part.name)


def _through(
    network: Network, piece: Piece, values: Values, cotangents: Values, read: Sequence[Ref]
) -> list[Any]:
    """The gradients with respect to a piece's kernels and then to what it reads."""
    kernels = network.kernels(piece)
    wrote = [i for i, ref in enumerate(piece.part.writes) if ref in cotangents]
    if not wrote:
        return [None] * (len(kernels) + len(read))

    def outputs(tensors: list[Any]) -> list[Any]:
        replaced = dict(zip(read, tensors[len(kernels) :], strict=True))
        arguments = [replaced.get(ref, values.get(ref)) for ref in piece.part.reads]
        results = run(piece, arguments, list(zip(kernels, tensors, strict=False)))
        return [results[i] for i in wrote]

    tensors = [
        *(ops.convert_to_tensor(kernel.value) for kernel in kernels),
        *(values[ref] for ref in read),
    ]
    ends = [cotangents[piece.part.writes[i]] for i in wrote]
    return pulled(outputs, tensors, ends)


def _sized(
    network: Network, passed: Iterator[Pulled], activations: Sequence[Activation]
) -> tuple[list[BlockGradient], list[KernelGradient], Finding | None]:
    """Rows for blocks and kernels in network order, and where a gradient first is not finite.

    A gradient is let go as soon as it has its number, unless an earlier piece shares the kernel.
    """
    uses: dict[int, int] = {}
    for piece in network.pieces:
        for variable in network.kernels(piece):
            uses[id(variable)] = uses.get(id(variable), 0) + 1
    blocks: list[BlockGradient] = []
    layers: list[KernelGradient] = []
    waiting: dict[int, Any] = {}
    finding = None
    for position, back in enumerate(passed):
        depth = len(activations) - position
        norm = Size(0.0, 0.0) if back.gradient is None else size(back.gradient)
        blocks.insert(0, _block_row(back.piece, depth, norm, activations[depth - 1]))
        rows: list[KernelGradient] = []
        for variable, gradient in zip(network.kernels(back.piece), back.kernels, strict=True):
            key = id(variable)
            uses[key] -= 1
            before = waiting.pop(key, None)
            gradient = (
                before if gradient is None else gradient if before is None else before + gradient
            )
            if uses[key]:
                waiting[key] = gradient
            else:
                rows.append(_kernel_row(network, back.piece, variable, gradient))
        layers = [*rows, *layers]
        if finding is None and not math.isfinite(norm.norm):
            finding = Finding(
                what="gradient", layer=back.piece.part.name, block=back.piece.part.name
            )
        if finding is None and (bad := [row for row in rows if not math.isfinite(row.grad_norm)]):
            finding = Finding(what="gradient", layer=bad[-1].name, block=bad[-1].block)
    return blocks, layers, finding


def _block_row(piece: Piece, depth: int, norm: Size, look: Activation) -> BlockGradient:
    return BlockGradient(
        name=piece.part.name,
        depth=depth,
        grad_norm=norm.norm,
        grad_rms=norm.rms,
        activation_mean=look.mean,
        activation_std=look.std,
        dead_share=look.dead,
        is_output=piece.part.is_output,
    )


def _kernel_row(network: Network, piece: Piece, variable: Any, gradient: Any) -> KernelGradient:
    """The row of a kernel; a shared one stands where it is called first."""
    norm = Size(0.0, 0.0) if gradient is None else size(gradient)
    index, path = network.home(piece, variable)
    return KernelGradient(
        name=path,
        weight=str(variable.name),
        block=piece.part.name,
        depth=network.depths[index],
        grad_norm=norm.norm,
        grad_rms=norm.rms,
        weight_norm=size(ops.stop_gradient(variable.value)).norm,
    )
