"""What is measured at each kernel and each block of a network, and what it amounts to, as records."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

from keraudit.output.plain_data import as_dict


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelGradient:
    """The loss's gradient with respect to one kernel: biases, scales and slopes have no row.

    Attributes:
        name: the layer's.
        weight: the kernel's own name in the layer.
        block: where the layer is called first.
        depth: layers with kernels on the longest path from the input to this one, itself included.
        grad_norm: L2 norm of the gradient.
        grad_rms: the same per element, ``grad_norm / sqrt(elements)``.
        weight_norm: L2 norm of the kernel.
    """

    PLAIN = ("name", "weight", "block", "depth", "grad_norm", "grad_rms", "weight_norm", "relative")

    name: str
    weight: str
    block: str
    depth: int
    grad_norm: float
    grad_rms: float
    weight_norm: float

    @property
    def relative(self) -> float:
        """``grad_norm / weight_norm``: a step of plain descent moves the kernel by so much of itself,
        times the learning rate (You et al. 2017, "Large Batch Training", section 4)."""
        return self.grad_norm / self.weight_norm if self.weight_norm else math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockGradient:
    """The loss's gradient with respect to the output of one block, and that output itself.

    Attributes:
        name: the block's.
        depth: its position, from 1 at the input.
        is_output: the block ends in an output of the model; the fit leaves it out.
        grad_norm: L2 norm over the whole batch.
        grad_rms: the same per element.
        activation_mean: over all elements of the batch.
        activation_std: likewise.
        dead_share: channels that are zero at every position of every input, as a share.
        cosine: mean cosine between the gradients of two inputs; ``None`` unless asked for.
    """

    name: str
    depth: int
    is_output: bool = False
    grad_norm: float
    grad_rms: float
    activation_mean: float
    activation_std: float
    dead_share: float
    cosine: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The first number that is not finite: ``what`` (activation, loss, gradient), and where."""

    what: str
    layer: str
    block: str


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Profile:
    """The gradients of one network at one seed; norms are means over its batches.

    Attributes:
        label: the network's.
        seed: of its weights and its data.
        loss: the mean over the batches.
        nonfinite: the first number that is not finite; ``None`` where all are.
        layers: one entry for each kernel, in running order.
        blocks: one entry for each block's output, in running order.
    """

    label: str
    seed: int
    loss: float
    nonfinite: Finding | None = None
    layers: tuple[KernelGradient, ...]
    blocks: tuple[BlockGradient, ...]

    def __repr__(self) -> str:
        return f"<Profile {self.label}, seed {self.seed}: {len(self.layers)} kernels, loss {self.loss:.4g}>"


class Outlier(NamedTuple):
    """A block far off the fitted line, and the factor by which it is off."""

    block: str
    factor: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the profiles of one label say over all seeds; see ``keraudit.audits.gradients.growth``.

    Attributes:
        label: the network's.
        growth_per_block: the factor by which the norm grows from a block to the one before it.
        interval: its 95 % confidence interval over seeds; ``None`` with one seed.
        across: the factor over all fitted blocks.
        verdict: vanishing, exploding, healthy, non-finite, or undecided.
        lost_at: the block nearest the output whose kernels' gradients are below float32's precision.
        blocks_in_float32: how many blocks float32's range lasts at this growth; ``None`` without end.
        outliers: blocks far off the fitted line.
    """

    label: str
    growth_per_block: float
    interval: tuple[float, float] | None
    across: float
    verdict: str
    lost_at: str | None = None
    blocks_in_float32: int | None = None
    outliers: tuple[Outlier, ...] = ()


def number(value: float | None) -> float | None:
    """Six digits, more than two backends agree in; JSON has no word for what is not finite.

    >>> number(0.123456789), number(float("inf"))
    (0.123457, None)
    """
    return None if value is None or not math.isfinite(value) else float(f"{value:.6g}")


def plain(record: Profile | Verdict) -> dict[str, Any]:
    """A record as plain data, its numbers rounded by ``number``."""
    return as_dict(record, number=number)
